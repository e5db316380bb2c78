"""Runs jobs in child processes, so that a hostile file harms no one but its child; knows no video.

A child is started with ``subprocess``, not by ``multiprocessing``: a script that uses the Python API needs no
``if __name__ == "__main__"`` then, and nothing is forked after threads were started. Children are started
when they are needed, kept for further jobs, and end with this process. One child is
``footage.media.sandbox.child``; what it may do is in ``footage.media.sandbox.confinement``.
"""

from __future__ import annotations

import atexit
import math
import os
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from footage.media.sandbox.child import Child, Role

MOST_READING = max(2, min(4, os.cpu_count() or 1))
"""Most children that read."""
_MOST = {"read": MOST_READING, "write": 2}
"""Most children by role; further jobs wait for one of them."""
_LOOK_SECONDS = 0.02
"""How often a child that is starting is looked at."""


class _Pool:
    """Children that are kept for further jobs."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._idle: dict[Role, list[Child]] = {"read": [], "write": []}
        self._count: dict[Role, int] = {"read": 0, "write": 0}
        self._changed = threading.Condition()

    @contextmanager
    def child(self, role: Role, preferred: Child | None) -> Iterator[Child]:
        """A child for one job: the preferred one where it is idle, else the one used last.

        Where none is idle, one more is started; the first that is free does the job.
        """
        child = self._free(role, preferred)
        try:
            yield child
        finally:
            with self._changed:
                if child.usable:
                    self._idle[role].append(child)
                else:
                    self._count[role] -= 1
                self._changed.notify()

    def _free(self, role: Role, preferred: Child | None) -> Child:
        """Take a child out of the idle ones."""
        with self._changed:
            idle = self._idle[role]
            while True:
                # The system may have needed the memory of some.
                for dead in [each for each in idle if not each.alive]:
                    idle.remove(dead)
                    dead.end()
                    self._count[role] -= 1
                if not idle and self._count[role] < _MOST[role]:
                    idle.append(Child(role))
                    self._count[role] += 1
                # One that is still starting is waited for only where no other can be free before.
                free = idle if self._count[role] == len(idle) else [each for each in idle if each.started]
                if free:
                    child = preferred if preferred is not None and preferred in free else free[-1]
                    idle.remove(child)
                    return child
                self._changed.wait(_LOOK_SECONDS if idle else None)

    def start_early(self, count: int) -> None:
        """Start children that read, up to so many in all; they are not waited for."""
        with self._changed:
            while self._count["read"] < min(count, MOST_READING):
                self._idle["read"].append(Child("read"))
                self._count["read"] += 1

    def end(self) -> None:
        """End all children that are idle; the others end with this process."""
        with self._changed:
            for role, idle in self._idle.items():
                self._count[role] -= len(idle)
                while idle:
                    idle.pop().end()

    def abandon(self) -> None:
        """Begin anew in a process that was forked."""
        for idle in self._idle.values():
            for child in idle:
                child.abandon()
        self._begin()


_pool = _Pool()


def start_early(count: int = 1) -> None:
    """Have children start while the caller does something else; importing their libraries takes seconds."""
    if hasattr(socket, "send_fds"):
        _pool.start_early(count)


def end_children() -> None:
    """End all children that are idle; new ones are started when they are needed."""
    _pool.end()


atexit.register(end_children)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.abandon)


def run(
    job: str,
    *arguments: Any,
    name: str,
    timeout_seconds: float,
    most_seconds: float = math.inf,
    place: int | None = None,
    most_bytes: float = math.inf,
    on_progress: Callable[[int, int], None] | None = None,
    expected: Any = Any,
    accept: Callable[[Any], bool] | None = None,
    prepare: Callable[[Child], None] | None = None,
    preferred: Child | None = None,
    own: Mapping[str, Any] | None = None,
    sources: Collection[str] = (),
) -> Any:
    """Run a function in a child and return what it returns.

    Args:
        job: The function, as "module:name".
        arguments: What it is given; what pickle can take.
        name: Of the file, for the error.
        timeout_seconds: Longest silence that is waited through, as for ``watchdog.supervise``.
        most_seconds: Longest time it may take in all.
        place: Descriptor of an open file that it may write to; it is given it as ``place``.
        most_bytes: Largest size of that file.
        on_progress: Is called as the function calls its own ``on_progress``.
        expected: The type of what it returns, as in an annotation.
        accept: Says whether what it returned is about what was asked; if not, it is a false answer.
        prepare: Is called with the child before the job, and may run others in it.
        preferred: The child that should do it, if it is idle.
        own: What else it is given, by name.
        sources: Paths and addresses that it reads; objects are brought to it, and no others.

    Returns:
        What ``footage.media.sandbox.messages`` lets through.

    Raises:
        FootageError: As the function raises it; a DecodeError where the child crashes, hangs, needs too much
            memory, gives a false answer, or the function raises what it should not.
        OSError: The file at ``place`` cannot be written.
        DependencyError: No child can be started.
    """
    options = dict(own or {})
    if not hasattr(socket, "send_fds"):  # Windows
        return _run_here(job, arguments, options, place, on_progress)
    with _pool.child("read" if place is None else "write", preferred) as child:
        if prepare is not None:
            prepare(child)
        return child.run(
            job,
            arguments,
            options,
            name=name,
            timeout_seconds=timeout_seconds,
            most_seconds=most_seconds,
            place=place,
            most_bytes=most_bytes,
            on_progress=on_progress,
            expected=expected,
            accept=accept,
            sources=sources,
        )


def _run_here(
    job: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    place: int | None,
    on_progress: Callable[[int, int], None] | None,
) -> Any:
    """Run a job in this process, where the system cannot hand files to a child."""
    module, _, function = job.partition(":")
    given = {"place": place, "on_progress": on_progress}
    options |= {key: value for key, value in given.items() if value is not None}
    return getattr(import_module(module), function)(*arguments, **options)
