"""Runs jobs in child processes, so that a hostile file harms no one but its child; knows no video.

A child is started with ``subprocess``, not by ``multiprocessing``: a script that uses the Python API needs no
``if __name__ == "__main__"`` then, and nothing is forked after threads were started. Children are started
when they are needed, kept for further jobs, and end with this process. What a child may do is in
``footage.confinement``; its side of the socket is ``footage.worker``.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal

import numpy as np

from footage import errors
from footage.confinement import MEMORY_BYTES
from footage.crossing import unpacked
from footage.errors import DecodeError, DependencyError, FootageError
from footage.watchdog import hung
from footage.worker import BEAT, CALL, ERROR, HEAD, LOG, PROGRESS, RESULT

Role = Literal["read", "write"]
START_SECONDS = 120.0
"""How long a child may take to start, and to import its libraries."""
_GRACE_SECONDS = 5.0
"""The child gives up a job that makes no progress; where it does not even get to that, it is killed so much
later."""
_MOST = {"read": max(2, min(4, os.cpu_count() or 1)), "write": 2}
"""Most children by role; further jobs wait for one of them."""
_MOST_HEADER_BYTES = 256 << 20
_BOOT = """
import sys
sys.path[:] = sys.argv[3:]
from footage.worker import main
main(int(sys.argv[1]), sys.argv[2])
"""

logger = logging.getLogger(__name__)


class _Ended(Exception):
    """The child is gone, or answers what cannot be read."""


class Child:
    """One child process; it does one job at a time."""

    def __init__(self, role: Role) -> None:
        """Start it; it is not waited for."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, str(theirs.fileno()), role, *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self.role = role
        self.usable = True
        """Whether it can do another job."""
        self._heard = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None

    def run(
        self,
        job: str,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
        *,
        name: str,
        timeout_seconds: float,
        most_seconds: float,
        place: int | None,
        on_progress: Callable[[int, int], None] | None,
    ) -> Any:
        """As ``run``."""
        self.usable = False  # until it has answered
        options = options | {"with_progress": on_progress is not None}
        began, patience = math.inf, START_SECONDS
        try:
            call = pickle.dumps((job, arguments, options, place is not None))
            self._socket.settimeout(START_SECONDS)
            self._socket.sendall(HEAD.pack(CALL, len(call)) + call)
            if place is not None:
                socket.send_fds(self._socket, [b"F"], [place])
            while True:
                self._socket.settimeout(patience)
                kind, body = self._message()
                if kind == RESULT:
                    value = self._value(body)
                    self.usable = True
                    return value
                if kind == ERROR:
                    error, last = _error(name, body, writes=place is not None)
                    self.usable = not last
                    break
                if kind == LOG:
                    _log(body)
                elif kind == PROGRESS and on_progress is not None:
                    on_progress(*_two_numbers(body))
                began, patience = min(began, time.monotonic()), timeout_seconds + _GRACE_SECONDS
                if time.monotonic() - began > most_seconds:
                    raise DecodeError(
                        f"{name} was given up: it took longer than {most_seconds:,.0f} s",
                        hint="the file may be damaged, or the disk too slow; a longer timeout can be set",
                    )
        except TimeoutError as exc:
            raise hung(name, timeout_seconds) from exc
        except (OSError, _Ended) as exc:
            raise self._death(name) from exc
        finally:
            if not self.usable:
                self.end()
        raise error

    def end(self) -> None:
        """End it, whatever it does."""
        self.usable = False
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def abandon(self) -> None:
        """Forget it in a process that was forked: it is the parent's."""
        self._socket.close()
        self._process.returncode = 0  # not this process's child: it is not waited for

    def _message(self) -> tuple[bytes, bytearray]:
        head = bytearray(HEAD.size)
        self._fill(memoryview(head))
        kind, size = HEAD.unpack(head)
        self._heard = True
        if kind not in (BEAT, LOG, PROGRESS, RESULT, ERROR) or size > _MOST_HEADER_BYTES:
            raise _Ended
        body = bytearray(size)
        self._fill(memoryview(body))
        return kind, body

    def _value(self, header: bytearray) -> Any:
        def read(array: np.ndarray) -> None:
            if array.size:
                self._fill(array.reshape(-1).view(np.uint8).data)

        try:
            return unpacked(bytes(header), read)
        except ValueError as exc:
            logger.warning("a child's answer %s", exc)
            raise _Ended from exc

    def _fill(self, view: memoryview) -> None:
        while view:
            count = self._socket.recv_into(view)
            if not count:
                raise _Ended
            view = view[count:]

    def _death(self, name: str) -> FootageError:
        """Why it ended, as what is wrong with the file at hand, or where it never began with this machine."""
        try:
            code = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return DecodeError(f"{name} cannot be decoded: its decoder answered what cannot be read")
        how = f"ended unexpectedly (exit code {code})"
        if code < 0:
            known = -code in {int(each) for each in signal.Signals}
            what = f"signal {-code}, {signal.Signals(-code).name}" if known else f"signal {-code}"
            how = f"was killed ({what})" if -code == signal.SIGKILL else f"crashed ({what})"
        if not self._heard and code > 0:
            return DependencyError(
                f"the process that decodes videos cannot start: it {how}",
                hint=f"{sys.executable} -c 'import footage.worker, av, torchcodec' may say why",
            )
        return DecodeError(
            f"{name} cannot be decoded: its decoder {how}",
            hint="the file may be damaged, or made to do harm; other files are unaffected",
        )


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
        """A child for one job: the preferred one where it is idle, else the one used last, else a new one."""
        with self._changed:
            idle = self._idle[role]
            for dead in [each for each in idle if not each.alive]:  # the system may have needed its memory
                idle.remove(dead)
                dead.end()
                self._count[role] -= 1
            self._changed.wait_for(lambda: idle or self._count[role] < _MOST[role])
            if idle:
                child = preferred if preferred is not None and preferred in idle else idle[-1]
                idle.remove(child)
            else:
                self._count[role] += 1
                child = None
        try:
            child = child or Child(role)
            yield child
        finally:
            with self._changed:
                if child is not None and child.usable:
                    self._idle[role].append(child)
                else:
                    self._count[role] -= 1
                self._changed.notify()

    def start_early(self) -> None:
        """Start the first child that reads, where there is none; it is not waited for."""
        with self._changed:
            if not self._count["read"]:
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


