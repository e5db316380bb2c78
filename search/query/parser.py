"""Reads a typed query; knows no index and no model.

A query is words, with these terms beside them::

    collection:NAME   camera:NAME   path:GLOB          place of recording; repeated: any of them
    model:GLOB                                         model of the captions
    after:2026-03-01  before:2026-03-01T18:00          time of recording
    hours:22:00-06:00                                  time of day
    longer:5m         shorter:90s                      length of the video
    event-longer:3s   event-shorter:10s                length of the event
    -word  -"some words"                               words that a text must not have

A value with spaces goes into quotation marks: camera:"front door". A term that cannot be read is searched as
words and reported. The words may name several events (see ``search.query.operators``) and negate some things
(see ``search.query.negation``). Words in quotation marks of any kind are only words, and the marks themselves
are not searched: "a car", “a car” and a car are one query.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from footage.core.errors import UsageError
from footage.core.plain_text import CLOSING, MARKS, evened, quoted_parts, without_quotes
from search.query.filters import NO_FILTERS, Filters, read_hours, read_length, read_moment
from search.query.lexical_match import FUNCTION_WORDS, words_of
from search.query.negation import take_out
from search.query.operators import Relation, split
from search.query.quotes import only_words, unmarked

MAX_QUERY_CHARACTERS = 1_000
"""Longest query accepted. The embedder reads about 250 words and the model was trained on single sentences,
so more would be cut off without notice."""

_NAMES = {"collection": "collections", "camera": "cameras", "path": "paths", "model": "models"}
_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "after": ("after", read_moment),
    "before": ("before", read_moment),
    "hours": ("hours", read_hours),
    "longer": ("longer_seconds", read_length),
    "shorter": ("shorter_seconds", read_length),
    "event-longer": ("event_longer_seconds", read_length),
    "event-shorter": ("event_shorter_seconds", read_length),
}
_TERM = re.compile(r"(?<!\S)(?:(?P<minus>-)(?=[\0\w])|(?P<key>[A-Za-z][A-Za-z-]+):(?=[^\s/]))(?P<value>\S*)")
"""In a text whose quoted parts are masked with "\\0": an exclusion, or any word with a colon and a value."""
_ALIKE = 0.75
"""Least ratio of ``difflib`` at which a name is taken for a misspelled filter."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query, in the three forms that the steps of a search need; equal queries ask the same."""

    text: str
    """The wanted event without filters, negations, quotation marks and closing punctuation, in even spacing
    (see ``footage.core.plain_text``): for the embedder and for people. Of several events, the whole
    sentence."""
    words: tuple[str, ...]
    """Its words in order, case-folded, without punctuation: for full-text search."""
    prompt: str
    """The event as it goes into the model's prompt."""
    filters: Filters = NO_FILTERS
    """Which videos to search."""
    without: tuple[tuple[str, ...], ...] = ()
    """Words, or phrases, that a text must not have."""
    negated: tuple[tuple[str, ...], ...] = ()
    """Words of each negated thing: a text that has them is ranked lower."""
    understood: tuple[str, ...] = field(default=(), compare=False)
    """The filters, exclusions, negations and operators that were read; filters and exclusions as typed."""
    unread: tuple[str, ...] = field(default=(), compare=False)
    """Terms that look like filters and are searched as words."""
    parts: tuple[Query, ...] = ()
    """The events it names, each with the filters and exclusions of the whole; none where it names a single
    one."""
    relation: Relation = ""
    """Their relation; empty where it names a single one."""
    within_seconds: float | None = None
    """With "then": most seconds between the end of one and the start of the next; any number when None."""


