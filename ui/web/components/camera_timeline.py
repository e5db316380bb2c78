"""Where the footage of several cameras lies on one wall clock; pure, draws nothing, knows no page.

The axis is linear in absolute time. Its labels are local times as the recordings have them, by the offset
from UTC in each: where clocks are put forward or back, an hour is missing or there twice on a true axis.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from pathlib import PurePath
from types import MappingProxyType

from footage.core.types import ClockSource, File, Span
from footage.core.windows import runs
from search.query.filters import read_moment

FINEST = 800
"""A row is drawn in at most about this many pieces: neighbours nearer than a piece are drawn as one."""
MOST_TICKS = 9
"""Most labels of the axis."""
SHORTEST = timedelta(seconds=10)
"""Nobody sees less than this at once."""
_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600]
_QUARTER = 900  # every offset from UTC in use is a multiple of a quarter of an hour
_NEAR = timedelta(hours=36)  # more than a day of local time away from its date in UTC


@dataclass(frozen=True, slots=True)
class Row:
    """What footage is filed under: a camera, or where none is named, a folder."""

    name: str
    """The camera's name, or the folder's."""
    named: bool
    """Whether it is a camera's."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file on the wall clock, or one run of its frames where it has gaps."""

    content_id: str
    """What it holds."""
    path: str
    """Where it lies."""
    row: Row
    """Who recorded it."""
    start: datetime
    """When it begins, with the offset it was recorded under."""
    end: datetime
    """When it ends."""
    source: ClockSource
    """Where its clock comes from."""
    zone_assumed: bool
    """Whether its clock names no zone, so that one had to be assumed."""
    indexed: bool
    """Whether it is searched, at least in part."""
    start_seconds: float = 0.0
    """Where it begins, in video time."""

    @property
    def file_start(self) -> datetime:
        """When the file begins, with the offset it was recorded under."""
        return _later(self.start, -self.start_seconds)

    @property
    def guessed(self) -> bool:
        """Whether its place on the axis is a guess, wholly or by its zone."""
        return self.source == "guessed" or self.zone_assumed


@dataclass(frozen=True, slots=True)
class View:
    """A period of wall-clock time, start included, end not."""

    start: datetime
    """Where it begins, UTC."""
    end: datetime
    """Where it ends, UTC."""

    @property
    def length(self) -> timedelta:
        """How much it shows."""
        return self.end - self.start

    def fraction(self, moment: datetime) -> float:
        """Where a moment lies, 0 at the start and 1 at the end; outside of these beyond."""
        return (moment - self.start) / self.length

    def moment(self, fraction: float) -> datetime:
        """The moment at a place, 0 to 1, to the millisecond."""
        seconds = self.length.total_seconds() * min(max(fraction, 0.0), 1.0)
        return self.start + timedelta(seconds=round(seconds, 3))


@dataclass(frozen=True, slots=True)
class Bar:
    """Footage that exists, as a piece of a row."""

    left: float
    """Where it begins, 0 to 1."""
    width: float
    """How long it is, 0 to 1."""
    start: datetime
    """Begin of the first file, not cut to the view."""
    end: datetime
    """End of the last one."""
    files: int
    """How many files it stands for."""
    guessed: bool
    """Whether the clock of any of them is a guess."""
    indexed: bool
    """Whether all of them are searched."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one file of a camera shows at a moment, or that the camera shows nothing."""

    row: Row
    """Which."""
    recording: Recording | None
    """What covers the moment; None for nothing."""
    seconds: float
    """Where the moment lies in it, in video time."""
    before: datetime | None
    """Where nothing does: when the last footage before it ended, if there is any."""
    after: datetime | None
    """Where nothing does: when the next footage begins, if there is any."""


def recordings(
    files: Iterable[File], *, zone: tzinfo, gaps: Mapping[str, Sequence[Span]] = MappingProxyType({})
) -> tuple[list[Recording], list[File]]:
    """Put files on the wall clock, each content once a camera and time; those without a clock come second.

    Args:
        files: What the index knows; files that are gone or of unknown length are left out.
        zone: Where a clock without a zone is assumed to hang.
        gaps: By content id, where a video has no frames; a file is a recording for each run between them.
    """
    placed: dict[tuple[Row, datetime, str], Recording] = {}
    without: list[File] = []
    for file in files:
        if file.state == "gone" or not file.content_id or file.duration_seconds <= 0:
            continue
        start = read_moment(file.recorded_at)
        if start is None:
            without.append(file)
            continue
        assumed = start.tzinfo is None
        start = start.replace(tzinfo=zone) if assumed else start
        row = Row(file.camera, True) if file.camera else Row(PurePath(file.path).parent.name, False)
        searched = file.state in ("indexed", "partial", "offline")
        for run in runs(Span(0, file.duration_seconds), gaps.get(file.content_id, ())):
            begin, end = _later(start, run.start_seconds), _later(start, run.end_seconds)
            made = Recording(
                *(file.content_id, file.path, row, begin, end, file.clock_source, assumed, searched),
                start_seconds=run.start_seconds,
            )
            placed.setdefault((row, begin.astimezone(UTC), file.content_id), made)
    return (
        sorted(placed.values(), key=lambda each: (each.start.astimezone(UTC), each.path)),
        sorted(without, key=lambda file: file.path),
    )


