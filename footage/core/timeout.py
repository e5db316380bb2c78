"""Ends a wait for work that makes no progress; does not know what the work is.

The work runs in a daemon thread, because decoders hang inside native code, where nothing in the process can
stop them: the caller gets its error, the thread is left behind, and a daemon thread does not hold up exit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from footage.core.errors import DecodeError

T = TypeVar("T")

on_beat: Callable[[], None] | None = None
"""Called whenever any work begins or gets further; set in a process that does work for another."""
given_up = 0
"""How many threads were left behind."""


class Pulse:
    """What the work calls to say that it is alive."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._abandoned = threading.Event()
        if on_beat is not None:
            on_beat()

    def beat(self) -> None:
        """Report progress, and stop here when the caller has given up.

        Raises:
            DecodeError: The caller has given up; what follows would be wasted.
        """
        if self._abandoned.is_set():
            raise DecodeError("this was given up")
        self._last = time.monotonic()
        if on_beat is not None:
            on_beat()

    def abandon(self) -> None:
        """Make the next ``beat`` raise."""
        self._abandoned.set()

    def silent_seconds(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._last


class _Outcome(Generic[T]):
    """Where the thread leaves its result."""

    value: T
    error: BaseException | None = None


def supervise(work: Callable[[Pulse], T], *, name: str, timeout_seconds: float) -> T:
    """Run ``work(pulse)`` in a thread and wait for it as long as its pulse beats.

    Args:
        work: Calls ``pulse.beat()`` whenever it has got further.
        name: Of the file, for the error.
        timeout_seconds: Longest silence that is waited through, in seconds.

    Raises:
        DecodeError: Nothing was heard for ``timeout_seconds``. Whatever ``work`` raises is raised as it is.
    """
    global given_up
    pulse, outcome, done = Pulse(), _Outcome[T](), threading.Event()

    def body() -> None:
        try:
            outcome.value = work(pulse)
        except BaseException as exc:  # raised again in the caller's thread
            outcome.error = exc
        finally:
            done.set()

    threading.Thread(target=body, name=f"decode {name}", daemon=True).start()
    try:
        while not done.wait(max(0.0, timeout_seconds - pulse.silent_seconds())):
            if pulse.silent_seconds() >= timeout_seconds:
                raise hung(name, timeout_seconds)
    except BaseException:
        pulse.abandon()
        given_up += 1
        raise
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def hung(name: str, timeout_seconds: float) -> DecodeError:
    """The message about a file whose decoder makes no progress."""
    return DecodeError(
        f"{name} was stopped: its decoder made no progress for {timeout_seconds:g} s",
        hint="the file may be damaged or the disk too slow; the setting decode_timeout_seconds allows more "
        "time",
    )
