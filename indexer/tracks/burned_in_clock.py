"""The wall clock and the timecode that are written into a picture, by its screen texts; pure, opens no file.

``read_clock(events, video)`` and ``read_timecode(events, video)`` take the screen-text events of a whole
video, as its windows have them or merged. A clock is taken for one only while it runs with the video, at a
second a second; what stands still, counts backwards, or counts anything else is none. Times are those of the
camera, without a zone. A clock without a date says the time of day alone (``recorded_at`` is empty).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from footage.core.types import CaptionEvent, TextBox, Video
from indexer.tracks import clock_formats
from indexer.tracks.clock_fit import DAY_SECONDS, ClockFit, ClockPoint, FittedJump, fit
from indexer.tracks.clock_formats import DateOrder

_MOST_READINGS = 40_000
"""Readings of one region that are used; of more, evenly chosen runs of a minute are."""
_FROM_ZERO_SECONDS = 2.0
"""A time without a date that is nearer to 0:00:00 at the first frame counts what has passed."""
_LEAST_DATES = 2
_LEAST_DATE_SHARE = 0.3
_NEAR_DAYS = 2
_DRIFT_TOLD_SECONDS = 1.0
"""Drift over the whole file from which on it is said."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class ClockInPicture:
    """The clock of a camera, written into the picture."""

    recorded_at: str
    """Wall clock of the first frame, ISO 8601 without a zone; empty where no date is written."""
    day_seconds: float
    """The same as seconds since midnight."""
    accuracy_seconds: float
    """By how much that may be off."""
    drift_seconds_per_hour: float
    """How much faster it runs than the video; 0 while unknown."""
    jumps: tuple[FittedJump, ...]
    """When it was set while the video ran."""
    region: TextBox
    """Where it stands."""
    readings: int
    """Readings that fit it."""
    ambiguous: bool
    """Whether day and month could be the other way round."""
    sentences: tuple[str, ...]
    """What there is to know about it, a sentence each; empty where all is well."""


class _Seen(NamedTuple):
    at_seconds: float
    text: str
    box: TextBox


def read_clock(
    events: Iterable[CaptionEvent], video: Video, *, near: date | None = None
) -> ClockInPicture | None:
    """The clock of a video's screen texts; None where none runs.

    Args:
        events: Screen-text events of the video.
        video: The video.
        near: The day on which the video was recorded by its name or container; decides between two orders
            of day and month.
    """
    events = sorted(events, key=lambda event: event.span)
    best: tuple[tuple[bool, int], ClockFit, list[_Seen]] | None = None
    for region in _regions(events):
        for points in _by_number(region):
            fitted = fit(points)
            if fitted is None:
                continue
            dated = any(clock_formats.dates(clock_formats.tidy(seen.text)) for seen in region)
            rank = (dated, fitted.readings)
            if best is None or rank > best[0]:
                best = rank, fitted, region
    if best is None:
        return None
    _, fitted, region = best
    day, ambiguous, sentences = _day(region, _companions(events, region), fitted, near)
    start = fitted.start_day_seconds
    if day is None and min(start, DAY_SECONDS - start) < _FROM_ZERO_SECONDS:
        return None
    recorded_at = ""
    if day is not None:
        moment = datetime(day.year, day.month, day.day) + timedelta(seconds=round(start, 3))
        recorded_at = moment.isoformat(timespec="milliseconds")
    sentences += _how_it_runs(fitted, video)
    box = region[0].box
    return ClockInPicture(
        recorded_at,
        round(start, 3),
        fitted.accuracy_seconds,
        fitted.drift_seconds_per_hour,
        fitted.jumps,
        replace(box, text=""),
        fitted.readings,
        ambiguous,
        tuple(sentences),
    )


def _regions(events: Sequence[CaptionEvent]) -> list[list[_Seen]]:
    """Readings with a time in them, by the place where they stand, in order of time."""
    regions: list[list[_Seen]] = []
    for event in events:
        if not event.boxes:
            continue
        seen = [_Seen(box.at_seconds, box.text, box) for box in event.boxes if box.text]
        if not seen:
            box = event.boxes[0]
            edges = event.span.start_seconds, max(event.span.start_seconds, event.span.end_seconds - 0.001)
            seen = [_Seen(at_seconds, event.text, box) for at_seconds in edges]
        if not any(clock_formats.times(clock_formats.tidy(each.text)) for each in seen):
            continue
        for region in regions:
            if _same_row(region[-1].box, seen[0].box) and _beside(region[-1].box, seen[0].box) < 0:
                region += seen
                break
        else:
            regions.append(seen)
    for region in regions:
        region.sort(key=lambda each: each.at_seconds)
    return [_thinned(region) for region in regions]


