"""Reads the time of recording off a file's path, by the forms of ``indexer.name_patterns``; opens no file.

A time is read only where the form says which number is which. Where day and month could be exchanged
("04-05-2024") nothing is read. With dots the day comes first: every locale of the Unicode CLDR that writes
numeric dates with dots writes them so, or with the year in front.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import PurePath

from footage.core.names import composed
from indexer.name_patterns import PATTERNS, NamePattern

EARLIEST_YEAR = 1990
"""A clock before this was never set: cameras start at 1904, 1970 or 1980."""
LATEST_YEAR = 2099
"""A clock after this was never set, or is a number of another meaning."""
EARLIEST_EPOCH = 1_262_304_000
"""Seconds since 1970 at the start of 2010: a smaller number of ten digits rather has another meaning."""
MOST_FROM_UTC = timedelta(hours=15)
"""No time zone is further from UTC (+14:00 is the furthest), with an hour's grace."""


@dataclass(frozen=True, slots=True)
class NameTime:
    """A time that was read off a name."""

    moment: datetime
    """With a zone."""
    pattern: NamePattern
    """The form it has."""
    is_local: bool
    """Whether it was local time without a zone."""


def named_time(path: PurePath | str, zone: tzinfo | None) -> NameTime | None:
    """The time of recording that a path gives; None where it gives none.

    Args:
        path: The file. Of its folders those are read in which some recorders write the day or the hour.
        zone: Where times hang that are local; None for this machine's zone.
    """
    # A suffix begins with a letter, but for 3GP: what follows the last dot of "2026-01-02 03.04.05" is none.
    text = re.sub(r"\.(?:[A-Za-z]\w{0,4}|3g[p2])$", "", PurePath(path).as_posix())
    text = composed(text).replace("\u202f", " ").replace("\xa0", " ")
    name_starts = text.rfind("/") + 1
    for pattern in PATTERNS:
        for match in pattern.regex.finditer(text):
            if match.end() > name_starts and (found := _read(match, pattern, zone)) is not None:
                return found
    return None


def earlier_chapters(path: PurePath) -> list[PurePath]:
    """The files of one recording before a GoPro chapter; all chapters carry the time when the first began.

    "GX030123" comes after "GX010123" and "GX020123"; up to HERO5, "GP020123" after "GOPR0123" and "GP010123".
    That they share one time was reported for recent models (JuanIrache/gopro-telemetry, issue 213).
    """
    match = re.fullmatch(r"(G[HXSL])(\d\d)(\d{4})", path.stem, re.ASCII | re.IGNORECASE)
    if match:
        names = [f"{match[1]}{chapter:02}{match[3]}" for chapter in range(1, int(match[2]))]
    else:
        match = re.fullmatch(r"GP(\d\d)(\d{4})", path.stem, re.ASCII | re.IGNORECASE)
        if not match:
            return []
        names = [f"GOPR{match[2]}", *(f"GP{chapter:02}{match[2]}" for chapter in range(1, int(match[1])))]
    return [path.with_name(name + path.suffix) for name in names]


def _read(match: re.Match[str], pattern: NamePattern, zone: tzinfo | None) -> NameTime | None:
    """The time in a match; None if the numbers are not a valid time."""
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    epoch = _epoch(parts)
    if "epoch" in parts or "leading" in parts:
        if epoch is None or ("year" in parts and not _agree(_moment(parts), epoch)):
            return None
        return NameTime(epoch, pattern, is_local=False)
    moment = _moment(parts)
    if moment is None:
        return None
    own = _own_zone(parts)
    if own is None and pattern.meant == "utc":
        own = UTC
    return NameTime(in_zone(moment, own or zone), pattern, is_local=own is None)


def _epoch(parts: dict[str, str]) -> datetime | None:
    seconds = int(parts.get("epoch") or parts.get("leading") or 0)
    if seconds < EARLIEST_EPOCH:
        return None
    found = datetime.fromtimestamp(seconds, UTC)
    return found.replace(microsecond=_microseconds(parts)) if found.year <= LATEST_YEAR else None


def _agree(local: datetime | None, moment: datetime) -> bool:
    """Whether a local time and a moment can be the same in some zone."""
    return local is not None and abs(local.replace(tzinfo=UTC) - moment) <= MOST_FROM_UTC


def _moment(parts: dict[str, str]) -> datetime | None:
    """The local time that the numbers are; None where they are none, or day and month could be exchanged."""
    year = int(parts["year"]) if "year" in parts else 2000 + int(parts["short_year"])
    if "first" in parts:
        order = _day_and_month(int(parts["first"]), int(parts["other"]), parts.get("sign", ""))
        if order is None:
            return None
        day, month = order
    else:
        day, month = int(parts["day"]), int(parts["month"])
    hour = int(parts["hour"])
    if "half" in parts:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (parts["half"].upper() == "P")
    try:
        moment = datetime(
            year, month, day, hour, int(parts["minute"]), int(parts.get("second", 0)), _microseconds(parts)
        )
    except ValueError:  # 31 February, or a number that is no date at all
        return None
    return moment if EARLIEST_YEAR <= year <= LATEST_YEAR else None


def _day_and_month(first: int, other: int, sign: str) -> tuple[int, int] | None:
    """Day and month of two numbers; None where they could be exchanged."""
    if sign == "." or first == other or first > 12:
        return first, other
    return (other, first) if other > 12 else None


def _microseconds(parts: dict[str, str]) -> int:
    return int((parts.get("fraction") or parts.get("rest") or "0").ljust(6, "0"))


def _own_zone(parts: dict[str, str]) -> tzinfo | None:
    """The zone that a name says it is in."""
    if "utc" in parts:
        return UTC
    if "gmt" in parts:
        hours, minutes = int(parts["gmt"]), 0
    elif "offset" in parts:
        digits = re.sub(r"\D", "", parts["offset"])
        sign = -1 if parts["offset"].startswith("-") else 1
        hours, minutes = sign * int(digits[:2]), sign * int(digits[2:])
    else:
        return None
    shift = timedelta(hours=hours, minutes=minutes)
    return timezone(shift) if abs(shift) < MOST_FROM_UTC else None


def in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """A moment with a zone: its own, else ``zone``, else this machine's."""
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
