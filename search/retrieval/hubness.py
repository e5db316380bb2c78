"""How near a text lies to everything: some sentences are neighbours of any query, and that says nothing.

In a space of many dimensions a few points ("hubs") are among the nearest of a great many others (Radovanovic
et al., JMLR 2010). A text's hubness here is the mean of its largest similarities to a sample of the index's
events; subtracted from its similarity to a query it is what cross-domain similarity local
scaling subtracts (Conneau et al., ICLR 2018). It knows no query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from footage.core.types import Hit

if TYPE_CHECKING:
    import numpy as np

    from footage.store import Store

HUB_WEIGHT = 0.6
"""How much of its hubness a text loses."""
SAMPLE = 4_000
"""Rows drawn for events that stand for all, of which two thirds are events: 2,000 and 4,000 events give the
same recall within its interval, 1,000 a little less (ActivityNet Captions)."""
NEIGHBOURS = 0.006
"""Share of the sample that are the nearest; three of it at least."""
FULL_AT = 1_000
"""Events from which hubness counts in full; of a few videos it would tell noise."""
_STALE = 1.25  # the sample is drawn anew when the index has grown by so much


class Hubs:
    """Hubness of texts in one index; computed once a text."""

    def __init__(self, store: Store, embedder: str) -> None:
        self._store = store
        self._embedder = embedder
        self._size = 0
        self._of_text: dict[str, list[int]] = {}
        self._of_video: dict[str, list[int]] = {}
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
