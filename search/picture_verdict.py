"""Turns how near pictures are to a query into confidence: logistic models fitted for one image embedder.

What is fitted on one library holds in another because similarities go in as standings
(``search.retrieval.background``). Knows no index and no picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from footage.core.errors import FileError, UsageError
from footage.core.text_files import read_text
from search.grounding.calibration import CARDS, Card, fitted_logistic

if TYPE_CHECKING:
    from search.retrieval.background import Standing
    from search.retrieval.images import QueryKind

PICTURE_CARDS = CARDS / "pictures"
"""Folder of the fits that come with the project, by name of the image embedder."""
PICTURE_MEASURES: dict[str, str] = {
    "standing": "similarity above that of pictures of something else, in standard deviations",
    "similarity": "mean cosine to the query over the seconds around the nearest picture",
}
"""The measures that a fit weighs."""
ALMOST_SAME = 0.97
"""Cosine from which two pictures count as the same without a fit. Frames of drawn clips that were compressed
once more stay above 0.99 with the demo model; another thing in the same scene stays below 0.95."""
UNFITTED_MOST = 0.69
"""Most confidence without a fit, unless two pictures are almost the same: below the usual "found"."""


class NearFit(BaseModel):
    """One logistic model."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    intercept: float
    """Log-odds at zero."""
    standing: float
    """Log-odds by standard deviation of the standing."""
    similarity: float
    """Log-odds by unit of the cosine."""
    card: Card | None = None
    """Origin and quality; None for weights that were not fitted."""

    def confidence(self, measures: Mapping[str, float]) -> float:
        """The confidence for ``PICTURE_MEASURES``, 0 to 1."""
        odds = sum(getattr(self, name) * measures[name] for name in PICTURE_MEASURES) + self.intercept
        return round(1 / (1 + math.exp(-max(-30.0, min(30.0, odds)))), 4)


class PictureCalibration(BaseModel):
    """The fits for one image embedder."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    embedder: str
    """Name of the image embedder; empty for any."""
    picture: NearFit
    """For queries by a picture."""
    text: NearFit
    """For the words beside it."""

    @property
    def fitted(self) -> bool:
        """Whether it was fitted on labelled answers."""
        return self.picture.card is not None

    def confidence(self, kind: QueryKind, measures: Mapping[str, float]) -> float:
        """The confidence for ``PICTURE_MEASURES``, 0 to 1."""
        fit: NearFit = getattr(self, kind)
        sure = fit.confidence(measures)
        if self.fitted:
            return sure
        return max(min(sure, UNFITTED_MOST), self.unjudged(kind, measures) or 0.0)

    def unjudged(self, kind: QueryKind, measures: Mapping[str, float]) -> float | None:
        """The confidence where the library is too small to compare with; None where nothing can be said."""
        same = kind == "picture" and measures["similarity"] >= ALMOST_SAME
        return min(round(measures["similarity"], 4), 1.0) if same else None


_BY_HAND = NearFit(intercept=-4.0, standing=1.0, similarity=0.0)
UNFITTED = PictureCalibration(embedder="", picture=_BY_HAND, text=_BY_HAND)
"""Weights chosen by hand, for embedders without labelled answers: a picture has to stand far above what the
library shows of other queries to be "uncertain", and is "found" only where it is almost the same."""


def measures_of(near: float, stands: Standing) -> dict[str, float]:
    """``PICTURE_MEASURES`` of a similarity and its standing."""
    return {"standing": round(stands.score, 4), "similarity": round(near, 4)}


def load_picture_calibration(embedder: str, *, folder: Path = PICTURE_CARDS) -> PictureCalibration:
    """The calibration for an image embedder; ``UNFITTED`` where there is none.

    Raises:
        FileError: it exists and cannot be read.
        UsageError: its content makes no sense.
    """
    path = folder / f"{quote(embedder, safe=' ')}.json"
    if not path.is_file():
        return UNFITTED
    try:
        return PictureCalibration.model_validate_json(read_text(path))
    except OSError as error:
        raise FileError(f"The calibration {path} cannot be read: {error.strerror or error}.") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UsageError(f"The calibration {path} is invalid at {where or 'its start'}.") from error


def fit_near(
    examples: Sequence[Mapping[str, float]],
    right: Sequence[bool],
    groups: Sequence[str],
    *,
    data: str,
    date: str,
) -> NearFit:
    """Fit one logistic model, and judge it by five-fold cross-validation over groups.

    Args:
        examples: ``PICTURE_MEASURES`` of each labelled answer.
        right: Whether it was right.
        groups: The query of each: answers to one query are never on both sides of a fold.
        data: What the examples are, in a sentence.
        date: Today, ISO 8601.

    Raises:
        UsageError: there are too few, or (almost) all are right or wrong.
    """
    intercept, weights, card = fitted_logistic(
        examples, right, groups, names=list(PICTURE_MEASURES), data=data, date=date
    )
    return NearFit(intercept=intercept, **weights, card=card)
