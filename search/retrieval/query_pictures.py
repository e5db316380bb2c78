"""Finds the moments whose pictures come near a plain query, and what the pictures of some videos say to it.

Asks no model but the image embedder. The evidence of a video, in standard deviations beyond what unrelated
queries reach (``search.retrieval.background``), joins the score of its texts in
``search.retrieval.retriever``.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from footage.core.types import Candidate, Video
from search.grounding.pictures import PictureLead, VideoPictures
from search.query.contraries import contraries
from search.query.parser import Query
from search.retrieval.images import ImageRetriever, ImageStretch

if TYPE_CHECKING:
    import numpy as np

PICTURE_WEIGHT = 0.025
"""Added to the score of a video for each unit of evidence of its best lead (see
``search.retrieval.retriever``): half of what a line counts, as pictures of what an embedder takes an unknown
word for come near as well."""
MOST_EVIDENCE = 4.0
"""Evidence that counts at most for that: how much more it is says more of the words than of the picture."""
LEAST_EVIDENCE = 1.0
"""Least evidence of a stretch that leads anywhere, in standard deviations."""
LEAD_SHARE = 0.5
"""Share of the evidence of the best stretch that another needs to lead anywhere. The scale of evidence
differs between queries: words that an embedder knows reach ten times that of others."""
MOST_PICTURES = 5_000
"""Pictures of the candidates that are looked at for a query: all of an hour at one a second; of more those
nearest to it."""


class PictureSearch:
    """Retrieves by the pictures of one index. Several threads may ask; one is answered at a time."""

    def __init__(self, images: ImageRetriever) -> None:
        self._images = images
        self._lock = threading.Lock()
        self._contraries: tuple[str, np.ndarray] | None = None

    @property
    def embedder(self) -> str:
        """Name of the image embedder."""
        return self._images.embedder.name

    def near(self, query: Query, content_ids: Collection[str] | None = None) -> list[ImageStretch]:
        """The stretches whose pictures are nearest to a query, nearest first.

        Args:
            query: What to look for; its words without filters and negations count.
            content_ids: Only these videos; every one when None.

        Raises:
            StoreError: the index cannot be read.
        """
        vector = self._images.vector_of(query.text)
        return self._images.stretches(vector, kind="text", content_ids=content_ids)

    def seen(
        self, query: Query, content_ids: Sequence[str], stretches: Sequence[ImageStretch]
    ) -> dict[str, VideoPictures]:
        """What the pictures of some videos say to a query, by content id; videos without any left out.

        Args:
            query: As of ``near``.
            content_ids: The videos.
            stretches: What ``near`` gave for the query: the pictures of the videos are compared with it.

        Raises:
            StoreError: the index cannot be read.
        """
        import numpy as np

        leads = picture_leads(stretches)
        best = tuple((each.content_id, each.span, each.standing.score) for each in stretches)
        vector = self._images.vector_of(query.text)
        hits, vectors = self._images.nearest(vector, content_ids=content_ids, depth=MOST_PICTURES)
        scale = self._images.scale(vector, kind="text")
        others = self._contraries_of(query.text)
        nearer = None
        if len(others):
            nearer = (vectors @ vector - np.max(vectors @ others.T, axis=1, initial=-1.0)) / scale.unit
        places: dict[str, list[int]] = defaultdict(list)
        for place, hit in enumerate(hits):
            places[hit.content_id].append(place)
        return {
            content_id: VideoPictures(
                self.embedder,
                content_id,
                leads.get(content_id, ()),
                [hits[place] for place in places[content_id]],
                None if nearer is None else nearer[places[content_id]],
                scale,
                best,
                hits[-1].similarity if len(hits) == MOST_PICTURES else None,
            )
            for content_id in self._images.covered() & set(content_ids)
        }

    def _contraries_of(self, text: str) -> np.ndarray:
        """The vectors of a query's contraries, (count, dimension); those of the last query are remembered."""
        with self._lock:
            if self._contraries is None or self._contraries[0] != text:
                texts = contraries(text)
                self._contraries = text, self._images.embedder.embed_texts(list(texts))
            return self._contraries[1]


def picture_leads(stretches: Sequence[ImageStretch]) -> dict[str, tuple[PictureLead, ...]]:
    """The stretches that are near enough to lead anywhere, most evidence first, by content id."""
    best = max((each.standing.score for each in stretches), default=0.0)
    by_video: dict[str, list[PictureLead]] = defaultdict(list)
    for each in stretches:
        if each.standing.score >= max(LEAST_EVIDENCE, LEAD_SHARE * best):
            by_video[each.content_id].append(
                PictureLead(each.span, each.at_seconds, each.standing.score, each.standing.chance)
            )
    return {content_id: tuple(found) for content_id, found in by_video.items()}


def picture_bonus(leads: Mapping[str, Sequence[PictureLead]]) -> dict[str, float]:
    """What the best lead of each video adds to its score, by content id."""
    return {
        content_id: PICTURE_WEIGHT * min(max(lead.evidence for lead in found), MOST_EVIDENCE)
        for content_id, found in leads.items()
        if found
    }


def pictured_candidates(
    leads: Mapping[str, Sequence[PictureLead]], videos: Mapping[str, Video], *, limit: int
) -> list[Candidate]:
    """The videos that pictures alone lead to, the most evidence first; ties by content id."""
    scores = {content_id: more for content_id, more in picture_bonus(leads).items() if content_id in videos}
    best = sorted(scores, key=lambda content_id: (-scores[content_id], content_id))[:limit]
    return [Candidate(videos[content_id], (), scores[content_id]) for content_id in best]
