"""The tracks of one indexing run: takes what the worker reads, commits it, and keeps its events in step.

Image vectors come from the frames that are captioned, where captions are made: the file's other tracks are
read at once, and what the captions' frames did not bring of the image track once they are through.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from footage.core.errors import FootageError
from footage.core.types import File, Frames, Video, Window
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from indexer.committer import OnCommit
from indexer.progress import ProgressTracker, TrackReport, new_seconds
from indexer.tracks.held import HeldTrack
from indexer.tracks.image_feed import ImageFeed, PickedShots
from indexer.tracks.images import ImageMaker
from indexer.tracks.protocol import TrackMaker, TrackReading
from indexer.tracks.worker import (
    FAULTS,
    FileEnded,
    Message,
    TrackEnded,
    TrackJob,
    TrackLost,
    TrackOpened,
    TrackRead,
    TrackWorker,
    track_read,
)
from indexer.tracks.writers import ImageTrackWriter, TextTrackWriter, TrackWriter

logger = logging.getLogger(__name__)

_REASONS = 3  # distinct reasons that go into a file's row


@dataclass(slots=True)
class TrackOutcome:
    """What a run did about the tracks of one video."""

    read: int = 0
    """Windows that are committed now, of those that were missing."""
    held: int = 0
    """Windows that were committed before."""
    lost: dict[str, list[TrackLost]] = field(default_factory=dict)
    """Windows that cannot be read, by track."""
    left: dict[str, str] = field(default_factory=dict)
    """Tracks of which some is left for another run, with the reason."""

    @property
    def complete_before(self) -> bool:
        """Whether nothing was missing."""
        return not (self.read or self.lost or self.left)

    @property
    def has_nothing(self) -> bool:
        """Whether no window of any track is committed."""
        return not (self.read or self.held)

    @property
    def fault(self) -> str:
        """The windows that cannot be read, in words that name the track; empty where there are none."""
        return "; ".join(f"{track}: {_reasons(lost)}" for track, lost in sorted(self.lost.items()))

    @property
    def rest(self) -> str:
        """What is left for another run, in words; empty where nothing is."""
        return "; ".join(f"{track}: {reason}" for track, reason in sorted(self.left.items()))


def _reasons(lost: Sequence[TrackLost]) -> str:
    return "; ".join(list(dict.fromkeys(each.reason for each in lost))[:_REASONS])


@dataclass(slots=True)
class _Open:
    """One track of one video while its windows come in."""

    windows: tuple[Window, ...]
    seconds: dict[int, float]
    waiting: set[int]
    stale: tuple[int, ...]
    notes: set[str] = field(default_factory=set)


class TrackRun:
    """Reads the tracks of the files it is given, inside ``with``; only this thread writes to the index."""

    def __init__(
        self,
        store: Store,
        embedder: TextEmbedder,
        makers: Sequence[TrackMaker],
        *,
        meter: ProgressTracker,
        on_ended: Callable[[str, TrackOutcome], None],
        on_begin: Callable[[str], None],
        on_commit: OnCommit,
        anew: bool = False,
        max_seconds: float = math.inf,
        lanes: int = 1,
    ) -> None:
        """Take an index that is locked for writing.

        Args:
            store: The index.
            embedder: Embeds the texts.
            makers: Make the tracks.
            meter: Counts.
            on_ended: Called with each video that no more comes of, and what was done about it.
            on_begin: Called with each video before the first of its missing windows is committed.
            on_commit: Called with windows that were just committed.
            anew: Whether windows that were read in any other way are read again.
            max_seconds: Footage of each track to read at most.
            lanes: How many files are read at the same time, where makers read them elsewhere.
        """
        self.tracks = tuple(maker.track for maker in makers)
        self._store = store
        self._meter = meter
        self._on_ended = on_ended
        self._on_begin = on_begin
        self._on_commit = on_commit
        self.held = {track: HeldTrack(store, track, anew=anew) for track in self.tracks}
        self._writers: dict[str, TrackWriter] = {}
        for maker in makers:
            held = self.held[maker.track]
            if isinstance(maker, ImageMaker):
                self._writers[maker.track] = ImageTrackWriter(store, maker, held=held, meter=meter)
            else:
                self._writers[maker.track] = TextTrackWriter(store, embedder, maker, held=held, meter=meter)
        self._images = next((each for each in makers if isinstance(each, ImageMaker)), None)
        self._feed = ImageFeed(self._images, threads=lanes if lanes > 1 else 0) if self._images else None
        self._worker = TrackWorker(makers, held=self.held, meter=meter, max_seconds=max_seconds, lanes=lanes)
        self._open: dict[tuple[str, str], _Open] = {}
        self._paths: dict[str, str] = {}
        self._outcomes: dict[str, TrackOutcome] = {}
        self._jobs: Counter[str] = Counter()
        self._fed: dict[str, _Fed] = {}
        self._reports = {track: _Counted() for track in self.tracks}
        self._exit = ExitStack()

    def __enter__(self) -> TrackRun:
        for writer in self._writers.values():  # left last: what lags is projected
            self._exit.enter_context(writer)
        self._exit.enter_context(self._worker)
        if self._feed is not None:
            self._exit.callback(self._feed.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.__exit__(kind, error, trace)

    def expect(self, seconds: float) -> None:
        """Change the seconds that every track has to read; a negative number corrects an estimate."""
        for track in self.tracks:
            self._meter.expect_track(track, seconds)

    def add(self, file: File, video: Video, *, is_new: bool, is_captioned: bool) -> None:
        """Put a file into the queue.

        Args:
            file: The file.
            video: What is in it.
            is_new: Whether the index holds nothing of its video.
            is_captioned: Whether frames of it are captioned now: they are given to ``see``, and
                ``captions_done`` is called.
        """
        content_id = file.content_id
        self._outcomes[content_id] = TrackOutcome()
        self._paths[content_id] = file.path
        if is_new:
            for writer in self._writers.values():
                writer.begin(content_id)
        copies = [path for path in self._store.files.paths_of(content_id) if Path(path).is_file()]
        job = TrackJob(file, video, tuple(copies), frozenset(self.tracks))
        if self._images is not None and self._feed is not None and is_captioned:
            track, windows = self._images.track, self._images.windows(video)
            later = replace(job, tracks=frozenset([track]))
            job = replace(job, tracks=job.tracks - later.tracks)
            self._fed[content_id] = _Fed(later, new_seconds(windows))
            self._jobs[content_id] += 1
            self._feed.begin(content_id, self.held[track].missing(windows, self._images.provenance))
        if job.tracks:
            self._jobs[content_id] += 1
            self._worker.add(job)

    def see(self, window: Window, frames: Frames) -> None:
        """Take image vectors from the frames of a window that is captioned."""
        if window.content_id in self._fed:
            self._feed_with(lambda feed: feed.take(window, frames))

    def see_picked(self, window: Window, shots: Sequence[PickedShots]) -> None:
        """As ``see``, where the pictures were picked from the frames elsewhere (``image_feed.picked``)."""
        if shots and window.content_id in self._fed:
            self._feed_with(lambda feed: feed.add(window, shots))

    def wanted_pictures(self, content_id: str) -> tuple[tuple[Window, ...], int]:
        """Image windows that frames of a captioned video are to bring, and the pixels of a picture.

        Raises:
            FootageError: The embedder cannot be loaded.
        """
        if self._feed is None or self._images is None:
            return (), 0
        windows = self._feed.waiting(content_id)
        return windows, self._images.picture_pixels if windows else 0

    def _feed_with(self, take: Callable[[ImageFeed], list[tuple[Window, TrackReading]]]) -> None:
        """Commit the image windows that are complete with some frames."""
        if self._feed is None or self._images is None:
            return
        track = self._images.track
        try:
            with self._meter.timing(track):
                complete = take(self._feed)
        except (FootageError, *FAULTS):  # the worker meets it, too, and it is reported there
            logger.warning("image vectors are not made from captioned frames any more", exc_info=True)
            self._feed = None
            return
        if complete:
            self._commit([track_read(*each, self._images.provenance, track) for each in complete])

    def captions_done(self, content_id: str) -> None:
        """Note that no more frames of a video come: what is missing of its image track is read now."""
        fed = self._fed.get(content_id)
        if fed is None or fed.is_over:
            return
        fed.is_over = True
        self._feed_with(lambda feed: feed.end(content_id))
        spent = sum(fed.seconds[index] for index in fed.indexes)
        self._worker.add(replace(fed.later, spent_seconds=spent))

    def take(self) -> None:
        """Commit what has been read so far."""
        self._feed_with(lambda feed: feed.finished())
        self._take(self._worker.ready() or [])

    def finish(self, stop: Callable[[], bool]) -> None:
        """Commit until the worker is through, or the run is stopped."""
        for content_id in list(self._fed):
            self.captions_done(content_id)
        self._worker.close()
        self._meter.stage = "tracks"
        self._meter.tell()
        while (messages := self._worker.ready(wait=True)) is not None:
            self._take(messages)
            self._meter.tell()
            if stop():
                self._meter.stopped = True
                return

    def reports(self) -> dict[str, TrackReport]:
        """What was done, by track."""
        return {
            track: each.report(self._worker.broken.get(track, "")) for track, each in self._reports.items()
        }

    def _take(self, messages: Sequence[Message]) -> None:
        """Commit what was read, windows of one track in a row at once, and note the rest."""
        read: list[TrackRead] = []
        for message in messages:
            if isinstance(message, TrackRead):
                if read and read[0].record.track != message.record.track:
                    self._commit(read)
                    read = []
                read.append(message)
                continue
            self._commit(read)
            read = []
            match message:
                case TrackOpened():
                    self._begin(message)
                case TrackLost():
                    self._lose(message)
                case TrackEnded():
                    self._end(message)
                case FileEnded(content_id):
                    self._finish(content_id)
        self._commit(read)
        if messages:
            with self._meter.timing("tidy"):
                self._store.tidy_if_due()

    def _finish(self, content_id: str) -> None:
        """Note that one job of a video is through; the outcome is reported after the last."""
        self._meter.track = ""
        self._jobs[content_id] -= 1
        if not self._jobs[content_id]:
            self._fed.pop(content_id, None)
            del self._paths[content_id], self._jobs[content_id]
            self._on_ended(content_id, self._outcomes.pop(content_id))

    def _begin(self, opened: TrackOpened) -> None:
        """Note what is missing, and count what is not."""
        content_id, track = opened.content_id, opened.track
        track_open = _Open(
            opened.windows,
            new_seconds(opened.windows),
            {window.index for window in opened.missing},
            self.held[track].stale(content_id, opened.windows),
        )
        self._open[content_id, track] = track_open
        counted = set(track_open.waiting)  # and those that captioned frames brought
        if self._images is not None and track == self._images.track and content_id in self._fed:
            counted |= self._fed[content_id].indexes
        held = {index: seconds for index, seconds in track_open.seconds.items() if index not in counted}
        self._outcomes[content_id].held += len(held)
        self._reports[track].others.update(opened.others)
        self._meter.track_done(track, sum(held.values()), read=False)
        if opened.missing:
            self._meter.track = track
            if self._meter.stage == "tracks":
                self._meter.current = self._paths[content_id]
            self._on_begin(content_id)

    def _commit(self, read: Sequence[TrackRead]) -> None:
        """Commit windows of one track, and count them."""
        if not read:
            return
        track = read[0].record.track
        self._writers[track].write(read)
        for each in read:
            content_id, index = each.record.window.content_id, each.record.window.index
            track_open = self._open.get((content_id, track))
            if track_open is None:  # of captioned frames: the worker has not come to the track yet
                fed = self._fed[content_id]
                fed.indexes.add(index)
                seconds = fed.seconds[index]
            else:
                seconds = track_open.seconds[index]
                track_open.waiting.discard(index)
                track_open.notes.update(each.record.caption.notes)
            self._reports[track].add(each, seconds)
            self._meter.track_done(track, seconds, read=True)
            self._outcomes[content_id].read += 1
            _log_window(each)
        self._on_commit([each.record for each in read])

    def _lose(self, lost: TrackLost) -> None:
        """Note windows that cannot be read."""
        track_open = self._open[lost.content_id, lost.track]
        self._outcomes[lost.content_id].lost.setdefault(lost.track, []).append(lost)
        for window in lost.windows:
            self._meter.track_done(lost.track, track_open.seconds[window.index], read=False)

    def _end(self, ended: TrackEnded) -> None:
        """Finish a track of a video: take back what is no part of it any more, and project the rest."""
        content_id, track = ended.content_id, ended.track
        track_open, writer = self._open.pop((content_id, track)), self._writers[track]
        outcome = self._outcomes[content_id]
        if ended.left:
            outcome.left[track] = ended.left
        complete = not track_open.waiting
        if complete and track_open.stale:
            writer.remove(content_id, track_open.stale)
        self._reports[track].notes.update(track_open.notes)
        writer.finish(content_id)


@dataclass(slots=True)
class _Fed:
    """The image track of one video whose frames are captioned."""

    later: TrackJob
    """Reads what these frames do not bring."""
    seconds: dict[int, float]
    indexes: set[int] = field(default_factory=set)
    """Image windows that they brought."""
    is_over: bool = False
    """Whether no more frames come."""


@dataclass(slots=True)
class _Counted:
    """What was read of a track so far."""

    windows: int = 0
    seconds: float = 0.0
    events: int = 0
    vectors: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)

    def add(self, read: TrackRead, seconds: float) -> None:
        """Count one window."""
        self.windows += 1
        self.seconds += seconds
        self.events += len(read.record.caption.events)
        self.vectors += len(read.images)

    def report(self, broken: str) -> TrackReport:
        """As it stands in the report."""
        return TrackReport(
            windows=self.windows,
            seconds=self.seconds,
            events=self.events,
            vectors=self.vectors,
            notes=dict(self.notes),
            others=dict(self.others),
            broken=broken,
        )


def _log_window(read: TrackRead) -> None:
    record = read.record
    fields = {
        "content_id": record.window.content_id,
        "track": record.track,
        "window": record.window.index,
        "start_seconds": record.window.span.start_seconds,
        "end_seconds": record.window.span.end_seconds,
        "events": len(record.caption.events),
        "vectors": len(read.images),
        "notes": list(record.caption.notes),
    }
    logger.info("window read", extra={"fields": fields})
