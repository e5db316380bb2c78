"""Turns what somebody typed into a query; knows no index and no model.

Most of it is words. Beside them may stand::

    collection:NAME   camera:NAME   path:GLOB          where it was recorded; repeated, any of them
    after:2026-03-01  before:2026-03-01T18:00          when
    hours:22:00-06:00                                  at what time of day
    longer:5m         shorter:90s                      length of the video
    -word  -"some words"                               what a text that is found must not say

A value with spaces goes into double quotes: camera:"front door". What looks like one of these and cannot be
read is searched as words, and said to be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from footage.errors import UsageError
from search.filters import NO_FILTERS, Filters, read_hours, read_length, read_moment

MAX_QUERY_CHARACTERS = 1_000
"""Longest query accepted. The embedder reads about 250 words and the model was trained on single sentences,
so more would be cut off in silence."""

_NAMES = {"collection": "collections", "camera": "cameras", "path": "paths"}
_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "after": ("after", read_moment),
    "before": ("before", read_moment),
    "hours": ("hours", read_hours),
    "longer": ("longer_seconds", read_length),
    "shorter": ("shorter_seconds", read_length),
}
_TERM = re.compile(
    r"""(?<!\S)(?:(?P<minus>-)(?=["\w])|(?P<key>"""
    + "|".join([*_NAMES, *_VALUES])
    + r"""):(?=\S))(?:"(?P<quoted>[^"]*)"|(?P<bare>\S*))(?!\S)""",
    re.IGNORECASE,
)
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
    filters: Filters = NO_FILTERS
    """Which videos to look at."""
    without: tuple[tuple[str, ...], ...] = ()
    """Words, or words in a row, that must not be said."""
    understood: tuple[str, ...] = ()
    """What was read as filters and exclusions, as typed."""
    unread: tuple[str, ...] = ()
    """What looks like a filter and is searched as words."""


def parse_query(text: str, *, plain: bool = False) -> Query:
    """Read a query; ``plain`` takes everything as words.

    Raises:
        UsageError: when there is no word in it, or it is longer than ``MAX_QUERY_CHARACTERS``.
    """
    clean = " ".join(_printable(text).split())
    if len(clean) > MAX_QUERY_CHARACTERS:
        raise UsageError(
            f"The query has {len(clean):,} characters; at most {MAX_QUERY_CHARACTERS:,} are allowed.",
            hint="Describe one visible action in one sentence, such as: a red car drives by.",
        )
    said = _Said()
    if not plain:
        clean = _read_terms(clean, said)
    words = words_of(clean)
    if not words and said.understood:
        raise UsageError(
            f"The query says where to look ({' '.join(said.understood)}), and not for what.",
            hint="Add what happens, for example: a red car drives by.",
        )
    if not words:
        raise UsageError(
            "The query is empty." if not clean else f"The query {clean[:40]!r} holds no word.",
            hint="Describe what to look for, for example: a red car drives from left to right.",
        )
    return Query(
        text=clean,
        words=words,
        prompt=clean.rstrip(" .!?;:,") or clean,
        filters=Filters(**said.conditions),
        without=tuple(said.without),
        understood=tuple(said.understood),
        unread=tuple(said.unread),
    )


@dataclass
class _Said:
    """What the terms of a query say, while it is being read."""

    conditions: dict[str, Any] = field(default_factory=dict)
    without: list[tuple[str, ...]] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def _read_terms(text: str, said: _Said) -> str:
    """Note what the terms of a query say, and return the rest of it."""

    def read(match: re.Match[str]) -> str:
        term, key = match[0], (match["key"] or "").casefold()
        value = match["quoted"] if match["quoted"] is not None else match["bare"]
        if match["minus"]:
            words = words_of(value)
            if words:
                said.without.append(words)
        elif key in _NAMES and value and not value.startswith('"'):
            name = _NAMES[key]
            said.conditions[name] = (*said.conditions.get(name, ()), value)
        elif key in _VALUES and (read := _VALUES[key][1](value)) is not None:
            said.conditions[_VALUES[key][0]] = read
        else:
            said.unread.append(term)
            return term
        said.understood.append(term)
        return " "

    return " ".join(_TERM.sub(read, text).split())


@lru_cache(maxsize=20_000)  # the same texts come up again and again
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order, case-folded, without punctuation."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _printable(text: str) -> str:
    """Control, surrogate and other unprintable characters become spaces; tabs and line ends do, too."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") else c for c in text
    )
