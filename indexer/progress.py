"""The progress of a run in numbers; knows neither files nor models."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from footage.core.types import File, Window

Stage = Literal["looking", "captioning", "tracks", "done"]
MODEL_STAGES = ("prepare", "vision", "prefill", "generate", "caption")
"""Names of the stages of ``stage_seconds`` that captioning by the model consists of."""


@dataclass(frozen=True, slots=True)
class TrackProgress:
    """How far one track is. Seconds of earlier runs count as done."""

    track: str
    """The track."""
    seconds_done: float
    """Footage seconds that are read, or given up."""
    seconds_total: float
    """Footage seconds of all contents found."""
    speed: float
    """Footage seconds that this run read per second that it spent on it; 0 before the first."""

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(1.0, self.seconds_done / self.seconds_total) if self.seconds_total > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """One reading of a running index. Windows and seconds of earlier runs count as done."""

    stage: Stage
    """"looking" while files are identified, "captioning" while the model works, "tracks" while only the other
    tracks are left, then "done"."""
    files_done: int
    """Files that are finished, indexed or not."""
    files_total: int
    """Files found; grows while looking."""
    windows_done: int
    """Windows captioned, or given up."""
    windows_total: int
    """Windows of all contents found."""
    seconds_done: float
    """Footage seconds of ``windows_done``, overlaps counted once."""
    seconds_total: float
    """Footage seconds of all contents found."""
    seconds_captioned: float
    """Footage seconds captioned by this run."""
    speed: float
    """Footage seconds captioned or reused per second of this run's captioning; 0 before the first."""
    eta_seconds: float | None
    """Time left at that speed, in seconds; None before the first caption."""
    current: str
    """Path of the file at hand; empty when there is none."""
    waiting: str = ""
    """What the model waits for, such as a server that is away; empty while it works."""
    track: str = ""
    """The track other than captions that is being read; empty where none is."""
    tracks: tuple[TrackProgress, ...] = ()
    """How far each track other than captions is, of those that the run makes."""
    windows_reused: int = 0
    """Windows that carry a caption over in which nothing changes, of this run."""


@dataclass(frozen=True, slots=True)
class TrackReport:
    """What a run did about one track other than captions."""

    windows: int = 0
    """Windows that were read."""
    seconds: float = 0.0
    """Footage seconds of those."""
    events: int = 0
    """What was read in them."""
    vectors: int = 0
    """Image vectors that were made of them."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What there is to know about files, such as "no sound track", and of how many videos each is true."""
    others: Mapping[str, int] = field(default_factory=dict)
    """Models other than the present one whose windows were kept, and of how many videos."""
    broken: str = ""
    """Why it could not be read to the end, one sentence; empty where it could."""


@dataclass(frozen=True, slots=True)
class ClockDoubt:
    """Files of one camera with two clocks that disagree.

    Either the container's differs from that in the name as time zones do, or the one in the picture differs
    from the other one by more than a little.
    """

    camera: str
    """The camera; empty where none is known."""
    ahead_seconds: float
    """By how much the container's clock is ahead of the name's, or the picture's of the other."""
    paths: tuple[str, ...]
    """The files."""
    burned_in: bool = False
    """Whether it is about the clock in the picture."""
    used: str = "container"
    """Which of the two was used: "container", "file name" or "burned-in"."""


@dataclass(frozen=True, slots=True)
class Away:
    """Known files that a run did not find."""

    gone: int
    """Files that are no longer there, newly noticed."""
    offline: int
    """Files that cannot be reached."""
    reasons: Mapping[str, str]
    """Why, by the path that was asked for."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run did. Every file found is counted once."""

    files: tuple[File, ...]
    """Every file found, as recorded."""
    indexed: int
    """Files whose content this run completed."""
    unchanged: int
    """Files whose content was complete before."""
    partial: int
    """Files of which some windows could not be decoded."""
    failed: int
    """Files of which nothing could be used."""
    waiting: int
    """Files that are left for another run."""
    skipped: int
    """Files that were left out on request."""
    gone: int
    """Files known from before that are no longer there, newly noticed."""
    offline: int
    """Files that cannot be reached, those that could not be reached before included."""
    ignored: Mapping[str, int]
    """Files and folders that were passed over, by kind, such as "hidden"."""
    warnings: Mapping[str, tuple[str, ...]]
    """What is unusual about files that this run took up, by path, such as time stamps that start again."""
    clock_doubts: tuple[ClockDoubt, ...]
    """Files whose two clocks differ as if one were in another time zone; the container's was taken."""
    windows_captioned: int
    """Windows that the model saw."""
    seconds_captioned: float
    """Footage seconds of those, overlaps counted once."""
    wall_seconds: float
    """How long the run took, in seconds."""
    stage_seconds: Mapping[str, float]
    """Where the time went; "decode" runs beside the others."""
    stopped: bool
    """Whether the run was asked to stop before it was through."""
    tracks: Mapping[str, TrackReport] = field(default_factory=dict)
    """What it did about the tracks that it makes beside captions, by track."""
    captions_made: bool = True
    """Whether it was to make captions."""
    windows_reused: int = 0
    """Windows that carry over a caption, because nothing changes (see ``indexer.reuse``)."""
    seconds_reused: float = 0.0
    """Footage seconds of those, overlaps counted once."""
    out_of_reach: Mapping[str, str] = field(default_factory=dict)
    """Why files are offline, by the path that was asked for; one reason of each."""

    @property
    def reached_nothing(self) -> bool:
        """Whether nothing of what was asked for could be reached."""
        return bool(self.out_of_reach) and all(file.state == "offline" for file in self.files)

    @property
    def seconds_saved(self) -> float:
        """About how long the model would have taken for the reused windows, at the speed of the others.

        0 where there were no others.
        """
        return self.windows_reused * model_seconds(self.stage_seconds, self.windows_captioned)


