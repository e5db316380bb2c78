"""Scores the passages of an index for a query, by vectors and by words; knows nothing of their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from footage.core.types import Hit
from search.retrieval.bm25 import Words
from search.retrieval.hubness import HUB_WEIGHT, HubnessScorer

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from footage.store.records import OwnerKind

Scoring = Callable[..., list[Hit]]
"""Gives the best passages, see ``Passages.begin``."""
PASSAGE_WORDS_WEIGHT = 0.013
"""Weight of the word score of a passage, added to its cosine."""

_PASSAGE: tuple[OwnerKind, ...] = ("passage",)


class Passages:
    """The passages of one index; their words are counted once for each version of the index."""

    def __init__(self, store: Store, embedder: TextEmbedder, hubs: HubnessScorer) -> None:
        self._store = store
        self._embedder = embedder
        self._hubs = hubs
        self._counted: _Counted | None = None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="passages")  # idle for an index in memory

    def begin(
        self,
        words: Sequence[str],
        vector: np.ndarray,
        *,
        limit: int,
        content_ids: Collection[str] | None,
    ) -> tuple[Sequence[Collection[OwnerKind]], Scoring]:
        """Begin to score passages; of an index too large for memory, the words are searched in a thread.

        Args:
            words: Of the query.
            vector: Of the query, unit length, (dimension,).
            limit: How many, without those of further videos.
            content_ids: Only passages of these videos; every one when None.

        Returns:
            The kinds of texts that must be searched by vector for it, a group or none. And a function that
            gives the best passages with their scores, best first: it takes the videos whose passages are
            wanted whatever their scores, which an index in memory adds, and what was found of the group.
        """
        held = self._store.vectors.passages(self._embedder.name)
        if held is not None:
            return (), lambda also: self._scored(held, words, vector, limit, content_ids, also)
        worded = self._beside.submit(
            copy_context().run,
            lambda: self._store.texts.search(
                " ".join(words), limit=limit, content_ids=content_ids, passages=True
            ),
        )
        return (_PASSAGE,), lambda also, near: self._joined(near, worded.result())

    def _scored(
        self,
        held: tuple[Sequence[Hit], np.ndarray],
        words: Sequence[str],
        vector: np.ndarray,
        limit: int,
        content_ids: Collection[str] | None,
        also: Collection[str],
    ) -> list[Hit]:
        """The best passages of an index in memory."""
        passages, vectors = held
        counted = self._counted
        if counted is None or counted.passages is not passages:
            counted = self._counted = _Counted(passages, self._embedder)
        scores = vectors @ vector + PASSAGE_WORDS_WEIGHT * counted.words.scores(words)
        chosen = counted.of(also)
        if content_ids is not None:
            asked = counted.of(content_ids)
            scores[~asked] = -np.inf
            chosen &= asked
        best = np.argsort(-scores, kind="stable")[:limit]
        chosen[best[np.isfinite(scores[best])]] = True
        places = np.flatnonzero(chosen)
        hits = [passages[place] for place in places.tolist()]
        lessened = scores[places] - HUB_WEIGHT * self._hubs.of(hits, vectors[places])
        return _best_first(
            replace(hit, score=score) for hit, score in zip(hits, lessened.tolist(), strict=True)
        )

    def _joined(self, found: tuple[Sequence[Hit], np.ndarray], worded: Sequence[Hit]) -> list[Hit]:
        """The best passages of two searches; a passage that one lacks gets the lowest score of that one."""
        near, vectors = found
        lessened = [hit.score for hit in near] - HUB_WEIGHT * self._hubs.of(near, vectors)
        cosines = {hit.owner_id: score for hit, score in zip(near, lessened.tolist(), strict=True)}
        worded_scores = {hit.owner_id: PASSAGE_WORDS_WEIGHT * hit.score for hit in worded}
        farthest, fewest = min(cosines.values(), default=0.0), min(worded_scores.values(), default=0.0)
        return _best_first(
            replace(hit, score=cosines.get(hit.owner_id, farthest) + worded_scores.get(hit.owner_id, fewest))
            for hit in {hit.owner_id: hit for hit in [*near, *worded]}.values()
        )


class _Counted:
    """The passages of one version of an index, with their words and by video."""

    def __init__(self, passages: Sequence[Hit], embedder: TextEmbedder) -> None:
        self.passages = passages
        self.words = Words([hit.text for hit in passages], embedder)
        self._of_video: dict[str, list[int]] = defaultdict(list)
        for place, hit in enumerate(passages):
            self._of_video[hit.content_id].append(place)

    def of(self, content_ids: Collection[str]) -> np.ndarray:
        """Which passages are of some videos, bool (passages,)."""
        chosen = np.zeros(len(self.passages), bool)
        chosen[[place for content_id in content_ids for place in self._of_video.get(content_id, ())]] = True
        return chosen


def _best_first(hits: Iterable[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.score, hit.owner_id))
