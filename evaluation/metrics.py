"""Scores of temporal grounding, moment retrieval and captions; pure, and knows no file format and no index.

Conventions are those of the field's own evaluators: the IoU of two spans is overlap over union in continuous
seconds and 0 where the union is empty; a threshold is reached when IoU >= threshold; "first" is the first
*listed* prediction, never the best scored; with several true spans the best fitting one counts. An empty list
of predictions is a miss, a query without any entry at all is an error, because queries that silently vanish
make every figure look better.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from footage.core.timecode import iou
from footage.core.types import CaptionEvent, Span

Key = TypeVar("Key", bound=Hashable)

MAP_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU thresholds of the QVHighlights benchmark (Lei et al., NeurIPS 2021): 0.5 to 0.95 in steps of 0.05."""
RANKS = (1, 5, 10, 100)
"""The k of R@k in retrieval from many videos."""
IOUS = (0.3, 0.5, 0.7)
"""IoU thresholds of R@k; the field's usual three. QVHighlights reports the last two."""
MAP_PREDICTIONS = 10
"""Predictions per query that the same benchmark looks at, in the order listed."""


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A predicted span with the predictor's own score."""

    span: Span
    """Where, in video time."""
    score: float
    """Higher is surer; only comparable within one query."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A predicted answer to a query over many videos."""

    video: str
    """Which video."""
    span: Span
    """Where in it, in video time."""
    score: float = 0.0
    """Higher is surer."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of what was said are right; add up over clips or queries, then divide."""

    matched: int
    """Pairs of something said and something true, one to one."""
    predicted: int
    """How much was said."""
    true: int
    """How much is true."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.matched + other.matched, self.predicted + other.predicted, self.true + other.true)

    @property
    def recall(self) -> float:
        """Share of what is true that was said; 1 when nothing is."""
        return self.matched / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        """Share of what was said that is true; 1 when nothing was."""
        return self.matched / self.predicted if self.predicted else 1.0


def best_iou(predicted: Span, truths: Sequence[Span]) -> float:
    """IoU with the best fitting true span; 0 where there is none."""
    return max((iou(predicted, truth) for truth in truths), default=0.0)


def mean_iou(predictions: Mapping[Key, Sequence[Span]], truths: Mapping[Key, Sequence[Span]]) -> float:
    """Mean over all queries of the first listed prediction's IoU (mIoU); 0 to 1.

    Raises:
        ValueError: when predictions and truths are not about the same queries, or there are none.
    """
    _same_queries(predictions, truths)
    return float(np.mean([_first_iou(predictions[key][:1], truths[key]) for key in truths]))


def recall_at(
    predictions: Mapping[Key, Sequence[Span]], truths: Mapping[Key, Sequence[Span]], *, iou: float, k: int = 1
) -> float:
    """Share of queries of which one of the first ``k`` listed predictions reaches ``iou`` (R@k@IoU); 0 to 1.

    Raises:
        ValueError: when predictions and truths are not about the same queries, or there are none.
    """
    _same_queries(predictions, truths)
    return float(np.mean([_first_iou(predictions[key][:k], truths[key]) >= iou for key in truths]))


def video_recall_at(
    predictions: Mapping[Key, Sequence[str]], truths: Mapping[Key, Collection[str]], *, k: int = 1
) -> float:
    """Share of queries with a true video among the first ``k`` distinct videos listed (video R@k); 0 to 1.

    Raises:
        ValueError: when predictions and truths are not about the same queries, or there are none.
    """
    _same_queries(predictions, truths)
    hits = [
        any(video in truths[key] for video in list(dict.fromkeys(predictions[key]))[:k]) for key in truths
    ]
    return float(np.mean(hits))


def moment_recall_at(
    predictions: Mapping[Key, Sequence[Moment]],
    truths: Mapping[Key, Mapping[str, Sequence[Span]]],
    *,
    iou: float,
    k: int = 1,
) -> float:
    """Share of queries with a true video and IoU >= ``iou`` in it among the first ``k`` listed moments.

    This is R@k@IoU of video-corpus moment retrieval (VCMR; Lei et al., TVR, ECCV 2020); 0 to 1.

    Raises:
        ValueError: when predictions and truths are not about the same queries, or there are none.
    """
    _same_queries(predictions, truths)
    hits = [any(moment_iou(moment, truths[key]) >= iou for moment in predictions[key][:k]) for key in truths]
    return float(np.mean(hits))


def moment_iou(moment: Moment, truths: Mapping[str, Sequence[Span]]) -> float:
    """IoU of a moment with the best fitting true span of its video; 0 where that video holds none."""
    return best_iou(moment.span, truths.get(moment.video, ()))


def ranked(moments: Sequence[Moment]) -> list[Moment]:
    """Moments by score, highest first; ties by video, then start, then end, so that every run lists alike."""
    return sorted(moments, key=lambda m: (-m.score, m.video, m.span.start_seconds, m.span.end_seconds))


def mean_average_precision(
    predictions: Mapping[Key, Sequence[ScoredSpan]],
    truths: Mapping[Key, Sequence[Span]],
    *,
    thresholds: Sequence[float] = MAP_THRESHOLDS,
    limit: int = MAP_PREDICTIONS,
    overlap: Callable[[Span, Span], float] = iou,
) -> dict[float, float]:
    """Mean average precision at each IoU threshold, as the QVHighlights benchmark counts it; 0 to 1.

    Of each query the first ``limit`` predictions count, sorted by score (stable). Each claims the best
    fitting true span that is still free and reaches the threshold, of equally fitting ones the last.
    Precision is interpolated as in PASCAL VOC 2011 and onwards. The benchmark's single figure is the mean of
    the values.

    Args:
        predictions: Spans by query.
        truths: True spans by query.
        thresholds: IoU thresholds.
        limit: Predictions of a query that count.
        overlap: Computes the IoU of two spans.

    Raises:
        ValueError: when predictions and truths are not about the same queries, or there are none.
    """
    _same_queries(predictions, truths)
    sums = np.zeros(len(thresholds))
    for key, true_spans in truths.items():
        kept = sorted(predictions[key][:limit], key=lambda p: -p.score)
        overlaps = [[overlap(p.span, true) for true in true_spans] for p in kept]
        sums += [_average_precision(overlaps, len(true_spans), threshold) for threshold in thresholds]
    return {threshold: float(value) for threshold, value in zip(thresholds, sums / len(truths), strict=True)}


def ranks_summary(video_ranks: np.ndarray, moment_ranks: np.ndarray) -> dict[str, float]:
    """The figures of retrieval from many videos, in percent to two decimals, from the places of what is true.

    Args:
        video_ranks: Place of each query's video among those listed, from 1, infinite when absent; (queries,).
        moment_ranks: Place of the first moment that reaches each of ``IOUS``; (queries, 3).

    Returns:
        video_R@k, MRR (0 to 1), median_rank, and moment_R@k@IoU (VCMR; Lei et al., TVR, ECCV 2020).
    """
    figures = {f"video_R@{k}": round(100 * float(np.mean(video_ranks <= k)), 2) for k in RANKS}
    figures["MRR"] = round(float(np.mean(1 / video_ranks)), 4)
    figures["median_rank"] = float(np.median(video_ranks))
    for column, least in enumerate(IOUS):
        for k in RANKS:
            share = float(np.mean(moment_ranks[:, column] <= k))
            figures[f"moment_R@{k}@{least}"] = round(100 * share, 2)
    return figures


def caption_counts(
    predicted: Sequence[CaptionEvent], true: Sequence[CaptionEvent], *, min_iou: float = 0.5
) -> Counts:
    """Compare a caption's events with what happens: equal text, IoU >= ``min_iou``, one to one.

    Pairs are taken greedily, best IoU first; equal ones in the order written.
    """
    pairs = _one_to_one(
        (iou(p.span, t.span), i, j)
        for i, p in enumerate(predicted)
        for j, t in enumerate(true)
        if p.text.strip() == t.text.strip() and iou(p.span, t.span) >= min_iou
    )
    return Counts(len(pairs), len(predicted), len(true))


def matched_spans(
    predicted: Sequence[Span], true: Sequence[Span], *, min_iou: float = 0.5
) -> list[tuple[Span, Span]]:
    """Pairs of a predicted and a true span of one query in one video with IoU >= ``min_iou``, one to one.

    Pairs are taken greedily, best IoU first; equal ones in the order listed.
    """
    pairs = _one_to_one(
        (iou(p, t), i, j) for i, p in enumerate(predicted) for j, t in enumerate(true) if iou(p, t) >= min_iou
    )
    return [(predicted[i], true[j]) for i, j in pairs]


def occurrence_counts(predicted: Sequence[Span], true: Sequence[Span], *, min_iou: float = 0.5) -> Counts:
    """How many times of one query in one video were found: every time it happens counts, not the best alone.

    Pairs are those of ``matched_spans``, so a second span on the same occurrence is wrong. With nothing
    predicted precision is 1, where it never happens recall is 1 (see ``Counts``).
    """
    return Counts(len(matched_spans(predicted, true, min_iou=min_iou)), len(predicted), len(true))


def boundary_errors(pairs: Sequence[tuple[Span, Span]]) -> list[tuple[float, float]]:
    """How far start and end of each predicted span lie from the true ones, in seconds, never negative."""
    return [(abs(p.start_seconds - t.start_seconds), abs(p.end_seconds - t.end_seconds)) for p, t in pairs]


def _one_to_one(pairs: Iterable[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """Of (IoU, number, number) the pairs with the best IoU, each number once; equal ones by number."""
    partner: dict[int, int] = {}
    for _, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if i not in partner and j not in partner.values():
            partner[i] = j
    return list(partner.items())


def _first_iou(predictions: Sequence[Span], truths: Sequence[Span]) -> float:
    return max((best_iou(predicted, truths) for predicted in predictions), default=0.0)


def _average_precision(overlaps: Sequence[Sequence[float]], true_count: int, threshold: float) -> float:
    """Interpolated average precision of one query; ``overlaps`` is (predictions, true spans)."""
    if not overlaps or not true_count:
        return 0.0
    claimed: set[int] = set()
    right = np.zeros(len(overlaps))
    for row, values in enumerate(overlaps):
        for column in np.argsort(np.asarray(values), kind="stable")[::-1]:
            if values[column] >= threshold and int(column) not in claimed:
                claimed.add(int(column))
                right[row] = 1
                break
    hits = np.cumsum(right)
    precision = np.concatenate([[0], hits / np.arange(1, len(right) + 1), [0]])
    recall = np.concatenate([[0], hits / true_count, [1]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(np.sum((recall[steps] - recall[steps - 1]) * precision[steps]))


def _same_queries(predictions: Mapping[Key, object], truths: Mapping[Key, object]) -> None:
    missing = [key for key in truths if key not in predictions]
    unknown = [key for key in predictions if key not in truths]
    if missing or unknown:
        raise ValueError(
            f"predictions and truths must be about the same queries: {len(missing)} have no prediction"
            f" (first: {missing[:1]}), {len(unknown)} predictions have no truth (first: {unknown[:1]})"
        )
    if not truths:
        raise ValueError("there are no queries to score")