def _thinned(region: list[_Seen]) -> list[_Seen]:
    """At most ``_MOST_READINGS``, as whole minutes."""
    if len(region) <= _MOST_READINGS:
        return region
    every = -(-len(region) // _MOST_READINGS)
    return [seen for seen in region if int(seen.at_seconds // 60) % every == 0]


def _by_number(region: Sequence[_Seen]) -> list[list[ClockPoint]]:
    """The times that stand first, second, third in the readings of one place."""
    columns: list[list[ClockPoint]] = [[], [], []]
    for seen in region:
        for column, time in zip(columns, clock_formats.times(clock_formats.tidy(seen.text)), strict=False):
            column.append(ClockPoint(seen.at_seconds, time.seconds, time.step_seconds))
    return [column for column in columns if column]


def _companions(events: Sequence[CaptionEvent], region: Sequence[_Seen]) -> list[_Seen]:
    """Dates that stand beside, over or under a clock."""
    box = region[0].box
    height = box.bottom - box.top
    found = []
    for event in events:
        if not event.boxes or any(each.text for each in event.boxes):
            continue
        other = event.boxes[0]
        apart = max(box.top, other.top) - min(box.bottom, other.bottom)
        near = _same_row(box, other) or (apart < 1.5 * height and _beside(box, other) < 0)
        if near and clock_formats.dates(clock_formats.tidy(event.text)):
            edges = event.span.start_seconds, max(event.span.start_seconds, event.span.end_seconds - 0.001)
            found += [_Seen(at_seconds, event.text, other) for at_seconds in edges]
    return found


def _same_row(box: TextBox, other: TextBox) -> bool:
    shared = min(box.bottom, other.bottom) - max(box.top, other.top)
    return shared > 0.5 * min(box.bottom - box.top, other.bottom - other.top)


def _beside(box: TextBox, other: TextBox) -> float:
    """How far two boxes are apart from left to right; negative where one is above the other."""
    return max(box.left, other.left) - min(box.right, other.right)


def _day(
    region: Sequence[_Seen], companions: Sequence[_Seen], fitted: ClockFit, near: date | None
) -> tuple[date | None, bool, list[str]]:
    """The date of the first frame, whether it could be another one, and what is to be said about it."""
    # 1. For every order of day, month and year: the first frame's date by each reading.
    votes: dict[DateOrder, Counter[date]] = {}
    weekdays: Counter[int] = Counter()
    dated, half_day, sure = 0, False, 0
    own = [seen for seen in region if clock_formats.dates(clock_formats.tidy(seen.text))]
    for seen in own or companions:
        text = clock_formats.tidy(seen.text)
        passed = timedelta(days=(fitted.start_day_seconds + seen.at_seconds) // DAY_SECONDS)
        readings = clock_formats.dates(text)
        dated += 1
        sure += readings[0].sure
        for reading in readings:
            votes.setdefault(reading.order, Counter())[reading.day - passed] += 1
        half_day = half_day or any(time.half_day for time in clock_formats.times(text))
        named = clock_formats.weekday(text)
        if named is not None:
            weekdays[(named - passed.days) % 7] += 1
    named_day = weekdays.most_common(1)[0][0] if weekdays else None

    # 2. The orders that agree with most of the readings, and the dates they say.
    tops = {order: count.most_common(1)[0] for order, count in votes.items()}
    most = max((votes_of for _, votes_of in tops.values()), default=0)
    if most < min(_LEAST_DATES, max(1, dated)) or most < _LEAST_DATE_SHARE * dated:
        return None, False, []
    days = {order: day for order, (day, votes_of) in tops.items() if votes_of >= 0.9 * most}
    if named_day is not None:
        days = {order: day for order, day in days.items() if day.weekday() == named_day} or days
    chosen, ambiguous = _chosen(days, half_day=half_day, near=near)

    # 3. What is to be said.
    sentences = []
    if ambiguous:
        others = sorted({day.isoformat() for day in days.values() if day != chosen})
        sentences.append(
            f"the date in the picture could be {chosen.isoformat()} or {' or '.join(others)}; the first "
            "is used"
        )
    if named_day is not None and chosen.weekday() != named_day:
        sentences.append(
            f"the picture says {_DAYS[named_day]}, but {chosen.isoformat()} is a {_DAYS[chosen.weekday()]}"
        )
    return chosen, ambiguous, sentences


def _chosen(days: dict[DateOrder, date], *, half_day: bool, near: date | None) -> tuple[date, bool]:
    """One of several dates, and whether that is a guess.

    What is known otherwise decides, else the American order where AM or PM is written, else day first.
    """
    if len(set(days.values())) == 1:
        return next(iter(days.values())), False
    if near is not None:
        fitting = {day for day in days.values() if abs((day - near).days) <= _NEAR_DAYS}
        if len(fitting) == 1:
            return fitting.pop(), False
    orders: tuple[DateOrder, ...] = ("day first", "month first", "year first")
    if half_day:
        orders = ("month first", "day first", "year first")
    return next(days[order] for order in orders if order in days), True


def _how_it_runs(fitted: ClockFit, video: Video) -> list[str]:
    """What there is to say about jumps and drift."""
    sentences = [
        f"the clock in the picture was set {'forward' if jump.by_seconds > 0 else 'back'} by "
        f"{abs(jump.by_seconds):.1f} s at {jump.at_seconds:.1f} s"
        for jump in fitted.jumps[:_MOST_JUMPS]
    ]
    if len(fitted.jumps) > _MOST_JUMPS:
        sentences.append(f"the clock in the picture was set {len(fitted.jumps) - _MOST_JUMPS} times more")
    drift = fitted.drift_seconds_per_hour
    if abs(drift) * video.duration_seconds / 3600 >= _DRIFT_TOLD_SECONDS:
        faster = "faster" if drift > 0 else "slower"
        sentences.append(f"the clock in the picture runs {abs(drift):.1f} s an hour {faster} than the video")
    return sentences


_MOST_JUMPS = 5
