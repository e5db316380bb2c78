"""Words that were said or written, as a terminal quotes them: the hit in bold, the track named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footage.core.timecode import format_time
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from footage.core.types import Match
from ui.cli import console
from ui.text import excerpt

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

    if match.track in (CAPTION_TRACK, IMAGE_TRACK) or match.parts:
        return Text(console.plain(match.text))
    return Text(f"{_LEADS.get(match.track, match.track)}: ").append_text(quotation(match))


def quotation(match: Match) -> Text:
    """The words of an answer in quotation marks, the hit in bold; of a long text the part around it."""
    from rich.text import Text

    shown = excerpt(match.text, match.marks, longest=LONGEST_QUOTE)
    quoted = Text("\N{LEFT DOUBLE QUOTATION MARK}" + "\N{HORIZONTAL ELLIPSIS}" * shown.cut_before)
    for piece, is_hit in shown.pieces:
        quoted.append(console.plain(piece), style="bold" if is_hit else None)
    quoted.append("\N{HORIZONTAL ELLIPSIS}" * shown.cut_after + "\N{RIGHT DOUBLE QUOTATION MARK}")
    return quoted
