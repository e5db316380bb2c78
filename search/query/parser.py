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
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from footage.core.errors import UsageError
from footage.core.plain_text import CLOSING, evened, without_quotes
from search.query.filters import FILTER_NAMES, FILTER_VALUES, NO_FILTERS, Filters, FilterTerms, read_terms
from search.query.lexical_match import FUNCTION_WORDS, words_of
from search.query.negation import take_out
from search.query.operators import Relation, split
from search.query.quotes import only_words, unmarked

MAX_QUERY_CHARACTERS = 1_000
"""Longest query accepted. The embedder reads about 250 words and the model was trained on single sentences,
so more would be cut off without notice."""

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
    terms = FilterTerms(clean)
    if plain:
        return _query(without_quotes(clean), terms)
    sentence = split(only_words(read_terms(clean, terms)))
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
    known = [*FILTER_NAMES, *FILTER_VALUES]
    near = difflib.get_close_matches(key.casefold(), known, n=1, cutoff=_ALIKE)
    return f"{near[0]}:" if colon and near and near[0] != key.casefold() else ""


def _query(text: str, terms: FilterTerms, negated: Sequence[tuple[str, ...]] = ()) -> Query:
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


def _without_negation(text: str, terms: FilterTerms) -> tuple[str, Sequence[tuple[str, ...]]]:
    """A text without its negations, and the words of those."""
    rest, negated, typed = take_out(text)
    if negated and not set(words_of(rest)) - FUNCTION_WORDS:
        raise UsageError(
            f"The query has only exclusions ({', '.join(typed)}).",
            hint="Add something to search for, for example: a street, no cars.",
        )
    terms.understood += map(unmarked, typed)
    return rest, negated
