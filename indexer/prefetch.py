"""Decodes windows in a thread, ahead of the captioning; knows no model and writes nothing."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType

from footage.core.errors import SourceOfflineError, VideoError
from footage.core.types import File, Frames, Window, WindowRecord
from footage.media import decode, sandbox
from footage.store import Store
from footage.vlm.profile import Profile
from indexer import library
from indexer.growing_files import digests, kept_from
from indexer.plan import Cutting, Job, Known, unusable
from indexer.progress import ProgressTracker, new_seconds

_GIVE_UP_TIMEOUTS = 3  # a file whose windows fail for this many timeouts on end is not waited for any longer
_JOIN_SECONDS = 5.0

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
    """Those that will now come, in order; none for a content that came before in this run."""
    digests: Mapping[int, str] = field(default_factory=dict)
    """Of a file that is still being written: digests of the pictures of those that will now come."""
    earlier: str = ""
    """Under which content id some windows were captioned while the file was being written; or empty."""
    kept: tuple[WindowRecord, ...] = ()
    """Those windows, as windows of this content."""


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


@dataclass(frozen=True, slots=True)
class UnusableFile:
    """A file that this run cannot use, or the rest of a file that has been opened."""

    file: File
    """Its row, failed or waiting, with the reason."""


Message = OpenedFile | DecodedWindow | UndecodedWindow | UnusableFile


class Prefetcher:
    """Iterate over it, inside ``with``, for the messages about every job in order.

    Without a cutting and a profile, files come without windows: no captions are wanted.
    At most ``queue_windows`` windows wait decoded; leaving the ``with`` block ends the thread.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        known: Known,
        store: Store,
        cutting: Cutting | None,
        profile: Profile | None,
        queue_windows: int,
        timeout_seconds: float,
        meter: ProgressTracker,
        max_seconds: float = math.inf,
    ) -> None:
        self._jobs = jobs
        self._known = known
        self._store = store
        self._cutting = cutting
        self._profile = profile
        self._timeout_seconds = timeout_seconds
        self._meter = meter
        self._left_seconds = max_seconds
        self._queue: queue.Queue[Message | BaseException | None] = queue.Queue(max(1, queue_windows))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="decode ahead", daemon=True)

    def __enter__(self) -> Prefetcher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(_JOIN_SECONDS)  # a decoder that hangs does not hold up the exit: a daemon thread

    def __iter__(self) -> Iterator[Message]:
        while (message := self._queue.get()) is not None:
            if isinstance(message, BaseException):
                raise message
            yield message

    def _work(self) -> None:
        try:
            for message in self._messages():
                if not self._put(message):
                    return
            self._put(None)
        except BaseException as error:  # raised again in the thread that iterates
            self._put(error)

    def _put(self, message: Message | BaseException | None) -> bool:
        """Pass a message on; False when the run has ended."""
        while not self._stop.is_set():
            try:
                self._queue.put(message, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def _messages(self) -> Iterator[Message]:
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
                yield UnusableFile(unusable(job.file, error))
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
            yield from self._windows(OpenedFile(job, plan, missing, earlier=earlier, kept=tuple(kept)))

    def _follow(self, job: Job, source: decode.Source, opened: set[str]) -> Iterator[Message]:
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
        yield from self._windows(OpenedFile(job, plan, missing, digests=known))

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

    def _windows(self, opening: OpenedFile) -> Iterator[Message]:
        """A file's turn, and those of its missing windows that still fit into the run."""
        yield opening
        added = new_seconds(opening.plan)
        fitting = []
        for window in opening.missing:
            if self._left_seconds > 0:
                fitting.append(window)
                self._left_seconds -= added[window.index]
        job = opening.job
        yield from self._decode(job, fitting)
        if len(fitting) < len(opening.missing):
            yield UnusableFile(replace(job.file, state="waiting", reason=ENOUGH))

    def _decode(
        self, job: Job, windows: Sequence[Window]
    ) -> Iterator[DecodedWindow | UndecodedWindow | UnusableFile]:
        profile = self._profile
        if profile is None or not windows:
            return
        sampler = sandbox.SandboxSampler(
            job.file.path,
            [window.span for window in windows],
            **profile.frame_budget,
            video=job.video,
            source=job.growing,
            timeout_seconds=self._timeout_seconds,
        )
        lost_seconds = 0.0
        for number, window in enumerate(windows):
            if lost_seconds > _GIVE_UP_TIMEOUTS * self._timeout_seconds:
                yield UndecodedWindow(window, f"decoding stopped after {lost_seconds:.0f} s without a frame")
                continue
            began = time.monotonic()
            try:
                with self._meter.timing("decode"):
                    frames = sampler.take(number)
            except SourceOfflineError as error:
                yield UnusableFile(unusable(job.file, error))
                return
            except VideoError as error:
                lost_seconds += time.monotonic() - began
                yield UndecodedWindow(window, str(error))
                continue
            lost_seconds = 0.0
            yield DecodedWindow(window, frames)
