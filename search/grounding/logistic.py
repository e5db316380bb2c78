"""Fits one logistic model from nothing, by scikit-learn, and judges it by cross-validation over queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from search.grounding.calibration import AGAINST, Card, card_of

if TYPE_CHECKING:
    import numpy as np

LEAST_EXAMPLES = 30
"""Fewest labelled matches to fit from nothing; a fifth of them must be right, and a fifth wrong."""
_STRENGTH = 1.0  # of the L2 penalty on standardised measures: scikit-learn's own default


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

    Args:
        examples: The measures of each labelled match.
        right: Whether it was right.
        groups: The query of each: matches of one query are never on both sides of a fold.
        names: The measures to weigh.
        data: What the examples are, in a sentence.
        date: Today, ISO 8601.

    Raises:
        UsageError: when there are too few, or (almost) all are right or wrong.
    """
    import numpy as np

    truth = np.array(right, bool)
    _check_enough(truth)
    table = _table(examples, names)
    fit = _logistic(table, truth, names)
    predicted = _cross_validated(table, truth, groups).tolist()
    return *fit, card_of(predicted, truth.tolist(), data=data, date=date)


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
