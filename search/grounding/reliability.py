"""How good confidences are: AUROC and the reliability curve, both by scikit-learn; knows no search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10
"""Bins of equal width, as usual for the expected calibration error (Guo et al., ICML 2017, use 15; with a few
dozen answers fewer hold more than one)."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """A point of the reliability curve: all answers of about the same confidence."""

    low: float
    """Lower bound; a confidence that equals it lies in the bin below, 0 in the first bin."""
    high: float
    """Upper bound, included."""
    count: int
    """How many answers, at least one."""
    confidence: float
    """Their mean confidence."""
    present: float
    """The share of them that is right; equal to ``confidence`` when calibrated."""


def auroc(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Area under the ROC curve: how often a right answer has more confidence than a wrong one.

    1 when every right answer is above every wrong one, 0.5 when the confidence carries no information; a tie
    counts half. NaN when all answers are right, all are wrong, or there are none: then it is not defined.

    Args:
        confidences: One for each answer, 0 to 1.
        right: Whether the answer is right, in the same order.
    """
    if len(set(map(bool, right))) < 2:
        return math.nan
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(list(map(bool, right)), list(confidences)))


def reliability_curve(confidences: Sequence[float], right: Sequence[bool]) -> list[ReliabilityBin]:
    """Mean confidence and share of right answers, in ``BINS`` bins by confidence.

    Args:
        confidences: One for each answer, 0 to 1.
        right: Whether the answer is right, in the same order.

    Returns:
        The bins that hold an answer, lowest first.
    """
    if not len(confidences):
        return []
    import numpy as np
    from sklearn.calibration import calibration_curve

    held = np.asarray(confidences, float)
    edges = np.linspace(0, 1, BINS + 1)
    places = np.searchsorted(edges[1:-1], held)  # the bins that scikit-learn takes
    counts = np.bincount(places, minlength=BINS)
    shares, means = calibration_curve(np.asarray(right, int), held, n_bins=BINS)
    return [
        ReliabilityBin(number / BINS, (number + 1) / BINS, int(counts[number]), float(mean), float(share))
        for number, mean, share in zip(np.flatnonzero(counts).tolist(), means, shares, strict=True)
    ]
