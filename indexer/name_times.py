"""Reads the time of recording off a file's path: a table of the forms that recorders write; opens no file.

A time is read only where the form says which number is which. Where day and month could be exchanged
("04-05-2024") nothing is read. With dots the day comes first: every locale of the Unicode CLDR that writes
numeric dates with dots writes them so, or with the year in front.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import PurePath
from typing import Literal

from footage.names import composed

EARLIEST_YEAR = 1990
"""A clock before this was never set: cameras start at 1904, 1970 or 1980."""
LATEST_YEAR = 2099
"""A clock after this was never set, or is a number of another meaning."""
EARLIEST_EPOCH = 1_262_304_000
"""Seconds since 1970 at the start of 2010: a smaller number of ten digits rather has another meaning."""
MOST_FROM_UTC = timedelta(hours=15)
"""No time zone is further from UTC (+14:00 is the furthest), with an hour's grace."""

Meant = Literal["local", "utc"]


@dataclass(frozen=True, slots=True)
class NamePattern:
    """One form of names that hold the time of recording."""

    writer: str
    """What writes such names, for people."""
    forms: tuple[str, ...]
    """Ends of paths without the suffix, as ``strftime`` formats; "%s" is the Unix time in seconds."""
    regex: re.Pattern[str]
    """Finds the form in a path without its suffix, folders separated by "/"."""
    examples: tuple[tuple[str, str], ...]
    """Ends of paths, and the time of each in ISO 8601: without a zone where it is local time."""
    meant: Meant = "local"
    """Which time the numbers are, where they do not say."""
    maker_is_known: bool = False
    """Whether the names are those of one maker, known to be local time whatever the container says."""


@dataclass(frozen=True, slots=True)
class NameTime:
    """A time that was read off a name."""

    moment: datetime
    """With a zone."""
    pattern: NamePattern
    """The form it has."""
    is_local: bool
    """Whether it was local time without a zone."""


def _form(text: str) -> re.Pattern[str]:
    """A regular expression with shorthands for the parts of a date: ``<Y> <m> <d> <H> <M> <S> <s>``."""
    groups = {
        "<Y>": r"(?P<year>(?:19|20)\d\d)",
        "<y>": r"(?P<short_year>\d\d)",
        "<m>": r"(?P<month>\d\d)",
        "<d>": r"(?P<day>\d\d)",
        "<H>": r"(?P<hour>\d\d)",
        "<M>": r"(?P<minute>\d\d)",
        "<S>": r"(?P<second>\d\d)",
        "<s>": r"(?P<epoch>\d{10})",
        # Day and month, in whatever order.
        "<1>": r"(?P<first>\d{1,2})",
        "<2>": r"(?P<other>\d{1,2})",
        "<h>": r"(?P<hour>\d{1,2})",
    }
    for short, group in groups.items():
        text = text.replace(short, group)
    return re.compile(text, re.VERBOSE | re.ASCII | re.IGNORECASE)


_AT = r"""[-_.,T\ ]{0,3}(?:(?:at|um|à|a|alle|om|às|kl\.?|a\ las?|a\ la\(s\))[-_.\ ])?"""
"""Between date and time: signs, or the word that macOS writes there in some languages."""
_HALF = r"""(?:\ ?(?P<half>[AP])\.?M\b\.?)?"""
_OFFSET = r"""(?:(?P<utc>Z(?![A-Za-z]))|(?P<offset>\+\d\d[-:_]?\d\d(?!\d)))?"""

