"""Words that were said or written, as a terminal quotes them: the hit in bold, the track named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footage.core.timecode import format_time
from footage.core.types import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK, Match
from ui.cli import console

if TYPE_CHECKING:
    from rich.text import Text

LONGEST_QUOTE = 160
"""Longer texts are cut to about so many characters around what was found in them."""
_LEADS = {SPEECH_TRACK: "said", SUBTITLE_TRACK: "subtitle", SCREEN_TEXT_TRACK: "on screen"}


def where(match: Match) -> str:
    """When and how an answer is there: "said at 1:23", "on screen 0:41 to 0:58", "seen 2:10 to 2:16"."""
    start, end = (format_time(seconds) for seconds in (match.span.start_seconds, match.span.end_seconds))
    if match.track in (SPEECH_TRACK, SUBTITLE_TRACK):
        return f"{_LEADS[match.track]} at {start}"
    if match.track == SCREEN_TEXT_TRACK:
        return f"on screen {start} to {end}"
    return f"seen {start} to {end}" + (" (checked)" if match.grounded else "")


def indexed_text(match: Match) -> Text:
    """The indexed text of an answer; of words a quotation, the hit in bold."""
    from rich.text import Text

    if match.track == CAPTION_TRACK or match.parts:
        return Text(console.plain(match.text))
    return Text(f"{_LEADS.get(match.track, match.track)}: ").append_text(quotation(match))


def quotation(match: Match) -> Text:
    """The words of an answer in quotation marks, the hit in bold; of a long text the part around it."""
    from rich.text import Text

    first, past = _part(len(match.text), match.marks)
    quoted, at = Text("\N{LEFT DOUBLE QUOTATION MARK}" + "\N{HORIZONTAL ELLIPSIS}" * (first > 0)), first
    for start, end in match.marks:
        if at <= start and end <= past:
            quoted.append(console.plain(match.text[at:start]))
            quoted.append(console.plain(match.text[start:end]), style="bold")
            at = end
    quoted.append(console.plain(match.text[at:past]))
    quoted.append("\N{HORIZONTAL ELLIPSIS}" * (past < len(match.text)) + "\N{RIGHT DOUBLE QUOTATION MARK}")
    return quoted


def _part(length: int, marks: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    """The part of a text to quote: all of a short one, else about the first marked place."""
    if length <= LONGEST_QUOTE:
        return 0, length
    start, end = marks[0] if marks else (0, 0)
    first = max(0, min((start + end - LONGEST_QUOTE) // 2, length - LONGEST_QUOTE))
    return first, max(end, first + LONGEST_QUOTE)
