"""Finds a plain sentence that is said or written, word for word or nearly so; asks no model.

"the mirrors are made of gold"   the very words: as sure as the words
... mirrors ... made ... gold    all words with content, in this order, in one utterance or its neighbours:
less sure, by ``LOOSE``; in another order ``UNORDERED``
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from search.query.lexical_match import FUNCTION_WORDS
from search.query.parser import Query
from search.query.word_terms import WordTerm
from search.words.answers import WordSearch
from search.words.lookup import WordHit

LOOSE = 0.85
"""Likeness of all words with content in their order, with others between them: from three words on."""
UNORDERED = 0.6
"""Likeness of all of them in another order, or of two words apart: "uncertain" at most."""
_MOST_WORDS = 12


def phrase_of(query: Query) -> WordTerm:
    """The term for the very words of a plain query."""
    return WordTerm("said", query.text, exact=len(query.words) > 1)


def sentence_hits(
    search: WordSearch, query: Query, *, tracks: Collection[str], content_ids: Collection[str] | None
) -> list[WordHit]:
    """Where a plain query is said or written; of a place with the very words nothing else.

    Raises:
        StoreError: the index cannot be read.
    """
    very = search.hits(phrase_of(query), tracks=tracks, content_ids=content_ids)
    words = list(dict.fromkeys(word for word in query.words if word not in FUNCTION_WORDS))
    if not 2 <= len(words) <= _MOST_WORDS:
        return very if words else []
    known = {line.owner_id for hit in very for line in hit.lines}
    return [
        *very,
        *(
            replace(hit, likeness=LOOSE if in_order and len(words) > 2 else UNORDERED)
            for hit, in_order in search.hits_of_all(words, tracks=tracks, content_ids=content_ids)
            if known.isdisjoint(line.owner_id for line in hit.lines)
        ),
    ]
