"""Reads dates, times of day and timecode out of one line of text as cameras write them; pure.

What a recogniser mistakes among digits (O for 0, I for 1) is put right first, in words that are mostly
digits. A date whose order of day and month is open is brought in every order that makes a date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

DateOrder = Literal["year first", "day first", "month first"]

EARLIEST_YEAR, LATEST_YEAR = 1990, 2099
_TO_DIGITS = str.maketrans("OoQDIl|!iSsBZzбЗ", "0000111115582263")  # noqa: RUF001 - Cyrillic look-alikes
_FULL_WIDTH = str.maketrans("０１２３４５６７８９：／－．；", "0123456789:/-.;")  # noqa: RUF001
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DATES = (
    (
        "ymd",
        re.compile(r"(?<!\d)((?:19|20)\d\d)\s?([-/._年])\s?(\d{1,2})\s?[-/._月]\s?(\d{1,2})(?:日)?(?!\d)"),
    ),
    ("dmy", re.compile(r"(?<!\d)(\d{1,2})\s?([-/._ ])\s?(\d{1,2})\s?\2\s?((?:19|20)\d\d)(?!\d)")),
    ("ymd", re.compile(r"(?<!\d)((?:19|20)\d\d)(0\d|1[0-2])([0-3]\d)(?!\d{1,5}(?!\d))")),
    ("xyz", re.compile(r"(?<![\d:.])(\d\d)\s?([-/._])\s?(\d\d)\s?\2\s?(\d\d)(?![\d:])")),
)
"""Kinds of numeric dates, in the order in which they are tried, and what they look like."""
_NO_SPACE = re.compile(
    r"(\d{1,4}[-/._]\d\d[-/._](?:(?:19|20)\d\d|\d\d)|(?<!\d)(?:19|20)\d\d(?:0\d|1[0-2])[0-3]\d)"
    r"(?=[0-2]\d[:.;][0-5]\d[:.;]?[0-5]\d(?!\d))"
)
"""A date that runs into a time."""
_NAMED_DATES = (
    re.compile(
        r"(?<!\d)(?P<day>\d{1,2})[ \-./]*(?P<month>[A-Za-z]{3,9})[ \-.,/]*(?P<year>(?:19|20)?\d\d)(?!\d)"
    ),
    re.compile(
        r"(?P<month>[A-Za-z]{3,9})[ \-.]*(?P<day>\d{1,2})(?:st|nd|rd|th)?[ \-,/]+"
        r"(?P<year>(?:19|20)\d\d)(?!\d)"
    ),
)
_TIME = re.compile(
    r"(?<![\d:.])(?P<h>[0-2]?\d)\s?(?P<s1>[:.;hH])\s?(?P<m>[0-5]\d)"
    r"(?:\s?(?P<s2>[:.;m ])\s?(?P<s>[0-5]\d)(?:(?P<s3>[.,])(?P<f>\d{1,3}))?)?"
    r"(?![\d:;])\s*(?P<half>[AaPp]\.?[Mm]\b)?"
)
_LOOSE_TIME = re.compile(
    r"(?<![\d:.])(?P<h>[0-2]\d)(?P<s1>[:.;, ]?)(?P<m>[0-5]\d)(?P<s2>[:.;, ]?)(?P<s>[0-5]\d)(?P<f>)(?![\d:;])"
    r"\s*(?P<half>[AaPp]\.?[Mm]\b)?"
)
_TIMECODE = re.compile(r"(?<!\d)(\d\d)\s?[:.]\s?(\d\d)\s?[:.]\s?(\d\d)\s?([:;.,])\s?(\d\d)(?![\d:.])")


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date in a text, in one order of its parts."""

    day: date
    """The date."""
    order: DateOrder
    """In which order it was read."""
    sure: bool
    """Whether the text leaves no other order: the year or the month says it."""


@dataclass(frozen=True, slots=True)
class TimeReading:
    """A time of day in a text."""

    seconds: float
    """Seconds since midnight, 0 to 86,400."""
    step_seconds: float
    """What it counts in: 60 without seconds, 1, or a part of a second."""
    half_day: bool
    """Whether it says AM or PM."""


@dataclass(frozen=True, slots=True)
class TimecodeReading:
    """Hours, minutes, seconds and frames."""

    hours: int
    """0 to 23."""
    minutes: int
    """0 to 59."""
    seconds: int
    """0 to 59."""
    frames: int
    """0 to 99, in frames of a rate that is not said."""
    drop_frame: bool
    """Whether it is written with a semicolon, as drop-frame timecode is."""


