"""How near a text lies to everything: some sentences are neighbours of any query, and that says nothing.

In a space of many dimensions a few points ("hubs") are among the nearest of a great many others (Radovanovic
et al., JMLR 2010). A text's hubness here is the mean of its ``NEIGHBOURS`` largest similarities to a sample
of the index's events; subtracted from its similarity to a query it is what cross-domain similarity local
scaling subtracts (Conneau et al., ICLR 2018). It knows no query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from footage.types import Hit

if TYPE_CHECKING:
    import numpy as np

    from footage.store import Store

SAMPLE = 1_000
"""Events that stand for all; 2,000 and 4,000 give the same recall within its interval (ActivityNet
Captions)."""
NEIGHBOURS = 6
"""Largest similarities averaged, of ``SAMPLE``; in a smaller index the same share, three at least."""
FULL_AT = 1_000
"""Events from which hubness counts in full; of a few videos it would tell noise."""
_STALE = 1.25  # the sample is drawn anew when the index has grown by so much


class Hubs:
    """Hubness of texts in one index; computed once a text."""

    def __init__(self, store: Store, embedder: str) -> None:
        self._store = store
        self._embedder = embedder
        self._size = 0
        self._places: dict[str, int] = {}
        self._sample: np.ndarray | None = None
        self._known: dict[str, float] = {}

    def of(self, hits: Sequence[Hit], vectors: np.ndarray) -> np.ndarray:
        """The hubness of some texts, times how much it counts in an index of this size, float32 (hits,).

        Args:
            hits: The texts.
            vectors: Theirs, unit length, (hits, dimension).
        """
        import numpy as np

        self._refresh()
        new = [n for n, hit in enumerate(hits) if hit.owner_id not in self._known]
        if new and self._sample is not None and len(self._sample):
            near = vectors[new] @ self._sample.T
            # A text is no neighbour of itself, nor of others in the same words.
            for row, n in enumerate(new):
                if (place := self._places.get(hits[n].text)) is not None:
                    near[row, place] = 0
            count = min(near.shape[1], max(3, round(NEIGHBOURS * near.shape[1] / SAMPLE)))
            means = np.partition(near, -count, axis=1)[:, -count:].mean(axis=1)
            self._known.update((hits[n].owner_id, float(mean)) for n, mean in zip(new, means, strict=True))
        weight = min(1.0, len(self._places) / FULL_AT)
        return np.array([weight * self._known.get(hit.owner_id, 0.0) for hit in hits], np.float32)

    def _refresh(self) -> None:
        size = self._store.size_of(self._embedder)
        if self._sample is not None and self._size / _STALE <= size <= self._size * _STALE:
            return
        texts, vectors = self._store.sample_vectors(self._embedder, SAMPLE)
        distinct = list({text: n for n, text in enumerate(texts)}.values())
        self._places = {texts[n]: place for place, n in enumerate(distinct)}
        self._sample, self._size, self._known = vectors[distinct], size, {}
