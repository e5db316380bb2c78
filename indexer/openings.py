"""Says file by file what a run has to do: which windows of each are due; decodes nothing and knows no model.

Iterating reads files: a content is named by all of its bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from footage.core.errors import VideoError
from footage.core.types import File, Window, WindowRecord
from footage.media import decode, sandbox
from footage.store import Store
from indexer import library
from indexer.growing_files import digests, kept_from
from indexer.plan import Cutting, Job, Known, failed
from indexer.progress import new_seconds

GROWING = "it changed during the run; the next run indexes it"
ENOUGH = "the run reached --max-hours; the next run indexes it"


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file's turn has come: its content id is known."""

    job: Job
    """The file and its video, content ids filled in."""
    plan: tuple[Window, ...]
    """All windows of the video."""
    missing: tuple[Window, ...]
    """Those that the index lacks, in order; none for a content that came before in this run."""
    due: tuple[Window, ...] = ()
    """Those of the missing that still fit into the run: they will now come, in order."""
    digests: Mapping[int, str] = field(default_factory=dict)
    """Of a file that is still being written: digests of the pictures of the missing ones."""
    earlier: str = ""
    """Under which content id some windows were captioned while the file was being written; or empty."""
    kept: tuple[WindowRecord, ...] = ()
    """Those windows, as windows of this content."""


@dataclass(frozen=True, slots=True)
class UnusableFile:
    """A file that this run cannot use, or the rest of a file that has been opened."""

    file: File
    """Its row, failed or waiting, with the reason."""


Opening = OpenedFile | UnusableFile
"""What there is to know about a file whose turn has come."""


class Openings:
    """Iterate over it, once, for every job in order."""

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        known: Known,
        store: Store,
        cutting: Cutting | None,
        timeout_seconds: float,
        max_seconds: float = math.inf,
    ) -> None:
        """Read nothing yet.

        Args:
            jobs: The files.
            known: What the index held when the run began.
            store: The index.
            cutting: How videos are cut; None for files without windows: no captions are wanted.
            timeout_seconds: Longest silence of a decoder.
            max_seconds: Footage to caption at most.
        """
        self._jobs = jobs
        self._known = known
        self._store = store
        self._cutting = cutting
        self._timeout_seconds = timeout_seconds
        self._left_seconds = max_seconds

    def __iter__(self) -> Iterator[Opening]:
        opened: set[str] = set()
        for job in self._jobs:
            if job.growing is not None:
                yield from self._follow(job, job.growing, opened)
                continue
            if library.changed(job.file):
                yield UnusableFile(replace(job.file, state="waiting", reason=GROWING))
                continue
            try:
                content_id = job.file.content_id or library.content_id(job.file.path)
            except VideoError as error:
                yield UnusableFile(failed(job.file, str(error)))
                continue
            # A file whose content was known before has been looked at with it in mind.
            video = job.video if job.file.content_id else self._known.videos.get(content_id, job.video)
            job = replace(
                job,
                file=replace(job.file, content_id=content_id),
                video=replace(video, content_id=content_id),
            )
            plan: tuple[Window, ...] = ()
            if self._cutting is not None:
                plan = self._cutting.windows(content_id, job.video.duration_seconds, job.video.gaps)
            missing = self._known.missing(plan) if content_id not in opened else ()
            earlier, kept = self._kept(job, plan) if missing else ("", [])
            if kept:
                self._known.adopt(content_id, kept)
                missing = self._known.missing(plan)
            if missing and not kept and self._left_seconds <= 0:
                yield UnusableFile(replace(job.file, state="waiting", reason=ENOUGH))
                continue
            opened.add(content_id)
            yield from self._opened(OpenedFile(job, plan, missing, earlier=earlier, kept=tuple(kept)))

    def _follow(self, job: Job, source: decode.Source, opened: set[str]) -> Iterator[Opening]:
        """Messages about a file that is still being written: its complete windows, as it was scanned."""
        content_id, video = job.file.content_id, job.video
        assert self._cutting is not None  # else no file is followed
        plan = self._cutting.complete_windows(content_id, video.duration_seconds, video.gaps)
        missing = self._known.missing(plan) if content_id not in opened else ()
        if missing and self._left_seconds <= 0:
            yield UnusableFile(replace(job.file, state="waiting", reason=ENOUGH))
            return
        try:
            known = digests(source, missing, timeout_seconds=self._timeout_seconds)
        except VideoError as error:
            yield UnusableFile(replace(job.file, state="waiting", reason=str(error)))
            return
        opened.add(content_id)
        missing = tuple(window for window in missing if window.index in known)
        yield from self._opened(OpenedFile(job, plan, missing, digests=known))

    def _kept(self, job: Job, plan: Sequence[Window]) -> tuple[str, list[WindowRecord]]:
        """What was captioned of a finished file while it was being written (see ``following.kept_from``)."""
        if not self._known.followed:
            return "", []
        try:
            return kept_from(
                sandbox.scan(job.file.path, timeout_seconds=self._timeout_seconds),
                plan,
                store=self._store,
                followed=self._known.followed,
                committed=self._known.committed,
                timeout_seconds=self._timeout_seconds,
            )
        except VideoError:
            return "", []  # what is wrong with it shows when its windows are decoded

    def _opened(self, opening: OpenedFile) -> Iterator[Opening]:
        """A file's turn, with those of its missing windows that still fit into the run."""
        added = new_seconds(opening.plan)
        fitting = []
        for window in opening.missing:
            if self._left_seconds > 0:
                fitting.append(window)
                self._left_seconds -= added[window.index]
        yield replace(opening, due=tuple(fitting))
        if len(fitting) < len(opening.missing):
            yield UnusableFile(replace(opening.job.file, state="waiting", reason=ENOUGH))
