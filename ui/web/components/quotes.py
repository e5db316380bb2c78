"""Words that were said or written as a card quotes them: the hit marked, the track named; HTML only, pure."""

from __future__ import annotations

from collections.abc import Sequence

from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from footage.core.types import Match, Span
from ui.text import excerpt
from ui.web.components import markup

NEAREST = "at_seconds"
"""The measure of an answer that was found by how it looks: the time of the nearest frame."""
NO_CAPTION = "No caption at this time"
"""In place of the text of an answer that has none."""
LONGEST_QUOTE = 220
"""Longer texts are cut to about so many characters around what was found in them."""
CLEAR, FAIR = 0.85, 0.6
"""From these confidences on, words are called "clearly" and "probably" heard or read. A recogniser's own
confidence is no probability of being right; three words say as much as it knows."""
_SURETY = {
    SPEECH_TRACK: ("clearly heard", "probably heard", "hard to hear"),
    SCREEN_TEXT_TRACK: ("clearly read", "probably read", "hard to read"),
}
_TRACKS = {SPEECH_TRACK: "speech", SUBTITLE_TRACK: "subtitles", SCREEN_TEXT_TRACK: "text in the picture"}


def quotes(match: Match) -> bool:
    """Whether an answer is words that were said or written, and nothing that is to be looked at."""
    return match.track not in (CAPTION_TRACK, IMAGE_TRACK)


def pictured(match: Match) -> bool:
    """Whether an answer rests on its pictures; its text, if it has one, is the caption at that time."""
    return match.track == IMAGE_TRACK and not match.parts and not match.grounded


def shown_at(match: Match) -> float:
    """The moment whose picture stands for an answer, in video time: the nearest one, or the middle."""
    middle = match.span.middle_seconds
    return dict(match.measures).get(NEAREST, middle) if pictured(match) else middle


def first_track(match: Match) -> str:
    """The track of the first words that answer; empty where all of it is seen."""
    return next((part.track for part in match.parts or (match,) if quotes(part)), "")


def titled(match: Match) -> str:
    """The text of an answer as a title; words in quotation marks."""
    if quotes(match) and not match.parts:
        return quotation(match.text)
    return match.text or NO_CAPTION


def quotation(text: str) -> str:
    """A text in quotation marks, shortened."""
    return f"“{markup.shortened(text, LONGEST_QUOTE)}”"


def source(track: str) -> str:
    """Where words come from, in a word or two."""
    return _TRACKS.get(track, track)


def when(track: str, span: Span) -> str:
    """When and how words are there: "said at 1:23", "on screen at 0:41"."""
    if track == SPEECH_TRACK:
        return f"said at {markup.clock(int(span.start_seconds))}"
    if track == SUBTITLE_TRACK:
        return f"subtitle at {markup.clock(int(span.start_seconds))}"
    if track == SCREEN_TEXT_TRACK:
        first, past = markup.clock(int(span.start_seconds)), markup.clock(round(span.end_seconds))
        return f"on screen {first} \N{EN DASH} {past}" if first != past else f"on screen at {first}"
    return markup.clock_span(span)


def surety(track: str, confidence: float | None) -> str:
    """How sure a recogniser is of its words, in words; empty where nothing says so, as of subtitles."""
    if confidence is None or track not in _SURETY:
        return ""
    clearly, probably, hardly = _SURETY[track]
    return clearly if confidence >= CLEAR else probably if confidence >= FAIR else hardly


def quoted(text: str, marks: Sequence[tuple[int, int]], *, language: str = "") -> str:
    """A text in quotation marks for use in HTML, the marked places marked.

    Args:
        text: The text.
        marks: First character and the one after the last of each place, ascending.
        language: Language of the text, where known.
    """
    shown = excerpt(text, marks, longest=LONGEST_QUOTE)
    pieces = (
        f"<mark>{markup.text(piece)}</mark>" if hit else markup.text(piece) for piece, hit in shown.pieces
    )
    before, after = "…" * shown.cut_before, "…" * shown.cut_after
    lang = f' lang="{markup.text(language)}"' if language else ""
    return f'<q dir="auto"{lang}>{before}{"".join(pieces).strip()}{after}</q>'
