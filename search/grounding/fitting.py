"""Fits a calibration to labelled matches, starting from a default fit: the fewer labels, the nearer to it.

The fit is the maximum of the posterior (MAP) of a logistic model whose prior is hierarchical, on two
levels with a variance each:

1. The log-odds of the default are shifted and scaled, by two numbers that all kinds of spans share
   (Platt, 1999): shift ~ N(0, ``shift``), scale ~ N(``scale_mean``, ``scale``).
2. Each weight departs from there: weight * spread of its measure ~ N(scale * default weight * spread,
   ``weights``), with the sign that its measure has.

The prior outweighs some labels and is outweighed by many: nothing is selected, so that nothing can be
selected wrongly. A ``scale_mean`` below 1 says what is known before any label: a fit is too sure on other
footage than its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from search.grounding.calibration import (
    AGAINST,
    SILENT_MEASURES,
    UNCALIBRATED,
    Calibration,
    Fit,
    PicturedFits,
    card_of,
)
from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES
from search.grounding.pictures import PICTURE_MEASURES

if TYPE_CHECKING:
    import numpy as np

LEAST_EXAMPLES = 5
"""Fewest labelled matches to fit from."""
FOLDS = 5
"""Folds of the cross-validation that judges a fit."""
LEAST_SCALE = 0.05
"""The least factor of log-odds: no fit turns the default round."""
_TOLERANCE = 1e-9  # of the loss, relative


@dataclass(frozen=True, slots=True)
class Prior:
    """How far a fit may move from the default: Gaussian priors. Log-odds move by 1 from 0.5 to 0.73.

    The defaults were chosen by the log loss of left-out drawn libraries (styles "other-sprites", seeds 4001
    to 4003, and "night", seed 5001), among shifts of 1 and 2, scales of 0.6 to 1, and weights of 0.3 to 1.
    All are flat: a neighbour changes the loss by less than another draw of labels does.
    """

    shift: float = 2.0
    """Standard deviation of the shift of all log-odds, about 0."""
    scale_mean: float = 0.7
    """Mean of the factor of all log-odds: 1 for a default that is as sure as it may be here."""
    scale: float = 0.3
    """Its standard deviation."""
    weights: float = 0.5
    """Standard deviation of each weight of standardised measures about the scaled default; 0 for none: then
    all spans keep their order."""


PRIOR = Prior()
"""The prior of a fit."""
MONOTONE = Prior(weights=0.0)
"""The prior of a fit that only shifts and scales: it orders spans with captions, and beside captions, as the
default does."""


@dataclass(frozen=True, slots=True)
class LabelledMatch:
    """One match with known truth."""

    measures: Mapping[str, float]
    """The evidence as numbers."""
    right: bool
    """Whether its span is a true one."""
    query: str
    """Its query: matches of one query are never on both sides of a fold."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A default fit that was moved towards labels."""

    calibration: Calibration
    """The fits, without a card."""
    shift: float
    """Of the log-odds of spans with captions and beside captions."""
    scale: float
    """Their factor."""
    prior: Prior
    """What it was allowed."""

    @property
    def sentence(self) -> str:
        """How far it moved, as in ``Card.moved``."""
        weights = ", then each weight on its own" if self.prior.weights else ""
        return f"log-odds scaled by {self.scale:.2f} and shifted by {self.shift:+.2f}{weights}"


def fit_calibration(
    examples: Sequence[Mapping[str, float]],
    right: Sequence[bool],
    groups: Sequence[str],
    *,
    model: str,
    data: str,
    date: str,
    embedder: str = "",
    base: Calibration = UNCALIBRATED,
    monotone: bool = False,
) -> Calibration:
    """Fit the logistic models from a default, and judge them by cross-validation over queries.

    Args:
        examples: The measures of each labelled match.
        right: Whether it was right.
        groups: The query of each: matches of one query are never on both sides of a fold.
        model: Name of the profile.
        data: What the examples are, in a sentence.
        date: Today, ISO 8601.
        embedder: The image embedder whose pictures are among the measures; empty for none.
        base: The default fit: the mean of the prior.
        monotone: Only shift and scale: the fit orders spans with and without captions as the default does.

    Raises:
        UsageError: when there are fewer than ``LEAST_EXAMPLES`` matches.
    """
    labels = [
        LabelledMatch(measures, bool(is_right), group)
        for measures, is_right, group in zip(examples, right, groups, strict=True)
    ]
    if len(labels) < LEAST_EXAMPLES:
        raise UsageError(
            f"{len(labels)} labelled matches ({sum(each.right for each in labels)} right) are too few to fit "
            f"a calibration; {LEAST_EXAMPLES} are needed.",
            hint="Label more queries, present and absent ones.",
        )
    base = base.for_embedder(embedder)
    prior = MONOTONE if monotone else PRIOR
    text = [_without_pictures(each) for each in labels]
    # 1. Fit on all, and judge by predictions out of fold.
    found = moved(text, base, prior)
    predicted = _out_of_fold(text, base, prior)
    card = card_of(predicted, [each.right for each in labels], data=data, date=date, moved=found.sentence)
    made = found.calibration.model_copy(update={"model": model, "card": card})
    # 2. The same for spans with pictures.
    return made.model_copy(
        update={"pictured": _pictured(labels, base, prior, embedder=embedder, data=data, date=date)}
    )


