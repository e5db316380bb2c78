"""Turns evidence into confidence: logistic models fitted for one model, with a card on their quality.

``confidence = 1 / (1 + exp(-(intercept + sum of weight * measure)))``, with the measures of
``search.grounding.evidence``. One fit is for spans with a captioned event, one for spans without, one
for videos without captions. Spans with pictures have three fits of their own, for one image embedder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from footage.core.errors import FileError, UsageError
from footage.core.text_files import read_text
from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES
from search.grounding.pictures import PICTURE_MEASURES
from search.grounding.reliability import auroc, reliability_curve

if TYPE_CHECKING:
    import numpy as np

CARDS = Path(__file__).parent / "calibrations"
"""Folder of the fits that come with the project, by name of the profile."""
OWN_CARDS = platformdirs.user_config_path("footage") / "calibration"
"""Folder of the user's own fits; they are used before those that come with the project."""
SILENT_MEASURES = {**MODEL_MEASURES, "elsewhere": CAPTION_MEASURES["elsewhere"]}
"""The measures of a span without a captioned event."""
AGAINST = ("share", "clash", "elsewhere", "pictured_elsewhere")
"""Measures that count against a span; all others count for it."""
LEAST_EXAMPLES = 30
"""Fewest labelled matches to fit from; a fifth of them must be right, and a fifth wrong."""
_STRENGTH = 1.0  # of the L2 penalty on standardised measures: scikit-learn's own default


class Fit(BaseModel):
    """One logistic model."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    intercept: float
    """Log-odds without any evidence."""
    weights: dict[str, float]
    """Log-odds by measure."""

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: dict[str, float]) -> dict[str, float]:
        unknown = weights.keys() - MODEL_MEASURES.keys() - CAPTION_MEASURES.keys() - PICTURE_MEASURES.keys()
        if unknown:
            raise ValueError(f"there is no measure {min(unknown)!r}")
        return weights

    def confidence(self, measures: Mapping[str, float]) -> float:
        """The confidence for some measures, 0 to 1."""
        odds = self.intercept + sum(weight * measures[name] for name, weight in self.weights.items())
        return round(1 / (1 + math.exp(-max(-30.0, min(30.0, odds)))), 4)


class Card(BaseModel):
    """Origin of a fit, and its quality on examples that it was not fitted on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    date: str
    """Date of the fit, ISO 8601."""
    data: str
    """The examples, in a sentence."""
    examples: int
    """Number of labelled matches."""
    positives: int
    """Number of right ones among them."""
    auroc: float
    """Area under the ROC curve over those matches, by five-fold cross-validation over queries."""
    reliability: list[tuple[float, int, float]]
    """By tenth of confidence, cross-validated: mean confidence, matches, share of right ones."""


class PicturedFits(BaseModel):
    """The fits for spans with pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedder: str
    """The image embedder that they were fitted with; evidence of another one has another worth."""
    captioned: Fit
    """For spans with a captioned event."""
    silent: Fit
    """For spans without one."""
    uncaptioned: Fit
    """For videos without captions."""
    card: Card | None = None
    """How they were fitted; None for weights that were not fitted."""


class Calibration(BaseModel):
    """The fits for one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Name of the profile; empty for any."""
    captioned: Fit
    """For spans with a captioned event."""
    silent: Fit
    """For spans without one."""
    uncaptioned: Fit
    """For videos without captions."""
    card: Card | None = None
    """How it was fitted; None for weights that were not fitted ("uncalibrated")."""
    pictured: PicturedFits | None = None
    """The fits for spans with pictures; None where there are none: then pictures do not count."""

    def confidence(self, measures: Mapping[str, float]) -> float:
        """The confidence for some measures, 0 to 1."""
        return self.fit_for(measures).confidence(measures)

    def without_captions(self, measures: Mapping[str, float]) -> float:
        """The confidence for some measures, 0 to 1, those of captions left out."""
        return self._fits(measures).uncaptioned.confidence(measures)

    def fit_for(self, measures: Mapping[str, float]) -> Fit:
        """The fit for the measures that are there."""
        fits = self._fits(measures)
        if measures.keys() >= CAPTION_MEASURES.keys():
            return fits.captioned
        return fits.silent if measures.keys() >= SILENT_MEASURES.keys() else fits.uncaptioned

    def for_embedder(self, name: str) -> Calibration:
        """This calibration for an index with the pictures of one image embedder; empty for one without."""
        if self.pictured is None or self.pictured.embedder == name:
            return self
        return self.model_copy(update={"pictured": None})

    def _fits(self, measures: Mapping[str, float]) -> Calibration | PicturedFits:
        return self.pictured if self.pictured and measures.keys() >= PICTURE_MEASURES.keys() else self


UNCALIBRATED = Calibration(
    model="",
    captioned=Fit(
        intercept=-7.5,
        weights={
            "start": 0.5,
            "end": 0.5,
            "shift": 2.0,
            "inside": 0.5,
            "share": -1.0,
            "similarity": 5.0,
            "said": 2.0,
            "agreed": 1.0,
            "clash": -4.0,
            "elsewhere": -3.0,
        },
    ),
    silent=Fit(
        intercept=-4.0, weights={"start": 1.0, "end": 1.0, "shift": 2.0, "inside": 0.5, "share": -1.0}
    ),
    uncaptioned=Fit(
        intercept=-4.0, weights={"start": 1.0, "end": 1.0, "shift": 2.0, "inside": 0.5, "share": -1.0}
    ),
)
"""Weights chosen by hand, for models without labelled answers. Conservative: "found" takes a caption with the
words of the query, or nearly, at a moment that the model names through more than one window."""


def load_calibration(profile: str) -> Calibration:
    """The calibration for a profile: the user's own, else the project's, else the default.

    Raises:
        FileError: when it exists and cannot be read.
        UsageError: when its content makes no sense.
    """
    for folder in (OWN_CARDS, CARDS):
        path = folder / card_name(profile)
        if path.is_file():
            return read_calibration(path)
    return UNCALIBRATED


def card_name(profile: str) -> str:
    """The file of a profile's calibration; a server may call its model by a path: that is one name, too."""
    return f"{quote(profile, safe=' ')}.json"


