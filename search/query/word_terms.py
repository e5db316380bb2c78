"""Terms of a query about words that are said or written, such as said:"webb telescope"; knows no index.

    said:"webb telescope"   exactly these words in this order, in speech and subtitles
    said:telescope          the word or an inflection of it
    shows:"exit 12"         on screen
    said:~"web teleskope"   with typing errors; on screen also letters that a text recogniser mixes up

A term is taken out of the text of a query before its operators are read. A private character, of which
``footage.core.plain_text.evened`` leaves none, keeps its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from footage.core.plain_text import without_quotes
from footage.core.tracks import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from search.words.tokens import tokens_of

Said = Literal["said", "shows"]

TERM_TRACKS: dict[Said, tuple[str, ...]] = {
    "said": (SPEECH_TRACK, SUBTITLE_TRACK),
    "shows": (SCREEN_TEXT_TRACK,),
}
"""The tracks that a term is looked for in."""
TRACK_NAMES = {
    "speech": SPEECH_TRACK,
    "said": SPEECH_TRACK,
    "subtitles": SUBTITLE_TRACK,
    "screen-text": SCREEN_TEXT_TRACK,
    "screen": SCREEN_TEXT_TRACK,
    "text": SCREEN_TEXT_TRACK,
    "captions": CAPTION_TRACK,
    "caption": CAPTION_TRACK,
}
"""What may be written after "in:", and the track that it names."""
FUZZY = "~"
"""Begins words in which typing errors are allowed."""
_FIRST_PLACE = 0xE000
_PLACE = re.compile("[\ue000-\uefff]")
_JOINTS = re.compile(
    r"^(?:(?:and|while|when|as)(?!\S)|[,;\s])+|(?:(?<!\S)(?:and|while|when|as)|[,;\s])+$", re.I
)


@dataclass(frozen=True, slots=True)
class WordTerm:
    """Words that are to be said or written."""

    kind: Said
    """Whether they are said or shown on screen."""
    text: str
    """The words, without quotation marks, in even spacing."""
    exact: bool
    """Whether the very words are wanted, in this order; else all of them, or inflections of them."""
    fuzzy: bool = False
    """Whether typing errors are allowed."""

    @property
    def tracks(self) -> tuple[str, ...]:
        """The tracks to look in."""
        return TERM_TRACKS[self.kind]

    @property
    def typed(self) -> str:
        """The term as it is written in a query."""
        mark = '"' if self.exact else ""
        return f"{self.kind}:{FUZZY if self.fuzzy else ''}{mark}{self.text}{mark}"


def read_word_term(kind: str, value: str, *, quoted: bool) -> WordTerm | None:
    """Read the value of a term; None for one without a word.

    Args:
        kind: "said" or "shows".
        value: What stands after the colon.
        quoted: Whether it is in quotation marks, behind "~" or not.
    """
    fuzzy = value.startswith(FUZZY)
    text = without_quotes(value.removeprefix(FUZZY)).strip()
    if not tokens_of(text).tokens:
        return None
    return WordTerm(cast(Said, kind), text, exact=quoted, fuzzy=fuzzy)


def place_of(number: int) -> str:
    """The character that keeps the place of a term."""
    return chr(_FIRST_PLACE + number)


def places_in(text: str) -> list[int]:
    """The numbers of the terms in a part of a query, in order."""
    return [ord(char) - _FIRST_PLACE for char in _PLACE.findall(text)]


def has_place(text: str) -> bool:
    """Whether a part of a query has a term."""
    return bool(_PLACE.search(text))


def without_places(text: str) -> str:
    """A part of a query without its terms, and without an "and" or "while" that joins them to the rest."""
    if not has_place(text):
        return text
    pieces = [_JOINTS.sub("", piece) for piece in _PLACE.split(text)]
    return " ".join(" ".join(pieces).split())
