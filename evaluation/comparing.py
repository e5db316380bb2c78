"""Compares saved runs of ``footage eval run --json`` query by query; knows no index and asks nothing.

Both runs answer the same queries, so that what is hard in a query is hard for both: intervals are of paired
differences, drawn over queries, and the test of right and wrong answers is McNemar's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.intervals import DRAWS, FigureInterval, bootstrap_all
from evaluation.query_scores import AT_LEAST, AT_MOST
from evaluation.saved_runs import RunAnswer, SavedRun
from evaluation.score_table import ScoreTable
from footage.core.errors import UsageError

Direction = Literal["better", "worse", ""]
COSTS = ("seconds_per_query", "windows_per_query", "calls_per_query", "tokens_per_query")
"""Means over queries; the last two only where the model counts them in both runs."""


@dataclass(frozen=True, slots=True)
class FigureDifference:
    """One figure of two runs."""

    name: str
    """As in ``evaluation.query_scores``, or one of ``COSTS``."""
    before: float | None
    """Of the first run; None where it cannot be had."""
    after: float | None
    """Of the second run."""
    interval: FigureInterval | None
    """Second minus first, with its interval; None where one cannot be had."""

    @property
    def direction(self) -> Direction:
        """Whether the second run is better or worse: the whole interval is on one side of 0."""
        if self.interval is None or not (self.interval.low > 0 or self.interval.high < 0):
            return ""
        return "better" if (self.interval.low > 0) == (self.name in AT_LEAST) else "worse"


@dataclass(frozen=True, slots=True)
class ChangedQuery:
    """A query that one run answers right and the other wrong."""

    text: str
    """What was asked."""
    present: bool
    """Whether something truly answers it."""
    direction: Direction
    """Better where the second run is right."""
    iou_before: float
    """IoU of the first match of the first run."""
    iou_after: float
    """Of the second run."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side."""

    before: SavedRun
    """The first run."""
    after: SavedRun
    """The second run."""
    figures: tuple[FigureDifference, ...]
    """All figures that one of them has, then the costs per query."""
    changed: tuple[ChangedQuery, ...]
    """Queries with another result: worse ones first, in the order of the first run."""
    p_value: float
    """McNemar's exact test, two-sided: how likely the changes are if none of the runs is better; 0 to 1."""

    @property
    def queries(self) -> int:
        """Queries of each run."""
        return len(self.before.answers)

    @property
    def better(self) -> int:
        """Queries that only the second run answers right."""
        return sum(change.direction == "better" for change in self.changed)

    @property
    def worse(self) -> int:
        """Queries that only the first run answers right."""
        return len(self.changed) - self.better


def compare_runs(before: SavedRun, after: SavedRun, *, draws: int = DRAWS, seed: int = 0) -> Comparison:
    """Compare two runs over the same queries.

    Raises:
        UsageError: when they do not have the same queries with the same truth.
    """
    check_same_truth(before, after)
    pairs = [(answer, after.answers[query]) for query, answer in before.answers.items()]
    count_work = before.counts_work and after.counts_work
    tables = [_CostTable([pair[side] for pair in pairs], count_work) for side in (0, 1)]

    def differences(rows: Sequence[int]) -> dict[str, float]:
        one, other = (table.figures(rows) for table in tables)
        return {name: other[name] - one[name] for name in one if name in other}

    # 1. The figures, and how far each difference may be chance.
    rows = range(len(pairs))
    one, other = (table.figures(rows) for table in tables)
    intervals = bootstrap_all(rows, differences, draws=draws, seed=seed)
    names = [name for name in (*AT_LEAST, *AT_MOST, *COSTS) if name in one or name in other]
    figures = [FigureDifference(name, one.get(name), other.get(name), intervals.get(name)) for name in names]
    # 2. The queries with another result.
    changed = [
        ChangedQuery(
            a.score.text, a.score.present, "better" if b.score.right else "worse", a.score.iou, b.score.iou
        )
        for a, b in pairs
        if a.score.right != b.score.right
    ]
    changed.sort(key=lambda change: change.direction == "better")
    better = sum(change.direction == "better" for change in changed)
    return Comparison(before, after, tuple(figures), tuple(changed), mcnemar(better, len(changed) - better))


def read_figures(text: str) -> tuple[str, ...]:
    """Names of figures from ``"span_R@1@0.5,ece"``; none of an empty text.

    Raises:
        UsageError: for an unknown figure.
    """
    names = tuple(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    known = (*AT_LEAST, *AT_MOST, *COSTS)
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"There is no figure {unknown[0]!r}.", hint=f"Known are {', '.join(known)}.")
    return names


def mcnemar(better: int, worse: int) -> float:
    """McNemar's exact test, two-sided; 1 where nothing changed.

    It is the sign test over the pairs that differ (McNemar, 1947, with binomial probabilities).
    """
    from scipy.stats import binomtest

    changed = better + worse
    return float(binomtest(better, changed, 0.5).pvalue) if changed else 1.0


def check_same_truth(before: SavedRun, after: SavedRun) -> None:
    """Refuse runs of different queries or truths: their difference would say nothing about the models.

    Raises:
        UsageError: when they are not the same.
    """
    hint = "Run both with the same truth file, over indexes of the same videos."
    for run, other in ((before, after), (after, before)):
        if missing := [query for query in run.answers if query not in other.answers]:
            raise UsageError(
                f'{before.name} and {after.name} have different queries: "{missing[0]}" is only in '
                f"{run.name} ({len(missing):,} of {len(run.answers):,}).",
                hint=hint,
            )
    for query, answer in before.answers.items():
        if answer.truth_id != after.answers[query].truth_id:
            raise UsageError(
                f'{before.name} and {after.name} have different truths about "{query}", '
                "or one of the indexes lacks its videos.",
                hint=hint,
            )


class _CostTable:
    """The figures and the costs of drawn queries."""

    def __init__(self, answers: Sequence[RunAnswer], count_work: bool) -> None:
        self._scores = ScoreTable([answer.score for answer in answers])
        columns: list[list[float]] = [
            [answer.score.seconds for answer in answers],
            [answer.windows for answer in answers],
        ]
        if count_work:
            columns += [[answer.calls or 0 for answer in answers], [answer.tokens or 0 for answer in answers]]
        self._costs = np.array(columns, float)

    def figures(self, rows: Sequence[int]) -> dict[str, float]:
        """As ``ScoreTable.figures``, with the means of the costs."""
        means = self._costs[:, np.asarray(rows, int)].mean(1).tolist()
        return self._scores.figures(rows) | dict(zip(COSTS, means, strict=False))
