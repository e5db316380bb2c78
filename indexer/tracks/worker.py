"""Reads the tracks of files in a thread of its own, beside the captioning; writes nothing.

One thread reads one file after the other, and of each file one track after the other. The results wait in a
queue for the thread that writes to the index. Where the makers have other machines read, there are several.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from footage.core.errors import FootageError, VideoError, WindowError
from footage.core.track_events import track_caption
from footage.core.tracks import SUBTITLE_TRACK
from footage.core.types import File, Provenance, Video, Window, WindowRecord
from footage.store.records import ImageVectorRow
from indexer import library
from indexer.openings import ENOUGH, GROWING
from indexer.progress import ProgressTracker, new_seconds
from indexer.tracks.held import HeldTrack
from indexer.tracks.protocol import ChoosesFile, FileReader, TrackMaker, TrackReading

logger = logging.getLogger(__name__)

QUEUE_RECORDS = 64
"""Most results that wait to be written: a few kilobytes each."""
_JOIN_SECONDS = 5.0
_POLL_SECONDS = 0.1

_CHANGES_ALONE = (SUBTITLE_TRACK,)
"""Tracks with sources beside the video: they may change where the video does not."""
FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, OSError, MemoryError)
"""What recognisers raise for input that they were not made for: the window is lost, and the run goes on."""


@dataclass(frozen=True, slots=True)
class TrackJob:
    """One file whose tracks are wanted."""

    file: File
    """The file, with its content id."""
    video: Video
    """What is in it."""
    copies: tuple[str, ...] = ()
    """Paths of files with the same content that the index knows and that are there."""
    tracks: frozenset[str] = frozenset()
    """Which tracks are wanted of it now."""
    spent_seconds: float = 0.0
    """Footage of these tracks that this run has read already, in another way."""


@dataclass(frozen=True, slots=True)
class TrackOpened:
    """A track of a file has been looked at."""

    content_id: str
    """The video."""
    track: str
    """The track."""
    windows: tuple[Window, ...]
    """All its windows."""
    missing: tuple[Window, ...]
    """Those that will now be read."""
    others: frozenset[str] = frozenset()
    """Models other than the present one that read some of those that are kept."""


@dataclass(frozen=True, slots=True)
class TrackRead:
    """One window has been read."""

    record: WindowRecord
    """What is to be committed."""
    images: tuple[ImageVectorRow, ...] = ()
    """The vectors of its pictures, which are written before it."""


@dataclass(frozen=True, slots=True)
class TrackLost:
    """Some windows cannot be read."""

    content_id: str
    """The video."""
    track: str
    """The track."""
    windows: tuple[Window, ...]
    """Which."""
    reason: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class TrackEnded:
    """No more comes of a track of a file."""

    content_id: str
    """The video."""
    track: str
    """The track."""
    left: str = ""
    """Why some of it is left for another run, one sentence; empty where nothing is."""


@dataclass(frozen=True, slots=True)
class FileEnded:
    """No more comes of a file."""

    content_id: str
    """The video."""


Message = TrackOpened | TrackRead | TrackLost | TrackEnded | FileEnded


class TrackWorker:
    """Give it files, inside ``with``, and take the messages about each, in order."""

    def __init__(
        self,
        makers: Sequence[TrackMaker],
        *,
        held: Mapping[str, HeldTrack],
        meter: ProgressTracker,
        max_seconds: float = math.inf,
        lanes: int = 1,
    ) -> None:
        """Start nothing yet.

        Args:
            makers: Make the tracks; in this order of each file.
            held: What the index holds, by track.
            meter: Measures the reading, by track.
            max_seconds: Footage of each track to read at most.
            lanes: How many threads read, a file each.
        """
        self._makers = makers
        self._held = held
        self._meter = meter
        self._left_seconds = {maker.track: max_seconds for maker in makers}
        self._broken: dict[str, str] = {}
        self._under: dict[str, Provenance] = {}
        self._jobs: queue.SimpleQueue[TrackJob | None] = queue.SimpleQueue()
        self._results: queue.Queue[Message | BaseException | None] = queue.Queue(QUEUE_RECORDS)
        self._stop = threading.Event()
        self._ended = False
        self._lock = threading.Lock()
        self._working = lanes
        self._threads = [
            threading.Thread(target=self._work, name="read tracks", daemon=True) for _ in range(lanes)
        ]

    def __enter__(self) -> TrackWorker:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:  # a recogniser that hangs does not hold up the exit: daemon threads
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def broken(self) -> Mapping[str, str]:
        """Why a track could not be read any more in this run, by track."""
        return self._broken

    def add(self, job: TrackJob) -> None:
        """Put a file into the queue."""
        self._jobs.put(job)

    def close(self) -> None:
        """Say that no more files come."""
        self._jobs.put(None)

    def stop(self) -> None:
        """End after the window at hand."""
        self._stop.set()

    def ready(self, *, wait: bool = False) -> list[Message] | None:
        """The messages that have come.

        Args:
            wait: Whether to wait a moment where none has come.

        Returns:
            The messages; None once there will be no more.
        """
        if self._ended:
            return None
        messages: list[Message] = []
        while True:
            try:
                message = self._results.get(timeout=_POLL_SECONDS if wait and not messages else 0.0)
            except queue.Empty:
                return messages
            if isinstance(message, BaseException):
                raise message
            if message is None:
                self._ended = True
                return messages or None
            messages.append(message)

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                for message in self._file(job):
                    if not self._put(message):
                        return
            self._jobs.put(None)  # for the other threads
            with self._lock:
                self._working -= 1
                is_last = not self._working
            if is_last:
                self._put(None)
        except BaseException as error:  # raised again in the thread that takes the messages
            self._put(error)

    def _put(self, message: Message | BaseException | None) -> bool:
        """Pass a message on; False when the run has ended."""
        while not self._stop.is_set():
            try:
                self._results.put(message, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def _file(self, job: TrackJob) -> Iterator[Message]:
        for maker in self._makers:
            if maker.track in job.tracks:
                self._spend(maker.track, job.spent_seconds)
                yield from self._track(maker, job)
        yield FileEnded(job.file.content_id)

    def _track(self, maker: TrackMaker, job: TrackJob) -> Iterator[Message]:
        """All about one track of a file."""
        track, content_id, held = maker.track, job.file.content_id, self._held[maker.track]
        windows = maker.windows(job.video)
        unread = held.missing(windows, None)
        opened = TrackOpened(content_id, track, windows, unread)

        # 1. A file that was read whole as it would be read now is not even opened.
        under = None if track in _CHANGES_ALONE else self._under.get(track)
        if under is not None and not held.missing(windows, under):
            yield replace(opened, missing=(), others=held.others(windows, (), under))
            yield TrackEnded(content_id, track)
            return

        # 2. What cannot be read now, or not by this run.
        left = self._broken.get(track, "") or (GROWING if library.changed(job.file) else "")
        if left:
            yield opened
            yield TrackEnded(content_id, track, left if unread else "")
            return

        # 3. The windows that are missing.
        try:
            reader = maker.open(_chosen(maker, job), job.video)
        except (FootageError, *FAULTS) as error:
            yield opened
            yield from self._failed(content_id, track, unread, error)
            yield TrackEnded(content_id, track, self._broken.get(track, "") if unread else "")
            return
        try:
            under = reader.provenance
            missing = held.missing(windows, under)
            yield replace(opened, missing=missing, others=held.others(windows, missing, under))
            yield from self._windows(reader, opened, missing)
            self._under[track] = reader.provenance  # a model that had to be replaced by another is known now
        finally:
            reader.close()

    def _windows(
        self, reader: FileReader, opened: TrackOpened, missing: Sequence[Window]
    ) -> Iterator[Message]:
        """Read the windows that still fit into the run."""
        track, seconds, left = opened.track, new_seconds(opened.windows), ""
        for window in missing:
            if not self._spend(track, seconds[window.index]):
                left = ENOUGH
                break
            try:
                with self._meter.timing(track):
                    reading = reader.read(window)
            except (FootageError, *FAULTS) as error:
                yield from self._failed(opened.content_id, track, (window,), error)
                if track in self._broken:
                    left = self._broken[track]
                    break
                continue
            yield track_read(window, reading, reader.provenance, track)
        yield TrackEnded(opened.content_id, track, left)

    def _spend(self, track: str, seconds: float) -> bool:
        """Take footage from what the run may read of a track; False where nothing was left."""
        with self._lock:
            enough = self._left_seconds[track] > 0
            self._left_seconds[track] -= seconds
        return enough

    def _failed(
        self, content_id: str, track: str, windows: tuple[Window, ...], error: Exception
    ) -> Iterator[Message]:
        """A fault of a file is noted for its windows; one of the recogniser ends its track for this run."""
        if isinstance(error, FootageError) and not isinstance(error, VideoError | WindowError):
            self._broken[track] = str(error)
            return
        if not isinstance(error, FootageError):
            logger.error("reading a track failed", exc_info=error)
        reason = str(error) if isinstance(error, FootageError) else f"{type(error).__name__}: {error}"
        if windows:
            yield TrackLost(content_id, track, windows, reason)


def track_read(window: Window, reading: TrackReading, provenance: Provenance, track: str) -> TrackRead:
    """What is to be committed of a window that was read."""
    caption = track_caption(reading.events, notes=reading.notes)
    return TrackRead(WindowRecord(window, caption, provenance, track), reading.images)


def _chosen(maker: TrackMaker, job: TrackJob) -> str:
    """The file that a track is read from: what lies beside it may differ between copies of one content."""
    if not isinstance(maker, ChoosesFile):
        return job.file.path
    return maker.choose(sorted({job.file.path, *job.copies}))
