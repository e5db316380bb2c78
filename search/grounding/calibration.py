"""Turns evidence into confidence: logistic models fitted for one model, with a card on their quality.

``confidence = 1 / (1 + exp(-(intercept + sum of weight * measure)))``, with the measures of
``search.grounding.evidence``. One fit is for spans with a captioned event, one for spans without, one
for videos without captions. Spans with pictures have three fits of their own, for one image embedder.
``search.grounding.fitting`` fits them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from footage.core.atomic import whole_file
from footage.core.errors import FileError, UsageError
from footage.core.text_files import read_text
from footage.core.verdicts import UNCALIBRATED_MEANS
from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES
from search.grounding.pictures import PICTURE_MEASURES
from search.grounding.reliability import auroc, reliability_curve

CARDS = Path(__file__).parent / "calibrations"
"""Folder of the fits that come with the project, by name of the profile."""
OWN_CARDS = platformdirs.user_config_path("footage") / "calibration"
"""Folder of the user's own fits; they are used before those that come with the project."""
SILENT_MEASURES = {**MODEL_MEASURES, "elsewhere": CAPTION_MEASURES["elsewhere"]}
"""The measures of a span without a captioned event."""
AGAINST = ("share", "clash", "elsewhere", "pictured_elsewhere")
"""Measures that count against a span; all others count for it."""


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
    auroc: float | None
    """Area under the ROC curve over those matches, by five-fold cross-validation over queries; None where all
    are right, or all wrong."""
    reliability: list[tuple[float, int, float]]
    """By tenth of confidence, cross-validated: mean confidence, matches, share of right ones."""
    moved: str = ""
    """How far the fit moved from the default, in words (``search.grounding.fitting``); empty for a fit from
    nothing."""


class Promise(BaseModel):
    """A threshold of "found" whose precision is promised (``search.grounding.promise``)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    precision: float
    """At least this share of the queries with the verdict "found" is present, ..."""
    confidence: float
    """... with this confidence: for this share of all sets of labels, no promise is made that does not
    hold."""
    present_share: float
    """Share of present queries, of all that are asked, for which it holds, 0 to 1."""
    found_from: float
    """Least confidence of "found"."""
    queries: int
    """Labelled queries that it rests on; none of them had a part in the order of answers."""
    found: int
    """How many of them are "found"."""
    wrong: int
    """How many of these are absent."""
    date: str
    """Date of the promise, ISO 8601."""

    @property
    def short(self) -> str:
        """The promise in a short sentence, for a single answer."""
        return (
            f'Promised: at least {self.precision:.0%} of the queries with an answer "found" are present '
            f"({self.confidence:.0%} confidence)."
        )

    @property
    def sentence(self) -> str:
        """The promise in a sentence."""
        return (
            f'Promised: of the queries with the verdict "found" (from a confidence of {self.found_from:g}), '
            f"at least {self.precision:.0%} are present, with {self.confidence:.0%} confidence, where "
            f"{self.present_share:.0%} of all queries are present and queries are like the {self.queries} "
            "labelled ones."
        )


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
    promise: Promise | None = None
    """The promise about "found"; None where none was asked for, or none can be made."""

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
        intercept=-6.0,
        weights={
            "start": 0.5,
            "end": 0.5,
            "shift": 1.25,
            "inside": 0.5,
            "share": -1.0,
            "similarity": 5.0,
            "said": 2.0,
            "agreed": 0.25,
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
words of the query, or nearly, at a moment that the model names.

Reviewed on recorded answers of Marlin-2B (tests/test_marlin_verdicts.py): captions in a model's own words
seldom name every colour of a query, and short clips have one window. So an unconfirmed detail and a missing
second look weigh less than in the first weights, which called a right answer with a fitting caption "not
found"."""


def load_calibration(profile: str) -> Calibration:
    """The calibration for a profile: the user's own, else the project's, else the default.

    Raises:
        FileError: when it exists and cannot be read.
        UsageError: when its content makes no sense.
    """
    path = OWN_CARDS / card_name(profile)
    return read_calibration(path) if path.is_file() else default_calibration(profile)


def default_calibration(profile: str) -> Calibration:
    """The calibration for a profile that comes with the project, else ``UNCALIBRATED``.

    Raises:
        FileError: when it exists and cannot be read.
        UsageError: when its content makes no sense.
    """
    path = CARDS / card_name(profile)
    return read_calibration(path) if path.is_file() else UNCALIBRATED


def standing(calibration: Calibration) -> str:
    """What stands behind a calibration's confidence, in a sentence."""
    if calibration.card is None:
        return UNCALIBRATED_MEANS
    if calibration.promise is not None:
        return calibration.promise.sentence
    return f"Calibrated on {calibration.card.data} ({calibration.card.date}); no precision is promised."


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


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration; the file is there whole, or not at all.

    Raises:
        FootageError: when it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")


def card_of(
    predicted: Sequence[float], right: Sequence[bool], *, data: str, date: str, moved: str = ""
) -> Card:
    """The card of a fit, by its out-of-fold predictions, one for each match."""
    measured = auroc(predicted, right)
    return Card(
        date=date,
        data=data,
        examples=len(right),
        positives=sum(map(bool, right)),
        auroc=None if math.isnan(measured) else round(measured, 4),
        reliability=[
            (round(each.confidence, 4), each.count, round(each.present, 4))
            for each in reliability_curve(predicted, right)
        ],
        moved=moved,
    )
