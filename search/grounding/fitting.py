"""Fits a calibration to labelled matches, starting from a default fit: the fewer labels, the nearer to it.

The prior is hierarchical. Log-odds of the default fit are first shifted and scaled, by two numbers that all
kinds of spans share (Platt, 1999, with a Gaussian prior about "as it is"); then each weight may depart from
there, with a Gaussian prior about the scaled default weight. How far anything may move is one of ``STEPS``,
chosen by cross-validation over queries, as with the rule of one standard error (Breiman et al., 1984): a step
further is taken only where labels show that it pays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
"""Folds of the cross-validation."""
_BOUND = 30.0  # of log-odds, as in ``Fit.confidence``
_LEAST_SCALE = 0.05
_TOLERANCE = 1e-6  # of the loss, relative


@dataclass(frozen=True, slots=True)
class Freedom:
    """How far a fit may move from the default: standard deviations of Gaussian priors."""

    name: str
    """Its name, as in ``Card.moved``."""
    shift: float
    """Of the shift of all log-odds; 0 for none."""
    scale: float
    """Of the factor of all log-odds, about 1."""
    weights: float
    """Of each weight of standardised measures about the scaled default; 0 for none."""


STEPS: tuple[Freedom, ...] = (
    Freedom("as it is", 0.0, 0.0, 0.0),
    Freedom("shifted", 1.0, 0.0, 0.0),
    Freedom("shifted and scaled", 2.0, 0.5, 0.0),
    Freedom("weights, a little", 2.0, 0.5, 0.3),
    Freedom("weights", 3.0, 0.5, 1.0),
    Freedom("weights, freely", 5.0, 1.0, 3.0),
)
"""What a fit may do, from nothing to (almost) anything. Log-odds move by 1 where a confidence of 0.5 becomes
0.73. The last is weaker than the penalty of scikit-learn's default (C = 1, a standard deviation of 1 about
0)."""
MONOTONE = 3
"""The first steps keep the order of all spans that are weighed with captions or beside them."""
WEIGHTS_FROM = 40
"""With fewer labelled queries, no weight moves on its own."""


@dataclass(frozen=True, slots=True)
class LabelledMatch:
    """One match with known truth."""

    measures: Mapping[str, float]
    """The evidence as numbers."""
    right: bool
    """Whether its span is a true one."""
    query: str
    """Its query: matches of one query are never on both sides of a fold."""


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
    few = len({each.query for each in labels}) < WEIGHTS_FROM
    steps = STEPS[:MONOTONE] if monotone or few else STEPS
    text = [_without_pictures(each) for each in labels]
    # 1. Choose how far to move: that which predicts the queries left out best.
    step, predicted = _chosen(text, base, steps)
    # 2. Fit on all, and judge by the predictions out of fold.
    made = moved(text, base, step)
    card = card_of(predicted, [each.right for each in labels], data=data, date=date, moved=step.name)
    made = made.model_copy(update={"model": model, "card": card, "pictured": None})
    # 3. The same for spans with pictures.
    return made.model_copy(
        update={"pictured": _pictured(labels, made, base, steps, embedder=embedder, data=data, date=date)}
    )


def moved(
    labels: Sequence[LabelledMatch],
    base: Calibration | PicturedFits,
    step: Freedom,
    *,
    alone: bool = True,
) -> Calibration:
    """The default fit, moved towards some labels as far as a step allows; of spans without pictures.

    Args:
        labels: The labelled matches, without measures of pictures unless ``base`` weighs them.
        base: The default fit.
        step: How far anything may move.
        alone: Whether to move the fit of the model alone, too.

    Returns:
        A calibration without a card.
    """
    further = [name for name in PICTURE_MEASURES if name in base.uncaptioned.weights]
    captioned = [each for each in labels if each.measures.keys() >= CAPTION_MEASURES.keys()]
    silent = [
        each
        for each in labels
        if each.measures.keys() >= SILENT_MEASURES.keys()
        and not each.measures.keys() >= CAPTION_MEASURES.keys()
    ]
    both = [(base.captioned, captioned), (base.silent, silent)]
    # 1. One shift and one scale for spans with a captioned event and without: their order stays.
    shift, scale = _platt(both, step)
    # 2. Weights of either kind depart from there.
    fits = [
        _reweighted(_scaled(fit, shift, scale), mine, step, kind_names(captions, further))
        for (fit, mine), captions in zip(both, (True, False), strict=True)
    ]
    # 3. The same for the model alone, from all labels.
    uncaptioned = base.uncaptioned
    if alone:
        scaled = _scaled(uncaptioned, *_platt([(uncaptioned, labels)], step))
        uncaptioned = _reweighted(scaled, labels, step, [*MODEL_MEASURES, *further])
    return Calibration(model="", captioned=fits[0], silent=fits[1], uncaptioned=uncaptioned)


def kind_names(captions: bool, further: Sequence[str] = ()) -> list[str]:
    """The measures of a span with a captioned event, or without one."""
    return [*([*MODEL_MEASURES, *CAPTION_MEASURES] if captions else SILENT_MEASURES), *further]


def _pictured(
    labels: Sequence[LabelledMatch],
    made: Calibration,
    base: Calibration,
    steps: Sequence[Freedom],
    *,
    embedder: str,
    data: str,
    date: str,
) -> PicturedFits | None:
    """The fits for spans with pictures; None where nothing can be known of them.

    They start from the default's, else from the fit without pictures, whose picture measures weigh nothing.
    """
    shown = [each for each in labels if each.measures.keys() >= PICTURE_MEASURES.keys()]
    if not embedder or len(shown) < LEAST_EXAMPLES:
        return base.pictured
    nothing = dict.fromkeys(PICTURE_MEASURES, 0.0)

    def unweighed(fit: Fit) -> Fit:
        return Fit(intercept=fit.intercept, weights={**fit.weights, **nothing})

    start = base.pictured or PicturedFits(
        embedder=embedder,
        captioned=unweighed(made.captioned),
        silent=unweighed(made.silent),
        uncaptioned=unweighed(made.uncaptioned),
    )
    step, predicted = _chosen(shown, start, steps)
    if base.pictured is None and not step.weights:
        return None  # pictures would weigh nothing
    best = moved(shown, start, step)
    card = card_of(predicted, [each.right for each in shown], data=data, date=date, moved=step.name)
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


def _chosen(
    labels: Sequence[LabelledMatch], base: Calibration | PicturedFits, steps: Sequence[Freedom]
) -> tuple[Freedom, list[float]]:
    """The step to take, and the out-of-fold predictions with it.

    The least step whose loss on queries left out is within ``ERRORS`` standard errors, of the paired
    difference, of the best one's.
    """
    import numpy as np

    truth = np.array([each.right for each in labels], float)
    queries = sorted({each.query for each in labels})
    place = {query: n for n, query in enumerate(queries)}
    at = np.array([place[each.query] for each in labels])
    folds = _folds(labels, queries)
    predictions = [_out_of_fold(labels, base, step, folds[at]) for step in steps]
    losses = []
    for predicted in predictions:
        held = np.clip(predicted, 1e-4, 1 - 1e-4)
        loss = -(truth * np.log(held) + (1 - truth) * np.log(1 - held))
        losses.append(np.bincount(at, loss, minlength=len(queries)))
    best = min(range(len(steps)), key=lambda n: (losses[n].sum(), n))
    for n in range(best):
        apart = losses[n] - losses[best]
        error = float(apart.std(ddof=1)) * math.sqrt(len(queries)) if len(queries) > 1 else math.inf
        if apart.sum() <= error:
            best = n
            break
    return steps[best], predictions[best].tolist()


def _folds(labels: Sequence[LabelledMatch], queries: Sequence[str]) -> np.ndarray:
    """The fold of each query: queries with a right match, then the others, dealt out in a random order."""
    import numpy as np

    with_right = {each.query for each in labels if each.right}
    rng = np.random.default_rng(0)
    order = sorted(rng.permutation(len(queries)).tolist(), key=lambda n: queries[n] not in with_right)
    folds = np.empty(len(queries), int)
    folds[order] = np.arange(len(queries)) % FOLDS
    return folds


def _out_of_fold(
    labels: Sequence[LabelledMatch], base: Calibration | PicturedFits, step: Freedom, folds: np.ndarray
) -> np.ndarray:
    """What each match is given by a fit on the other folds."""
    import numpy as np

    predicted = np.zeros(len(labels))
    alone = any(not each.measures.keys() >= SILENT_MEASURES.keys() for each in labels)
    for fold in range(FOLDS):
        out = np.flatnonzero(folds == fold).tolist()
        if not out:
            continue
        fitted = moved([labels[n] for n in np.flatnonzero(folds != fold).tolist()], base, step, alone=alone)
        for n in out:
            predicted[n] = fitted.fit_for(labels[n].measures).confidence(labels[n].measures)
    return predicted


def _platt(kinds: Sequence[tuple[Fit, Sequence[LabelledMatch]]], step: Freedom) -> tuple[float, float]:
    """The shift and the scale of log-odds that some labels ask for, within a step's priors."""
    import numpy as np
    from scipy.optimize import minimize

    if not step.shift:
        return 0.0, 1.0
    odds = np.array([_odds(fit, each.measures) for fit, labels in kinds for each in labels], float)
    truth = np.array([each.right for _, labels in kinds for each in labels], float)
    odds = np.clip(odds, -_BOUND, _BOUND)

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        shift, factor = at[0], 1.0 + (at[1] if step.scale else 0.0)
        value, slope = _log_loss(shift + factor * odds, truth)
        gradient = np.array([slope.sum() + shift / step.shift**2, 0.0])
        value += shift**2 / (2 * step.shift**2)
        if step.scale:
            value += at[1] ** 2 / (2 * step.scale**2)
            gradient[1] = slope @ odds + at[1] / step.scale**2
        return value, gradient

    bounds = [(None, None), (_LEAST_SCALE - 1, None)]
    found = minimize(loss, np.zeros(2), jac=True, bounds=bounds, method="L-BFGS-B", tol=_TOLERANCE).x
    return float(found[0]), float(1 + found[1])