def moved(
    labels: Sequence[LabelledMatch],
    base: Calibration | PicturedFits,
    prior: Prior,
    *,
    alone: bool = True,
) -> Moved:
    """The default fit, moved towards some labels as far as a prior allows; of spans without pictures.

    Args:
        labels: The labelled matches, without measures of pictures unless ``base`` weighs them.
        base: The default fit.
        prior: How far anything may move.
        alone: Whether to move the fit of the model alone, too.
    """
    further = [name for name in PICTURE_MEASURES if name in base.uncaptioned.weights]
    captioned = [each for each in labels if each.measures.keys() >= CAPTION_MEASURES.keys()]
    silent = [
        each
        for each in labels
        if each.measures.keys() >= SILENT_MEASURES.keys()
        and not each.measures.keys() >= CAPTION_MEASURES.keys()
    ]
    # 1. Spans with a captioned event and without share the shift and the scale.
    both = [
        _Kind(base.captioned, kind_names(True, further), captioned),
        _Kind(base.silent, kind_names(False, further), silent),
    ]
    shift, scale, fits = _most_probable(both, prior)
    # 2. The same for the model alone, from all labels.
    uncaptioned = base.uncaptioned
    if alone:
        kind = _Kind(uncaptioned, [*MODEL_MEASURES, *further], labels)
        uncaptioned = _most_probable([kind], prior)[2][0]
    made = Calibration(model="", captioned=fits[0], silent=fits[1], uncaptioned=uncaptioned)
    return Moved(made, shift, scale, prior)


def kind_names(captions: bool, further: Sequence[str] = ()) -> list[str]:
    """The measures of a span with a captioned event, or without one."""
    return [*([*MODEL_MEASURES, *CAPTION_MEASURES] if captions else SILENT_MEASURES), *further]


def _pictured(
    labels: Sequence[LabelledMatch],
    base: Calibration,
    prior: Prior,
    *,
    embedder: str,
    data: str,
    date: str,
) -> PicturedFits | None:
    """The fits for spans with pictures; None where nothing can be known of them.

    They start from the default's, else from the default without pictures, where they weigh nothing.
    """
    shown = [each for each in labels if each.measures.keys() >= PICTURE_MEASURES.keys()]
    if not embedder or len(shown) < LEAST_EXAMPLES:
        return base.pictured
    nothing = dict.fromkeys(PICTURE_MEASURES, 0.0)

    def unweighed(fit: Fit) -> Fit:
        return Fit(intercept=fit.intercept, weights={**fit.weights, **nothing})

    start = base.pictured or PicturedFits(
        embedder=embedder,
        captioned=unweighed(base.captioned),
        silent=unweighed(base.silent),
        uncaptioned=unweighed(base.uncaptioned),
    )
    if base.pictured is None and not prior.weights:
        return None  # pictures would weigh nothing
    found = moved(shown, start, prior)
    best = found.calibration
    predicted = _out_of_fold(shown, start, prior)
    card = card_of(predicted, [each.right for each in shown], data=data, date=date, moved=found.sentence)
    # Without labels, a span without a captioned event is weighed by the model and pictures alone.
    silent = base.pictured is not None or any(
        not each.measures.keys() >= CAPTION_MEASURES.keys() for each in shown
    )
    return PicturedFits(
        embedder=embedder,
        captioned=best.captioned,
        silent=best.silent if silent else best.uncaptioned,
        uncaptioned=best.uncaptioned,
        card=card,
    )


def _out_of_fold(
    labels: Sequence[LabelledMatch], base: Calibration | PicturedFits, prior: Prior
) -> list[float]:
    """What each match is given by a fit on the other folds; matches of one query are in one fold."""
    import numpy as np

    # 1. Deal out queries with a right match, then the others, in a random order.
    queries = sorted({each.query for each in labels})
    with_right = {each.query for each in labels if each.right}
    shuffled = np.random.default_rng(0).permutation(len(queries)).tolist()
    order = sorted(shuffled, key=lambda n: queries[n] not in with_right)
    fold_of = {queries[n]: turn % FOLDS for turn, n in enumerate(order)}
    # 2. Fit on the others.
    alone = any(not each.measures.keys() >= SILENT_MEASURES.keys() for each in labels)
    predicted = [0.0] * len(labels)
    for fold in sorted(set(fold_of.values())):
        others = [each for each in labels if fold_of[each.query] != fold]
        fitted = moved(others, base, prior, alone=alone).calibration
        for n, each in enumerate(labels):
            if fold_of[each.query] == fold:
                predicted[n] = fitted.fit_for(each.measures).confidence(each.measures)
    return predicted