PATTERNS: tuple[NamePattern, ...] = (
    NamePattern(
        "Frigate, recordings",
        ("%Y-%m-%d/%H/front/%M.%S",),
        _form(r"(?:^|/)<Y>-<m>-<d>/<H>/[^/]+/<M>\.<S>$"),
        (("recordings/2024-07-14/13/front/30.00.mp4", "2024-07-14T13:30:00Z"),),
        meant="utc",
    ),
    NamePattern(
        "Frigate before 0.12, recordings",
        ("%Y-%m/%d/%H/front/%M.%S",),
        _form(r"(?:^|/)<Y>-<m>/<d>/<H>/[^/]+/<M>\.<S>$"),
        (("2021-07/14/15/front/30.00.mp4", "2021-07-14T15:30:00"),),
    ),
    NamePattern(
        "Frigate, clips and previews",
        ("front-%s.123456-abc123", "front_%s-2000000000"),
        _form(r"(?:^|[-_/])<s>(?:\.(?P<fraction>\d{1,6}))?-(?:[a-z0-9]{6}|\d{10}(?:\.\d+)?)$"),
        (
            ("clips/front-1720963800.25-abc123.mp4", "2024-07-14T13:30:00.250000Z"),
            ("clips/previews/front/1720963800.0-1720967400.0.mp4", "2024-07-14T13:30:00Z"),
            ("front_1720963800-1720963860.mp4", "2024-07-14T13:30:00Z"),
        ),
    ),
    NamePattern(
        "Synology Surveillance Station",
        ("Front-%Y%m%d-%H%M%S-%s",),
        _form(r"(?<!\d)<Y><m><d>-<H><M><S>-<s>(?!\d)"),
        (("Front/20240714PM/Front-20240714-153000-1720963800.mp4", "2024-07-14T13:30:00Z"),),
    ),
    NamePattern(
        "Xiaomi and Yi cameras",
        ("%Y%m%d%H/%MM%SS_%s", "%YY%mM%dD%HH/%MM%SS60"),
        _form(r"(?:^|/)<Y>Y?<m>M?<d>D?<H>H?/<M>M<S>S(?:_<s>|\d\d)?$"),
        (
            ("2024071415/30M00S_1720963800.mp4", "2024-07-14T13:30:00Z"),
            ("2024Y07M14D15H/30M00S60.mp4", "2024-07-14T15:30:00"),
        ),
    ),
    NamePattern(
        "Wyze",
        ("record/%Y%m%d/%H/%M",),
        _form(r"(?:^|/)record/<Y><m><d>/<H>/<M>$"),
        (("record/20240714/15/30.mp4", "2024-07-14T15:30:00"),),
    ),
    NamePattern(
        "Dahua, Amcrest",
        ("%Y-%m-%d/001/dav/%H/%H.%M.%S-23.59.59[M][0@0][0]",),
        _form(r"(?:^|/)<Y>-<m>-<d>/(?:[^/]+/){0,4}<H>\.<M>\.<S>-\d\d\.\d\d\.\d\d\["),
        (("2024-07-14/001/dav/15/15.30.00-15.35.00[M][0@0][0].mp4", "2024-07-14T15:30:00"),),
    ),
    NamePattern(
        "Zoom, on this machine",
        ("%Y-%m-%d %H.%M.%S Weekly meeting 123456789/zoom_0",),
        _form(r"(?:^|/)<Y>-<m>-<d>\ <H>\.<M>\.<S>\ [^/]*/(?:zoom_?|video)\d+$"),
        (("2024-07-14 15.30.00 Weekly meeting 123456789/zoom_0.mp4", "2024-07-14T15:30:00"),),
    ),
    NamePattern(
        "Zoom, from its cloud",
        ("GMT%Y%m%d-%H%M%S_Recording_1920x1080",),
        _form(r"(?<![a-z])GMT<Y><m><d>-<H><M><S>(?!\d)"),
        (("GMT20240714-133000_Recording_1920x1080.mp4", "2024-07-14T13:30:00Z"),),
        meant="utc",
    ),
    NamePattern(
        "motionEye and others: a folder a day",
        ("%Y-%m-%d/%H-%M-%S", "%Y-%m-%d/%H.%M.%S"),
        _form(r"(?:^|/)<Y>-<m>-<d>/<H>[-.]<M>[-.]<S>(?!\d)[^/]*$"),
        (("camera1/2024-07-14/15-30-00.mp4", "2024-07-14T15:30:00"),),
    ),
    NamePattern(
        "Google Pixel",
        ("PXL_%Y%m%d_%H%M%S123", "PXL_%Y%m%d_%H%M%S123.TS"),
        _form(r"(?:^|/)PXL_<Y><m><d>_<H><M><S>(?P<fraction>\d{3})?(?!\d)"),
        (("PXL_20240714_133000123.mp4", "2024-07-14T13:30:00.123000Z"),),
        meant="utc",
    ),
    NamePattern(
        "DJI",
        ("DJI_%Y%m%d%H%M%S_0001_D",),
        _form(r"(?:^|/)DJI_<Y><m><d>_?<H><M><S>(?!\d)"),
        (("DJI_20240714153000_0001_D.MP4", "2024-07-14T15:30:00"),),
        maker_is_known=True,
    ),
    NamePattern(
        "iPhone screen recordings",
        ("RPReplay_Final%s",),
        _form(r"(?:^|/)RPReplay_Final<s>(?!\d)"),
        (("RPReplay_Final1720963800.MP4", "2024-07-14T13:30:00Z"),),
    ),
    NamePattern(
        "WeChat camera",
        ("wx_camera_%s123",),
        _form(r"(?:^|/)wx_camera_<s>(?P<fraction>\d{3})(?!\d)"),
        (("wx_camera_1720963800123.mp4", "2024-07-14T13:30:00.123000Z"),),
    ),
    NamePattern(
        "Unix time in seconds or milliseconds (MediaMTX, Arlo, FFmpeg segments)",
        ("%s", "%s123", "gate_%s", "%s-gate"),
        _form(
            r"""(?:^|/)(?:[^/]*_)?<s>(?P<fraction>\d{3})?$
            | (?:^|/)(?P<leading>\d{10})(?P<rest>\d{3})?[-_][^/]*$"""
        ),
        (
            ("front/1720963800.mp4", "2024-07-14T13:30:00Z"),
            ("1720963800123.mp4", "2024-07-14T13:30:00.123000Z"),
            ("gate_1720963800.mp4", "2024-07-14T13:30:00Z"),
            ("1720963800-gate_person.mp4", "2024-07-14T13:30:00Z"),
        ),
    ),
    NamePattern(
        "Nextbase dashcams",
        ("%y%m%d_%H%M%S_001_FH",),
        _form(r"(?:^|/)<y><m><d>_<H><M><S>_\d{3}_[FRCI][HLN]?$"),
        (("240714_153000_001_FH.MP4", "2024-07-14T15:30:00"),),
    ),
    NamePattern(
        "other dashcams with a year of two digits",
        ("FILE%y%m%d-%H%M%S-000001F", "REC_%y%m%d-%H%M%S-000001F"),
        _form(r"(?:^|/)(?:FILE|REC_|EMER|EVENT)<y><m><d>-<H><M><S>(?:[-_]?\d{0,6}[A-Z]?)?$"),
        (("FILE240714-153000-000001F.MP4", "2024-07-14T15:30:00"),),
    ),
    NamePattern(
        "blinkpy (Blink)",
        ("front-door-%Y-%m-%dt%H-%M-%S-00-00",),
        _form(r"(?<!\d)<Y>-<m>-<d>t<H>-<M>-<S>-00-00(?!\d)"),
        (("front-door-2024-07-14t13-30-00-00-00.mp4", "2024-07-14T13:30:00Z"),),
        meant="utc",
    ),
    NamePattern(
        "MediaMTX, with microseconds",
        ("%Y-%m-%d_%H-%M-%S-123456",),
        _form(r"(?<!\d)<Y>-<m>-<d>_<H>-<M>-<S>-(?P<fraction>\d{6})(?!\d)"),
        (("front/2024-07-14_15-30-00-250000.mp4", "2024-07-14T15:30:00.250000"),),
    ),
    NamePattern(
        "protect-archiver (UniFi)",
        ("Front Door (a1b2) - %Y-%m-%d - %H.%M.%S+0200",),
        _form(r"\ -\ <Y>-<m>-<d>\ -\ <H>\.<M>\.<S>(?P<offset>[+-]\d{4})(?!\d)"),
        (
            ("Front Door (a1b2) - 2024-07-14 - 15.30.00+0200.mp4", "2024-07-14T15:30:00+02:00"),
            ("Front Door (a1b2) - 2024-07-14 - 08.30.00-0500.mp4", "2024-07-14T08:30:00-05:00"),
        ),
    ),
    NamePattern(
        "year, month, day, hour, minute, second: phones, OBS, Reolink, Hikvision, dashcams and most others",
        ("gate_%Y%m%d_%H%M%S", "%Y%m%d%H%M%S123", "%Y-%m-%d %H-%M-%S", "%Y_%m%d_%H%M%S_0001F"),
        _form(
            rf"""(?<!\d)<Y>[-_.]?<m>[-_.]?<d>{_AT}<H>[-_.:h]?<M>[-_.:m]?<S>
            (?:\.?(?P<fraction>\d{{3}}))?{_HALF}{_OFFSET}(?!\d)"""
        ),
        (
            ("20240714_153000.mp4", "2024-07-14T15:30:00"),
            ("VID_20240714_153000.mp4", "2024-07-14T15:30:00"),
            ("cam1_20240714T133000Z.mkv", "2024-07-14T13:30:00Z"),
            ("2024-07-14T15-30-00+02-00.mp4", "2024-07-14T15:30:00+02:00"),
            ("2024-07-14 15-30-00.mkv", "2024-07-14T15:30:00"),
            ("Game 2024.07.14 - 15.30.00.02.DVR.mp4", "2024-07-14T15:30:00"),
            ("Screencast from 2024-07-14 15-30-00.webm", "2024-07-14T15:30:00"),
            ("Bildschirmaufnahme 2024-07-14 um 15.30.00.mov", "2024-07-14T15:30:00"),
            ("WhatsApp Video 2024-07-14 at 15.30.00.mp4", "2024-07-14T15:30:00"),
            ("signal-2024-07-14-15-30-00-123.mp4", "2024-07-14T15:30:00"),
            ("RecM01_DST20240714_153000_153100_6D28808_1E2A3C.mp4", "2024-07-14T15:30:00"),
            ("NVR_ch1_main_20240714153000_20240714160000.mp4", "2024-07-14T15:30:00"),
            ("2024_0714_153000_0001F.MP4", "2024-07-14T15:30:00"),
            ("NO20240714-153000-000001F.MP4", "2024-07-14T15:30:00"),
            ("WP_20240714_15_30_00_Pro.mp4", "2024-07-14T15:30:00"),
        ),
    ),
    NamePattern(
        "the same with a clock of 12 hours, or without seconds: macOS, AMD ReLive",
        ("Screen Recording %Y-%m-%d at %I.%M.%S %p", "Movie on %Y-%m-%d at %H.%M"),
        _form(
            rf"""(?<!\d)<Y>[-_.]<m>[-_.]<d>{_AT}(?<!\d)<h>[.:hH]<M>(?:[.:m]<S>)?
            {_HALF}(?![\d.]*\d)"""
        ),
        (
            ("Screen Recording 2024-07-14 at 3.30.00 PM.mov", "2024-07-14T15:30:00"),
            ("Screen Recording 2024-07-14 at 3.30.00\u202fPM.mov", "2024-07-14T15:30:00"),
            ("Game_2024.07.14-15.30.mp4", "2024-07-14T15:30:00"),
        ),
    ),
    NamePattern(
        "day first with dots, else whichever number is above 12: German names, GNOME, UniFi, Game Bar",
        ("Aufnahme %d.%m.%Y %H.%M.%S", "Front Door - %m-%d-%Y, %I.%M.%S%p", "%d-%m-%Y_%H-%M-%S"),
        _form(
            rf"""(?<![\d.])<1>(?P<sign>[-._/])<2>(?P=sign)(?P<year>(?:19|20)\d\d){_AT}(?<!\d)
            <h>[-_.:]<M>(?:[-_.:]<S>)?{_HALF}(?:\ ?GMT(?P<gmt>[+-]\d{{1,2}}))?(?!\d)"""
        ),
        (
            ("Aufnahme 14.07.2024 um 15.30.00.mp4", "2024-07-14T15:30:00"),
            ("Aufnahme 04.05.2024 15-30-00.mp4", "2024-05-04T15:30:00"),
            ("Bildschirmaufzeichnung vom 14.07.2024 15:30:00.webm", "2024-07-14T15:30:00"),
            ("Front Door - 7-14-2024, 3.30.00pm.mp4", "2024-07-14T15:30:00"),
            ("G4 Bullet 7-14-2024, 15.30.00 GMT+2.mp4", "2024-07-14T15:30:00+02:00"),
            ("Minecraft 7_14_2024 3_30_00 PM.mp4", "2024-07-14T15:30:00"),
        ),
    ),
    NamePattern(
        "eight digits with the year last, where day and month cannot be exchanged",
        ("gate_%d%m%Y_%H%M%S",),
        _form(
            r"(?<!\d)(?P<first>\d\d)(?P<other>\d\d)(?P<year>(?:19|20)\d\d)[-_\ T]?<H>[-_.]?<M>[-_.]?<S>(?!\d)"
        ),
        (("gate_14072024_153000.mp4", "2024-07-14T15:30:00"),),
    ),
)
"""The forms that are read, the more particular ones first."""

WITHOUT_TIME: tuple[tuple[str, str], ...] = (
    ("GX010123.MP4", "GoPro: chapter and number of the recording (see above)"),
    ("GOPR0123.MP4", "GoPro up to HERO5: number of the recording"),
    ("C0001.MP4", "Sony cards"),
    ("MVI_0123.MP4", "Canon cards"),
    ("DSC_0123.MOV", "Nikon cards"),
    ("IMG_4711.MOV", "iPhone"),
    ("00001.MTS", "AVCHD cards"),
    ("VID-20240714-WA0001.mp4", "WhatsApp on Android: the day it was sent, and no time"),
    ("2024-07-14.mp4", "a day, and no time"),
    ("04-05-2024 15-30-00.mp4", "4 May or 5 April"),
    ("gate_04052024_153000.mp4", "4 May or 5 April"),
    ("20240230_153000.mp4", "there is no 30 February"),
    ("19700101_000012.mp4", "a clock that was never set"),
    ("1234567890.mp4", "ten digits that would be a time before 2010"),
    ("Snapchat-1720963800.mp4", "a random number"),
)
"""Names in which no time is read, and why."""


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
    """The time in a match, unless its numbers are no time."""
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
