"""Splits a query over several events at its operators, as in "A then B within 30s"; reads no event.

    A THEN B      B begins when A has ended, or later; "A then B within 30s": at most 30 s later
    A AND B       at the same time
    A WITHOUT B   A where B does not happen at the same time

In capitals each is always an operator, and the same words in small letters are then only words. Without
capitals, "then" is an operator between any words, "and" and "without" only between parts of three words or
more that begin like a sentence ("a", "the", "somebody"): "a man and a woman dance" stays a sentence. A quoted
word is no operator (see ``search.query.quotes``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from footage.core.errors import UsageError
from search.query.filters import read_length
from search.query.lexical_match import words_of
from search.query.word_terms import has_place, without_places

Relation = Literal["", "then", "and", "without"]

MAX_PARTS = 5
"""Most events in one query: each is searched, and the model is asked about it, on its own."""

_LOUD = re.compile(r"(?<!\S)(?:(?:AND\s+)?(?P<then>THEN)|(?P<other>AND|WITHOUT))(?!\S)")
_THEN = re.compile(r"(?<!\S)(?:and\s+)?then,?(?!\S)", re.IGNORECASE)
_NOT_AFTER = frozenset(words_of("now until since"))  # "now and then", "until then"
_QUIET = {name: re.compile(rf"(?<!\S){name}(?!\S)", re.IGNORECASE) for name in ("and", "without")}
_OPENERS = frozenset(
    words_of(
        "a an the one two three four five six seven eight nine ten some several many few another both each "
        "every all somebody someone something anybody anyone anything everybody everyone everything"
    )
)
_WITHIN = re.compile(
    r"(?:^|,?\s+)within\s+(?P<number>\d{1,6}(?:\.\d{1,3})?)\s*"
    r"(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hours?)?[.!?]*$",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Split:
    """The events of a query and their relation."""

    relation: Relation
    """Their relation; empty for a single one."""
    parts: tuple[str, ...]
    """The text of each, in order; for "without" the first is the wanted one."""
    within_seconds: float | None = None
    """Most seconds between the end of one and the start of the next; for "then" alone."""
    understood: tuple[str, ...] = ()
    """The operators, as typed."""


def split(text: str) -> Split:
    """Split one line at its operators.

    Raises:
        UsageError: when operators differ, one has nothing beside it, or there are more events than
            ``MAX_PARTS``.
    """
    loud = list(_LOUD.finditer(text))
    names = sorted({cut["then"] or cut["other"] for cut in loud})
    if len(names) > 1:
        raise UsageError(
            f"A query can use one of THEN, AND and WITHOUT, not {' and '.join(names)}.",
            hint="Use one operator per query, or put the words in quotation marks to search for them.",
        )
    for name, cuts in (
        ("".join(names).casefold(), loud),
        ("then", _quiet_thens(text)),
        *((name, _quiet(text, name)) for name in _QUIET),
    ):
        if cuts:
            return _split(text, cast(Relation, name), cuts)
    return Split("", (text,))


def _split(text: str, relation: Relation, cuts: Sequence[re.Match[str]]) -> Split:
    starts = [0, *(cut.end() for cut in cuts)]
    ends = [*(cut.start() for cut in cuts), len(text)]
    understood = [text[cut.start() : cut.end()] for cut in cuts]
    seconds = None
    if relation == "then" and (within := _WITHIN.search(text, starts[-1])):
        seconds = read_length(within["number"] + (within["unit"] or "s")[0])
        ends[-1] = within.start()
        understood.append(within[0].strip(" ,.!?"))
    parts = tuple(text[start:end].strip(" ,;") for start, end in zip(starts, ends, strict=True))
    if not all(_has_word(part) for part in parts):
        raise UsageError(
            f"{relation.upper()} needs an event on both sides.",
            hint="For example: a red car drives by THEN a dog runs. To search for the word itself, use "
            "quotation marks.",
        )
    if len(parts) > MAX_PARTS:
        raise UsageError(
            f"The query names {len(parts)} events; at most {MAX_PARTS} are allowed.",
            hint="Use only the most specific events.",
        )
    return Split(relation, parts, seconds, tuple(understood))


def _quiet_thens(text: str) -> list[re.Match[str]]:
    """Each "then" that has words on both sides and is no part of a phrase."""
    found = list(_THEN.finditer(text))
    bounds = [0, *(cut.end() for cut in found)]
    kept = []
    for start, cut in zip(bounds, found, strict=False):
        before = text[start : cut.start()].split()
        if before and before[-1].casefold() not in _NOT_AFTER and _has_word(" ".join(before)):
            kept.append(cut)
    while kept and not _has_word(_WITHIN.sub("", text[kept[-1].end() :])):
        kept.pop()
    return kept


def _quiet(text: str, name: str) -> list[re.Match[str]]:
    """Each operator in small letters with something like a sentence on either side."""
    kept: list[re.Match[str]] = []
    for cut in _QUIET[name].finditer(text):
        start = kept[-1].end() if kept else 0
        if _like_a_sentence(text[start : cut.start()]) and _like_a_sentence(text[cut.end() :]):
            kept.append(cut)
    return kept


def _like_a_sentence(text: str) -> bool:
    if has_place(text) and not without_places(text):
        return True  # nothing but words that are said or written
    words = text.split()
    return len(words) >= 3 and (words[0].casefold() in _OPENERS or words[0].isdecimal())


def _has_word(text: str) -> bool:
    return has_place(text) or any(char.isalnum() for char in text)
