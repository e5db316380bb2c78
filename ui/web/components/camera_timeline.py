"""Where the footage of several cameras lies on one wall clock; pure, draws nothing, knows no page.

The axis is linear in absolute time. Its labels are local times as the recordings have them, by the offset
from UTC in each: where clocks are put forward or back, an hour is missing or there twice on a true axis.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from pathlib import PurePath
from types import MappingProxyType

from footage.core.types import ClockSource, File, Span
from footage.core.windows import runs
from search.query.filters import read_moment

SHORTEST = timedelta(seconds=10)
"""Nobody sees less than this at once."""
MARGIN = 0.02
"""What a view that fits leaves free on both sides, as a part of the footage's length."""
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


@dataclass(frozen=True, slots=True)
class WallLane:
    """Recordings of a row of which no two overlap; what is shown of them has one place on the wall."""

    row: Row
    """Whose they are."""
    recordings: tuple[Recording, ...]
    """Them, by start."""


@dataclass(frozen=True, slots=True)
class ClockedFiles:
    """What the index knows of files, as far as the clock is concerned; each file in one of the lists."""

    recorded: list[Recording]
    """Those on the clock, by start."""
    unknown: list[File]
    """Those whose time is not known, by path."""
    unread: list[File]
    """Those that are not read yet or cannot be read, by path: not even their length is known."""


def recordings(
    files: Iterable[File], *, zone: tzinfo, gaps: Mapping[str, Sequence[Span]] = MappingProxyType({})
) -> ClockedFiles:
    """Put files on the wall clock, each content once a camera and time; those without a clock come apart.

    Args:
        files: What the index knows; files that are gone are left out.
        zone: Where a clock without a zone is assumed to hang.
        gaps: By content id, where a video has no frames; a file is a recording for each run between them.
    """
    there = sorted((file for file in files if file.state != "gone"), key=lambda file: file.path)
    names = _folder_names(file.path for file in there if not file.camera)
    placed: dict[tuple[Row, datetime, str], Recording] = {}
    without: list[File] = []
    unread: list[File] = []
    for file in there:
        start = read_moment(file.recorded_at)
        if not file.content_id or file.duration_seconds <= 0:
            unread.append(file)
            continue
        if start is None:
            without.append(file)
            continue
        assumed = start.tzinfo is None
        start = start.replace(tzinfo=zone) if assumed else start
        folder = PurePath(file.path).parent
        row = Row(file.camera, True) if file.camera else Row(names[folder], False)
        searched = file.state in ("indexed", "partial", "offline")
        for run in runs(Span(0, file.duration_seconds), gaps.get(file.content_id, ())):
            begin, end = _later(start, run.start_seconds), _later(start, run.end_seconds)
            made = Recording(
                *(file.content_id, file.path, row, begin, end, file.clock_source, assumed, searched),
                start_seconds=run.start_seconds,
            )
            placed.setdefault((row, begin.astimezone(UTC), file.content_id), made)
    recorded = sorted(placed.values(), key=lambda each: (each.start.astimezone(UTC), each.path))
    return ClockedFiles(recorded, without, unread)


def shown_in(recorded: Iterable[Recording], zone: tzinfo) -> list[Recording]:
    """The recordings as clocks of a zone would have shown them."""
    return [
        replace(each, start=each.start.astimezone(zone), end=each.end.astimezone(zone)) for each in recorded
    ]


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


def fitting(recorded: Iterable[Recording], whole: View) -> View:
    """From the first to the last second of footage in a view, with small margins; the whole where none is."""
    inside = [each for each in recorded if each.end > whole.start and each.start < whole.end]
    if not inside:
        return whole
    first = max(min(each.start for each in inside).astimezone(UTC), whole.start)
    last = min(max(each.end for each in inside).astimezone(UTC), whole.end)
    margin = max((last - first) * MARGIN, (SHORTEST - (last - first)) / 2, timedelta(seconds=1))
    return View(max(first - margin, whole.start), min(last + margin, whole.end))


