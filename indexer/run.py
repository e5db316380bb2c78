"""One indexing run: what it writes to the index about files and their windows, and what it counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace

from footage.core.errors import WindowError
from footage.core.timeline import merge_spans
from footage.core.tracks import SCREEN_TEXT_TRACK
from footage.core.types import CaptionEvent, File, FileState, Provenance, Video, Window, WindowRecord
from footage.objects.paths import media_path
from footage.store import Store
from indexer import library
from indexer.committer import Committer
from indexer.events import Projector
from indexer.growing_files import is_provisional, sentence
from indexer.observer import RunObserver
from indexer.openings import GROWING, OpenedFile
from indexer.plan import Job, Known, failed
from indexer.prefetch import UndecodedWindow
from indexer.progress import Away, ClockDoubt, IndexReport, ProgressTracker, new_seconds
from indexer.reuse import CaptionReuse, moved_stills
from indexer.timestamps import Clocks
from indexer.tracks.run import TrackOutcome, TrackRun

logger = logging.getLogger(__name__)

_REASONS = 3  # distinct reasons that go into a file's row
_ROUNDING_SECONDS = 0.001
_TRACKS_MISSING = "its tracks are not read completely yet; the next run goes on"
UNCAPTIONED = "not all of it is captioned yet; a run that makes captions goes on"


@dataclass
class _Content:
    """One content while its windows come in."""

    plan: tuple[Window, ...]
    seconds: dict[int, float]
    waiting: set[int]
    complete_before: bool
    footage_seconds: float
    lost: set[int] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    awaits_tracks: bool = False
    tracks: TrackOutcome | None = None


class IndexRun:
    """What the run writes to the index and counts."""

    def __init__(
        self,
        store: Store,
        provenance: Provenance | None,
        projector: Projector,
        known: Known,
        meter: ProgressTracker,
        clocks: Clocks,
        *,
        reuse: bool,
        observer: RunObserver,
    ) -> None:
        """Take an index that is locked for writing; without a provenance no captions are made."""
        self._observer = observer
        self.projector = projector
        self.tracks: TrackRun | None = None
        self._store = store
        self._makes_captions = provenance is not None
        self._known = known
        self._meter = meter
        self._clocks = clocks
        self._committer = Committer(
            store,
            committed=known.committed,
            meter=meter,
            on_commit=(self._project, self._count, observer.committed),
            before_replacing=projector.replacing,
        )
        self._reuse: CaptionReuse | None = None
        if provenance is not None:
            self._reuse = CaptionReuse(
                store, provenance, files=known.files, committed=known.committed, enabled=reuse
            )
        self._contents: dict[str, _Content] = {}
        self._files: dict[str, File] = {}
        self._warnings: dict[str, tuple[str, ...]] = {}
        self._clock_doubts: dict[ClockDoubt, list[str]] = {}
        self._unrecorded: set[str] = set()
        self._held_screen_text = SCREEN_TEXT_TRACK in store.windows.tracks()
        self._earlier: set[str] = set()
        self.unchanged = 0

    def is_settled(self, job: Job, plan: tuple[Window, ...]) -> bool:
        """Whether the index holds all that this run makes of a file, so that nothing is done about it.

        Tracks beside captions say so themselves when their turn comes.
        """
        file, known = job.file, self._known
        before = known.files.get(file.path)
        if before is None or before.state != "indexed" or not plan:
            return False
        return (
            self._reuse is not None
            and self.tracks is None
            and job.growing is None
            and before == replace(file, state=before.state, tries=0, tried_at=0.0)
            and known.videos.get(file.content_id) == job.video
            and not self._clocks.lacks_burned_in(file.camera, file.clock_source)
            and not known.missing(plan)
            and not known.stale(file.content_id, plan)
        )

    def settle(self, job: Job, plan: tuple[Window, ...]) -> None:
        """Count a file about which nothing is done."""
        for seconds in new_seconds(plan).values():
            self._meter.done(seconds, captioned=False)
        self.record(replace(job.file, state="indexed", tries=0, tried_at=0.0))
        self.unchanged += 1

    def open(self, opened: OpenedFile) -> None:
        """Begin a file: record it, so that its captions are found, and see which windows are missing."""
        file, video = opened.job.file, opened.job.video
        self._meter.current = file.path
        content = self._contents.get(file.content_id)
        if content is None:
            content = _Content(
                opened.plan,
                new_seconds(opened.plan),
                {window.index for window in opened.missing},
                complete_before=not opened.missing,
                footage_seconds=video.footage_seconds,
            )
            self._contents[file.content_id] = content
            self._keep(opened)
            if self._makes_captions:
                self._store.windows.remove(file.content_id, self._known.stale(file.content_id, opened.plan))
            if self._reuse is not None and content.waiting:
                self._reuse.begin(file, video)
            if file.content_id not in self._known.videos and not opened.kept:
                self.projector.begin(file.content_id)
            if self._known.videos.get(file.content_id) != video:
                self._store.videos.put([video])
            for window in opened.plan:
                if window.index not in content.waiting:
                    self._meter.done(content.seconds[window.index], captioned=False)
            if self.tracks is not None and not is_provisional(file.content_id):
                content.awaits_tracks = True
                self.tracks.add(
                    file,
                    video,
                    is_new=file.content_id not in self._known.videos,
                    is_captioned=bool(content.waiting),
                )
        else:  # a copy of a file that came before: nothing more to do
            self._meter.expect(-len(opened.plan), -video.footage_seconds if self._makes_captions else 0.0)
            if self.tracks is not None:
                self.tracks.expect(-video.footage_seconds)
        content.files.append(file)
        if not self._is_recorded(file):
            self._unrecorded.add(file.path)
        if content.waiting or (content.awaits_tracks and file.path in self._unrecorded):
            self._begin(file)
            if video.warnings:
                self._warnings[file.path] = video.warnings
        self._close_if_done(file.content_id)

    def _is_recorded(self, file: File) -> bool:
        """Whether the index knows that a file holds its content, so that what is read of it is found."""
        before = self._known.files.get(file.path)
        return before is not None and (before.content_id, before.state) in (
            (file.content_id, "indexed"),
            (file.content_id, "partial"),
        )

    def tracks_begin(self, content_id: str) -> None:
        """Note that windows of a content's tracks are missing: its files are not done until they are read."""
        for file in self._contents[content_id].files:
            self._unrecorded.add(file.path)
            self._begin(file)

    def tracks_ended(self, content_id: str, outcome: TrackOutcome) -> None:
        """Note that no more comes of a content's tracks."""
        content = self._contents[content_id]
        content.awaits_tracks, content.tracks = False, outcome
        self._close_if_done(content_id)

    def _keep(self, opened: OpenedFile) -> None:
        """Commit the captions of a growing file, or note how to recognise its windows later."""
        content_id = opened.job.file.content_id
        if opened.digests:  # before their windows: a digest without a window does no harm
            known = self._known.followed.setdefault(content_id, {})
            known.update(opened.digests)
            self._store.growing.put(content_id, known)
        if opened.kept:
            self._observer.continues(opened.earlier, content_id)
            self._store.stills.put(moved_stills(self._store, opened.earlier, opened.kept))
            self._committer.write(opened.kept)
            self._store.annotations.move(opened.earlier, content_id)
            self._earlier.add(opened.earlier)
            self.projector.add(content_id, opened.kept)

    def drop_what_was_kept(self) -> None:
        """Remove the provisional windows of files that are finished now."""
        for content_id in sorted(self._earlier):
            self._store.contents.drop_unheld(content_id)

    @property
    def reuse(self) -> CaptionReuse:
        """Decides which windows the model looks at; only for a run that makes captions."""
        assert self._reuse is not None
        return self._reuse

    def commit(self, windows: Sequence[Window], results: Sequence[WindowRecord | WindowError]) -> None:
        """Commit the captions of some windows, and note those that were too much for the model."""
        for window, result in zip(windows, results, strict=True):
            if isinstance(result, WindowError):
                self.give_up(UndecodedWindow(window, str(result)))
        self._committer.commit([result for result in results if isinstance(result, WindowRecord)])
        with self._meter.timing("tidy"):
            self._store.tidy_if_due()

    def _project(self, records: Sequence[WindowRecord]) -> None:
        """After a commit: update events and vectors."""
        for content_id, group in _by_content(records).items():
            with self._meter.timing("embed and project"):
                self.projector.add(content_id, group)

    def _count(self, records: Sequence[WindowRecord]) -> None:
        """After a commit: count the windows, and close the finished contents."""
        for content_id, group in _by_content(records).items():
            for record in group:
                self._window_done(
                    record.window, captioned=not record.reused_from, reused=bool(record.reused_from)
                )
                _log_window(record)
            self._close_if_done(content_id)

    def give_up(self, undecoded: UndecodedWindow) -> None:
        """Note a window that cannot be decoded, or is too much for the model."""
        window = undecoded.window
        content = self._contents[window.content_id]
        content.lost.add(window.index)
        if undecoded.reason not in content.reasons:
            content.reasons.append(undecoded.reason)
        self._window_done(window, captioned=False)
        self._close_if_done(window.content_id)

    def note_clock(self, job: Job) -> None:
        """Note that a file's clocks differ as if one were in another time zone."""
        if job.zone_difference_seconds:
            doubt = ClockDoubt(job.file.camera, job.zone_difference_seconds, ())
            self._clock_doubts.setdefault(doubt, []).append(job.file.path)

    def record(self, file: File) -> None:
        """Note the result for a file."""
        self._put(file)
        self._files[file.path] = file
        fields = {
            "path": file.path,
            "state": file.state,
            "reason": file.reason,
            "content_id": file.content_id,
        }
        level = logging.WARNING if file.state in ("failed", "partial") else logging.INFO
        logger.log(level, "file %s", file.state, extra={"fields": fields})
        self._meter.files_done += 1

    def _begin(self, file: File) -> None:
        """Write the row of a file whose windows are going to be committed."""
        if not self._makes_captions:
            file = replace(file, state="waiting", reason=_TRACKS_MISSING)
        self._put(file)

    def drop(self, path: str) -> None:
        """Mark a file of earlier runs as gone, if there is one."""
        if (file := self._store.files.at(path)) is not None and file.state != "gone":
            self._put(replace(file, state="gone", reason=""))

    def _put(self, file: File) -> None:
        """Write a file's row if it changed."""
        if self._known.files.get(file.path) != file:
            self._store.files.put([file])
            self._known.files[file.path] = file

    def _window_done(self, window: Window, *, captioned: bool, reused: bool = False) -> None:
        content = self._contents[window.content_id]
        content.waiting.discard(window.index)
        self._meter.done(content.seconds[window.index], captioned=captioned, reused=reused)

    def _close_if_done(self, content_id: str) -> None:
        """When nothing of a content is waited for any more, record the result for its files."""
        content = self._contents[content_id]
        if content.waiting:
            return
        with self._meter.timing("embed and project"):
            self.projector.finish(content_id)
        if content.awaits_tracks and self.tracks is not None:
            self.tracks.captions_done(content_id)
            return
        state, reason = self._verdict(content_id, content)
        for file in self._with_clocks(content_id, content):
            if is_provisional(content_id):
                reason = sentence(len(content.plan) - len(content.lost))
                self.record(replace(file, state="waiting", reason=reason))
            elif library.changed(file):
                self.record(replace(file, state="waiting", reason=GROWING))
            elif state == "failed":
                self.record(failed(file, reason))
            elif state == "partial":
                self.record(replace(failed(file, reason), state="partial"))
            elif state == "waiting":
                self.record(replace(file, state=state, reason=reason))
            else:
                self.record(replace(file, state=state, reason=reason, tries=0, tried_at=0.0))
            complete_before = content.complete_before and (
                content.tracks is None or content.tracks.complete_before
            )
            self.unchanged += complete_before and state == "indexed"
        content.files.clear()

    def _with_clocks(self, content_id: str, content: _Content) -> list[File]:
        """A content's files with the recording time by the clock in the picture, if one runs there.

        It is looked for once all of the text in the picture has been read, and again for new copies.
        """
        track, outcome = SCREEN_TEXT_TRACK, content.tracks
        unread = outcome is not None and (track in outcome.lost or track in outcome.left)
        due = [
            file
            for file in content.files
            if file.path in self._unrecorded or self._clocks.lacks_burned_in(file.camera, file.clock_source)
        ]
        if unread or not due or not self._has_screen_text():
            return content.files
        records = self._store.windows.of(content_id, track=track)
        video = self._store.videos.known([content_id]).get(content_id)
        if not records or video is None:
            return content.files
        events = [event for record in records for event in record.caption.events]
        return [self._with_clock(file, video, events) if file in due else file for file in content.files]

    def _has_screen_text(self) -> bool:
        """Whether the index may hold text of pictures; asked for every file, so nothing is looked up."""
        return self._held_screen_text or (self.tracks is not None and SCREEN_TEXT_TRACK in self.tracks.tracks)

    def _with_clock(self, file: File, video: Video, events: Sequence[CaptionEvent]) -> File:
        """A file with the recording time by the clock in its picture; what is odd about it is noted."""
        from indexer.burned_in_times import with_burned_in_time

        after_seconds = self._known.earlier_seconds(media_path(file.path), video)
        found = with_burned_in_time(file, video, events, self._clocks, after_seconds=after_seconds)
        if found.sentences:
            for sentence in found.sentences:
                self.note(file.path, sentence)
        if found.ahead_seconds:
            used = found.file.clock_source
            doubt = ClockDoubt(file.camera, found.ahead_seconds, (), burned_in=True, used=used)
            self._clock_doubts.setdefault(doubt, []).append(file.path)
        return found.file

    def _verdict(self, content_id: str, content: _Content) -> tuple[FileState, str]:
        """State and reason of a content of which no window is waited for any more."""
        if content.footage_seconds <= 0:
            return "failed", "it has no duration"
        tracks = content.tracks
        state: FileState = "indexed"
        reason = ""
        if self._makes_captions:
            state, reason = _caption_verdict(content)
        elif self._is_captioned_in_part(content_id, content):
            state, reason = "waiting", UNCAPTIONED
        if tracks is None:
            return state, reason
        if tracks.rest:
            return "waiting", tracks.rest
        if tracks.fault:
            failed_too = state == "failed" or (not self._makes_captions and state == "indexed")
            state = "failed" if failed_too and tracks.has_nothing else "partial"
            return state, "; ".join(filter(None, [reason, tracks.fault]))
        if state == "failed" and not tracks.has_nothing:
            state = "partial"
        return state, reason

    def _is_captioned_in_part(self, content_id: str, content: _Content) -> bool:
        """Whether the index has captions of some of a content, and of some not."""
        held = self._known.committed.get(content_id)
        if not held:
            return False
        covered = sum(span.duration_seconds for span in merge_spans(held.values()))
        return covered < content.footage_seconds - _ROUNDING_SECONDS

    def note(self, path: str, sentence: str) -> None:
        """Note something unusual about a file."""
        self._warnings[path] = (*self._warnings.get(path, ()), sentence)

    def report(self, away: Away, ignored: Counter[str], *, wall_seconds: float) -> IndexReport:
        """Sum up."""
        files = tuple(self._files[path] for path in sorted(self._files))
        states = Counter(file.state for file in files)
        return IndexReport(
            files=files,
            indexed=states["indexed"] - self.unchanged,
            unchanged=self.unchanged,
            partial=states["partial"],
            failed=states["failed"],
            waiting=states["waiting"],
            skipped=states["skipped"],
            gone=away.gone,
            offline=away.offline + states["offline"],
            out_of_reach={file.root: file.reason for file in reversed(files) if file.state == "offline"}
            | dict(away.reasons),
            ignored=dict(ignored),
            warnings=self._warnings,
            clock_doubts=tuple(
                replace(doubt, paths=tuple(paths))
                for doubt, paths in sorted(self._clock_doubts.items(), key=lambda pair: astuple(pair[0]))
            ),
            windows_captioned=self._meter.windows_captioned,
            seconds_captioned=self._meter.seconds_captioned,
            windows_reused=self._meter.windows_reused,
            seconds_reused=self._meter.seconds_reused,
            wall_seconds=wall_seconds,
            stage_seconds=self._meter.stage_seconds,
            stopped=self._meter.stopped,
            tracks=self.tracks.reports() if self.tracks else {},
            captions_made=self._makes_captions,
        )


def _by_content(records: Sequence[WindowRecord]) -> dict[str, list[WindowRecord]]:
    grouped: dict[str, list[WindowRecord]] = {}
    for record in records:
        grouped.setdefault(record.window.content_id, []).append(record)
    return grouped


def _log_window(record: WindowRecord) -> None:
    fields = {
        "content_id": record.window.content_id,
        "window": record.window.index,
        "start_seconds": record.window.span.start_seconds,
        "end_seconds": record.window.span.end_seconds,
        "events": len(record.caption.events),
        "notes": list(record.caption.notes),
        "reused_from": record.reused_from,
    }
    logger.info("window reused" if record.reused_from else "window captioned", extra={"fields": fields})


def _caption_verdict(content: _Content) -> tuple[FileState, str]:
    """State and reason of a content of which every window is either captioned or lost."""
    if not content.plan:
        return "failed", "it has no duration"
    if not content.lost:
        return "indexed", ""
    state: FileState = "failed" if len(content.lost) == len(content.plan) else "partial"
    lost = f"{len(content.lost)} of {len(content.plan)} windows cannot be captioned"
    return state, f"{lost}: {'; '.join(content.reasons[:_REASONS])}"
