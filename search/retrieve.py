"""Finds what the index says about a query, grouped into candidate videos; knows no model.

How near a text comes to a query is one number from 0 to 1::

    score = (cosine + 0.2 order + 0.2 words + 0.05 whole) / 1.45

cosine  of the two vectors, negative ones counted as 0
order   Dice coefficient of the two sets of adjacent word pairs. Vectors and BM25 hardly see word order:
        sentences that differ only in "from left to right" and "from right to left" have a cosine of 0.997 in
        MiniLM
words   BM25 score over the best BM25 score any text reached for this query
whole   how near the text of the whole video comes: (cosine + 0.2 words) / 1.2

A weighted sum and not a fusion of ranks, because the verdict needs a number that means the same for every
query. The weights are first choices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from footage.timecode import overlap_seconds
from footage.types import Candidate, Hit, Span, Window
from search.query import Query, words_of

if TYPE_CHECKING:
    from footage.embedder import Embedder
    from footage.store import Store
    from footage.store.rows import OwnerKind

ORDER_WEIGHT = 0.2
"""Say of the word order, beside a cosine of weight 1."""
WORDS_WEIGHT = 0.2
"""Say of BM25, beside a cosine of weight 1."""
WHOLE_WEIGHT = 0.05
"""Say of the whole video. More helps long descriptions, and hurts short sentences that many videos share."""
DEPTH = 100
"""Texts asked of each search of the index; a text below that rank everywhere is not considered."""

_MOMENTS: tuple[OwnerKind, ...] = ("event", "scene")
_WHOLES: tuple[OwnerKind, ...] = ("video",)


def retrieve(
    query: Query,
    *,
    store: Store,
    embedder: Embedder,
    limit: int = 8,
    depth: int = DEPTH,
    content_ids: Collection[str] | None = None,
) -> list[Candidate]:
    """The videos that answer a query best according to their texts, best first; ties by content id.

    Args:
        query: What to look for.
        store: The index.
        embedder: What the index's vectors were made with.
        limit: Most candidates.
        depth: Texts asked of each search.
        content_ids: Only these videos; every one when None.

    Raises:
        SchemaMismatchError: when the index holds no vectors of this embedder.
        StoreError: when the index cannot be read.
    """
    search = _Search(query, store, embedder, depth)

    # 1. Events and scenes, by vector and by words; the same for the texts of whole videos.
    near, worded = search.hits(_MOMENTS, content_ids)
    whole_near, whole_worded = search.hits(_WHOLES, content_ids)

    # 2. A video near as a whole of which no single text came up lends its own best texts.
    seen = {hit.content_id for hit in [*near, *worded]}
    unseen = {hit.content_id for hit in [*whole_near[:limit], *whole_worded[:limit]]} - seen
    if unseen:
        more_near, more_worded = search.hits(_MOMENTS, unseen)
        near, worded = [*near, *more_near], [*worded, *more_worded]

    # 3. One score each, grouped by video.
    wholes = _whole_scores(whole_near, whole_worded)
    by_video: dict[str, list[Hit]] = defaultdict(list)
    for hit in _scored(query.words, near, worded, wholes):
        by_video[hit.content_id].append(hit)

    # 4. The best videos, with their windows.
    best = sorted(by_video, key=lambda content_id: (-by_video[content_id][0].score, content_id))[:limit]
    videos, committed = store.videos(best), store.committed(best)
    return [
        Candidate(
            video=videos[content_id],
            windows=_windows(content_id, by_video[content_id], committed.get(content_id, {})),
            hits=tuple(by_video[content_id]),
            score=by_video[content_id][0].score,
        )
        for content_id in best
        if content_id in videos
    ]


class _Search:
    """The two searches of one query, by vector and by words."""

    def __init__(self, query: Query, store: Store, embedder: Embedder, depth: int) -> None:
        self._words = " ".join(query.words)
        self._vector = embedder.embed([query.text])[0]
        self._store, self._embedder, self._depth = store, embedder.name, depth

    def hits(
        self, kinds: Collection[OwnerKind], content_ids: Collection[str] | None
    ) -> tuple[list[Hit], list[Hit]]:
        """What comes near by vector, score cosine, and by words, score BM25; best first."""
        near = self._store.search_vectors(
            self._embedder, self._vector, limit=self._depth, owner_kinds=kinds, content_ids=content_ids
        )
        worded = self._store.search_text(
            self._words, limit=self._depth, owner_kinds=kinds, content_ids=content_ids
        )
        return near, worded


def word_order(query_words: Sequence[str], text: str) -> float:
    """Dice coefficient of the sets of adjacent word pairs of a query and a text, 0 to 1."""
    words = words_of(text)
    ours, theirs = set(pairwise(query_words)), set(pairwise(words))
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours and theirs else 0.0


def _scored(
    query_words: Sequence[str], near: Sequence[Hit], worded: Sequence[Hit], wholes: Mapping[str, float]
) -> list[Hit]:
    """Every distinct hit with its score, best first; ties by video, start and id."""
    cosines = {hit.owner_id: max(hit.score, 0.0) for hit in near}
    # What only the words brought up is farther by vector than all that the vectors did.
    farthest = min(cosines.values(), default=0.0)
    words = _shares(worded)
    rated = []
    for hit in {hit.owner_id: hit for hit in [*near, *worded]}.values():
        score = (
            cosines.get(hit.owner_id, farthest)
            + ORDER_WEIGHT * word_order(query_words, hit.text)
            + WORDS_WEIGHT * words.get(hit.owner_id, 0.0)
            + WHOLE_WEIGHT * wholes.get(hit.content_id, 0.0)
        )
        total = 1 + ORDER_WEIGHT + WORDS_WEIGHT + WHOLE_WEIGHT
        rated.append(replace(hit, score=round(min(score / total, 1.0), 6)))
    return sorted(rated, key=lambda hit: (-hit.score, hit.content_id, hit.span, hit.owner_id))


def _whole_scores(near: Iterable[Hit], worded: Sequence[Hit]) -> dict[str, float]:
    """How near each video comes as a whole, 0 to 1."""
    cosines = {hit.content_id: max(hit.score, 0.0) for hit in near}
    words = _shares(worded)
    return {
        content_id: (cosines.get(content_id, 0.0) + WORDS_WEIGHT * words.get(content_id, 0.0))
        / (1 + WORDS_WEIGHT)
        for content_id in cosines.keys() | words.keys()
    }


def _shares(worded: Sequence[Hit]) -> dict[str, float]:
    """BM25 scores over the best of them, by owner id."""
    best = max((hit.score for hit in worded), default=0.0)
    return {hit.owner_id: hit.score / best for hit in worded} if best > 0 else {}


def _windows(content_id: str, hits: Sequence[Hit], spans: Mapping[int, Span]) -> tuple[Window, ...]:
    """The windows of the hits, best first: of each hit the one that holds most of it, then the others."""
    first, others = [], []
    for hit in hits:
        indexes = [index for index in hit.window_indexes if index in spans]
        indexes.sort(key=lambda index: (-overlap_seconds(hit.span, spans[index]), index))
        first += indexes[:1]
        others += indexes[1:]
    return tuple(Window(content_id, index, spans[index]) for index in dict.fromkeys([*first, *others]))
