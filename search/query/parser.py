"""Reads a typed query; knows no index and no model.

A query is words, with these terms beside them::

    collection:NAME   camera:NAME   path:GLOB          place of recording; repeated: any of them
    model:GLOB                                         model of the captions
    after:2026-03-01  before:2026-03-01T18:00          time of recording
    hours:22:00-06:00                                  time of day
    longer:5m         shorter:90s                      length of the video
    event-longer:3s   event-shorter:10s                length of the event
    -word  -"some words"                               words that a text must not have
    said:"some words"  shows:"some words"              words that are said, or written in the picture
    -said:"some words"                                 words that must not be said at that time
    in:speech  in:captions  in:screen-text             what to search; repeated: any of them

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
from footage.core.tracks import CAPTION_TRACK, TRACKS
from search.query.filters import (
    FILTER_NAMES,
    FILTER_VALUES,
    NO_FILTERS,
    TRACK_FILTER,
    WORD_TERMS,
    Filters,
    FilterTerms,
    read_terms,
)
from search.query.lexical_match import FUNCTION_WORDS, words_of
from search.query.negation import take_out
from search.query.operators import MAX_PARTS, Relation, split
from search.query.quotes import only_words, unmarked
from search.query.word_terms import WordTerm, places_in, without_places

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
    term: WordTerm | None = None
    """The words that are to be said or written; None for an event, and for several of either. A query with
    one has neither ``words`` nor a ``prompt``."""
    without_terms: tuple[WordTerm, ...] = ()
    """Words that must not be said or written at the time of an answer."""
    tracks: tuple[str, ...] = ()
    """The tracks to search, as typed; all of them when empty."""
    together: bool = False
    """With "and": words and an event in one sentence, without an operator."""

    @property
    def needs_pictures(self) -> bool:
        """Whether any of it is to be seen, so that the model may be asked."""
        if self.parts:
            return any(part.needs_pictures for part in self.parts)
        return self.term is None and self.searches(CAPTION_TRACK)

    @property
    def has_terms(self) -> bool:
        """Whether any of it is to be said or written."""
        return self.term is not None or any(part.has_terms for part in self.parts)

    @property
    def only_words(self) -> bool:
        """Whether all of it is to be said or written, so that no meaning is compared."""
        return all(part.only_words for part in self.parts) if self.parts else self.term is not None

    @property
    def word_tracks(self) -> frozenset[str]:
        """The tracks other than captions that are searched."""
        if self.parts:
            return frozenset().union(*(part.word_tracks for part in self.parts))
        tracks = self.term.tracks if self.term else TRACKS
        return frozenset(track for track in tracks if track != CAPTION_TRACK and self.searches(track))

    def searches(self, track: str) -> bool:
        """Whether a track is to be searched."""
        return not self.tracks or track in self.tracks


def parse_query(text: str, *, plain: bool = False, wordless: bool = False) -> Query:
    """Read a query.

    Args:
        text: As typed.
        plain: Take everything as words.
        wordless: Whether filters and exclusions may stand alone, or nothing at all, beside what else is
            looked for; then ``words`` is empty.

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
    terms = FilterTerms(clean, wordless=wordless)
    if plain:
        return _query(without_quotes(clean), terms)
    sentence = split(only_words(read_terms(clean, terms)))
    affirmed = [_without_negation(without_places(part), terms) for part in sentence.parts]
    terms.understood += sentence.understood
    # Each part: the words that are said or written, then what is to be seen.
    parts = [
        [_about_words(terms, number) for number in places_in(part)]
        + ([_query(rest, terms, negated)] if words_of(rest) or not places_in(part) else [])
        for part, (rest, negated) in zip(sentence.parts, affirmed, strict=True)
    ]
    if sum(map(len, parts)) > MAX_PARTS:
        raise UsageError(
            f"The query names {sum(map(len, parts))} events; at most {MAX_PARTS} are allowed.",
            hint="Use only the most specific events and words.",
        )
    if sentence.relation in ("", "and"):
        flat = [part for each in parts for part in each]
        return _joined(flat, "and", terms, together=not sentence.relation)
    whole = [_joined(each, "and", terms, together=True) for each in parts]
    return replace(_joined(whole, sentence.relation, terms), within_seconds=sentence.within_seconds)


def _joined(
    parts: Sequence[Query], relation: Relation, terms: FilterTerms, *, together: bool = False
) -> Query:
    """The query over some parts; a single one as it is."""
    if len(parts) == 1:
        return parts[0]
    text = f" {relation} ".join(part.text for part in parts)
    return replace(
        _query(text, terms),
        negated=tuple(words for part in parts for words in part.negated),
        parts=tuple(parts),
        relation=relation,
        together=together,
    )


def _about_words(terms: FilterTerms, number: int) -> Query:
    """The query for one term about words."""
    term = terms.words[number]
    return replace(_query(term.text, terms), text=term.typed, words=(), prompt="", term=term)


def did_you_mean(term: str) -> str:
    """The filter whose name a term that was read as words misspells, such as "camera:"; else empty."""
    key, colon, _ = term.partition(":")
    known = [*FILTER_NAMES, *FILTER_VALUES, *WORD_TERMS, TRACK_FILTER]
    near = difflib.get_close_matches(key.casefold(), known, n=1, cutoff=_ALIKE)
    return f"{near[0]}:" if colon and near and near[0] != key.casefold() else ""


def _query(text: str, terms: FilterTerms, negated: Sequence[tuple[str, ...]] = ()) -> Query:
    """The query for a text of words alone."""
    text = unmarked(text).rstrip(CLOSING)
    words = words_of(text)
    if words or terms.wordless:
        pass
    elif terms.understood:
        raise UsageError(
            f"The query has only filters ({' '.join(terms.understood)}), without an event.",
            hint="Add an event, for example: a red car drives by.",
        )
    else:
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
        without_terms=tuple(terms.without_words),
        tracks=tuple(dict.fromkeys(terms.tracks)),
    )


def _without_negation(text: str, terms: FilterTerms) -> tuple[str, Sequence[tuple[str, ...]]]:
    """A text without its negations, and the words of those."""
    rest, negated, typed = take_out(text)
    if negated and not terms.wordless and not set(words_of(rest)) - FUNCTION_WORDS:
        raise UsageError(
            f"The query has only exclusions ({', '.join(typed)}).",
            hint="Add something to search for, for example: a street, no cars.",
        )
    terms.understood += map(unmarked, typed)
    return rest, negated
