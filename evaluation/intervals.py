"""Intervals of figures: bootstrap over clusters, paired differences, exact intervals of shares; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Cluster = TypeVar("Cluster")

LEVEL = 0.95
"""Level of all intervals unless stated otherwise."""
DRAWS = 1_000
"""Bootstrap draws."""


@dataclass(frozen=True, slots=True)
class FigureInterval:
    """A figure and its interval."""

    value: float
    """The figure."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def bootstrap(
    clusters: Sequence[Cluster],
    statistic: Callable[[Sequence[Cluster]], float],
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> FigureInterval:
    """The percentile bootstrap interval of a figure (Efron and Tibshirani, 1993), drawn over clusters.

    Args:
        clusters: What is drawn with replacement: clips, videos or queries, each with all that belongs to it.
            For the paired difference of two systems, give the results of both in one cluster.
        statistic: The figure of some clusters; a draw for which it is NaN is left out.
        draws: How many draws.
        level: Level of the interval, 0 to 1.
        seed: Of the draws.

    Raises:
        ValueError: when there are no clusters.
    """
    figures = bootstrap_all(
        clusters, lambda drawn: {"": statistic(drawn)}, draws=draws, level=level, seed=seed
    )
    return figures[""]


def bootstrap_all(
    clusters: Sequence[Cluster],
    statistics: Callable[[Sequence[Cluster]], Mapping[str, float]],
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, FigureInterval]:
    """As ``bootstrap``, for several figures of the same draws.

    Args:
        clusters: What is drawn.
        statistics: The figures of some clusters by name; a draw without one, or with NaN, is left out for it.
        draws: How many draws.
        level: Level of the intervals, 0 to 1.
        seed: Of the draws.

    Returns:
        An interval for each figure of all clusters.

    Raises:
        ValueError: when there are no clusters.
    """
    if not clusters:
        raise ValueError("there is nothing to draw from")
    rng = np.random.default_rng(seed)
    picks = rng.integers(len(clusters), size=(draws, len(clusters)))
    drawn = [statistics([clusters[n] for n in row]) for row in picks]
    return {
        name: _interval(float(own), [figures.get(name, math.nan) for figures in drawn], level)
        for name, own in statistics(clusters).items()
    }


def _interval(own: float, drawn: Sequence[float], level: float) -> FigureInterval:
    """The interval of a figure from its values in the draws."""
    values = np.array(drawn, float)
    values = values[~np.isnan(values)]
    if not len(values):
        return FigureInterval(own, math.nan, math.nan)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return FigureInterval(own, float(low), float(high))


def share_interval(successes: int, total: int, *, level: float = LEVEL) -> FigureInterval:
    """The exact interval of a share (Clopper and Pearson, 1934); 0 to 1 where nothing was counted.

    Raises:
        ValueError: when the numbers make no sense.
    """
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} of {total} is no share")
    if not total:
        return FigureInterval(math.nan, 0.0, 1.0)
    return FigureInterval(
        successes / total,
        lower_bound(successes, total, level=(1 + level) / 2),
        upper_bound(successes, total, level=(1 + level) / 2),
    )


def lower_bound(successes: int, total: int, *, level: float = LEVEL) -> float:
    """The one-sided exact lower bound of a share; 0 to 1."""
    from scipy.stats import beta

    return float(beta.ppf(1 - level, successes, total - successes + 1)) if successes else 0.0


def upper_bound(successes: int, total: int, *, level: float = LEVEL) -> float:
    """The one-sided exact upper bound of a share; 0 to 1."""
    from scipy.stats import beta

    return float(beta.ppf(level, successes + 1, total - successes)) if successes < total else 1.0