def parse_query(text: str, *, plain: bool = False) -> Query:
    """Read a query; ``plain`` takes everything as words.

    Raises:
        UsageError: when it has no words to search for, is longer than ``MAX_QUERY_CHARACTERS``, or
            relates events in a way that cannot be read.
    """
    clean = evened(text)
    if len(clean) > MAX_QUERY_CHARACTERS:
        raise UsageError(
            f"The query has {len(clean):,} characters; at most {MAX_QUERY_CHARACTERS:,} are allowed.",
            hint="Describe one visible action in one sentence, such as: a red car drives by.",
        )
    terms = _Terms(clean)
    if plain:
        return _query(without_quotes(clean), terms)
    sentence = split(only_words(_read_terms(clean, terms)))
    affirmed = [_without_negation(part, terms) for part in sentence.parts]
    terms.understood += sentence.understood
    parts = tuple(_query(rest, terms, negated) for rest, negated in affirmed)
    if not sentence.relation:
        return parts[0]
    return replace(
        _query(f" {sentence.relation} ".join(part.prompt for part in parts), terms),
        negated=tuple(words for part in parts for words in part.negated),
        parts=parts,
        relation=sentence.relation,
        within_seconds=sentence.within_seconds,
    )


def did_you_mean(term: str) -> str:
    """The filter whose name a term that was read as words misspells, such as "camera:"; else empty."""
    key, colon, _ = term.partition(":")
    known = [*_NAMES, *_VALUES]
    near = difflib.get_close_matches(key.casefold(), known, n=1, cutoff=_ALIKE)
    return f"{near[0]}:" if colon and near and near[0] != key.casefold() else ""


def _query(text: str, terms: _Terms, negated: Sequence[tuple[str, ...]] = ()) -> Query:
    """The query for a text of words alone."""
    text = unmarked(text).rstrip(CLOSING)
    words = words_of(text)
    if not words and terms.understood:
        raise UsageError(
            f"The query has only filters ({' '.join(terms.understood)}), without an event.",
            hint="Add an event, for example: a red car drives by.",
        )
    if not words:
        raise UsageError(
            f"The query {terms.typed[:40]!r} contains no words." if terms.typed else "The query is empty.",
            hint="Describe an event, for example: a red car drives from left to right.",
        )
    return Query(
        text=text,
        words=words,
        prompt=text,
        filters=Filters(**terms.conditions),
        without=tuple(terms.without),
        negated=tuple(negated),
        understood=tuple(terms.understood),
        unread=tuple(terms.unread),
    )


def _without_negation(text: str, terms: _Terms) -> tuple[str, Sequence[tuple[str, ...]]]:
    """A text without its negations, and the words of those."""
    rest, negated, typed = take_out(text)
    if negated and not set(words_of(rest)) - FUNCTION_WORDS:
        raise UsageError(
            f"The query has only exclusions ({', '.join(typed)}).",
            hint="Add something to search for, for example: a street, no cars.",
        )
    terms.understood += map(unmarked, typed)
    return rest, negated


@dataclass
class _Terms:
    """The terms of a query read so far."""

    typed: str
    conditions: dict[str, Any] = field(default_factory=dict)
    without: list[tuple[str, ...]] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def _read_terms(text: str, terms: _Terms) -> str:
    """Collect the terms of a query, and return the rest of it."""
    quoted = quoted_parts(text)
    masked = list(text)
    for start, end in quoted:
        masked[start:end] = "\0" * (end - start)
    rest, done = [], 0
    for match in _TERM.finditer("".join(masked)):
        start, end = match.span()
        term, value = text[start:end], text[match.start("value") : end]
        if (match.start("value"), end) in quoted:
            value = value[1:-1]
        rest.append(text[done:start])
        done = end
        if _read_term(match, value, terms):
            terms.understood.append(term)
        else:
            terms.unread.append(term)
            rest.append(term)
    return " ".join("".join([*(f"{piece} " for piece in rest), text[done:]]).split())


def _read_term(match: re.Match[str], value: str, terms: _Terms) -> bool:
    """Collect one term; False for one that cannot be read."""
    key = (match["key"] or "").casefold()
    if match["minus"]:
        words = words_of(without_quotes(value))
        if words:
            terms.without.append(words)
    elif key in _NAMES and value and value[0] not in MARKS:
        name = _NAMES[key]
        terms.conditions[name] = (*terms.conditions.get(name, ()), value)
    elif key in _VALUES and (read := _VALUES[key][1](value)) is not None:
        terms.conditions[_VALUES[key][0]] = read
    else:
        return False
    return True
