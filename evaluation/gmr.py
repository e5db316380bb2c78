"""Scores of generalised moment retrieval (GMR): several moments for a query, or none; reads no file.

A query is *present* when it has a true span, otherwise *absent*. A system gives an existence score and a list
of spans; ``listed`` is the order in which they count. The conventions are those of the public evaluator of
Soccer-GMR, in words:

- Existence scores are compared with ``>``: a score at the threshold rejects the query.
- Rejections are what is detected: a true negative is an absent query that is rejected; precision and recall
  of rejections are shares of all rejected and of all absent queries, 0 where there are none.
- Predictions are matched in the order listed, each with the free true span of the largest IoU.
- mR and mR+ match from an IoU threshold on, and are averaged over ``MAP_THRESHOLDS``; mIoU and mIoU+ match
  always, even where nothing overlaps. The figures with + are of queries with two or more true spans, less the
  first match (mR+) or the best one (mIoU+).
- Figures of spans are of present queries and ignore the existence score. G-mIoU is of all queries: a
  rejected query has the empty set. Two empty sets agree (1), an empty one and another do not (0); otherwise
  the sum of the matched IoUs is divided by the spans of both sets, a matched pair counted once. A pair
  without overlap is a match there, too.
- An IoU is computed in floating point from the ends as they are written, and not rounded (``plain_iou``): one
  that is exactly at a threshold may fall just below it. Published figures depend on it in the second decimal.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from evaluation.metrics import MAP_PREDICTIONS, MAP_THRESHOLDS, ScoredSpan, mean_average_precision
from footage.core.types import Span
from search.grounding.reliability import auroc

Name = TypeVar("Name", bound=Hashable)

GMR_RANKS = (1, 3, 5)
"""The k of mR@k and the like."""
EXISTENCE_THRESHOLDS = (0.4, 0.6)
"""Existence scores above which a query counts as present; the first also decides about empty sets."""


@dataclass(frozen=True, slots=True)
class GmrPrediction:
    """What a system says to one query."""

    listed: tuple[ScoredSpan, ...]
    """The spans, the most important first."""
    existence: float
    """How sure the system is that there is any, 0 to 1."""
    answered: tuple[Span, ...] | None = None
    """The set that the system answers with, where it decides that itself; None: ``listed``, or the empty set
    where the existence score is low."""

    def answer(self, threshold: float) -> tuple[Span, ...]:
        """The set that the system answers with, in the order listed."""
        if self.answered is not None:
            return self.answered
        if self.existence <= threshold:
            return ()
        kept = [each.span for each in self.listed if each.span.duration_seconds > 0]
        return tuple(kept[:MAP_PREDICTIONS])

    def is_rejection(self, threshold: float) -> bool:
        """Whether the system says that the query is absent."""
        return self.existence <= threshold if self.answered is None else not self.answered


@dataclass(frozen=True, slots=True)
class RejectionCounts:
    """How many queries are rejected, rightly or wrongly; of absent and present ones."""

    true_positives: float
    """Present queries that are not rejected."""
    true_negatives: float
    """Absent queries that are rejected."""
    false_positives: float
    """Absent queries that are not rejected."""
    false_negatives: float
    """Present queries that are rejected."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[bool, bool]]) -> RejectionCounts:
        """The counts of some queries: for each, whether it is present and whether it is rejected."""
        return cls(
            true_positives=pairs.count((True, False)),
            true_negatives=pairs.count((False, True)),
            false_positives=pairs.count((False, False)),
            false_negatives=pairs.count((True, True)),
        )

    @property
    def precision(self) -> float:
        """Share of the rejected queries that are absent; 0 when none is rejected."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_negatives)

    @property
    def recall(self) -> float:
        """Share of the absent queries that are rejected; 0 when none is absent."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall of rejections (Rej-F1)."""
        return _ratio(2 * self.precision * self.recall, self.precision + self.recall)

    @property
    def accuracy(self) -> float:
        """Share of all queries that are rejected or kept rightly."""
        right = self.true_positives + self.true_negatives
        return _ratio(right, right + self.false_positives + self.false_negatives)

    def at_prevalence(self, present: float) -> RejectionCounts:
        """The same rates if a share ``present`` of all queries were present; the counts add up to 1.

        Raises:
            ValueError: when there are not both present and absent queries.
        """
        positives = self.true_positives + self.false_negatives
        negatives = self.true_negatives + self.false_positives
        if not (positives and negatives):
            raise ValueError("present and absent queries are both needed")
        of_present, of_absent = present / positives, (1 - present) / negatives
        return RejectionCounts(
            self.true_positives * of_present,
            self.true_negatives * of_absent,
            self.false_positives * of_absent,
            self.false_negatives * of_present,
        )


