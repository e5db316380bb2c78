"""Does one job for each window in a few threads, in order, ahead of whoever takes the results.

Knows neither videos nor models: which windows have to wait for each other is given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class DecodeAhead(Generic[T]):
    """The results of a job by number of the window."""

    def __init__(self, job: Callable[[int], T], passes: Sequence[Hashable | None], *, most: int) -> None:
        """Note what is to be done; ``running`` does it.

        Args:
            job: Called with the number of a window.
            passes: Of each window, the pass that decodes it: those of one pass are done one after the other,
                in order. None for a window that waits for no other.
            most: Windows from the first one on that may be done; see ``allow``.
        """
        self._job, self._passes = job, passes
        self._coming: list[Future[T]] = [Future() for _ in passes]
        self._waiting = list(range(len(passes)))
        self._busy: set[Hashable] = set()
        self._allowed = most
        self._changed = threading.Condition()

    @contextmanager
    def running(self, threads: int, name: str) -> Iterator[None]:
        """Do the jobs in threads; those that are not begun at the end are dropped."""
        workers = [threading.Thread(target=self._work, name=name, daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            with self._changed:
                self._waiting.clear()
                self._changed.notify_all()
            for worker in workers:
                worker.join()

    def allow(self, most: int) -> None:
        """Let the windows up to this number be done."""
        with self._changed:
            self._allowed = most
            self._changed.notify_all()

    def take(self, number: int, timeout_seconds: float | None = None) -> T:
        """The result for a window, once it is there.

        Raises:
            TimeoutError: It is not there in time.
            Exception: As the job raised it.
        """
        return self._coming[number].result(timeout_seconds)

    def ready(self, first: int, past: int, patience_seconds: float) -> int:
        """The number after the last of some windows in order that are ready after so many seconds."""
        until = time.monotonic() + patience_seconds
        for number in range(first, past):
            try:
                self._coming[number].exception(max(0.0, until - time.monotonic()))
            except TimeoutError:
                return number
        return past

    def _work(self) -> None:
        while (number := self._next()) is not None:
            coming, its_pass = self._coming[number], self._passes[number]
            try:
                coming.set_result(self._job(number))
            except BaseException as error:  # raised again by ``take``
                coming.set_exception(error)
            with self._changed:
                self._busy.discard(its_pass)
                self._changed.notify_all()

    def _next(self) -> int | None:
        """The next window that may be done, once there is one; None when there is nothing left."""
        with self._changed:
            while self._waiting:
                for number in self._waiting:
                    if number >= self._allowed:
                        break
                    if self._passes[number] not in self._busy:
                        self._waiting.remove(number)
                        if self._passes[number] is not None:
                            self._busy.add(self._passes[number])
                        return number
                self._changed.wait()
            return None
