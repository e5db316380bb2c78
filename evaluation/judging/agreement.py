"""Consensus of several judges or runs and how far they agree; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

Verdict = TypeVar("Verdict", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Consensus(Generic[Verdict]):
    """What most of the votes on one thing say."""

    value: Verdict | None
    """The verdict with the most votes; None where there are none, or several have the most."""
    votes: int
    """Votes for it, or for each of the tied ones."""
    voters: int
    """Votes in all, missing ones left out."""
    tied: tuple[Verdict, ...] = ()
    """The verdicts that share the most votes, in the order of their first vote; empty without a tie."""

    @property
    def is_unanimous(self) -> bool:
        """Whether there are votes, all for one verdict."""
        return 0 < self.votes == self.voters


def consensus(votes: Sequence[Verdict | None]) -> Consensus[Verdict]:
    """The verdict of the majority; None stands for a missing vote."""
    counts = Counter(vote for vote in votes if vote is not None)
    if not counts:
        return Consensus(None, 0, 0)
    most = max(counts.values())
    first = tuple(verdict for verdict, count in counts.items() if count == most)
    if len(first) > 1:
        return Consensus(None, most, counts.total(), first)
    return Consensus(first[0], most, counts.total())


def krippendorff_alpha(units: Sequence[Sequence[Hashable | None]]) -> float:
    """Krippendorff's alpha for nominal data, any number of judges, missing verdicts allowed.

    alpha = 1 - (n - 1) * sum_(c != k) o_ck / sum_(c != k) n_c * n_k, with coincidences o_ck in which a unit
    of m verdicts counts each of its pairs 1 / (m - 1) times (Krippendorff, "Computing Krippendorff's
    Alpha-Reliability", 2011, the nominal form for any number of observers). Units with fewer than two
    verdicts do not count.

    Args:
        units: For each thing that was judged, the verdicts on it; None for a missing one.

    Returns:
        1 for full agreement, 0 for that of chance, negative for less; NaN where nothing was judged twice, or
        one verdict alone occurs, so that there is nothing to agree about.
    """
    totals: Counter[Hashable] = Counter()
    disagreement = 0.0
    for unit in units:
        counts = Counter(verdict for verdict in unit if verdict is not None)
        if (judged := counts.total()) < 2:
            continue
        totals.update(counts)
        alike = sum(count * (count - 1) for count in counts.values())
        disagreement += (judged * (judged - 1) - alike) / (judged - 1)
    total = totals.total()
    expected = total**2 - sum(count**2 for count in totals.values())
    return 1 - (total - 1) * disagreement / expected if expected else math.nan


def pairwise_agreement(units: Sequence[Sequence[Hashable | None]]) -> float:
    """Share of equal verdicts among all pairs of verdicts on the same thing; NaN without any pair."""
    pairs = [
        one == other
        for unit in units
        for one, other in combinations([verdict for verdict in unit if verdict is not None], 2)
    ]
    return sum(pairs) / len(pairs) if pairs else math.nan