def days(recorded: Iterable[Recording]) -> dict[date, timedelta]:
    """The local days there is footage of, each with how much, the latest first.

    A file past midnight counts to both days, with what it has of each.
    """
    footage: dict[date, timedelta] = defaultdict(timedelta)
    for each in recorded:
        day = each.start.date()
        while day <= each.end.date():
            offset = each.start.utcoffset() or timedelta()
            opens = _at_offset(day, offset)
            shown = min(each.end, opens + timedelta(days=1)) - max(each.start, opens)
            if shown > timedelta():
                footage[day] += shown
            day += timedelta(days=1)
    return dict(sorted(footage.items(), reverse=True))


def near(recorded: Iterable[Recording], day: date) -> list[Recording]:
    """The recordings that may touch a day, whatever its zone."""
    noon = datetime.combine(day, time(12), UTC)
    return [each for each in recorded if each.end > noon - _NEAR and each.start < noon + _NEAR]


def day_view(recorded: Sequence[Recording], day: date) -> View:
    """A local day, from midnight to midnight: 23 or 25 hours long where clocks are put forward or back."""
    return View(_midnight(recorded, day), _midnight(recorded, day + timedelta(days=1)))


def zoomed(view: View, whole: View, factor: float, around: datetime | None = None) -> View:
    """A view ``factor`` times as long around a moment (its middle when None), inside of the whole."""
    length = min(max(view.length * factor, SHORTEST), whole.length)
    return within(
        View((around or view.moment(0.5)) - length / 2, (around or view.moment(0.5)) + length / 2), whole
    )


def within(view: View, whole: View) -> View:
    """The view, moved and if need be cut so that it lies inside of the whole."""
    length = min(view.length, whole.length)
    start = min(max(view.start, whole.start), whole.end - length)
    return View(start, start + length)


def lanes(recorded: Iterable[Recording], view: View) -> dict[Row, list[list[Bar]]]:
    """The bars of each camera: no two of one lane overlap; a camera whose files overlap has several lanes.

    Cameras come by name, those that are none last; each has a row even where it has nothing to show.
    """
    by_row: dict[Row, list[list[Recording]]] = {}
    for each in sorted(recorded, key=lambda each: (each.start.astimezone(UTC), each.end, each.path)):
        mine = by_row.setdefault(each.row, [[]])
        if each.end <= view.start or each.start >= view.end:
            continue
        free = next((lane for lane in mine if not lane or lane[-1].end <= each.start), None)
        if free is None:
            mine.append(free := [])
        free.append(each)
    ordered = sorted(by_row, key=lambda row: (not row.named, row.name.casefold(), row.name))
    return {row: [_bars(lane, view) for lane in by_row[row]] for row in ordered}


