"""Says what each file is and which of its windows are missing; captions nothing and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from footage import video as footage_video
from footage.errors import VideoError
from footage.store import Store
from footage.types import File, Span, Video, Window
from footage.windows import plan_windows
from indexer import library
from indexer.library import Found


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

    def windows(self, content_id: str, duration_seconds: float) -> tuple[Window, ...]:
        """The windows of one video."""
        return plan_windows(
            content_id,
            duration_seconds,
            window_seconds=self.window_seconds,
            overlap_seconds=self.overlap_seconds,
        )


class Known:
    """What the index held when the run began; nobody else writes to it meanwhile."""

    def __init__(self, store: Store) -> None:
        self.files = {file.path: file for file in store.files()}
        self.videos = store.videos()
        self.committed = store.committed()
        self._fingerprints = {file.fingerprint for file in self.files.values() if file.fingerprint}

    def identify(self, found: Found, *, timeout_seconds: float) -> Job | File:
        """Find out what a file holds: a job, or, for a file that cannot be used, its row with the reason.

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
        )
        if file.path != str(found.path):
            return replace(file, state="failed", reason="its name is not valid UTF-8 text; rename it")
        before = self.files.get(file.path)
        try:
            if (
                before is not None
                and before.content_id
                and (before.size_bytes, before.modified_at) == (file.size_bytes, file.modified_at)
            ):
                file = replace(
                    before, collection=file.collection or before.collection, state="new", reason=""
                )
            else:
                mark = library.fingerprint(found.path)
                same = library.content_id(found.path) if mark in self._fingerprints else ""
                file = replace(file, content_id=same, fingerprint=mark)
                self._fingerprints.add(mark)
            video = self.videos.get(file.content_id) if file.content_id else None
            if video is None:
                video = footage_video.probe(
                    found.path, content_id=file.content_id, timeout_seconds=timeout_seconds
                )
        except VideoError as error:
            return replace(file, state="failed", reason=str(error))
        return Job(file, video)

    def missing(self, plan: tuple[Window, ...]) -> tuple[Window, ...]:
        """The windows of a plan that were not captioned before, by index and span."""
        done = self.committed.get(plan[0].content_id, {}) if plan else {}
        return tuple(window for window in plan if done.get(window.index) != window.span)

    def stale(self, content_id: str, plan: tuple[Window, ...]) -> list[int]:
        """Indexes of captioned windows that are no part of the plan, as when its duration reads anew."""
        planned: dict[int, Span] = {window.index: window.span for window in plan}
        done = self.committed.get(content_id, {})
        return sorted(index for index, span in done.items() if planned.get(index) != span)
