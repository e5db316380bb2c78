"""Turns how near pictures are to a query into confidence: logistic models fitted for one image embedder.

A fit weighs the similarity and its height above the middle of the library. The standing among other pictures
of the library is not weighed: it says how often the library repeats itself, and in drawn libraries of 4 to 30
clips together its AUROC is 0.950, that of the height 0.989. Without a fit there is nothing else to go by.
Knows no index and no picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from footage.core.errors import FileError, UsageError
from footage.core.text_files import read_text
from search.grounding.calibration import CARDS, Card, card_name
from search.grounding.logistic import fitted_logistic
from search.retrieval.background import standing

if TYPE_CHECKING:
    import numpy as np

    from search.retrieval.background import Background
    from search.retrieval.images import QueryKind

PICTURE_CARDS = CARDS / "pictures"
"""Folder of the fits that come with the project, by name of the image embedder."""
PICTURE_MEASURES: dict[str, str] = {
    "similarity": "mean cosine to the query over the seconds around the nearest picture",
    "height": "that cosine above the median of the library",
    "standing": "height above that of the library's own pictures in other videos, in standard deviations; "
    "for words, above that of other words",
}
"""How near an answer is."""
_FITTED = ("similarity", "height")
WORDS_PREFIX = "words_"
"""Before the names of the same measures of the words beside a picture."""
ALL_PICTURE_MEASURES: dict[str, str] = {
    **PICTURE_MEASURES,
    **{f"{WORDS_PREFIX}{name}": f"{meaning}; of the words" for name, meaning in PICTURE_MEASURES.items()},
    "at_seconds": "time of the nearest picture, in video time",
}
"""The measures of an answer to a query by a picture."""
ALMOST_SAME = 0.97
"""Cosine from which two pictures count as the same without a fit: a guess that was not measured."""
UNFITTED_MOST = 0.69
"""Most confidence without a fit, unless two pictures are almost the same: below the usual "found"."""


class NearFit(BaseModel):
    """One logistic model."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    intercept: float
    """Log-odds at zero."""
    similarity: float = 0.0
    """Log-odds by unit of the cosine."""
    height: float = 0.0
    """Log-odds by unit of the height."""
    standing: float = 0.0
    """Log-odds by standard deviation of the standing."""
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

    def confidence(self, kind: QueryKind, measures: Mapping[str, float], exact: float) -> float:
        """The confidence for ``PICTURE_MEASURES``, 0 to 1; ``exact`` as of ``unjudged``."""
        fit: NearFit = getattr(self, kind)
        sure = fit.confidence(measures)
        if self.fitted:
            return sure
        return max(min(sure, UNFITTED_MOST), self.unjudged(kind, exact) or 0.0)

    def unjudged(self, kind: QueryKind, exact: float) -> float | None:
        """The confidence where the library is too small to compare with; None where nothing can be said.

        Args:
            kind: Of the query.
            exact: Its largest cosine to a single picture of the answer.
        """
        return min(round(exact, 4), 1.0) if kind == "picture" and exact >= ALMOST_SAME else None


_BY_HAND = NearFit(intercept=-4.0, standing=1.0)
UNFITTED = PictureCalibration(embedder="", picture=_BY_HAND, text=_BY_HAND)
"""Weights chosen by hand, for embedders without labelled answers: a picture has to stand far above what the
library shows of other queries to be "uncertain", and is "found" only where it is almost the same."""


def measures_of(query: np.ndarray, similarity: float, background: Background) -> dict[str, float]:
    """``PICTURE_MEASURES`` of a similarity.

    Args:
        query: The unit vector of the query, (dimension,).
        similarity: How near the answer is to it.
        background: Of the library, for this kind of query.
    """
    import numpy as np

    middle = float(np.median(background.sample @ query)) if len(background.sample) else similarity
    return {
        "similarity": round(similarity, 4),
        "height": round(similarity - middle, 4),
        "standing": round(standing(query, similarity, background).score, 4),
    }


def load_picture_calibration(embedder: str, *, folder: Path = PICTURE_CARDS) -> PictureCalibration:
    """The calibration for an image embedder; ``UNFITTED`` where there is none.

    Raises:
        FileError: it exists and cannot be read.
        UsageError: its content makes no sense.
    """
    path = folder / card_name(embedder)
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
    intercept, weights, card = fitted_logistic(examples, right, groups, names=_FITTED, data=data, date=date)
    return NearFit(intercept=intercept, **weights, card=card)
