"""The share of entries with an error, corrected for the judge's own misses and false alarms; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.intervals import DRAWS, LEVEL, FigureInterval, bootstrap

LEAST_SKILL = 0.05
"""Least sum of sensitivity and specificity above 1 with which a share can be corrected: near 0 the judge's
answers have nothing to do with the errors."""


@dataclass(frozen=True, slots=True)
class JudgeAccuracy:
    """How a judge did on entries whose errors are known."""

    found: int
    """Entries with an error in which it saw one."""
    with_error: int
    """Entries with an error."""
    alarms: int
    """Entries without an error in which it saw one."""
    without_error: int
    """Entries without an error."""

    def __post_init__(self) -> None:
        """Refuse counts that make no sense."""
        if not (0 <= self.found <= self.with_error and 0 <= self.alarms <= self.without_error):
            raise ValueError(f"the counts make no sense: {self}")
        if not self.with_error or not self.without_error:
            raise ValueError("accuracy needs entries with an error and entries without one")

    @property
    def sensitivity(self) -> float:
        """Share of entries with an error in which it sees one."""
        return self.found / self.with_error

    @property
    def specificity(self) -> float:
        """Share of entries without an error in which it sees none."""
        return 1 - self.alarms / self.without_error


def corrected_share(raw: float, *, sensitivity: float, specificity: float) -> float:
    """The estimator of Rogan and Gladen (1978): ``(raw + spec - 1) / (sens + spec - 1)``.

    Clamped to 0 to 1; NaN where the judge is no better than chance (``LEAST_SKILL``).
    """
    skill = sensitivity + specificity - 1
    if skill < LEAST_SKILL:
        return math.nan
    return min(max((raw + specificity - 1) / skill, 0.0), 1.0)


def raw_error_rate(videos: Sequence[tuple[int, int]], *, draws: int = DRAWS, seed: int = 0) -> FigureInterval:
    """The share of entries in which the judge sees an error, with a bootstrap interval over videos.

    Args:
        videos: For each video, the entries with an error by the judge, and all entries it could check.
        draws: Bootstrap draws.
        seed: Of the draws.

    Raises:
        ValueError: when there are no videos.
    """
    return bootstrap(videos, _share, draws=draws, seed=seed)


def corrected_error_rate(
    videos: Sequence[tuple[int, int]],
    accuracy: JudgeAccuracy,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> FigureInterval:
    """The share of entries with an error, corrected for the judge's sensitivity and specificity.

    The interval holds both uncertainties: each bootstrap draw takes videos with replacement, and takes
    sensitivity and specificity from their posteriors, Beta distributions under Jeffreys' prior. Where all
    videos have the same share (one video, say), drawing videos shows no uncertainty; the share is then drawn
    from its own posterior of independent entries, under the same prior.

    Args:
        videos: As for ``raw_error_rate``.
        accuracy: Of the judge, on entries of the same kind.
        draws: Bootstrap draws.
        level: Level of the interval, 0 to 1.
        seed: Of the draws.

    Raises:
        ValueError: when there are no videos.
    """
    if not videos:
        raise ValueError("there is nothing to draw from")
    rng = np.random.default_rng(seed)
    missed, right = accuracy.with_error - accuracy.found, accuracy.without_error - accuracy.alarms
    sensitivities = rng.beta(accuracy.found + 0.5, missed + 0.5, draws)
    specificities = rng.beta(right + 0.5, accuracy.alarms + 0.5, draws)
    values = np.array(
        [
            corrected_share(raw, sensitivity=float(one), specificity=float(other))
            for raw, one, other in zip(
                _drawn_shares(videos, rng, draws), sensitivities, specificities, strict=True
            )
        ]
    )
    own = corrected_share(_share(videos), sensitivity=accuracy.sensitivity, specificity=accuracy.specificity)
    values = values[~np.isnan(values)]
    if not len(values):
        return FigureInterval(own, math.nan, math.nan)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return FigureInterval(own, float(low), float(high))


def _drawn_shares(videos: Sequence[tuple[int, int]], rng: np.random.Generator, draws: int) -> Sequence[float]:
    """The share in each bootstrap draw."""
    if len({wrong / entries for wrong, entries in videos if entries}) == 1:
        wrong, total = (sum(column) for column in zip(*videos, strict=True))
        return [float(share) for share in rng.beta(wrong + 0.5, total - wrong + 0.5, draws)]
    picks = rng.integers(len(videos), size=(draws, len(videos)))
    return [_share([videos[n] for n in row]) for row in picks]


def _share(videos: Sequence[tuple[int, int]]) -> float:
    total = sum(entries for _, entries in videos)
    return sum(wrong for wrong, _ in videos) / total if total else math.nan
