"""Answers queries about words that are said or written, and leaves out moments at which others are."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from footage.core.types import Candidate, Match, Span
from search.grounding.options import GroundingOptions
from search.query.lexical_match import says
from search.query.parser import Query
from search.results import Looked, SearchResult, Timings
from search.scope import Scope
from search.words.answers import SAME_MOMENT_SECONDS, WordSearch, at_moment, missing_tracks
from search.words.lookup import WordHit

if TYPE_CHECKING:
    from footage.store import Store


class WordQueries:
    """Answers from one index. Several threads may ask."""

    def __init__(self, store: Store, scope: Scope) -> None:
        self._store = store
        self._scope = scope
        self.words = WordSearch(store)
        """Looks words up."""

    def answer(
        self,
        query: Query,
        *,
        limit: int,
        per_video: int,
        looking: GroundingOptions,
        content_ids: Collection[str] | None,
        on_hits: Callable[[list[Match]], None] | None,
        nearest: bool,
    ) -> SearchResult:
        """Answer a query about words alone; arguments as ``search.engine.Engine.search``.

        With ``nearest``, the nearest lines are listed where no line has the words.
        """
        began = time.perf_counter()
        term = query.term
        assert term is not None
        with self._store.at_once():
            content_ids, notes = self._scope.chosen(query, content_ids)
            tracks = [track for track in term.tracks if query.searches(track)]
            coverage = self._scope.coverage(content_ids)
            heard = self._scope.holding(tracks, content_ids)
            searched = self._scope.known(content_ids)
            missing = missing_tracks(term, tracks, there=len(heard), videos=len(searched))
            matches = self.words.matches(
                term,
                tracks=tracks,
                content_ids=content_ids,
                thresholds=looking.thresholds,
                limit=limit,
                per_video=per_video,
                leave_out=self.unwanted(query, content_ids),
                nearest=nearest,
            )
            wholes = {
                content_id: (Span(0, video.duration_seconds),)
                for content_id, video in self._store.videos.known(sorted(heard)).items()
            }
        matches = [match for match in matches if _wanted(query, match)]
        if on_hits:
            on_hits(matches)
        timings = Timings(time.perf_counter() - began, 0.0, 0.0)
        return SearchResult(
            query,
            tuple(matches),
            coverage,
            timings,
            Looked(shown=wholes),
            (*notes, *([missing] if missing else [])),
        )

    def unwanted(self, query: Query, content_ids: Collection[str] | None) -> list[WordHit]:
        """Where the words are that must not be said or written at the time of an answer."""
        return [
            hit
            for term in query.without_terms
            for hit in self.words.hits(term, tracks=term.tracks, content_ids=content_ids)
        ]


def without_moments(candidates: Sequence[Candidate], unwanted: Sequence[WordHit]) -> Iterator[Candidate]:
    """Candidates without the hits at whose time unwanted words are said or written."""
    for candidate in candidates:
        hits = tuple(
            hit
            for hit in candidate.hits
            if not any(at_moment(words, hit.content_id, hit.span) for words in unwanted)
        )
        if hits or not candidate.hits:
            yield replace(candidate, hits=hits)


def moments_of(words: Sequence[WordHit], content_id: str) -> list[Span]:
    """When some words are said or written in a video: nothing else at these times is at another moment."""
    return [
        Span.clamped(hit.span.start_seconds - SAME_MOMENT_SECONDS, hit.span.end_seconds + SAME_MOMENT_SECONDS)
        for hit in words
        if hit.content_id == content_id
    ]


def _wanted(query: Query, match: Match) -> bool:
    """Whether a match on words has no excluded word, and belongs to an event of the wanted length."""
    return query.filters.fits_event(match.span) and not any(
        says(words, match.text) for words in query.without
    )