def lanes(recorded: Iterable[Recording]) -> list[WallLane]:
    """The recordings in lanes: no two of one lane overlap; a camera whose files overlap has several lanes.

    Cameras come by name, those that are none last.
    """
    by_row: dict[Row, list[list[Recording]]] = {}
    for each in sorted(recorded, key=lambda each: (each.start.astimezone(UTC), each.end, each.path)):
        mine = by_row.setdefault(each.row, [])
        free = next((lane for lane in mine if lane[-1].end <= each.start), None)
        if free is None:
            mine.append(free := [])
        free.append(each)
    ordered = sorted(by_row, key=lambda row: (not row.named, row.name.casefold(), row.name))
    return [WallLane(row, tuple(lane)) for row in ordered for lane in by_row[row]]


def offsets(recorded: Sequence[Recording], view: View) -> list[tuple[datetime, timedelta]]:
    """The offsets from UTC in a view, each with the moment from which it holds; the first from its start."""
    second = int(view.start.timestamp()) // _QUARTER * _QUARTER
    held = [(view.start, offset_at(recorded, view.start))]
    few = {(each.start.utcoffset(), int(each.start.timestamp()) // _QUARTER): each for each in recorded}
    recorded = list(few.values())
    if len({offset for offset, _ in few}) <= 1:
        return held
    for quarter in range(second + _QUARTER, math.ceil(view.end.timestamp()), _QUARTER):
        moment = datetime.fromtimestamp(quarter, UTC)
        if (offset := offset_at(recorded, moment)) != held[-1][1]:
            held.append((moment, offset))
    return held


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


def zone_name(offset: timedelta) -> str:
    """An offset from UTC in words: "UTC+02:00"."""
    return timezone(offset).tzname(None) if offset else "UTC"


def placed(
    spans: Mapping[str, Sequence[tuple[Span, str]]], lane: WallLane, view: View
) -> list[tuple[datetime, datetime, str]]:
    """When spans of videos, each with its words, happened on a lane, by start; cut to its footage."""
    found = set()
    for each in lane.recordings:
        start = each.file_start.astimezone(UTC)
        opens, closes = max(each.start.astimezone(UTC), view.start), min(each.end.astimezone(UTC), view.end)
        for span, words in spans.get(each.content_id, ()):
            begins = max(start + timedelta(seconds=span.start_seconds), opens)
            ends = min(start + timedelta(seconds=span.end_seconds), closes)
            if begins <= ends and begins < closes:
                found.add((begins, ends, words))
    return sorted(found)


def _folder_names(paths: Iterable[str]) -> dict[PurePath, str]:
    """What each folder of some files is called: its name, with as many folders above as tell it apart."""
    folders = {PurePath(path).parent for path in paths}
    names, depth = {folder: folder.name for folder in folders}, 1
    while depth < max((len(folder.parts) for folder in folders), default=0):
        number = Counter(names.values())
        alike = [folder for folder, name in names.items() if number[name] > 1]
        if not alike:
            break
        depth += 1
        names |= {folder: "/".join(folder.parts[-depth:]) for folder in alike}
    return names


def _later(moment: datetime, seconds: float) -> datetime:
    """So many seconds later, as a clock of the same zone shows it."""
    return (moment.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(moment.tzinfo)


def _midnight(recorded: Sequence[Recording], day: date) -> datetime:
    """The beginning of a local day, UTC, under the offset that holds there."""
    offsets = {each.start.utcoffset() or timedelta() for each in recorded} or {timedelta()}
    moments = sorted(_at_offset(day, offset) for offset in offsets)
    return next((each for each in moments if _at_offset(day, offset_at(recorded, each)) == each), moments[0])


def _at_offset(day: date, offset: timedelta) -> datetime:
    return (datetime.combine(day, time(), UTC) - offset).astimezone(UTC)
