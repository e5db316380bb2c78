"""Finds moments by their pictures: the image vectors near a text or a picture, and what their nearness means.

A similarity means something only against the library (``search.retrieval.background``): every stretch has a
standing beside it. Asks no model but the image embedder.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from footage.core.image_hit import ImageHit
from footage.core.tracks import image_track
from footage.core.types import Span
from search.retrieval.background import (
    BACKGROUND_TEXTS,
    Background,
    Scale,
    Standing,
    measure_background,
    scale,
    standing,
)

if TYPE_CHECKING:
    import numpy as np

    from footage.embed.protocol import ImageEmbedder
    from footage.store import Store

QueryKind = Literal["text", "picture"]
DEPTH = 400
"""Image vectors asked of a search."""
SAMPLE = 2_000
"""Image vectors that the background is measured on."""
BACKGROUND_PICTURES = 200
"""Pictures of the library that serve as background queries, each searched for outside its own video."""
WITHIN = 0.05
"""How far below the best picture of a stretch its other pictures may lie, in cosine."""
GAP_SECONDS = 2.0
"""Longest time between two pictures of one stretch."""


@dataclass(frozen=True, slots=True)
class ImageStretch:
    """Pictures of one video, one after the other, that are near a query."""

    content_id: str
    """The video."""
    span: Span
    """The time that they stand for, in video time."""
    at_seconds: float
    """Time of the nearest frame."""
    similarity: float
    """Its cosine to the query."""
    standing: Standing
    """How that compares with queries that the library does not answer."""


class ImageRetriever:
    """Retrieves by the vectors of one image embedder. Keep it for further queries: it keeps backgrounds.

    Several threads may ask; one is answered at a time.
    """

    def __init__(self, store: Store, embedder: ImageEmbedder) -> None:
        self._store = store
        self.embedder = embedder
        """Embeds the queries."""
        self._lock = threading.RLock()
        self._last: tuple[str, np.ndarray] | None = None
        self._backgrounds: dict[QueryKind, tuple[int, Background]] = {}

    def vector_of(self, text: str) -> np.ndarray:
        """The vector of a text, float32 (dimension,); that of the last one is remembered."""
        with self._lock:
            if self._last is None or self._last[0] != text:
                self._last = text, self.embedder.embed_texts([text])[0]
            return self._last[1]

    def stretches(
        self,
        vector: np.ndarray,
        *,
        kind: QueryKind,
        content_ids: Collection[str] | None = None,
        depth: int = DEPTH,
    ) -> list[ImageStretch]:
        """The stretches whose pictures are near a vector, nearest first.

        Args:
            vector: Of the query, unit length, (dimension,).
            kind: Whether it is of a text or of a picture: they have different backgrounds.
            content_ids: Only these videos; every one when None.
            depth: Image vectors to look at.

        Raises:
            SchemaMismatchError: the index holds no image vectors of this embedder.
            StoreError: the index cannot be read.
        """
        with self._lock, self._store.at_once():
            hits, _ = self._store.images.nearest(
                self.embedder.name, vector, limit=depth, content_ids=content_ids
            )
            background = self.background(kind)
            return [
                ImageStretch(
                    best.content_id,
                    span,
                    best.at_seconds,
                    best.similarity,
                    standing(vector, best.similarity, background),
                )
                for span, best in joined(hits)
            ]

    def nearest(
        self, vector: np.ndarray, *, content_ids: Collection[str], depth: int
    ) -> tuple[list[ImageHit], np.ndarray]:
        """The pictures of some videos that are nearest to a vector, and their own vectors, nearest first.

        Args:
            vector: Of the query, unit length, (dimension,).
            content_ids: The videos.
            depth: Most pictures.

        Returns:
            The pictures, and a float32 array of shape (pictures, dimension).

        Raises:
            SchemaMismatchError: the index holds no image vectors of this embedder.
            StoreError: the index cannot be read.
        """
        with self._lock:
            name = self.embedder.name
            return self._store.images.nearest(name, vector, limit=depth, content_ids=content_ids)

    def covered(self) -> set[str]:
        """The videos that have image vectors of this embedder, by content id.

        Raises:
            StoreError: the index cannot be read.
        """
        return set(self._store.windows.covered(track=image_track(self.embedder.name)))

    def scale(self, vector: np.ndarray, *, kind: QueryKind) -> Scale:
        """What the similarities of a query mean in this library; arguments as ``stretches``.

        Raises:
            StoreError: the index cannot be read.
        """
        with self._lock:
            return scale(vector, self.background(kind))

    def background(self, kind: QueryKind) -> Background:
        """The library as queries see it that it does not answer; measured anew when its size has changed."""
        name = self.embedder.name
        with self._lock:
            size = self._store.images.count(name)
            known = self._backgrounds.get(kind)
            if known is None or known[0] != size:
                contents, sample = self._store.images.sample(name, SAMPLE)
                if kind == "text":
                    made = measure_background(sample, self.embedder.embed_texts(BACKGROUND_TEXTS))
                else:
                    made = _picture_background(contents, sample)
                known = self._backgrounds[kind] = size, made
            return known[1]


def joined(hits: Sequence[ImageHit]) -> list[tuple[Span, ImageHit]]:
    """Pictures that follow each other and are about as near, as one span with its nearest; nearest first."""
    by_video: dict[str, list[ImageHit]] = defaultdict(list)
    for hit in hits:
        by_video[hit.content_id].append(hit)
    found: list[tuple[Span, ImageHit]] = []
    for each in by_video.values():
        similarities = [hit.similarity for hit in each]
        floors = [similarity - WITHIN for similarity in similarities]
        for peak, run in runs_around_peaks(each, similarities, nearness=similarities, floors=floors):
            span = Span(each[run[0]].span.start_seconds, each[run[-1]].span.end_seconds)
            found.append((span, each[peak]))
    return sorted(found, key=lambda pair: (-pair[1].similarity, pair[1].content_id, pair[0]))


def runs_around_peaks(
    hits: Sequence[ImageHit],
    similarities: Sequence[float] | np.ndarray,
    *,
    nearness: Sequence[float] | np.ndarray,
    floors: Sequence[float] | np.ndarray,
) -> list[tuple[int, list[int]]]:
    """Split the pictures of one video into runs that follow each other and are about as near.

    Args:
        hits: The pictures, in any order.
        similarities: Of each to the query; a run goes on as long as they reach the floor of its nearest.
        nearness: Of each: the nearest picture of a run is the one where this is largest.
        floors: Of each: the least similarity of a run of which it is the nearest picture.

    Returns:
        For each run the number of its nearest picture, and those of all its pictures in the order of time.
        Runs share no picture, and none goes on across another.
    """
    found: list[tuple[int, list[int]]] = []
    pending = [sorted(range(len(hits)), key=lambda n: hits[n].at_seconds)]
    while pending:
        rest = pending.pop()
        if not rest:
            continue
        peak = max(range(len(rest)), key=lambda place: nearness[rest[place]])
        least = floors[rest[peak]]
        first, past = peak, peak + 1
        while first > 0 and _follows(hits[rest[first - 1]], hits[rest[first]]):
            if similarities[rest[first - 1]] < least:
                break
            first -= 1
        while past < len(rest) and _follows(hits[rest[past - 1]], hits[rest[past]]):
            if similarities[rest[past]] < least:
                break
            past += 1
        found.append((rest[peak], rest[first:past]))
        pending += [rest[:first], rest[past:]]
    return found


def _follows(one: ImageHit, other: ImageHit) -> bool:
    return other.span.start_seconds - one.span.end_seconds <= GAP_SECONDS


def _picture_background(contents: Sequence[str], sample: np.ndarray) -> Background:
    """Pictures of the library as queries, each searched for outside its own video."""
    import numpy as np

    places = np.linspace(0, len(sample) - 1, min(BACKGROUND_PICTURES, len(sample))).astype(int)
    videos = np.array(contents)
    if len(set(contents)) < 2:
        return measure_background(sample, sample[:0])
    similar = sample[places] @ sample.T
    similar[videos[places][:, None] == videos[None]] = -1
    return measure_background(sample, sample[places], peaks=similar.max(axis=1))
