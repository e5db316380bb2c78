"""Fits a clock to readings of it: second readings against video time, misreadings and jumps apart; pure.

A clock that shows ``wall`` at video time ``t`` and counts in steps of ``step`` began at ``c0`` with
``wall <= c0 + t < wall + step``: all right readings of one clock have offsets ``wall - t`` in a band as wide
as one step. What stands still, runs backwards or at another speed leaves that band within two steps.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

DAY_SECONDS = 86_400.0
_SLACK_SECONDS = 0.3
"""By how much a clock may tick early or late: pictures come at steps, and the clock is drawn by a camera."""
_TICK_SECONDS = 0.01
"""A band is narrower than a step by at least this: as wide as one it would be of a clock and a misreading."""
_RECENT_READINGS = 24
"""How many readings back one is compared with: a clock that drifts does not leave the band of those."""
_LEAST_VALUES = 3
"""Fewest different values that run with the video before they count as a clock."""
_MOST_PENDING = 10
_FEW_READINGS = 8
"""Fewer readings that differ in a single digit are misreadings, not a jump."""
_BIN_SECONDS = 60.0
_LEAST_BINS, _LEAST_DRIFT_SECONDS = 5, 300.0
_FINEST_SECONDS = 0.05
"""Clocks with parts of a second are no more exact than this: one picture."""


@dataclass(frozen=True, slots=True)
class ClockPoint:
    """One reading."""

    at_seconds: float
    """When, in video time."""
    day_seconds: float
    """What the clock shows, in seconds since midnight."""
    step_seconds: float
    """What it counts in."""


@dataclass(slots=True)
class _Segment:
    """Readings of a clock that runs evenly."""

    base: float
    """Offsets are kept within half a day of this."""
    points: list[ClockPoint] = field(default_factory=list)
    offsets: list[float] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT_READINGS))

    def offset(self, point: ClockPoint) -> float:
        return self.base + nearest(point.day_seconds - point.at_seconds - self.base)

    def fits(self, point: ClockPoint) -> bool:
        """Whether a reading lies in the band of the recent ones, as most of them have it."""
        if not self.recent:
            return True
        began, spare = phase(self.recent, point.step_seconds)
        offset, slack = self.offset(point), _SLACK_SECONDS + min(spare, point.step_seconds / 2)
        return began - point.step_seconds - slack <= offset <= began + slack

    def add(self, point: ClockPoint) -> None:
        offset = self.offset(point)
        self.points.append(point)
        self.offsets.append(offset)
        self.recent.append(offset)

    @property
    def values(self) -> int:
        return len({round(point.day_seconds, 3) for point in self.points})

    def began(self) -> tuple[float, float]:
        """The clock at video time 0 by the first readings, and by how much that may be off."""
        until = self.points[0].at_seconds + 2 * _BIN_SECONDS * max(1.0, self.points[0].step_seconds)
        count = sum(point.at_seconds <= until for point in self.points)
        return phase(self.offsets[:count], self.points[0].step_seconds)


@dataclass(frozen=True, slots=True)
class FittedJump:
    """The clock was set."""

    at_seconds: float
    """When, in video time: the first reading after it."""
    by_seconds: float
    """By how much, forward counted positive."""


@dataclass(frozen=True, slots=True)
class ClockFit:
    """A clock that runs with the video."""

    start_day_seconds: float
    """What it would show at video time 0, in seconds since midnight, 0 to 86,400."""
    accuracy_seconds: float
    """By how much that may be off."""
    drift_seconds_per_hour: float
    """How much faster it runs than the video; 0 where too little of it was seen to say."""
    jumps: tuple[FittedJump, ...]
    """When it was set."""
    step_seconds: float
    """What it counts in."""
    readings: int
    """Readings that fit."""
    share: float
    """Those, as a share of all readings."""


def fit(points: Sequence[ClockPoint]) -> ClockFit | None:
    """The clock that explains most of some readings; None where none runs evenly with the video."""
    points = sorted(points, key=lambda point: point.at_seconds)
    if not points:
        return None
    step = statistics.mode(point.step_seconds for point in points)
    points = [point for point in points if point.step_seconds == step]
    segments = _without_misreadings(_segments(points))
    if not segments:
        return None
    longest = max(segments, key=lambda each: len(each.points))
    lasted = longest.points[-1].at_seconds - longest.points[0].at_seconds
    used = sum(len(each.points) for each in segments)
    if (
        longest.values < _LEAST_VALUES
        or lasted < min(1.0, step) * 1.5
        or used < _least(longest) * len(points)
    ):
        return None
    began, accuracy = segments[0].began()
    jumps = []
    for before, after in pairwise(segments):
        by = nearest(_last_phase(after, first=True) - _last_phase(before, first=False))
        jumps.append(FittedJump(after.points[0].at_seconds, round(by, 2)))
    drift = 3600 * _slope(longest)
    return ClockFit(
        began % DAY_SECONDS,
        round(max(accuracy, step / 2 if step < 1 else 0.0), 3),
        round(drift, 2),
        tuple(jumps),
        step,
        used,
        round(used / len(points), 3),
    )


def _least(longest: _Segment) -> float:
    """Least share of the readings that a clock explains: less where many values run evenly."""
    return 0.5 if longest.values < _MANY_VALUES else 0.3


_MANY_VALUES = 6


def phase(offsets: Sequence[float], step_seconds: float) -> tuple[float, float]:
    """The offset of a clock that counts in steps, by its readings, and half the width of what is possible.

    The band as wide as a step that holds most of the offsets decides; others are misreadings.
    """
    held = sorted(offsets)
    if step_seconds < 1:
        middle = statistics.median(held)
        return middle, max(_FINEST_SECONDS, statistics.median(abs(each - middle) for each in held))
    most = step_seconds - _TICK_SECONDS if step_seconds < 60 else step_seconds + _SLACK_SECONDS
    best, band = 0, (held[0], held[0])
    first = 0
    for last, offset in enumerate(held):
        while offset - held[first] > most:
            first += 1
        if last - first + 1 > best:
            best, band = last - first + 1, (held[first], offset)
    low, high = band[1], band[0] + step_seconds
    return (low + high) / 2, abs(high - low) / 2


def nearest(seconds: float) -> float:
    """A difference of times of day as what is nearest to 0, within half a day."""
    return (seconds + DAY_SECONDS / 2) % DAY_SECONDS - DAY_SECONDS / 2


def _segments(points: Sequence[ClockPoint]) -> list[_Segment]:
    """Runs of readings that fit one clock each; readings that fit none are left out."""
    found: list[_Segment] = []
    pending: deque[ClockPoint] = deque(maxlen=_MOST_PENDING)
    for point in points:
        if found and found[-1].fits(point):
            found[-1].add(point)
            pending.clear()
            continue
        pending.append(point)
        seed = _Segment(point.day_seconds - point.at_seconds)
        for other in pending:
            if seed.fits(other):
                seed.add(other)
        if seed.points and seed.points[-1] is point and seed.values >= _LEAST_VALUES:
            found.append(seed)
            pending.clear()
    return found


def _without_misreadings(segments: list[_Segment]) -> list[_Segment]:
    """Segments without those in which one digit is read wrongly again and again, those around them joined."""
    kept: list[_Segment] = []
    for number, each in enumerate(segments):
        following = segments[number + 1] if number + 1 < len(segments) else None
        if (
            kept
            and following is not None
            and _same_clock(kept[-1], following)
            and not _same_clock(kept[-1], each)
        ):
            continue
        neighbour = kept[-1] if kept else following
        few = len(each.points) < _FEW_READINGS and neighbour is not None
        if few and neighbour is not None and _one_digit_off(each, neighbour):
            continue
        if kept and _same_clock(kept[-1], each):
            for point in each.points:
                kept[-1].add(point)
            continue
        kept.append(each)
    return kept


def _same_clock(before: _Segment, after: _Segment) -> bool:
    step = before.points[0].step_seconds
    apart = nearest(_last_phase(after, first=True) - _last_phase(before, first=False))
    return abs(apart) <= max(1.0, step) + 2 * _SLACK_SECONDS


def _last_phase(segment: _Segment, *, first: bool) -> float:
    """The offset of a clock by its first or last readings."""
    offsets = segment.offsets[:40] if first else segment.offsets[-40:]
    return phase(offsets, segment.points[0].step_seconds)[0]


def _one_digit_off(segment: _Segment, neighbour: _Segment) -> bool:
    """Whether all readings differ from what another segment's clock shows in the same single digit."""
    places = set()
    for point in segment.points:
        should = (_last_phase(neighbour, first=True) + point.at_seconds) % DAY_SECONDS
        ways = []
        for nudge in (-1.0, 0.0, 1.0):
            pairs = zip(_shown(point.day_seconds), _shown((should + nudge) % DAY_SECONDS), strict=True)
            ways.append([number for number, (read, clock) in enumerate(pairs) if read != clock])
        fewest = min(ways, key=len)
        if len(fewest) > 1:
            return False
        places.update(fewest)
    return len(places) == 1


def _shown(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}"


def _slope(segment: _Segment) -> float:
    """Seconds a second by which a clock runs faster than the video; 0 where too little was seen."""
    bins: dict[int, list[int]] = {}
    size = max(_BIN_SECONDS, 5 * segment.points[0].step_seconds)
    for number, point in enumerate(segment.points):
        bins.setdefault(int(point.at_seconds // size), []).append(number)
    middles, offsets = [], []
    for numbers in bins.values():
        if len({segment.points[number].day_seconds for number in numbers}) >= _LEAST_VALUES:
            middles.append(statistics.fmean(segment.points[number].at_seconds for number in numbers))
            offsets.append(phase([segment.offsets[n] for n in numbers], segment.points[0].step_seconds)[0])
    if len(middles) < _LEAST_BINS or middles[-1] - middles[0] < _LEAST_DRIFT_SECONDS:
        return 0.0
    return statistics.linear_regression(middles, offsets).slope
