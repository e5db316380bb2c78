"""Scores of yes and no: does a confidence tell what is there from what is not; pure, runs no search.

A query that something truly answers is *present*, any other *absent*. "Found" is what a confidence at or
above a threshold claims.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.metrics import Counts
from search.grounding.reliability import ReliabilityBin, reliability_curve
from search.grounding.reliability import auroc as auroc_of

PREVALENCE = 0.1
"""Share of present queries that precision is restated at: one present, nine absent."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How sure an answer was, and whether there was anything to find."""

    confidence: float
    """0 to 1."""
    present: bool
    """Whether something truly answers the query."""

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence must lie between 0 and 1, got {self.confidence}")


def auroc(judged: Sequence[Judged]) -> float:
    """How often a present query is given more confidence than an absent one.

    As ``search.grounding.reliability.auroc``: NaN unless there are both present and absent queries.
    """
    return auroc_of(*_columns(judged))


def fpr_at_recall(judged: Sequence[Judged], recall: float = 0.9) -> float:
    """Share of the absent queries that are claimed when so many of the present ones must be; 0 to 1.

    The threshold is the highest one that claims at least ``recall`` of the present queries.

    Raises:
        ValueError: when there are not both present and absent queries, or ``recall`` is not in (0, 1].
    """
    if not 0 < recall <= 1:
        raise ValueError(f"a recall to reach must lie above 0 and up to 1, got {recall}")
    present, absent = _apart(judged)
    needed = math.ceil(round(recall * len(present), 9))  # 0.9 of 10 is 9, whatever the floats say
    threshold = np.sort(present)[-needed]
    return float(np.mean(absent >= threshold))


def reliability(judged: Sequence[Judged]) -> list[ReliabilityBin]:
    """The reliability curve, lowest bin first, empty bins left out."""
    return reliability_curve(*_columns(judged))


def calibration_error(judged: Sequence[Judged]) -> float:
    """Expected calibration error: how far confidence and share present lie apart in a bin, on average.

    0 when of all answers that are 0.7 sure 70 % are right, and so on; 1 at worst.

    Raises:
        ValueError: when there is nothing judged.
    """
    if not judged:
        raise ValueError("there are no answers to score")
    gaps = (row.count * abs(row.confidence - row.present) for row in reliability(judged))
    return sum(gaps) / len(judged)


def found_counts(judged: Sequence[Judged], *, threshold: float) -> Counts:
    """How many present queries are claimed at a threshold; precision and recall of "found"."""
    claimed = [answer for answer in judged if answer.confidence >= threshold]
    return Counts(
        matched=sum(answer.present for answer in claimed),
        predicted=len(claimed),
        true=sum(answer.present for answer in judged),
    )


def recall_at_precision(
    judged: Sequence[Judged], precision: float = 0.95, *, prevalence: float | None = None
) -> float:
    """Largest share of the present queries that can be claimed at a precision, whatever threshold it takes.

    Args:
        judged: The answers.
        precision: What at least the precision of the claims must be.
        prevalence: Share of all queries that is present (see ``precision_at_prevalence``); as judged if None.

    Raises:
        ValueError: when there are not both present and absent queries.
    """
    present, _ = _apart(judged)
    share = len(present) / len(judged) if prevalence is None else prevalence
    reached = [
        float(np.mean(present >= threshold))
        for threshold in np.unique(present)
        if precision_at_prevalence(judged, threshold=float(threshold), prevalence=share) >= precision
    ]
    return max(reached, default=0.0)


def precision_at_prevalence(
    judged: Sequence[Judged], *, threshold: float, prevalence: float = PREVALENCE
) -> float:
    """Precision of "found" if a share ``prevalence`` of all queries were present; 1 if nothing is claimed.

    A test set with as many absent queries as present ones flatters somebody who mostly asks for what is not
    there.

    Raises:
        ValueError: when there are not both present and absent queries, or ``prevalence`` is not in [0, 1].
    """
    if not 0 <= prevalence <= 1:
        raise ValueError(f"a prevalence must lie between 0 and 1, got {prevalence}")
    present, absent = _apart(judged)
    right = float(np.mean(present >= threshold)) * prevalence
    wrong = float(np.mean(absent >= threshold)) * (1 - prevalence)
    return right / (right + wrong) if right + wrong else 1.0


def _apart(judged: Sequence[Judged]) -> tuple[np.ndarray, np.ndarray]:
    """The confidences of present and of absent queries."""
    present = np.array([answer.confidence for answer in judged if answer.present])
    absent = np.array([answer.confidence for answer in judged if not answer.present])
    if not (len(present) and len(absent)):
        raise ValueError(
            f"present and absent queries are both needed, got {len(present)} present and {len(absent)} absent"
        )
    return present, absent


def _columns(judged: Sequence[Judged]) -> tuple[list[float], list[bool]]:
    """Confidences, and whether the query is present."""
    return [answer.confidence for answer in judged], [answer.present for answer in judged]
