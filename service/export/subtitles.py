"""Lines of a track as subtitle files: SubRip, WebVTT or plain text; pure, knows neither files nor the index.

Long lines become several cues, cut between words where the recogniser knows when each is said.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from footage.core.plain_text import evened
from footage.core.timecode import format_time
from footage.core.types import CaptionEvent

SubtitleFormat = Literal["srt", "vtt", "txt"]
FORMATS: tuple[SubtitleFormat, ...] = get_args(SubtitleFormat)

MOST_COLUMNS = 42
"""Widest line, in columns; a wide (East Asian) letter takes two. The usual limit of broadcasters."""
MOST_LINES = 2
"""Most lines of a cue."""
MOST_CUE_SECONDS = 7.0
"""Longest cue of a line that is cut anyway because it is too long; a short line stays as long as it lasts."""
_JOINER = "\N{WORD JOINER}"
_SRT_SIGNS = re.compile(r"[<\\]|--(?=>)")
_BRACES = str.maketrans({"{": "\N{FULLWIDTH LEFT CURLY BRACKET}", "}": "\N{FULLWIDTH RIGHT CURLY BRACKET}"})
_WIDE = "WF"


@dataclass(frozen=True, slots=True)
class SubtitleCue:
    """One subtitle."""

    start_milliseconds: int
    """When it appears, in video time."""
    end_milliseconds: int
    """When it goes; later than the start."""
    lines: tuple[str, ...]
    """Its text, line by line; at least one, none empty."""


def write_subtitles(lines: Iterable[CaptionEvent], form: SubtitleFormat) -> str:
    """A whole file of some lines; their times are video time.

    Args:
        lines: Of one track, by time.
        form: What to write.
    """
    if form == "txt":
        return "".join(
            f"[{format_time(line.span.start_seconds)}] {text}\n"
            for line in lines
            if (text := evened(line.text))
        )
    cues = subtitle_cues(lines)
    return _vtt(cues) if form == "vtt" else _srt(cues)


def subtitle_cues(lines: Iterable[CaptionEvent]) -> list[SubtitleCue]:
    """The cues of some lines, in order; a line without a letter has none."""
    cues: list[SubtitleCue] = []
    for line in lines:
        for start, end, text in _pieces(line):
            first = round(1000 * start)
            cues.append(SubtitleCue(first, max(first + 1, round(1000 * end)), wrapped(text)))
    return sorted(cues, key=lambda cue: (cue.start_milliseconds, cue.end_milliseconds))


# -- Cutting and wrapping --------------------------------------------------


def _pieces(line: CaptionEvent) -> list[tuple[float, float, str]]:
    """Start, end and text of each cue of a line."""
    text = evened(line.text)
    if not text:
        return []
    start, end = line.span.start_seconds, line.span.end_seconds
    rows = wrapped(text)
    if len(rows) <= MOST_LINES:
        return [(start, end, text)]
    units = _units(text)
    wanted = max(math.ceil(len(rows) / MOST_LINES), math.ceil(min(end - start, 600) / MOST_CUE_SECONDS), 2)
    groups = _grouped(units, wanted)
    times = _times(line, units)
    pieces, at = [], 0
    for group in groups:
        first, at = at, at + len(group)
        past = times[at][0] if at < len(units) else end
        pieces.append((times[first][0] if first else start, max(past, times[first][0]), "".join(group)))
    return [(begin, finish, piece.strip()) for begin, finish, piece in pieces if piece.strip()]


def _units(text: str) -> list[str]:
    """What a text may be cut into, spaces behind: words, and of scripts without spaces each wide letter."""
    units: list[str] = []
    for char in text:
        wide = unicodedata.east_asian_width(char) in _WIDE
        joins = bool(units) and not units[-1].endswith(" ")
        mark = unicodedata.category(char)[0] == "M" or char in "\u200c\u200d"
        closing = unicodedata.category(char) in ("Pe", "Pf", "Po")
        after_wide = joins and unicodedata.east_asian_width(units[-1][-1]) in _WIDE
        if joins and (mark or char == " " or closing or not (wide or after_wide)):
            units[-1] += char
        else:
            units.append(char)
    return [piece for unit in units for piece in _parts(unit)]


def _parts(unit: str) -> list[str]:
    """A word, cut where it is wider than a line."""
    parts = [""]
    for char in unit:
        if char != " " and columns(parts[-1] + char) > MOST_COLUMNS:
            parts.append("")
        parts[-1] += char
    return parts


def _grouped(units: Sequence[str], wanted: int) -> list[list[str]]:
    """Units in groups of about equal width, at least so many, each of which fits into a cue."""
    while True:
        share = sum(map(columns, units)) / wanted
        groups: list[list[str]] = [[]]
        done = 0.0
        for unit in units:
            full = len(wrapped("".join([*groups[-1], unit]))) > MOST_LINES
            if groups[-1] and (full or done + columns(unit) / 2 > share * len(groups)):
                groups.append([])
            groups[-1].append(unit)
            done += columns(unit)
        if len(groups) <= wanted or wanted >= len(units):
            return groups
        wanted += 1


def _times(line: CaptionEvent, units: Sequence[str]) -> list[tuple[float, float]]:
    """When each unit is said: by the times of the words, else by its share of the text."""
    start, long = line.span.start_seconds, line.span.duration_seconds
    letters = [len(unit.replace(" ", "")) for unit in units]
    ends = [0]
    for count in letters:
        ends.append(ends[-1] + count)
    known = [(len(evened(word.text).replace(" ", "")), word.span) for word in line.words]
    if sum(count for count, _ in known) == ends[-1] > 0:
        starts: list[float] = []
        at = 0
        for count, span in known:  # a unit begins with the word that its first letter is in
            starts += [span.start_seconds] * count
            at += count
        return [(starts[min(first, at - 1)], line.span.end_seconds) for first in ends[:-1]]
    whole = max(1, ends[-1])
    return [(start + long * first / whole, start + long * past / whole) for first, past in pairwise(ends)]


def wrapped(text: str) -> tuple[str, ...]:
    """A text in lines of at most ``MOST_COLUMNS``; two lines are about equally long.

    Words stay whole unless one is wider than a line; scripts without spaces are cut between letters.
    """
    rows = _filled(_units(text), MOST_COLUMNS)
    if len(rows) != MOST_LINES:
        return tuple(rows)
    for width in range(math.ceil(columns(text) / 2), MOST_COLUMNS):
        even = _filled(_units(text), width)
        if len(even) <= MOST_LINES and all(columns(row) <= MOST_COLUMNS for row in even):
            return tuple(even)
    return tuple(rows)


def _filled(units: Sequence[str], width: int) -> list[str]:
    rows = [""]
    for unit in units:
        if rows[-1] and columns((rows[-1] + unit).rstrip()) > width:
            rows.append("")
        rows[-1] += unit
    return [row for each in rows if (row := each.strip())]


def columns(text: str) -> int:
    """How wide a text is, in columns: none for a mark on another letter, two for a wide letter."""
    return sum(
        0
        if unicodedata.combining(char) or char in "\u200c\u200d"
        else 1 + (unicodedata.east_asian_width(char) in _WIDE)
        for char in text
    )


# -- Writing ---------------------------------------------------------------


def _srt(cues: Iterable[SubtitleCue]) -> str:
    """SubRip. It has no way to write a sign that begins markup: an invisible joiner behind keeps it a sign.

    What stands between braces is hidden by many players, whatever it is: braces are written as wide ones.
    """
    return "".join(
        f"{number}\n{_clock(cue.start_milliseconds, ',')} --> {_clock(cue.end_milliseconds, ',')}\n"
        + "".join(
            f"{_SRT_SIGNS.sub(lambda sign: sign[0] + _JOINER, line.translate(_BRACES))}\n"
            for line in cue.lines
        )
        + "\n"
        for number, cue in enumerate(cues, 1)
    )


def _vtt(cues: Iterable[SubtitleCue]) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start_milliseconds, '.')} --> {_clock(cue.end_milliseconds, '.')}\n"
        + "".join(f"{_escaped(line)}\n" for line in cue.lines)
        + "\n"
        for cue in cues
    )


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"


def _escaped(text: str) -> str:
    """As WebVTT wants it in a cue; readers that look for "-->" after that find none either."""
    return (
        text.replace("-->", f"--{_JOINER}>").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )
