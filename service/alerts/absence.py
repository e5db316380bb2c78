"""Decides whether nothing happened in a period, going by footage and moments; pure, reads no clock.

All times are seconds since the epoch. That nothing happened is said only of a period whose footage was
examined from end to end, of every camera; otherwise it is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

SMALL_GAP_SECONDS = 10.0
"""Longest stretch without footage that does not count: recorders pause between two files."""
GRACE_SECONDS = 3600.0
"""How long after its end a period without enough footage waits for it."""
MOST_PERIODS = 400
"""Most periods that are judged at a time, the latest ones."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A stretch of wall-clock time, half-open."""

    start: float
    """When it begins, seconds since the epoch."""
    end: float
    """When it ends, seconds since the epoch."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    def meets(self, other: Interval) -> bool:
        """Whether the two share time; an interval without length lies in another one."""
        return self.start < other.end and other.start < max(self.end, self.start + 1e-6)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of a period."""

    period: Interval
    """The period."""
    known: bool
    """Whether nothing happened; False where that is not known."""
    missing: Mapping[str, tuple[Interval, ...]]
    """Stretches without examined footage, by camera."""


def joined(intervals: Iterable[Interval], *, gap_seconds: float = 0.0) -> list[Interval]:
    """Intervals as few that do not touch, in order; gaps up to a length are closed."""
    found: list[Interval] = []
    for each in sorted(intervals):
        if found and each.start <= found[-1].end + gap_seconds:
            found[-1] = Interval(found[-1].start, max(found[-1].end, each.end))
        else:
            found.append(each)
    return found


def missing(period: Interval, footage: Iterable[Interval]) -> tuple[Interval, ...]:
    """The stretches of a period without footage, but for small gaps."""
    left: list[Interval] = []
    reached = period.start
    for each in joined(footage, gap_seconds=SMALL_GAP_SECONDS):
        if each.start > reached:
            left.append(Interval(reached, min(each.start, period.end)))
        reached = max(reached, each.end)
        if reached >= period.end:
            break
    left.append(Interval(reached, period.end))
    return tuple(each for each in left if each.seconds > SMALL_GAP_SECONDS)


def periods_without(
    begins: float, matches: Iterable[Interval], *, length_seconds: float, now: float
) -> list[Interval]:
    """The first ``length_seconds`` of every stretch of that length or more between two matches.

    Args:
        begins: When the first stretch begins.
        matches: When something happened.
        length_seconds: How long nothing must have happened.
        now: The end of the last stretch.
    """
    found, reached = [], begins
    for match in (*joined(matches), Interval(now, now)):
        if match.start - reached >= length_seconds:
            found.append(Interval(reached, reached + length_seconds))
        reached = max(reached, match.end)
    return found[-MOST_PERIODS:]


def daily_periods(begins: float, first: time, last: time, zone: ZoneInfo, *, now: float) -> list[Interval]:
    """The time between two times of each day, of days that began after a time and are over.

    Args:
        begins: Earlier periods are left out.
        first: When the period begins, by the clock of the zone.
        last: When it ends; of the next day, where it is not after ``first``.
        zone: The time zone.
        now: Later periods are left out.
    """
    today = datetime.fromtimestamp(now, zone).date()
    day = max(datetime.fromtimestamp(begins, zone).date(), today - timedelta(days=MOST_PERIODS))
    found = []
    while day <= today:
        end_day = day if first < last else day + timedelta(days=1)
        period = Interval(
            datetime.combine(day, first, zone).timestamp(), datetime.combine(end_day, last, zone).timestamp()
        )
        if period.start >= begins and period.end <= now:
            found.append(period)
        day += timedelta(days=1)
    return found


def judged(
    periods: Iterable[Interval],
    *,
    matches: Sequence[Interval],
    footage: Mapping[str, Sequence[Interval]],
    now: float,
    grace_seconds: float = GRACE_SECONDS,
) -> list[Judgement]:
    """What is known of some periods in which nothing was found; periods that are too recent are left out.

    Args:
        periods: The periods.
        matches: When something happened.
        footage: When the examined footage of each camera was recorded; cameras without any count, too.
        now: The time.
        grace_seconds: How long a period waits for footage that is missing.
    """
    found = []
    for period in periods:
        if any(match.meets(period) for match in matches):
            continue
        lacking = {camera: missing(period, recorded) for camera, recorded in footage.items()}
        lacking = {camera: gaps for camera, gaps in lacking.items() if gaps}
        if not lacking and footage:
            found.append(Judgement(period, True, {}))
        elif now >= period.end + grace_seconds:
            found.append(Judgement(period, False, lacking))
    return found
