"""What the pictures of a video say to a query: moments worth asking about, and evidence for any span.

Asks neither index nor model: similarities come in with the scale on which they mean something. All evidence
is in standard deviations beyond what the best picture of this library typically reaches for a query that the
library does not answer (see ``search.retrieval.background``); 0 or less is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from footage.core.image_hit import ImageHit
from footage.core.timecode import format_time, overlap_seconds
from footage.core.types import Hit, Span
from search.grounding.verdict import NEAR
from search.query.lexical_match import clash, says
from search.query.parser import Query
from search.retrieval.background import Scale

if TYPE_CHECKING:
    import numpy as np

PICTURE_MEASURES: dict[str, str] = {
    "pictured": "how far the best picture in the span stands above what unrelated queries reach: 0.5 at "
    "two standard deviations",
    "pictured_elsewhere": "share of the evidence of the library's best picture outside the span that the "
    "best one in the span lacks",
    "contrast": "how much nearer a picture in the span is to the query than to its contraries, such as "
    "another colour: 0.5 if no nearer, or if it has none",
}
"""The measures that image vectors add."""
LIKELY_EVIDENCE = 2.0
"""Evidence from which a picture counts as near, in standard deviations: one unrelated query in forty reaches
it by chance."""
CONTRAST_WIDTH = 4.0
"""Difference to a contrary, in standard deviations, at which ``contrast`` is 0.73. On drawn footage true
spans have a median of 13 (in words that the embedder does not know) and 90 (in others)."""
NO_CONTRAST = 0.5
"""``contrast`` of a query without contraries."""


@dataclass(frozen=True, slots=True)
class PictureLead:
    """A stretch of a video whose pictures come near a query."""

    span: Span
    """When, in video time."""
    at_seconds: float
    """Time of the nearest frame."""
    evidence: float
    """How far it stands above what unrelated queries reach, in standard deviations."""
    chance: float
    """Share of unrelated queries whose best picture stands as high; above 0, to 1."""


@dataclass(frozen=True, eq=False)
class VideoPictures:
    """The pictures of one video, as a query sees them."""

    embedder: str
    """The image embedder."""
    content_id: str
    """The video."""
    leads: tuple[PictureLead, ...]
    """Moments worth asking about, most evidence first."""
    shown: Sequence[ImageHit]
    """Its pictures; of long videos those nearest to the query."""
    contrasts: np.ndarray | None
    """For each of them how much nearer it is to the query than to the nearest contrary, in standard
    deviations, float (pictures,); None for a query without contraries."""
    scale: Scale
    """What the similarities mean."""
    best: tuple[tuple[str, Span, float], ...]
    """The best stretches of what was searched: content id, span and evidence, most evidence first."""
    least: float | None = None
    """The similarity that all pictures that are not shown stay below; None where all are."""

    def measures(self, span: Span) -> dict[str, float]:
        """``PICTURE_MEASURES`` of a span, 0 to 1 each; empty where no picture lies in it."""
        inside = self._inside(span)
        near = [self.shown[place].similarity for place in inside]
        if not near and self.least is None:
            return {}
        here = self.scale.evidence(max(near, default=self.least or 0.0))
        there = max(
            (
                evidence
                for content_id, other, evidence in self.best
                if content_id != self.content_id or not _meets(other, span)
            ),
            default=0.0,
        )
        lacking = (there - max(here, 0.0)) / max(there, LIKELY_EVIDENCE)
        contrast = NO_CONTRAST
        if self.contrasts is not None and inside:
            contrast = _logistic(max(float(self.contrasts[place]) for place in inside) / CONTRAST_WIDTH)
        return {
            "pictured": likeliness(here),
            "pictured_elsewhere": min(max(lacking, 0.0), 1.0),
            "contrast": contrast,
        }

    def sentence(self, span: Span) -> str:
        """What the pictures in a span say, in a sentence for people; empty where there is none in it."""
        inside = self._inside(span)
        if not inside:
            return ""
        nearest = max((self.shown[place] for place in inside), key=lambda hit: hit.similarity)
        evidence = self.scale.evidence(nearest.similarity)
        if evidence < LIKELY_EVIDENCE and (not self.best or self.best[0][2] < LIKELY_EVIDENCE):
            return "No picture searched is nearer to the query than chance."
        at = f"The picture at {format_time(nearest.at_seconds)}"
        if evidence < LIKELY_EVIDENCE:
            return f"{at} is not near the query; others in the library are."
        contrast = self.measures(span)["contrast"]
        if self.contrasts is not None and contrast < NO_CONTRAST:
            return f"{at} is near the query, but nearer to a contrary of it, such as another colour."
        return f"{at} is nearer to the query than pictures are by chance."

    def worth_asking(
        self, query: Query, captions: Iterable[Hit], unwanted: Iterable[Span] = ()
    ) -> VideoPictures:
        """The same without the leads that a caption explains otherwise, or that the query excludes.

        A red car that a caption sees going left looks like one that goes right: there the caption decides.

        Args:
            query: What is looked for.
            captions: The captioned events of the video, with their similarity to the query.
            unwanted: When something is said or written in it that must not be.
        """
        against = [
            hit.span
            for hit in captions
            if not hit.wrong
            and (
                (hit.similarity >= NEAR and clash(query.text, hit.text))
                or any(says(words, hit.text) for words in query.without)
            )
        ]
        against += unwanted
        kept = [
            lead for lead in self.leads if all(overlap_seconds(lead.span, other) == 0 for other in against)
        ]
        return replace(self, leads=tuple(kept))

    def _inside(self, span: Span) -> list[int]:
        return [place for place, hit in enumerate(self.shown) if _meets(hit.span, span)]


def likeliness(evidence: float) -> float:
    """Evidence as a number from 0 to 1: 0.5 at ``LIKELY_EVIDENCE``."""
    return _logistic(evidence - LIKELY_EVIDENCE)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))


def _meets(one: Span, other: Span) -> bool:
    """Whether a picture's span shares time with another one, or is an instant in it."""
    return overlap_seconds(one, other) > 0 or other.start_seconds <= one.start_seconds < other.end_seconds
