"""The tracks of one indexing run: takes what the worker reads, commits it, and keeps its events in step."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from footage.core.types import File, Video, Window, WindowRecord
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from indexer.committer import Committer
from indexer.events import Projector
from indexer.progress import ProgressTracker, TrackReport, new_seconds
from indexer.tracks.held import HeldTrack
from indexer.tracks.protocol import TrackMaker
from indexer.tracks.worker import (
    FileEnded,
    Message,
    TrackEnded,
    TrackJob,
    TrackLost,
    TrackOpened,
    TrackRead,
    TrackWorker,
)

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
        anew: bool = False,
        max_seconds: float = math.inf,
    ) -> None:
        """Take an index that is locked for writing.

        Args:
            store: The index.
            embedder: Embeds the texts.
            makers: Make the tracks.
            meter: Counts.
            on_ended: Called with each video that no more comes of, and what was done about it.
            on_begin: Called with each video before the first of its missing windows is committed.
            anew: Whether windows that were read in any other way are read again.
            max_seconds: Footage of each track to read at most.
        """
        self.tracks = tuple(maker.track for maker in makers)
        self._store = store
        self._meter = meter
        self._on_ended = on_ended
        self._on_begin = on_begin
        self.held = {track: HeldTrack(store, track, anew=anew) for track in self.tracks}
        self._projectors = {
            maker.track: Projector(store, embedder, track=maker.track, merge=maker.merge) for maker in makers
        }
        self._committers = {
            track: Committer(
                store,
                committed=self.held[track].spans,
                meter=meter,
                before_replacing=self._projectors[track].replacing,
            )
            for track in self.tracks
        }
        self._worker = TrackWorker(makers, held=self.held, meter=meter, max_seconds=max_seconds)
        self._open: dict[tuple[str, str], _Open] = {}
        self._paths: dict[str, str] = {}
        self._outcomes: dict[str, TrackOutcome] = {}
        self._reports = {track: _Counted() for track in self.tracks}
        self._exit = ExitStack()

    def __enter__(self) -> TrackRun:
        for projector in self._projectors.values():  # left last: what lags is projected
            self._exit.enter_context(projector)
        self._exit.enter_context(self._worker)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.__exit__(kind, error, trace)

    def expect(self, seconds: float) -> None:
        """Change the seconds that every track has to read; a negative number corrects an estimate."""
        for track in self.tracks:
            self._meter.expect_track(track, seconds)

    def add(self, file: File, video: Video, *, is_new: bool) -> None:
        """Put a file into the queue; ``is_new`` where the index holds nothing of its video."""
        self._outcomes[file.content_id] = TrackOutcome()
        self._paths[file.content_id] = file.path
        if is_new:
            for projector in self._projectors.values():
                projector.begin(file.content_id)
        copies = [path for path in self._store.files.paths_of(file.content_id) if Path(path).is_file()]
        self._worker.add(TrackJob(file, video, tuple(copies)))

    def take(self) -> None:
        """Commit what has been read so far."""
        self._take(self._worker.ready() or [])

    def finish(self, stop: Callable[[], bool]) -> None:
        """Commit until the worker is through, or the run is stopped."""
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
        records: list[WindowRecord] = []
        for message in messages:
            if isinstance(message, TrackRead):
                if records and records[0].track != message.record.track:
                    self._commit(records)
                    records = []
                records.append(message.record)
                continue
            self._commit(records)
            records = []
            match message:
                case TrackOpened():
                    self._begin(message)
                case TrackLost():
                    self._lose(message)
                case TrackEnded():
                    self._end(message)
                case FileEnded(content_id):
                    self._meter.track = ""
                    del self._paths[content_id]
                    self._on_ended(content_id, self._outcomes.pop(content_id))
        self._commit(records)
        if messages:
            with self._meter.timing("tidy"):
                self._store.tidy_if_due()

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
        self._outcomes[content_id].held += len(opened.windows) - len(opened.missing)
        self._reports[track].others.update(opened.others)
        before = sum(
            seconds for index, seconds in track_open.seconds.items() if index not in track_open.waiting
        )
        self._meter.track_done(track, before, read=False)
        if opened.missing:
            self._meter.track = track
            if self._meter.stage == "tracks":
                self._meter.current = self._paths[content_id]
            self._on_begin(content_id)

    def _commit(self, records: Sequence[WindowRecord]) -> None:
        """Commit windows of one track, then update its events and vectors."""
        if not records:
            return
        track = records[0].track
        self._committers[track].commit(records)
        counted = self._reports[track]
        for content_id in dict.fromkeys(record.window.content_id for record in records):
            group = [record for record in records if record.window.content_id == content_id]
            with self._meter.timing("embed and project"):
                self._projectors[track].add(content_id, group)
            track_open, outcome = self._open[content_id, track], self._outcomes[content_id]
            for record in group:
                seconds = track_open.seconds[record.window.index]
                track_open.waiting.discard(record.window.index)
                track_open.notes.update(record.caption.notes)
                counted.add(record, seconds)
                self._meter.track_done(track, seconds, read=True)
                _log_window(record)
            outcome.read += len(group)

    def _lose(self, lost: TrackLost) -> None:
        """Note windows that cannot be read."""
        track_open = self._open[lost.content_id, lost.track]
        self._outcomes[lost.content_id].lost.setdefault(lost.track, []).append(lost)
        for window in lost.windows:
            self._meter.track_done(lost.track, track_open.seconds[window.index], read=False)

    def _end(self, ended: TrackEnded) -> None:
        """Finish a track of a video: take back what is no part of it any more, and project the rest."""
        content_id, track = ended.content_id, ended.track
        track_open, projector = self._open.pop((content_id, track)), self._projectors[track]
        outcome = self._outcomes[content_id]
        if ended.left:
            outcome.left[track] = ended.left
        complete = not track_open.waiting
        if complete and track_open.stale:
            self._store.windows.remove(content_id, track_open.stale, track=track)
            projector.drop(content_id, track_open.stale)
        self._reports[track].notes.update(track_open.notes)
        with self._meter.timing("embed and project"):
            projector.finish(content_id)


@dataclass(slots=True)
class _Counted:
    """What was read of a track so far."""

    windows: int = 0
    seconds: float = 0.0
    events: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)

    def add(self, record: WindowRecord, seconds: float) -> None:
        """Count one window."""
        self.windows += 1
        self.seconds += seconds
        self.events += len(record.caption.events)

    def report(self, broken: str) -> TrackReport:
        """As it stands in the report."""
        return TrackReport(
            self.windows, self.seconds, self.events, dict(self.notes), dict(self.others), broken
        )


def _log_window(record: WindowRecord) -> None:
    fields = {
        "content_id": record.window.content_id,
        "track": record.track,
        "window": record.window.index,
        "start_seconds": record.window.span.start_seconds,
        "end_seconds": record.window.span.end_seconds,
        "events": len(record.caption.events),
        "notes": list(record.caption.notes),
    }
    logger.info("window read", extra={"fields": fields})