def _without_pictures(label: LabelledMatch) -> LabelledMatch:
    kept = {name: value for name, value in label.measures.items() if name not in PICTURE_MEASURES}
    return LabelledMatch(kept, label.right, label.query)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Spans that one logistic model weighs."""

    default: Fit
    """Its default."""
    names: list[str]
    """Its measures."""
    labels: Sequence[LabelledMatch]
    """Labelled spans of this kind; may be none."""


class _Standardised:
    """The labels of one kind as a table, with its default in the same units."""

    def __init__(self, kind: _Kind, prior: Prior) -> None:
        import numpy as np

        self.names = kind.names
        rows = [[each.measures.get(name, 0.0) for name in kind.names] for each in kind.labels]
        table = np.array(rows, float).reshape(len(rows), len(kind.names))
        self.truth = np.array([each.right for each in kind.labels], float)
        middle = table.mean(axis=0) if rows else np.zeros(len(kind.names))
        spread = table.std(axis=0) if rows else np.zeros(len(kind.names))
        self.free = (spread > 1e-6) & (prior.weights > 0)  # the others are scaled alone
        self.spread, self.middle = np.where(spread > 1e-6, spread, 1.0), middle
        self.table = (table - middle) / self.spread
        weights = np.array([kind.default.weights.get(name, 0.0) for name in kind.names])
        self.default = weights * self.spread
        self.level = kind.default.intercept + float(weights @ middle)

    @property
    def bounds(self) -> list[tuple[float | None, float | None]]:
        """The sign of each weight."""
        return [(None, 0.0) if name in AGAINST else (0.0, None) for name in self.names]

    def weights(self, scale: float, at: np.ndarray) -> np.ndarray:
        """Weights of standardised measures."""
        import numpy as np

        return np.where(self.free, at, scale * self.default)

    def fit(self, shift: float, scale: float, at: np.ndarray) -> Fit:
        """The logistic model of plain measures."""
        weights = self.weights(scale, at) / self.spread
        intercept = shift + scale * self.level - float(weights @ self.middle)
        return Fit(
            intercept=round(intercept, 4),
            weights={name: round(float(each), 4) for name, each in zip(self.names, weights, strict=True)},
        )


def _most_probable(kinds: Sequence[_Kind], prior: Prior) -> tuple[float, float, list[Fit]]:
    """The shift, the scale and the fits of some kinds of spans at the maximum of the posterior.

    The loss is convex, and its bounds are a box: there is one minimum.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    parts = [_Standardised(kind, prior) for kind in kinds]
    ends = np.cumsum([2, *[len(part.names) for part in parts]])
    places = [slice(first, last) for first, last in pairwise(ends.tolist())]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        shift, scale = at[0], at[1]
        gradient = np.zeros(len(at))
        gradient[:2] = shift / prior.shift**2, (scale - prior.scale_mean) / prior.scale**2
        value = (shift * gradient[0] + (scale - prior.scale_mean) * gradient[1]) / 2
        for part, place in zip(parts, places, strict=True):
            weights = part.weights(scale, at[place])
            odds = shift + scale * part.level + part.table @ weights
            value += np.logaddexp(0.0, odds).sum() - part.truth @ odds
            wrong = expit(odds) - part.truth
            slope = part.table.T @ wrong
            gradient[0] += wrong.sum()
            gradient[1] += wrong.sum() * part.level + slope[~part.free] @ part.default[~part.free]
            if part.free.any():
                away = np.where(part.free, weights - scale * part.default, 0.0) / prior.weights
                value += away @ away / 2
                gradient[1] -= away @ part.default / prior.weights
                gradient[place] = np.where(part.free, slope + away / prior.weights, 0.0)
        return float(value), gradient

    start = np.concatenate([[0.0, prior.scale_mean], *[prior.scale_mean * part.default for part in parts]])
    bounds = [(None, None), (LEAST_SCALE, None), *[bound for part in parts for bound in part.bounds]]
    options = {"maxiter": 1000, "ftol": _TOLERANCE}
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options).x
    shift, scale = float(found[0]), float(found[1])
    fits = [part.fit(shift, scale, found[place]) for part, place in zip(parts, places, strict=True)]
    return shift, scale, fits
