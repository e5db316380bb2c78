"""Says what each file is and which of its windows are missing; captions nothing and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from footage.core.errors import SchemaMismatchError, SourceOfflineError, VideoError
from footage.core.timeline import merge_spans
from footage.core.types import File, Provenance, Run, Span, Video, Window, WindowRecord
from footage.core.windows import plan_windows
from footage.media import decode, sandbox
from footage.media.containers import check
from footage.objects.paths import media_path
from footage.store import Store
from indexer import library
from indexer.growing_files import (
    complete,
    digests,
    expected_seconds,
    is_provisional,
    provisional_id,
    sentence,
)
from indexer.library import FoundFile
from indexer.name_times import earlier_chapters
from indexer.timestamps import NO_CLOCKS, Clocks, Recorded
from indexer.tracks.held import HeldTrack
from indexer.unfinished_files import Settling

Mix = Literal["refuse", "accept", "replace"]
"""What to do about windows captioned under other settings: refuse to run, leave them, caption them anew."""
MAX_TRIES = 3
"""Runs that may fail on the same bytes before a file is left alone."""
GROWING = "it is still being written: it changed"
FRESH_SECONDS = 30.0
"""A file that cannot be read and was written to this recently may still be being written."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file that can be read."""

    file: File
    """As it is to be recorded; its content id is empty until all of it has been hashed."""
    video: Video
    """What is in it; the content id likewise."""
    zone_difference_seconds: float = 0.0
    """As in ``indexer.timestamps.Recorded``."""
    growing: decode.Source | None = None
    """The scan of a file that is still being written; both content ids are provisional then."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How videos are cut into windows."""

    window_seconds: float
    """Length of a window."""
    overlap_seconds: float
    """What neighbours share."""

    def __str__(self) -> str:
        """In words, for the provenance of what is captioned."""
        return f"{self.window_seconds:g} s, {self.overlap_seconds:g} s shared"

    def windows(
        self, content_id: str, duration_seconds: float, gaps: Iterable[Span] = ()
    ) -> tuple[Window, ...]:
        """The windows of one video."""
        return plan_windows(
            content_id,
            duration_seconds,
            gaps=gaps,
            window_seconds=self.window_seconds,
            overlap_seconds=self.overlap_seconds,
        )

    def complete_windows(
        self, content_id: str, duration_seconds: float, gaps: Iterable[Span] = ()
    ) -> tuple[Window, ...]:
        """The windows of a growing video that will not change any more."""
        return complete(self.windows(content_id, duration_seconds, gaps), duration_seconds)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How files are looked at."""

    clocks: Clocks = NO_CLOCKS
    """Reads cameras and wall clocks."""
    retry: bool = False
    """Whether files that failed too often are tried again."""
    timeout_seconds: float = 120
    """Longest silence of a decoder."""
    rehash: bool = False
    """Whether files that seem unchanged are hashed and probed again."""
    settling: Settling | None = None
    """Says which files are still being written; None where none is."""
    follow: Cutting | None = None
    """How to cut files that are still being written; None to leave them alone until they are finished."""


PLAINLY = ReadingOptions()
"""Reads no cameras, and tries nothing again that failed too often."""


class Known:
    """The content of the index when the run began; no other process writes to it during the run."""

    def __init__(
        self,
        store: Store | None,
        provenance: Provenance | None,
        mix: Mix = "refuse",
        *,
        recaption_reused: bool = False,
    ) -> None:
        """Read what the index holds (nothing where it is None: there is no index yet).

        A provenance of None counts windows captioned under any as done. With ``recaption_reused``, windows
        that carry over the caption of another one count as missing.
        """
        self.files = {file.path: file for file in store.files.all()} if store else {}
        self.videos = store.videos.all() if store else {}
        self.committed = store.windows.spans() if store else {}
        self._under = store.windows.provenance_by_index() if store else {}
        self._provenance = provenance
        self._mix = mix
        self._reused = store.windows.reused() if store and recaption_reused else {}
        self.followed = store.growing.digests() if store else {}
        self._fingerprints = {file.fingerprint for file in self.files.values() if file.fingerprint}
        self._looks = _last_looks(store.runs.all() if store else [])
        self._looked_in: dict[Path, float] = {}
        self._seen: dict[str, Video] = {}
        self.tracks: Mapping[str, HeldTrack] = {}
        """What the index holds of the other tracks that the run makes."""

    def identify(self, found: FoundFile, reading: ReadingOptions = PLAINLY) -> Job | File:
        """Find out what a file holds: a job, or, for a file that is not to be used, its row with the reason.

        A file whose size and modification time have not changed keeps its content id, unless it was edited in
        place (see ``_edited``). Of any other a fingerprint is taken; only where a file with the same one is
        known are all its bytes hashed now, to confirm or refute that the two are the same. A file like no
        other is hashed when its turn comes.
        """
        file = File(
            path=library.shown(found.path),
            content_id="",
            size_bytes=found.size_bytes,
            modified_at=found.modified_at,
            collection=found.collection,
            root=found.root,
        )
        before = self.files.get(file.path)
        if before is not None and found.root == file.path:
            # Named by itself, it stays where it was found first.
            file = replace(file, collection=file.collection or before.collection, root=before.root)
        unchanged = before is not None and same_bytes(before, file) and before.state != "gone"
        if before is not None and unchanged and before.tries and not self._touched(found):
            file = replace(file, tries=before.tries, tried_at=before.tried_at)
        if found.skip:
            held = before is not None and unchanged and before.content_id != ""
            if before is not None and held:
                return before
            length = before.duration_seconds if before and unchanged else 0.0
            if not length and not found.is_object:  # which would be fetched for that
                length = _length(found.path, reading.timeout_seconds)
            return replace(file, state="skipped", reason=found.skip, duration_seconds=length)
        if file.path != str(found.path):
            return failed(file, "its name is not valid UTF-8 text; rename it")
        if before is not None and unchanged and file.tries >= MAX_TRIES:
            if not reading.retry and not self._has_untried_track(before):
                return before
            file = replace(file, tries=0 if reading.retry else file.tries)
        settling = reading.settling
        may_grow = not found.is_object
        if settling is not None and may_grow and self._held(before, file) is None and settling.waits(found):
            return self._growing(file, before, found, reading)
        try:
            file, look_again = self._recognised(file, before, found, reading)
            video = self.videos.get(file.content_id) if file.content_id and not look_again else None
            if video is None:
                video = sandbox.probe(
                    found.path, content_id=file.content_id, timeout_seconds=reading.timeout_seconds
                )
        except SourceOfflineError as error:
            return unusable(before if before is not None and unchanged else file, error)
        except VideoError as error:
            fresh = may_grow and library.is_fresh(found.modified_at, FRESH_SECONDS)
            if fresh and _begins_like_a_video(found):
                return replace(file, state="waiting", reason=f"it may still be being written: {error}")
            return failed(file, str(error))
        self._seen[file.path] = video
        return self._with_clock(file, video, found.path, reading.clocks)

    def _has_untried_track(self, before: File) -> bool:
        """Whether the run makes a track that was never tried on a file that failed too often."""
        return before.content_id != "" and any(
            before.content_id not in held.spans and f"{track}: " not in before.reason
            for track, held in self.tracks.items()
        )

    def _held(self, before: File | None, now: File) -> File | None:
        """The row of a file whose bytes seem unchanged and whose content is known for good; else None."""
        known = before is not None and before.content_id and not is_provisional(before.content_id)
        return before if known and before is not None and same_bytes(before, now) else None

    def _recognised(
        self, file: File, before: File | None, found: FoundFile, reading: ReadingOptions
    ) -> tuple[File, bool]:
        """A file with its content id, as far as that is known, and whether it is to be probed in any case."""
        held = self._held(before, file)
        if held is not None:
            kept = replace(
                held, collection=file.collection, root=file.root, state="new", reason="", tries=file.tries
            )
            if not (reading.rehash or self._edited(held, found)):
                return kept, False
        mark = found.source.fingerprint()
        same = found.source.content_id() if reading.rehash or mark in self._fingerprints else ""
        self._fingerprints.add(mark)
        if held is not None and same == held.content_id:
            return kept, True
        return replace(file, content_id=same, fingerprint=mark), False

    def _edited(self, held: File, found: FoundFile) -> bool:
        """Whether a file of the same size and modification time was edited in place.

        Tools that set the time of recording do so. Only a file whose inode changed since the last run looked
        at it is read: its fingerprint, and the time in its header, which may lie outside of what the
        fingerprint covers. Changed rights, names and hard links change the inode, too, so not all bytes are
        hashed for that: ``ReadingOptions.rehash`` does.
        """
        if not self._touched(found):
            return False
        if found.source.fingerprint() != held.fingerprint:
            return True
        video = self.videos.get(held.content_id)
        return video is not None and sandbox.recorded_tag_of(found.path) != video.created_at

    def _touched(self, found: FoundFile) -> bool:
        """Whether a file's inode changed since the last run looked at it."""
        folder = found.path.parent
        if folder not in self._looked_in:
            above = (folder, *folder.parents)
            self._looked_in[folder] = max(self._looks.get(library.shown(each), 0.0) for each in above)
        alone = self._looks.get(library.shown(found.path), 0.0)
        return found.changed_at > max(self._looked_in[folder], alone)

    def _with_clock(self, file: File, video: Video, path: Path, clocks: Clocks) -> Job:
        """A file with its camera, its wall clock and its length."""
        camera = clocks.camera(path) or file.camera
        recorded = clocks.recorded_at(
            path,
            container_time=video.created_at,
            modified_at=file.modified_at,
            duration_seconds=video.duration_seconds,
            camera=camera,
            after_seconds=self.earlier_seconds(path, video),
        )
        burned_in = file.clock_source == "burned-in" and clocks.keeps_burned_in(camera)
        if not recorded.source or burned_in:
            recorded = Recorded(file.recorded_at, file.clock_source)
        file = replace(
            file,
            camera=camera,
            recorded_at=recorded.at,
            clock_source=recorded.source,
            duration_seconds=video.duration_seconds,
        )
        return Job(file, video, recorded.zone_difference_seconds)

    def earlier_seconds(self, path: Path, video: Video) -> float:
        """Length of the chapters before this one, where all of them are known to share its clock."""
        seconds = 0.0
        for each in earlier_chapters(path):
            earlier = library.shown(media_path(each))
            file = self.files.get(earlier)
            chapter = self._seen.get(earlier) or (self.videos.get(file.content_id) if file else None)
            if chapter is None or chapter.created_at != video.created_at:
                return 0.0
            seconds += chapter.duration_seconds
        return seconds

    def _growing(
        self, file: File, before: File | None, found: FoundFile, reading: ReadingOptions
    ) -> Job | File:
        """A job for the complete windows of a file that is still being written, or its row."""
        seconds = reading.settling.seconds if reading.settling else 0.0
        waiting = replace(file, state="waiting", reason=f"{GROWING} in the last {seconds:g} s")
        if before is not None and is_provisional(before.content_id) and before.size_bytes <= file.size_bytes:
            known = self._complete(before, before.duration_seconds, reading.follow)
            if not known:
                return replace(before, state="waiting", reason=waiting.reason)
            expected = self._complete(before, expected_seconds(before, file), reading.follow)
            due = len(expected) > len(known) and (
                not reading.settling or reading.settling.may_scan(found.path)
            )
            if not due and not self.missing(known):
                return replace(before, state="waiting", reason=sentence(len(known)))
        if reading.follow is None:
            return waiting
        patience = reading.timeout_seconds
        try:
            with reading.settling.scanning(found.path) if reading.settling else nullcontext():
                source = sandbox.scan(found.path, timeout_seconds=patience)
                video = sandbox.probe(found.path, source=source, timeout_seconds=patience)
            first = reading.follow.complete_windows("", video.duration_seconds, video.gaps)[:1]
            digest = digests(source, first, timeout_seconds=patience).get(0)
        except VideoError as error:
            return replace(waiting, reason=f"it may still be being written: {error}")
        if digest is None:
            return replace(waiting, duration_seconds=video.duration_seconds)
        content_id = provisional_id(digest)
        video = replace(video, content_id=content_id, size_bytes=0)  # no size by which to know it again
        file = replace(file, content_id=content_id)
        return replace(self._with_clock(file, video, found.path, reading.clocks), growing=source)

    def _complete(self, file: File, duration_seconds: float, cutting: Cutting | None) -> tuple[Window, ...]:
        """The windows that are complete in a growing file of that length; none where it is not followed."""
        if cutting is None:
            return ()
        video = self.videos.get(file.content_id)
        return cutting.complete_windows(file.content_id, duration_seconds, video.gaps if video else ())

    def adopt(self, content_id: str, records: Sequence[WindowRecord]) -> None:
        """Count windows that are about to be committed as committed windows of a content."""
        for record in records:
            self.committed.setdefault(content_id, {})[record.window.index] = record.window.span
            self._under.setdefault(content_id, {})[record.window.index] = record.provenance

    def missing(self, plan: tuple[Window, ...]) -> tuple[Window, ...]:
        """The windows of a plan that are still to be captioned."""
        content_id = plan[0].content_id if plan else ""
        if self._keeps(content_id, plan):
            return ()
        done, under = self.committed.get(content_id, {}), self._under.get(content_id, {})
        reused = self._reused.get(content_id, {})
        return tuple(
            window
            for window in plan
            if done.get(window.index) != window.span
            or self._provenance not in (None, under[window.index])
            or window.index in reused
        )

    def stale(self, content_id: str, plan: tuple[Window, ...]) -> list[int]:
        """Indexes of captioned windows outside of the plan, for example after another duration was read."""
        if self._keeps(content_id, plan):
            return []
        planned: dict[int, Span] = {window.index: window.span for window in plan}
        done = self.committed.get(content_id, {})
        return sorted(index for index, span in done.items() if planned.get(index) != span)

    def _keeps(self, content_id: str, plan: tuple[Window, ...]) -> bool:
        """Whether a video that was captioned whole under other settings stays as it is."""
        under = set(self._under.get(content_id, {}).values())
        if self._mix != "accept" or not plan or len(under) != 1 or under == {self._provenance}:
            return False
        whole = merge_spans(self.committed[content_id].values())
        return whole == merge_spans(window.span for window in plan)


