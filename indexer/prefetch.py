"""Decodes windows in a thread, ahead of the captioning; knows no model and writes nothing."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

from footage.core.errors import SourceOfflineError, VideoError
from footage.core.types import Frames, Window
from footage.media import sandbox
from footage.vlm.profile import Profile
from indexer.openings import OpenedFile, Opening, UnusableFile
from indexer.plan import Job, unusable
from indexer.progress import ProgressTracker

T = TypeVar("T")
_GIVE_UP_TIMEOUTS = 3  # a file whose windows fail for this many timeouts on end is not waited for any longer
_JOIN_SECONDS = 5.0
MOST_BYTES = 64 * 2**20
"""Most memory of the things that wait: two windows of Marlin-2B, whose pictures take 33 MB each. A single
larger one may wait, too."""


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """One window's frames."""

    window: Window
    """Which."""
    frames: Frames
    """Its pictures."""


@dataclass(frozen=True, slots=True)
class UndecodedWindow:
    """One window that cannot be decoded."""

    window: Window
    """Which."""
    reason: str
    """One sentence."""


Message = OpenedFile | DecodedWindow | UndecodedWindow | UnusableFile


class Prefetcher(Generic[T]):
    """Goes through something in a thread, ahead of its user: iterate over it, inside ``with``.

    At most ``most`` things wait, and of more than one no more than ``MOST_BYTES`` together; leaving the
    ``with`` block ends the thread.
    """

    def __init__(
        self, things: Iterable[T], *, most: int, size_bytes: Callable[[T], int] = lambda thing: 0
    ) -> None:
        """Start nothing yet; ``size_bytes`` says how much memory a thing takes."""
        self._things = things
        self._size_bytes = size_bytes
        self._waiting_bytes = 0
        self._room = threading.Condition()
        self._queue: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(max(1, most))
        self._stop = threading.Event()
        self.ended = False
        """Whether all of it was given out."""
        self._thread = threading.Thread(target=self._work, name="work ahead", daemon=True)

    def __enter__(self) -> Prefetcher[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)  # a decoder that hangs does not hold up the exit: a daemon thread

    def __iter__(self) -> Iterator[T]:
        while not self.ended:
            yield from self.ready(seconds=None)

    def ready(self, *, seconds: float | None) -> list[T]:
        """The next thing, or none where none came or no more comes.

        Args:
            seconds: How long to wait for it; None for as long as it takes.
        """
        if self.ended:
            return []
        try:
            found = self._queue.get(timeout=seconds)
        except queue.Empty:
            return []
        if isinstance(found, BaseException):
            raise found
        self.ended = found is None
        if found is None:
            return []
        with self._room:
            self._waiting_bytes -= self._size_bytes(found[0])
            self._room.notify()
        return list(found)

    def _work(self) -> None:
        try:
            for thing in self._things:
                if not (self._reserve(self._size_bytes(thing)) and self._put((thing,))):
                    return
            self._put(None)
        except BaseException as error:  # raised again in the thread that iterates
            self._put(error)

    def _reserve(self, size: int) -> bool:
        """Wait until something of that size may wait, too; False when the run has ended."""
        with self._room:
            while self._waiting_bytes and self._waiting_bytes + size > MOST_BYTES:
                if self._stop.is_set():
                    return False
                self._room.wait(0.1)
            self._waiting_bytes += size
        return True

    def _put(self, found: tuple[T] | BaseException | None) -> bool:
        """Pass something on; False when the run has ended."""
        while not self._stop.is_set():
            try:
                self._queue.put(found, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False


def frame_bytes(message: Message) -> int:
    """Memory of the pictures in a message."""
    return message.frames.pixels.nbytes if isinstance(message, DecodedWindow) else 0


def decoded(
    openings: Iterable[Opening], *, profile: Profile | None, timeout_seconds: float, meter: ProgressTracker
) -> Iterator[Message]:
    """Files in order, and after each of them its due windows, decoded; none without a profile."""
    for opening in openings:
        yield opening
        if isinstance(opening, OpenedFile) and profile is not None:
            yield from decoded_windows(
                opening.job,
                opening.due,
                profile=profile,
                timeout_seconds=timeout_seconds,
                spent=lambda seconds: meter.spend("decode", seconds),
            )


def decoded_windows(
    job: Job,
    windows: Sequence[Window],
    *,
    profile: Profile,
    timeout_seconds: float,
    spent: Callable[[float], None],
) -> Iterator[DecodedWindow | UndecodedWindow | UnusableFile]:
    """Windows of one file, decoded as far as they can be; the file ends them where its store is out of reach.

    Args:
        job: The file.
        windows: Which, in order.
        profile: Says which frames the model sees.
        timeout_seconds: Longest silence of the decoder.
        spent: Called with the seconds that each window took.
    """
    if not windows:
        return
    sampler = sandbox.SandboxSampler(
        job.file.path,
        [window.span for window in windows],
        **profile.frame_budget,
        video=job.video,
        source=job.growing,
        timeout_seconds=timeout_seconds,
    )
    lost_seconds = 0.0
    for number, window in enumerate(windows):
        if lost_seconds > _GIVE_UP_TIMEOUTS * timeout_seconds:
            yield UndecodedWindow(window, f"decoding stopped after {lost_seconds:.0f} s without a frame")
            continue
        began = time.monotonic()
        message: DecodedWindow | UndecodedWindow
        try:
            message = DecodedWindow(window, sampler.take(number))
        except SourceOfflineError as error:
            yield UnusableFile(unusable(job.file, error))
            return
        except VideoError as error:
            message = UndecodedWindow(window, str(error))
        took_seconds = time.monotonic() - began
        spent(took_seconds)
        lost_seconds = 0.0 if isinstance(message, DecodedWindow) else lost_seconds + took_seconds
        yield message