def gmr_metrics(
    predictions: Mapping[Name, GmrPrediction],
    truths: Mapping[Name, Sequence[Span]],
    *,
    thresholds: Sequence[float] = EXISTENCE_THRESHOLDS,
) -> dict[str, float]:
    """All figures under the names that the benchmark gives them; 0 to 1.

    Args:
        predictions: By query.
        truths: True spans by query; none of an absent one.
        thresholds: Existence scores above which a query counts as present; the first decides about sets.

    Returns:
        AUROC (NaN unless there are both present and absent queries), Rej-F1 and Acc at each threshold,
        G-mIoU@k, mAP, mR@k, mR+@k, mIoU@k and mIoU+@k. mR+ and mIoU+ are 0 where no query has two spans.

    Raises:
        ValueError: when queries have no prediction or the reverse, or none is present.
    """
    present = {name: spans for name, spans in truths.items() if spans}
    if predictions.keys() != truths.keys() or not present:
        raise ValueError("predictions and truths must be about the same queries, and one must be present")
    figures = {"AUROC": existence_auroc(predictions, truths)}
    for threshold in thresholds:
        counts = rejection_counts(predictions, truths, threshold=threshold)
        figures |= {f"Rej-F1@{threshold:g}": counts.f1, f"Acc@{threshold:g}": counts.accuracy}
    for k in GMR_RANKS:
        figures[f"G-mIoU@{k}"] = set_mean_iou(predictions, truths, k=k, threshold=thresholds[0])
    average = mean_average_precision(
        {name: predictions[name].listed for name in present}, present, overlap=plain_iou
    )
    figures["mAP"] = float(np.mean(list(average.values())))
    tables = [_overlaps([e.span for e in predictions[name].listed], spans) for name, spans in present.items()]
    several = [table for table in tables if table.shape[1] > 1]
    for measure, of, chosen in (
        ("mR", _recall, tables),
        ("mR+", _recall_beyond_first, several),
        ("mIoU", _mean_matched_iou, tables),
        ("mIoU+", _mean_matched_iou_beyond_best, several),
    ):
        for k in GMR_RANKS:
            values = [of(table[:k]) for table in chosen]
            figures[f"{measure}@{k}"] = float(np.mean(values)) if values else 0.0
    return figures


def existence_auroc(
    predictions: Mapping[Name, GmrPrediction], truths: Mapping[Name, Sequence[Span]]
) -> float:
    """How often a present query scores higher than an absent one; NaN unless there are both."""
    return auroc([predictions[name].existence for name in truths], [bool(truths[name]) for name in truths])


def rejection_counts(
    predictions: Mapping[Name, GmrPrediction], truths: Mapping[Name, Sequence[Span]], *, threshold: float
) -> RejectionCounts:
    """How many queries are rejected at an existence threshold, rightly or wrongly."""
    return RejectionCounts.of(
        [(bool(truths[name]), predictions[name].is_rejection(threshold)) for name in truths]
    )


def set_mean_iou(
    predictions: Mapping[Name, GmrPrediction],
    truths: Mapping[Name, Sequence[Span]],
    *,
    k: int,
    threshold: float = EXISTENCE_THRESHOLDS[0],
    present: float | None = None,
) -> float:
    """G-mIoU@k: mean IoU of the first ``k`` answered spans and the true ones as sets; 0 to 1.

    Args:
        predictions: By query.
        truths: True spans by query; none of an absent one.
        k: Spans of each answer that count.
        threshold: Existence score up to which the answer is empty.
        present: The figure if so large a share of all queries were present: present and absent queries are
            weighted. None for the queries as they are.

    Raises:
        ValueError: ``present`` is given, and there are not both present and absent queries.
    """
    score = {name: set_iou(predictions[name].answer(threshold)[:k], spans) for name, spans in truths.items()}
    if present is None:
        return float(np.mean(list(score.values())))
    there = [score[name] for name, spans in truths.items() if spans]
    absent = [score[name] for name, spans in truths.items() if not spans]
    if not (there and absent):
        raise ValueError("present and absent queries are both needed")
    return float(present * np.mean(there) + (1 - present) * np.mean(absent))


def set_iou(predicted: Sequence[Span], true: Sequence[Span]) -> float:
    """IoU of two sets of spans (see the head of this module); 0 to 1."""
    if not (predicted and true):
        return float(not predicted and not true)
    matched = _matched(_overlaps(predicted, true))
    return sum(matched) / (len(predicted) + len(true) - len(matched))


def plain_iou(a: Span, b: Span) -> float:
    """IoU of two spans in floating point, nothing rounded; 0 when both are empty."""
    shared = max(0.0, min(a.end_seconds, b.end_seconds) - max(a.start_seconds, b.start_seconds))
    union = (a.end_seconds - a.start_seconds) + (b.end_seconds - b.start_seconds) - shared
    return shared / union if union > 0 else 0.0


def _overlaps(predicted: Sequence[Span], true: Sequence[Span]) -> np.ndarray:
    """IoU of every pair, (predicted, true)."""
    pairs = [[plain_iou(one, other) for other in true] for one in predicted]
    return np.array(pairs, float).reshape(len(predicted), len(true))


def _matched(overlaps: np.ndarray, least: float = 0.0) -> list[float]:
    """IoUs of the pairs: each row in turn takes the best free column, where that reaches ``least``."""
    free = list(range(overlaps.shape[1]))
    matched = []
    for row in overlaps:
        if not free:
            break
        best = max(free, key=row.__getitem__)
        if row[best] >= least:
            free.remove(best)
            matched.append(float(row[best]))
    return matched


def _recall(overlaps: np.ndarray) -> float:
    """Share of the true spans that are matched, the mean over the IoU thresholds."""
    counts = [len(_matched(overlaps, least)) for least in MAP_THRESHOLDS]
    return float(np.mean(counts) / overlaps.shape[1])


def _recall_beyond_first(overlaps: np.ndarray) -> float:
    counts = [max(0, len(_matched(overlaps, least)) - 1) for least in MAP_THRESHOLDS]
    return float(np.mean(counts) / (overlaps.shape[1] - 1))


def _mean_matched_iou(overlaps: np.ndarray) -> float:
    return float(np.mean(_matched(overlaps) or [0.0]))


def _mean_matched_iou_beyond_best(overlaps: np.ndarray) -> float:
    return float(np.mean(sorted(_matched(overlaps), reverse=True)[1:] or [0.0]))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
