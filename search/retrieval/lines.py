"""Finds what is said or written near the meaning of a query, normalised for each track; asks no model.

A track of a thousand utterances has one that is near any query by chance. So a cosine counts by how far it
lies beyond chance, in standard deviations of the track's own background for this query::

    evidence = (cosine - mean) / deviation - sqrt(2 log texts)

mean, deviation   of the cosines of the query and a sample of the track
sqrt(2 log texts) about the largest of so many values of a normal distribution: what the best of unrelated
                  texts reaches

Evidence of 0 or less is none. It is in the same unit for every track, however many texts it has.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Hit

if TYPE_CHECKING:
    import numpy as np

    from footage.store import Store

LINE_WEIGHT = 0.05
"""Added to the score of a video's captions for each unit of evidence of its best line (see
``search.retrieval.retriever``)."""
MOST_EVIDENCE = 3.0
"""Evidence that counts at most."""
DEPTH = 50
"""Lines asked of each track."""
SAMPLE = 2_000
"""Texts of a track that its background is measured on."""
FEWEST = 30
"""Fewest texts of a track with a background of its own; of fewer ``FEW_BACKGROUND`` is taken, and the chance
of so many."""
FEW_BACKGROUND = (0.06, 0.09)
"""Mean and deviation of the cosine of unrelated sentences in the bundled embedder."""


@dataclass(frozen=True, slots=True)
class LineHit:
    """A line near a query."""

    hit: Hit
    """The line; its score and similarity are the cosine, from 0."""
    evidence: float
    """How far it lies beyond chance, above 0."""


class LineRetriever:
    """Retrieves lines of all tracks but captions from one index."""

    def __init__(self, store: Store, embedder: str) -> None:
        self._store = store
        self._embedder = embedder
        self._samples: dict[str, tuple[int, np.ndarray]] = {}

    def near(
        self, vector: np.ndarray, *, tracks: Collection[str], content_ids: Collection[str] | None
    ) -> list[LineHit]:
        """The lines beyond chance, most evidence first.

        Args:
            vector: Of the query, unit length, (dimension,).
            tracks: The tracks to look in; captions are left out.
            content_ids: Only these videos; every one when None.

        Raises:
            StoreError: the index cannot be read.
        """
        held = self._store.status().tracks
        found: list[LineHit] = []
        for track in sorted((held.keys() & set(tracks)) - {CAPTION_TRACK}):
            hits, _ = self._store.vectors.nearest(
                self._embedder,
                vector,
                limit=DEPTH,
                owner_kinds=["event"],
                content_ids=content_ids,
                tracks=[track],
            )
            mean, deviation = self._background(track, vector)
            chance = chance_of(held[track].events)
            for hit in hits:
                evidence = (hit.score - mean) / deviation - chance
                if evidence > 0:
                    found.append(LineHit(replace(hit, similarity=max(hit.score, 0.0)), evidence))
        return sorted(found, key=lambda line: (-line.evidence, line.hit.content_id, line.hit.span))

    def beyond_chance(self, vector: np.ndarray, cosine: float) -> float:
        """The evidence of a caption with a cosine, in the same unit; it may be below 0."""
        held = self._store.status().tracks.get(CAPTION_TRACK)
        mean, deviation = self._background(CAPTION_TRACK, vector)
        return (cosine - mean) / deviation - chance_of(held.events if held else 0)

    def _background(self, track: str, vector: np.ndarray) -> tuple[float, float]:
        """Mean and standard deviation of the cosines of a query and a track."""
        size = self._store.vectors.count(self._embedder)
        known = self._samples.get(track)
        if known is None or known[0] != size:
            _, _, vectors = self._store.vectors.sample(self._embedder, SAMPLE, track=track)
            known = self._samples[track] = size, vectors
        if len(known[1]) < FEWEST:
            return FEW_BACKGROUND
        cosines = known[1] @ vector
        return float(cosines.mean()), max(float(cosines.std()), 0.01)


def chance_of(texts: int) -> float:
    """What the best of so many unrelated texts reaches, in standard deviations."""
    return math.sqrt(2 * math.log(max(texts, FEWEST)))


def video_bonus(lines: Sequence[LineHit]) -> Mapping[str, float]:
    """What the best line of each video adds to its score, by content id."""
    best: dict[str, float] = {}
    for line in lines:
        best.setdefault(line.hit.content_id, LINE_WEIGHT * min(line.evidence, MOST_EVIDENCE))
    return best