def remembered(store: Store, clocks: Clocks) -> Clocks:
    """Store the settings of cameras' clocks in the index, and return them with those stored before."""
    store.cameras.put_clock_offsets(clocks.offsets)
    store.cameras.put_settings("clock_from", clocks.clock_from)
    store.cameras.put_settings("container_clock", clocks.container_clocks)
    return replace(
        clocks,
        offsets=store.cameras.clock_offsets(),
        clock_from=store.cameras.settings("clock_from"),
        container_clocks=store.cameras.settings("container_clock"),
    )


def _last_looks(runs: Sequence[Run]) -> dict[str, float]:
    """When the last run that looked at all files of a path began, by path; seconds since the epoch."""
    looks: dict[str, float] = {}
    for run in runs:
        if run.outcome == "done" or run.windows_captioned:  # files are looked at before windows are captioned
            for path in run.paths:
                looks[path] = max(looks.get(path, 0.0), run.started_at)
    return looks


def failed(file: File, reason: str) -> File:
    """The row of a file that cannot be used, with one more try."""
    return replace(file, state="failed", reason=reason, tries=file.tries + 1, tried_at=time.time())


def unusable(file: File, error: VideoError) -> File:
    """The row of a file that cannot be read: failed, or offline where its store is out of reach for now."""
    if isinstance(error, SourceOfflineError):
        return replace(file, state="offline", reason=str(error))
    return failed(file, str(error))