def read_calibration(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        FileError: when it cannot be read.
        UsageError: when its content makes no sense.
    """
    try:
        return Calibration.model_validate_json(read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FileError(f"The calibration {path} cannot be read: {reason}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"The calibration {path} is invalid: {where and where + ': '}"
            f"{first['msg'].removeprefix('Value error, ')}.",
            hint="Create it again: footage calibrate --truth FILE.",
        ) from error


def fit_calibration(
    examples: Sequence[Mapping[str, float]],
    right: Sequence[bool],
    groups: Sequence[str],
    *,
    model: str,
    data: str,
    date: str,
    embedder: str = "",
) -> Calibration:
    """Fit the logistic models, and judge them by five-fold cross-validation over groups.

    A fit with too few examples of its own keeps the weights of ``UNCALIBRATED``; of spans with pictures those
    of the fit without captions.

    Args:
        examples: The measures of each labelled match.
        right: Whether it was right.
        groups: The query of each: matches of one query are never on both sides of a fold.
        model: Name of the profile.
        data: What the examples are, in a sentence.
        date: Today, ISO 8601.
        embedder: The image embedder whose pictures are among the measures; empty for none. Spans with
            pictures get fits of their own if there are enough of them.

    Raises:
        UsageError: when there are too few, or (almost) all are right or wrong.
    """
    import numpy as np

    truth = np.array(right, bool)
    _check_enough(truth)
    alone = list(MODEL_MEASURES)
    uncaptioned = _fit(_table(examples, alone), truth, alone)
    captioned, silent, card = _two_fits(
        examples, truth, groups, (), spare=(UNCALIBRATED.captioned, UNCALIBRATED.silent), data=data, date=date
    )
    made = Calibration(model=model, captioned=captioned, silent=silent, uncaptioned=uncaptioned, card=card)
    shown = [n for n, example in enumerate(examples) if example.keys() >= PICTURE_MEASURES.keys()]
    if not embedder or not _enough(truth[shown]):
        return made
    return made.model_copy(
        update={
            "pictured": _pictured(
                [examples[n] for n in shown],
                truth[shown],
                [groups[n] for n in shown],
                embedder=embedder,
                data=data,
                date=date,
            )
        }
    )


def _pictured(
    examples: Sequence[Mapping[str, float]],
    truth: np.ndarray,
    groups: Sequence[str],
    *,
    embedder: str,
    data: str,
    date: str,
) -> PicturedFits:
    """The fits for spans with pictures."""
    names = [*MODEL_MEASURES, *PICTURE_MEASURES]
    uncaptioned = _fit(_table(examples, names), truth, names)
    captioned, silent, card = _two_fits(
        examples,
        truth,
        groups,
        tuple(PICTURE_MEASURES),
        spare=(uncaptioned, uncaptioned),
        data=data,
        date=date,
    )
    return PicturedFits(
        embedder=embedder, captioned=captioned, silent=silent, uncaptioned=uncaptioned, card=card
    )


def _two_fits(
    examples: Sequence[Mapping[str, float]],
    truth: np.ndarray,
    groups: Sequence[str],
    further: Sequence[str],
    *,
    spare: tuple[Fit, Fit],
    data: str,
    date: str,
) -> tuple[Fit, Fit, Card]:
    """The fits for spans with a captioned event and without, and their card.

    Args:
        examples: As for ``fit_calibration``.
        truth: Whether each is right, bool (examples,).
        groups: As for ``fit_calibration``.
        further: Measures beside those of the model and of captions.
        spare: What is taken in place of each of the two where its examples are too few.
        data: As for ``fit_calibration``.
        date: As for ``fit_calibration``.
    """
    import numpy as np

    kinds = np.array([example.keys() >= CAPTION_MEASURES.keys() for example in examples])
    predicted = np.zeros(len(truth))
    fits: list[Fit] = []
    for captioned, other in zip((True, False), spare, strict=True):
        names = [*MODEL_MEASURES, *CAPTION_MEASURES] if captioned else list(SILENT_MEASURES)
        names += further
        at = np.flatnonzero(kinds == captioned).tolist()
        table = _table([examples[n] for n in at], names)
        if _enough(truth[at]):
            fits.append(_fit(table, truth[at], names))
            predicted[at] = _cross_validated(table, truth[at], [groups[n] for n in at])
        else:
            fits.append(other)
            predicted[at] = [other.confidence(examples[n]) for n in at]
    return fits[0], fits[1], _card(predicted, truth, data=data, date=date)


def fitted_logistic(
    examples: Sequence[Mapping[str, float]],
    right: Sequence[bool],
    groups: Sequence[str],
    *,
    names: Sequence[str],
    data: str,
    date: str,
) -> tuple[float, dict[str, float], Card]:
    """Fit one logistic model of some measures: its intercept, its weights by measure, and its card.

    Arguments and errors as of ``fit_calibration``; the measures are those named.
    """
    import numpy as np

    truth = np.array(right, bool)
    _check_enough(truth)
    table = _table(examples, names)
    fit = _logistic(table, truth, names)
    return *fit, _card(_cross_validated(table, truth, groups), truth, data=data, date=date)


def _card(predicted: np.ndarray, truth: np.ndarray, *, data: str, date: str) -> Card:
    """The card of a fit, by its out-of-fold predictions."""
    return Card(
        date=date,
        data=data,
        examples=len(truth),
        positives=int(truth.sum()),
        auroc=round(auroc(predicted.tolist(), truth.tolist()), 4),
        reliability=[
            (round(each.confidence, 4), each.count, round(each.present, 4))
            for each in reliability_curve(predicted.tolist(), truth.tolist())
        ],
    )


def _check_enough(truth: np.ndarray) -> None:
    if not _enough(truth):
        least = LEAST_EXAMPLES // 5
        raise UsageError(
            f"{len(truth)} labelled matches ({truth.sum()} right) are too few to fit a calibration; "
            f"{LEAST_EXAMPLES} are needed, {least} of either kind.",
            hint="Label more queries, present and absent ones.",
        )


def _enough(truth: np.ndarray) -> bool:
    return len(truth) >= LEAST_EXAMPLES and min(truth.sum(), (~truth).sum()) >= LEAST_EXAMPLES // 5


def _cross_validated(table: np.ndarray, truth: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    """Out-of-fold predictions."""
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    predicted: np.ndarray = cross_val_predict(
        _pipeline(), table, truth, groups=list(groups), cv=folds, method="predict_proba"
    )[:, 1]
    return predicted


def _pipeline() -> object:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1 / _STRENGTH))


def _fit(table: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> Fit:
    """The fit of some measures."""
    intercept, weights = _logistic(table, truth, names)
    return Fit(intercept=intercept, weights=weights)


def _logistic(table: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Intercept and weights of plain measures, from a logistic model that was fitted on standardised ones.

    A measure whose weight has the wrong sign carries no information of its own in these examples, and would
    mislead in others: it is left out, the most misleading first.
    """
    kept = list(range(len(names)))
    while True:
        scaler, logistic = _pipeline().fit(table[:, kept], truth)  # type: ignore[attr-defined]
        signs = [-1 if names[place] in AGAINST else 1 for place in kept]
        worst = min(range(len(kept)), key=lambda n: signs[n] * logistic.coef_[0][n])
        if signs[worst] * logistic.coef_[0][worst] >= 0 or len(kept) == 1:
            break
        del kept[worst]
    weights = logistic.coef_[0] / scaler.scale_
    rounded = dict.fromkeys(names, 0.0)
    rounded |= {names[place]: round(float(weight), 4) for place, weight in zip(kept, weights, strict=True)}
    return round(float(logistic.intercept_[0] - weights @ scaler.mean_), 4), rounded


def _table(examples: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    import numpy as np

    return np.array([[example.get(name, 0.0) for name in names] for example in examples], float)