def tidy(text: str) -> str:
    """A text with letters that stand for digits put right."""
    words = " ".join(_tidy_word(word) for word in text.translate(_FULL_WIDTH).split())
    return _NO_SPACE.sub(r"\1 ", words)


def dates(text: str) -> list[DateReading]:
    """All dates of a tidied text, in every order that makes a date; those of four-digit years first."""
    for kind, pattern in _DATES:
        match = pattern.search(text)
        if match and (found := _orders(kind, [part for part in match.groups() if part.isdigit()])):
            return found
    for pattern in _NAMED_DATES:
        for match in pattern.finditer(text):
            month = match["month"].lower()[:3]
            if month in _MONTHS and match["month"].isalpha():
                year = _year(match["year"])
                made = _date(year, _MONTHS.index(month) + 1, int(match["day"]))
                return [DateReading(made, "day first", True)] if made else []
    return []


def times(text: str) -> list[TimeReading]:
    """The times of day of a tidied text, in order; what stands at the place of a date is none."""
    rest = without_dates(text)
    found = [made for match in _TIME.finditer(rest) if (made := _time(match)) is not None]
    if not any(each.step_seconds <= 1 for each in found):
        loose = [made for match in _LOOSE_TIME.finditer(rest) if (made := _time(match)) is not None]
        found = loose or found
    return found


def timecode(text: str) -> TimecodeReading | None:
    """The first timecode of a tidied text."""
    match = _TIMECODE.search(text)
    if match is None:
        return None
    hours, minutes, seconds, frames = (int(match[number]) for number in (1, 2, 3, 5))
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return TimecodeReading(hours, minutes, seconds, frames, match[4] in ";,")


def weekday(text: str) -> int | None:
    """The day of the week that an English word of a text names, Monday as 0."""
    for word in re.findall(r"[A-Za-z]{3,9}", text):
        short = word.lower()[:3]
        if short in _WEEKDAYS and (len(word) == 3 or word.lower().endswith("day")):
            return _WEEKDAYS.index(short)
    return None


def without_dates(text: str) -> str:
    """A text with what has the form of a date left out, even one that is none (17/89/07)."""
    for _, pattern in _DATES:
        text, count = pattern.subn(" ~ ", text, count=1)
        if count:
            return text
    for pattern in _NAMED_DATES:
        text = pattern.sub(lambda match: " ~ " if match["month"].lower()[:3] in _MONTHS else match[0], text)
    return text


def _tidy_word(word: str) -> str:
    digits = sum(char.isdigit() for char in word)
    half = re.search(r"(?i)[ap]\.?m\.?$", word)
    body, tail = (word[: half.start()], word[half.start() :]) if half and digits else (word, "")
    letters = sum(char.isalpha() for char in body)
    if digits >= 2 and digits >= letters and not re.search(r"(?i)[a-z]{3}", body):
        body = body[:-1].translate(_TO_DIGITS) + (
            body[-1] if body[-1] in "Zz" else body[-1].translate(_TO_DIGITS)
        )
    return body + tail


def _orders(kind: str, parts: list[str]) -> list[DateReading]:
    values = [int(part) for part in parts]
    if kind == "ymd":
        made = _date(values[0], values[1], values[2])
        return [DateReading(made, "year first", True)] if made else []
    day_first = _date(_year(parts[2]), values[1], values[0])
    month_first = _date(_year(parts[2]), values[0], values[1])
    found: list[tuple[date | None, DateOrder]] = [(day_first, "day first"), (month_first, "month first")]
    if kind == "xyz":
        found.append((_date(_year(parts[0]), values[1], values[2]), "year first"))
    kept = [(day, order) for day, order in found if day is not None]
    sure = len({day for day, _ in kept}) == 1
    return [DateReading(day, order, sure) for day, order in kept]


def _year(text: str) -> int:
    value = int(text)
    return value if len(text) == 4 else 2000 + value if value < 70 else 1900 + value


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if EARLIEST_YEAR <= year <= LATEST_YEAR else None
    except ValueError:
        return None


def _time(match: re.Match[str]) -> TimeReading | None:
    hours, minutes = int(match["h"]), int(match["m"])
    half = (match["half"] or "").lower()
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half.startswith("p") else 0)
    if hours > 23:
        return None
    seconds, part = match["s"], match["f"]
    if seconds is None:
        if match["s1"] not in ":hH":
            return None
        return TimeReading(hours * 3600.0 + minutes * 60, 60.0, bool(half))
    if match["s2"] == " " and match["s1"] == " ":
        return None
    whole = hours * 3600 + minutes * 60 + int(seconds)
    step = 10.0 ** -len(part) if part else 1.0
    return TimeReading(whole + (int(part) * step if part else 0.0), step, bool(half))