def _reweighted(prior: Fit, labels: Sequence[LabelledMatch], step: Freedom, names: Sequence[str]) -> Fit:
    """The fit of some measures, about a prior one; its signs stay those that the measures have."""
    import numpy as np
    from scipy.optimize import minimize

    if not step.weights or not labels:
        return prior
    table = np.array([[each.measures.get(name, 0.0) for name in names] for each in labels], float)
    truth = np.array([each.right for each in labels], float)
    middle, spread = table.mean(axis=0), table.std(axis=0)
    varies = spread > 1e-6  # a measure that never changes keeps its weight
    spread = np.where(varies, spread, 1.0)
    standard = (table - middle) / spread
    before = np.array([prior.weights.get(name, 0.0) for name in names])
    mean = before * spread
    start = np.array([prior.intercept + before @ middle, *mean])
    deviation = np.array([step.shift, *np.full(len(names), step.weights)])

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _log_loss(at[0] + standard @ at[1:], truth)
        away = (at - start) / deviation
        gradient = np.array([slope.sum(), *(slope @ standard)]) + away / deviation
        return value + float(away @ away) / 2, gradient

    bounds: list[tuple[float | None, float | None]] = [(None, None)]
    for name, kept, value in zip(names, varies, mean, strict=True):
        signed = (None, 0.0) if name in AGAINST else (0.0, None)
        bounds.append(signed if kept else (value, value))
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", tol=_TOLERANCE).x
    weights = found[1:] / spread
    return Fit(
        intercept=round(float(found[0] - weights @ middle), 4),
        weights={name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)},
    )


def _log_loss(odds: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray]:
    """The negative log-likelihood, and its slope at each of the log-odds."""
    import numpy as np
    from scipy.special import expit

    return float(np.logaddexp(0.0, odds).sum() - truth @ odds), expit(odds) - truth


def _odds(fit: Fit, measures: Mapping[str, float]) -> float:
    return fit.intercept + sum(weight * measures[name] for name, weight in fit.weights.items())


def _scaled(fit: Fit, shift: float, scale: float) -> Fit:
    """A fit whose log-odds are shifted and scaled."""
    return Fit(
        intercept=round(shift + scale * fit.intercept, 4),
        weights={name: round(scale * weight, 4) for name, weight in fit.weights.items()},
    )


def _without_pictures(label: LabelledMatch) -> LabelledMatch:
    kept = {name: value for name, value in label.measures.items() if name not in PICTURE_MEASURES}
    return LabelledMatch(kept, label.right, label.query)
