"""Hubness: the tendency of a text to be near every query, which is no evidence of a match.

In a space of many dimensions a few points ("hubs") are among the nearest of a great many others (Radovanovic
et al., JMLR 2010). A text's hubness here is the mean of its largest similarities to a sample of the index's
events; it is subtracted from the similarity to a query, as in
cross-domain similarity local scaling (Conneau et al., ICLR 2018). Nothing here knows a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from footage.core.types import Hit

if TYPE_CHECKING:
    import numpy as np

    from footage.store import Store

HUB_WEIGHT = 0.6
"""Weight of the hubness, subtracted from a score."""
SAMPLE = 4_000
"""Rows sampled from the index, two thirds of which are events: 2,000 and 4,000 events give the same recall
within its interval, 1,000 a little less (ActivityNet Captions)."""
NEIGHBOURS = 0.006
"""Share of the sample that counts as nearest; at least three rows."""
FULL_AT = 1_000
"""Number of events from which hubness counts in full; of a few videos it is noise."""
_STALE = 1.25  # a new sample is drawn when the index has grown by this factor


class HubnessScorer:
    """Hubness of the texts of one index; computed once for each text."""

    def __init__(self, store: Store, embedder: str) -> None:
        self._store = store
        self._embedder = embedder
        self._size = 0
        self._of_text: dict[str, list[int]] = {}
        self._of_video: dict[str, list[int]] = {}
        self._sample: np.ndarray | None = None
        self._known: dict[str, float] = {}

    def of(self, hits: Sequence[Hit], vectors: np.ndarray) -> np.ndarray:
        """The hubness of some texts, times its weight in an index of this size, float32 (hits,).

        Args:
            hits: The texts.
            vectors: Theirs, unit length, (hits, dimension).
        """
        import numpy as np

        self._refresh()
        new = [n for n, hit in enumerate(hits) if hit.owner_id not in self._known]
        if new and self._sample is not None and len(self._sample):
            near = vectors[new] @ self._sample.T
            # A text is no neighbour of itself, nor of others in the same words, nor of the same video.
            for row, n in enumerate(new):
                near[row, self._of_text.get(hits[n].text, [])] = 0
                near[row, self._of_video.get(hits[n].content_id, [])] = 0
            count = min(near.shape[1], max(3, round(NEIGHBOURS * near.shape[1])))
            means = np.partition(near, -count, axis=1)[:, -count:].mean(axis=1)
            self._known.update((hits[n].owner_id, float(mean)) for n, mean in zip(new, means, strict=True))
        weight = min(1.0, len(self._of_text) / FULL_AT)
        return np.array([weight * self._known.get(hit.owner_id, 0.0) for hit in hits], np.float32)

    def _refresh(self) -> None:
        size = self._store.vectors.count(self._embedder)
        if self._sample is not None and self._size / _STALE <= size <= self._size * _STALE:
            return
        contents, texts, vectors = self._store.vectors.sample(self._embedder, SAMPLE)
        distinct = list({text: n for n, text in enumerate(texts)}.values())
        self._of_text = {texts[n]: [place] for place, n in enumerate(distinct)}
        self._of_video = {}
        for place, n in enumerate(distinct):
            self._of_video.setdefault(contents[n], []).append(place)
        self._sample, self._size, self._known = vectors[distinct], size, {}