def _length(path: Path, timeout_seconds: float) -> float:
    """Length of a video that is left out, so that the hours add up; 0 if it is unknown."""
    try:
        return sandbox.probe(path, timeout_seconds=timeout_seconds).footage_seconds
    except VideoError:
        return 0.0


def _begins_like_a_video(found: FoundFile) -> bool:
    """Whether a file is empty, or its first bytes are those of a container that can be opened."""
    try:
        check(found.path)
    except VideoError:
        return not found.size_bytes and found.path.is_file()
    return True


def same_bytes(before: File, now: File) -> bool:
    """Whether a file has the same size and modification time as before."""
    return (before.size_bytes, before.modified_at) == (now.size_bytes, now.modified_at)


def refuse_mixing(store: Store, provenance: Provenance) -> None:
    """Make sure that the index holds nothing captioned under other settings.

    Raises:
        SchemaMismatchError: it does; the sentence names what differs.
    """
    for held in store.windows.provenances():
        if held == provenance:
            continue
        ours, theirs = asdict(provenance), asdict(held)
        other = [name for name in ours if ours[name] != theirs[name]]
        was = ", ".join(f"{_SETTING[name]} {theirs[name]}" for name in other)
        now = ", ".join(f"{_SETTING[name]} {ours[name]}" for name in other)
        raise SchemaMismatchError(
            f"the index {store.path} was made with {was}, not with {now}",
            hint="Use the settings of the index. Or use --reindex to caption everything again, "
            "--accept-mixed to keep existing captions and caption only new footage, or --db to name another "
            "index.",
        )


_SETTING = {
    "model": "model",
    "revision": "revision",
    "prompt_version": "prompt version",
    "budget": "budget",
    "cutting": "windows of",
}
