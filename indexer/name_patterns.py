"""The forms in which recorders write the time into names, as a table (``indexer.name_times`` reads them)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

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
