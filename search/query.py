"""Turns what somebody typed into a query; knows no index and no model."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from footage.errors import UsageError

MAX_QUERY_CHARACTERS = 1_000
"""Longest query accepted. The embedder reads about 250 words and the model was trained on single sentences,
so more would be cut off in silence."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")  # noqa: RUF001 - the typographic apostrophe is meant


@dataclass(frozen=True, slots=True)
class Query:
    """One question, in the three forms the steps of a search need."""

    text: str
    """As typed, with white space evened out and control characters gone: for the embedder and for people."""
    words: tuple[str, ...]
    """Its words in order, case-folded, without punctuation: for full-text search."""
    prompt: str
    """The event as the model is asked for it: ``text`` without closing punctuation."""


def parse_query(text: str) -> Query:
    """Read a query; anything a keyboard can produce is words, there is no syntax.

    Raises:
        UsageError: when there is no word in it, or it is longer than ``MAX_QUERY_CHARACTERS``.
    """
    clean = " ".join(_printable(text).split())
    if len(clean) > MAX_QUERY_CHARACTERS:
        raise UsageError(
            f"The query has {len(clean):,} characters; at most {MAX_QUERY_CHARACTERS:,} are allowed.",
            hint="Describe one visible action in one sentence, such as: a red car drives by.",
        )
    words = words_of(clean)
    if not words:
        raise UsageError(
            "The query is empty." if not clean else f"The query {clean[:40]!r} holds no word.",
            hint="Describe what to look for, for example: a red car drives from left to right.",
        )
    return Query(text=clean, words=words, prompt=clean.rstrip(" .!?;:,") or clean)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order, case-folded, without punctuation."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _printable(text: str) -> str:
    """Control, surrogate and other unprintable characters become spaces; tabs and line ends do, too."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") else c for c in text
    )
