"""Says what each file is and which of its windows are missing; captions nothing and writes nothing."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from footage import video as footage_video
from footage.containers import check
from footage.errors import SchemaMismatchError, VideoError
from footage.store import Store
from footage.timeline import merge_spans
from footage.types import File, Provenance, Span, Video, Window
from footage.windows import plan_windows
from indexer import library
from indexer.clocks import NO_CLOCKS, Clocks
from indexer.library import Found

Mix = Literal["refuse", "accept", "replace"]
"""What to do about windows captioned under other settings: refuse to run, leave them, caption them anew."""
MAX_TRIES = 3
"""Runs that may fail on the same bytes before a file is left alone."""
FRESH_SECONDS = 30.0
"""A file that cannot be read and was written to this recently may still be being written."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file that can be read."""

    file: File
    """As it is to be recorded; its content id is empty until somebody has hashed all of it."""
    video: Video
    """What is in it; the content id likewise."""


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

    def windows(self, content_id: str, duration_seconds: float) -> tuple[Window, ...]:
        """The windows of one video."""
        return plan_windows(
            content_id,
            duration_seconds,
            window_seconds=self.window_seconds,
            overlap_seconds=self.overlap_seconds,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are looked at."""

    clocks: Clocks = NO_CLOCKS
    """Reads cameras and wall clocks."""
    retry: bool = False
    """Whether files that failed too often are tried again."""
    timeout_seconds: float = 120
    """Longest silence of a decoder."""


PLAINLY = Reading()
"""Reads no cameras, and tries nothing again that failed too often."""


class Known:
    """What the index held when the run began; nobody else writes to it meanwhile."""

    def __init__(self, store: Store | None, provenance: Provenance | None, mix: Mix = "refuse") -> None:
        """Read what the index holds (nothing where it is None: there is no index yet).

        A provenance of None counts windows captioned under any as done.
        """
        self.files = {file.path: file for file in store.files()} if store else {}
        self.videos = store.videos() if store else {}
        self.committed = store.committed() if store else {}
        self._under = store.captioned_under() if store else {}
        self._provenance = provenance
        self._mix = mix
        self._fingerprints = {file.fingerprint for file in self.files.values() if file.fingerprint}

    def identify(self, found: Found, reading: Reading = PLAINLY) -> Job | File:
        """Find out what a file holds: a job, or, for a file that is not to be used, its row with the reason.

        A file whose size and modification time have not changed keeps its content id. Of any other a
        fingerprint is taken; only where a file with the same one is known are all its bytes hashed now, to
        confirm or refute that the two are the same. A file like no other is hashed when its turn comes.
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
        if before is not None and unchanged:
            file = replace(file, tries=before.tries, tried_at=before.tried_at)
        if found.skip:
            held = before is not None and unchanged and before.content_id != ""
            if before is not None and held:
                return before
            length = before.duration_seconds if before and unchanged else 0.0
            length = length or _length(found.path, reading.timeout_seconds)
            return replace(file, state="skipped", reason=found.skip, duration_seconds=length)
        if file.path != str(found.path):
            return failed(file, "its name is not valid UTF-8 text; rename it")
        if before is not None and unchanged and file.tries >= MAX_TRIES:
            if not reading.retry:
                return before
            file = replace(file, tries=0)
        try:
            video = None
            if before is not None and before.content_id and same_bytes(before, file):
                file = replace(
                    before,
                    collection=file.collection,
                    root=file.root,
                    state="new",
                    reason="",
                    tries=file.tries,
                )
            else:
                mark = library.fingerprint(found.path)
                same = library.content_id(found.path) if mark in self._fingerprints else ""
                file = replace(file, content_id=same, fingerprint=mark)
                self._fingerprints.add(mark)
            video = self.videos.get(file.content_id) if file.content_id else None
            if video is None:
                video = footage_video.probe(
                    found.path, content_id=file.content_id, timeout_seconds=reading.timeout_seconds
                )
        except VideoError as error:
            if time.time() - found.modified_at < FRESH_SECONDS and _begins_like_a_video(found):
                return replace(file, state="waiting", reason=f"it may still be being written: {error}")
            return failed(file, str(error))
        return Job(_with_clock(file, video, found.path, reading.clocks), video)

    def missing(self, plan: tuple[Window, ...]) -> tuple[Window, ...]:
        """The windows of a plan that are still to be captioned."""
        content_id = plan[0].content_id if plan else ""
        if self._keeps(content_id, plan):
            return ()
        done, under = self.committed.get(content_id, {}), self._under.get(content_id, {})
        return tuple(
            window
            for window in plan
            if done.get(window.index) != window.span or self._provenance not in (None, under[window.index])
        )

    def stale(self, content_id: str, plan: tuple[Window, ...]) -> list[int]:
        """Indexes of captioned windows that are no part of the plan, as when its duration reads anew."""
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
        return whole == (Span(0, plan[-1].span.end_seconds),)


def failed(file: File, reason: str) -> File:
    """The row of a file that cannot be used, one try later."""
    return replace(file, state="failed", reason=reason, tries=file.tries + 1, tried_at=time.time())


def _length(path: Path, timeout_seconds: float) -> float:
    """How long a video is that is left out, so that hours add up; 0 where nothing can tell."""
    try:
        return footage_video.probe(path, timeout_seconds=timeout_seconds).duration_seconds
    except VideoError:
        return 0.0


def _begins_like_a_video(found: Found) -> bool:
    """Whether a file is empty, or its first bytes are those of a container that can be opened."""
    try:
        check(found.path)
    except VideoError:
        return not found.size_bytes
    return True


def same_bytes(before: File, now: File) -> bool:
    """Whether a file is, by its size and modification time, what it was."""
    return (before.size_bytes, before.modified_at) == (now.size_bytes, now.modified_at)


def refuse_mixing(store: Store, provenance: Provenance) -> None:
    """Make sure that the index holds nothing captioned under other settings.

    Raises:
        SchemaMismatchError: it does; the sentence names what differs.
    """
    for held in store.provenances():
        if held == provenance:
            continue
        ours, theirs = asdict(provenance), asdict(held)
        other = [name for name in ours if ours[name] != theirs[name]]
        was = ", ".join(f"{_SETTING[name]} {theirs[name]}" for name in other)
        now = ", ".join(f"{_SETTING[name]} {ours[name]}" for name in other)
        raise SchemaMismatchError(
            f"the index {store.path} was made with {was}, not with {now}",
            hint="Use the settings it was made with; or --reindex to caption everything anew, --accept-mixed "
            "to keep what there is and caption only what is new, or --db to name another index.",
        )


_SETTING = {
    "model": "model",
    "revision": "revision",
    "prompt_version": "prompt version",
    "budget": "budget",
    "cutting": "windows of",
}


def _with_clock(file: File, video: Video, path: Path, clocks: Clocks) -> File:
    """A file with its camera, its wall clock and its length."""
    camera = clocks.camera(path) or file.camera
    recorded_at, source = clocks.recorded_at(
        path,
        container_time=video.created_at,
        modified_at=file.modified_at,
        duration_seconds=video.duration_seconds,
        camera=camera,
    )
    if not source:
        recorded_at, source = file.recorded_at, file.clock_source
    return replace(
        file,
        camera=camera,
        recorded_at=recorded_at,
        clock_source=source,
        duration_seconds=video.duration_seconds,
    )