class ProgressTracker:
    """Counts what a run has done, and reports it to a listener."""

    def __init__(self, listener: Callable[[Progress], None] | None) -> None:
        self.stage: Stage = "looking"
        self.current = self.waiting = ""
        self.files_done = self.files_total = 0
        self.windows_done = self.windows_total = self.windows_captioned = self.windows_reused = 0
        self.seconds_done = self.seconds_total = self.seconds_captioned = self.seconds_reused = 0.0
        self.stopped = False
        self.stage_seconds: dict[str, float] = {}
        self._listener = listener
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._captioning_since: float | None = None
        self.track = ""
        self._track_seconds: dict[str, _TrackSeconds] = {}

    @contextmanager
    def timing(self, stage: str, parts: Callable[[], Mapping[str, float]] = dict) -> Iterator[None]:
        """Add the time of the block to a stage, less ``parts`` of it that count as stages of their own."""
        began = time.perf_counter()
        try:
            yield
        finally:
            inner = parts()
            spent = {stage: time.perf_counter() - began - sum(inner.values()), **inner}
            for name, seconds in spent.items():
                self.spend(name, seconds)

    def spend(self, stage: str, seconds: float) -> None:
        """Add seconds to a stage; any thread may."""
        with self._lock:
            self.stage_seconds[stage] = self.stage_seconds.get(stage, 0.0) + seconds

    def start_captioning(self) -> None:
        """Start the clock of ``speed``."""
        self.stage = "captioning"
        self._captioning_since = time.monotonic()

    def expect(self, windows: int, seconds: float) -> None:
        """Change the totals; negative numbers correct an estimate."""
        self.windows_total += windows
        self.seconds_total += seconds

    def done(self, seconds: float, *, captioned: bool, reused: bool = False) -> None:
        """Count one window as done, with the footage seconds that its predecessor did not cover."""
        self.windows_done += 1
        self.seconds_done += seconds
        if captioned:
            self.windows_captioned += 1
            self.seconds_captioned += seconds
        elif reused:
            self.windows_reused += 1
            self.seconds_reused += seconds

    def expect_track(self, track: str, seconds: float) -> None:
        """Change the total of a track; a negative number corrects an estimate."""
        self._track_seconds.setdefault(track, _TrackSeconds()).total += seconds

    def track_done(self, track: str, seconds: float, *, read: bool) -> None:
        """Count footage seconds of a track, read now or not."""
        each = self._track_seconds.setdefault(track, _TrackSeconds())
        each.done += seconds
        each.read += seconds if read else 0.0

    def finish(self) -> float:
        """Report that the run has ended.

        Returns:
            How long it took, in seconds.
        """
        self.stage, self.current = "done", ""
        self.tell()
        return time.monotonic() - self._began

    def tell(self) -> None:
        """Report to the listener."""
        if self._listener is None:
            return
        elapsed = time.monotonic() - self._captioning_since if self._captioning_since is not None else 0.0
        speed = (self.seconds_captioned + self.seconds_reused) / elapsed if elapsed > 0 else 0.0
        left = max(0.0, self.seconds_total - self.seconds_done)
        eta_seconds = left / speed if speed > 0 else None
        tracks = tuple(self._track_progress(track) for track in self._track_seconds)
        if self.stage == "tracks" or eta_seconds is not None:
            eta_seconds = _later(eta_seconds, tracks)
        self._listener(
            Progress(
                stage=self.stage,
                files_done=self.files_done,
                files_total=self.files_total,
                windows_done=self.windows_done,
                windows_total=self.windows_total,
                seconds_done=self.seconds_done,
                seconds_total=self.seconds_total,
                seconds_captioned=self.seconds_captioned,
                speed=speed,
                eta_seconds=eta_seconds,
                current=self.current,
                waiting=self.waiting,
                track=self.track,
                tracks=tracks,
                windows_reused=self.windows_reused,
            )
        )

    def _track_progress(self, track: str) -> TrackProgress:
        each, spent = self._track_seconds[track], self.stage_seconds.get(track, 0.0)
        return TrackProgress(track, each.done, each.total, each.read / spent if spent > 0 else 0.0)


@dataclass(slots=True)
class _TrackSeconds:
    """Footage seconds of one track."""

    total: float = 0.0
    done: float = 0.0
    read: float = 0.0


def _later(eta_seconds: float | None, tracks: tuple[TrackProgress, ...]) -> float | None:
    """The time left, given that of the captions: tracks are read beside them, one after the other."""
    behind = [each for each in tracks if each.seconds_total - each.seconds_done > 1e-3]
    if any(each.speed <= 0 for each in behind):
        return eta_seconds if eta_seconds else None
    return max(
        eta_seconds or 0.0, sum((each.seconds_total - each.seconds_done) / each.speed for each in behind)
    )


def model_seconds(stage_seconds: Mapping[str, float], windows_captioned: int) -> float:
    """How long the model took for a window on average, in seconds; 0 where it captioned none."""
    spent = sum(stage_seconds.get(stage, 0.0) for stage in MODEL_STAGES)
    return spent / windows_captioned if windows_captioned else 0.0


def new_seconds(windows: tuple[Window, ...]) -> dict[int, float]:
    """How many footage seconds each window of a plan adds to those before it, by index."""
    added: dict[int, float] = {}
    reached = 0.0
    for window in windows:
        added[window.index] = max(0.0, window.span.end_seconds - max(reached, window.span.start_seconds))
        reached = max(reached, window.span.end_seconds)
    return added