def start_early() -> None:
    """Have a child start while the caller does something else; importing its libraries takes seconds."""
    if hasattr(socket, "send_fds"):
        _pool.start_early()


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
    on_progress: Callable[[int, int], None] | None = None,
    prepare: Callable[[Child], None] | None = None,
    preferred: Child | None = None,
    own: Mapping[str, Any] | None = None,
) -> Any:
    """Run a function in a child and return what it returns.

    Args:
        job: The function, as "module:name".
        arguments: What it is given; what pickle can take.
        name: Of the file, for the error.
        timeout_seconds: Longest silence that is waited through, as for ``watchdog.supervise``.
        most_seconds: Longest time it may take in all.
        place: Descriptor of an open file that it may write to; it is given it as ``place``.
        on_progress: Is called as the function calls its own ``on_progress``.
        prepare: Is called with the child before the job, and may run others in it.
        preferred: The child that should do it, if it is idle.
        own: What else it is given, by name.

    Returns:
        What ``footage.crossing`` lets through.

    Raises:
        FootageError: As the function raises it; a DecodeError where the child crashes, hangs, needs too much
            memory, or the function raises what it should not.
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
            on_progress=on_progress,
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


def _error(name: str, body: bytearray, *, writes: bool) -> tuple[Exception, bool]:
    """The exception that a job raised, made again, and whether the child is to do no further job."""
    said = _said(body, {"kind": str, "text": str, "last": bool})
    kind, text, last = said["kind"], said["text"], said["last"]
    made = getattr(errors, kind, None) if said.get("known") else None
    if isinstance(made, type) and issubclass(made, FootageError):
        return made(text, hint=str(said.get("hint", ""))), last
    if kind == "memory":
        hint = "scale it down with ffmpeg"
        most = f"{MEMORY_BYTES / 2**30:g} GiB of memory"
        return DecodeError(f"{name} cannot be decoded: it takes more than {most}", hint=hint), last
    if kind == "system":
        return OSError(said.get("errno", 0), text) if writes else DecodeError(
            f"{name} cannot be read: {text}"
        ), last
    hint = "the file may be damaged; the log says more"
    return DecodeError(f"{name} cannot be decoded: {kind}: {text}", hint=hint), last


def _log(body: bytearray) -> None:
    """Keep what a child wrote to its log."""
    said = _said(body, {"name": str, "level": int, "text": str})
    logging.getLogger(said["name"]).log(said["level"], "%s", said["text"])


def _two_numbers(body: bytearray) -> tuple[int, int]:
    said = _said(body, {"done": int, "total": int})
    return said["done"], said["total"]


def _said(body: bytearray, kinds: Mapping[str, type]) -> dict[str, Any]:
    """What a child says, when it has the right form."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise _Ended from exc
    if not isinstance(said, dict) or not all(type(said.get(key)) is kind for key, kind in kinds.items()):
        raise _Ended
    return said