def ticks(view: View, recorded: Sequence[Recording]) -> list[tuple[float, str]]:
    """Labels of the axis, where each lies and what it says; the first behind a change names the offset."""
    length = view.length.total_seconds()
    step = next((each for each in _STEPS if length / each <= MOST_TICKS), _STEPS[-1])
    unit = min(step, _QUARTER)
    labels: list[tuple[float, str]] = []
    before = offset_at(recorded, view.start)
    second = -(-int(view.start.timestamp()) // unit) * unit
    while second < view.end.timestamp():
        moment = datetime.fromtimestamp(second, UTC)
        offset = offset_at(recorded, moment)
        local = moment + offset
        if int(local.replace(tzinfo=UTC).timestamp()) % step == 0 and moment >= view.start:
            label = local.strftime("%H:%M:%S" if step < 60 else "%H:%M")
            labels.append(
                (view.fraction(moment), label if offset == before else f"{label} {zone_name(offset)}")
            )
            before = offset
        second += unit
    return labels


def offset_at(recorded: Sequence[Recording], moment: datetime) -> timedelta:
    """The offset from UTC that the recordings have: that of the nearest, of several the commonest."""
    if not recorded:
        return timedelta()
    nearest: dict[timedelta, tuple[timedelta, bool]] = {}
    common: Counter[timedelta] = Counter()
    for each in recorded:
        offset = each.start.utcoffset() or timedelta()
        apart = max(each.start - moment, moment - each.end, timedelta()), each.end <= moment
        nearest[offset] = min(nearest.get(offset, apart), apart)
        common[offset] += 1
    return min(nearest, key=lambda offset: (nearest[offset], -common[offset], offset))


def local(recorded: Sequence[Recording], moment: datetime) -> datetime:
    """A moment as the clocks there showed it."""
    return moment.astimezone(timezone(offset_at(recorded, moment)))


def moment_of(recorded: Sequence[Recording], day: date, clock: time) -> datetime:
    """The moment that a local day's clock shows a time, UTC; of two the first, of none the next there is."""
    view = day_view(recorded, day)
    offsets = {offset_at(recorded, view.start), offset_at(recorded, view.end - SHORTEST)}
    moments = sorted(datetime.combine(day, clock, UTC) - offset for offset in offsets)
    fitting = [
        each for each in moments if offset_at(recorded, each) == datetime.combine(day, clock, UTC) - each
    ]
    return (fitting or moments)[0]


def zone_name(offset: timedelta) -> str:
    """An offset from UTC in words: "UTC+02:00"."""
    return timezone(offset).tzname(None) if offset else "UTC"


def at_moment(recorded: Iterable[Recording], moment: datetime) -> list[Seen]:
    """What each camera shows at a moment, in the order of ``lanes``: every file that covers it, by start."""
    by_row: dict[Row, list[Recording]] = defaultdict(list)
    for each in recorded:
        by_row[each.row].append(each)
    seen = []
    for row in sorted(by_row, key=lambda row: (not row.named, row.name.casefold(), row.name)):
        covering = [each for each in by_row[row] if each.start <= moment < each.end]
        if covering:
            seen += [
                Seen(row, each, each.start_seconds + (moment - each.start).total_seconds(), None, None)
                for each in sorted(covering, key=lambda each: (each.start, each.path))
            ]
            continue
        before = max((each.end for each in by_row[row] if each.end <= moment), default=None)
        after = min((each.start for each in by_row[row] if each.start > moment), default=None)
        seen.append(Seen(row, None, 0.0, before, after))
    return seen


def placed(
    spans: Mapping[str, Sequence[Span]], recorded: Iterable[Recording], view: View
) -> dict[Row, list[tuple[float, float]]]:
    """Where spans of videos lie in each row, (left, width) from 0 to 1; close neighbours as one."""
    pieces: dict[Row, list[tuple[float, float]]] = defaultdict(list)
    for each in recorded:
        start = each.file_start.astimezone(UTC)
        for span in spans.get(each.content_id, ()):
            left = view.fraction(start + timedelta(seconds=span.start_seconds))
            right = view.fraction(start + timedelta(seconds=span.end_seconds))
            if right >= 0 and left < 1:
                pieces[each.row].append((max(left, 0.0), min(right, 1.0)))
    return {row: [(left, right - left) for left, right in _joined(each)] for row, each in pieces.items()}


def _later(moment: datetime, seconds: float) -> datetime:
    """So many seconds later, as a clock of the same zone shows it."""
    return (moment.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(moment.tzinfo)


def _joined(pieces: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for left, right in sorted(pieces):
        if joined and left - joined[-1][1] <= 1 / FINEST:
            joined[-1] = joined[-1][0], max(joined[-1][1], right)
        else:
            joined.append((left, right))
    return joined


def _bars(lane: Sequence[Recording], view: View) -> list[Bar]:
    """A lane in pieces: files of one kind that follow each other are one."""
    bars: list[Bar] = []
    for each in lane:
        left = max(view.fraction(each.start), 0.0)
        width = min(view.fraction(each.end), 1.0) - left
        last = bars[-1] if bars else None
        if (
            last is not None
            and left - (last.left + last.width) <= 1 / FINEST
            and (last.guessed, last.indexed) == (each.guessed, each.indexed)
        ):
            made = last.left, left + width - last.left, last.start, each.end, last.files + 1
            bars[-1] = Bar(*made, each.guessed, each.indexed)
        else:
            bars.append(Bar(left, width, each.start, each.end, 1, each.guessed, each.indexed))
    return bars


def _midnight(recorded: Sequence[Recording], day: date) -> datetime:
    """The beginning of a local day, UTC, under the offset that holds there."""
    offsets = {each.start.utcoffset() or timedelta() for each in recorded} or {timedelta()}
    moments = sorted(_at_offset(day, offset) for offset in offsets)
    return next((each for each in moments if _at_offset(day, offset_at(recorded, each)) == each), moments[0])


def _at_offset(day: date, offset: timedelta) -> datetime:
    return (datetime.combine(day, time(), UTC) - offset).astimezone(UTC)
