"""What each query of a truth file adds to the figures of a search, and the figures; knows no index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from evaluation.gmr import GMR_RANKS, RejectionCounts
from evaluation.metrics import Counts
from evaluation.suites.scoring import Scores
from evaluation.verdicts import (
    Judged,
    auroc,
    calibration_error,
    found_counts,
    fpr_at_recall,
    precision_at_prevalence,
)

AT_LEAST = (
    *("video_R@1", "video_R@5", "span_R@1@0.5", "mIoU", "text_video_R@1", "text_span_R@1@0.5"),
    *("occurrence_precision", "occurrence_recall"),
    *("found_recall", "found_precision", "found_precision@1in10", "verdict_AUROC"),
    *(f"G-mIoU@{k}" for k in GMR_RANKS),
    "Rej-F1",
)
"""Figures that are shares, 0 to 1, better the higher."""
AT_MOST = (
    *("fpr_at_90_recall", "ece", "start_error_seconds", "end_error_seconds"),
    *("latency_p50_seconds", "latency_p95_seconds"),
)
"""Figures that are better the lower: two shares, then seconds."""
NEED_ABSENT = (
    *("found_precision", "found_precision@1in10", "verdict_AUROC", "fpr_at_90_recall", "ece"),
    "Rej-F1",
)
"""Figures that cannot be had without queries that nothing answers."""

_FOUND = 0.5  # lies between the 0 and the 1 that stand for a verdict


@dataclass(frozen=True, slots=True)
class QueryScore:
    """One query and what its answer is worth."""

    text: str
    """What was asked."""
    present: bool
    """Whether something truly answers it."""
    right: bool
    """Whether the first match is the moment; for an absent query, whether nothing is "found"."""
    iou: float
    """IoU of the first match with the best fitting true span of its video, 0 to 1."""
    video_rank: int | None
    """Rank of the first true video among the distinct videos listed, from 1; None where none is listed."""
    text_video_rank: int | None
    """The same of what the index alone had answered."""
    set_ious: tuple[float, ...]
    """IoU of the set called "found", its first k moments, and the set of all true ones, for each k of
    ``GMR_RANKS``; two empty sets agree (1)."""
    text_right: bool
    """Whether the first match of the index alone has an IoU of 0.5 or more."""
    occurrences: Counts
    """Moments called "found" against every time it happens; all 0 for an absent query."""
    errors: tuple[tuple[float, float], ...]
    """Errors of start and end of the listed moments that are right, in seconds."""
    found: bool
    """Whether anything is called "found"."""
    confidence: float
    """That of the surest match; 0 where no model was asked."""
    seconds: float
    """How long the search took, loading the model left out."""


def figures_of_scores(scores: Sequence[QueryScore]) -> Scores:
    """The figures of some queries, named as in ``AT_LEAST`` and ``AT_MOST``, to four decimals.

    ====================== =================================================================================
    video_R@1, video_R@5   share of present queries with a true video among the first videos listed
    span_R@1@0.5, mIoU     of the first match: share with IoU >= 0.5, and the mean IoU
    text_...               the same of what the index alone had answered
    occurrence_...         precision and recall of the moments called "found", one to one with all true ones
    start_, end_error_...  median over the listed moments that are right (IoU >= 0.5), in seconds
    found_recall           share of the present queries of which something is called "found"
    found_precision        share of the queries with something called "found" that are present; ``@1in10`` as
                           it would be if one query in ten were
    G-mIoU@k, Rej-F1       of the sets called "found" (see ``evaluation.gmr``)
    verdict_AUROC, ...     how well the confidence tells present from absent queries
    latency_...            seconds a query, loading the model left out
    ====================== =================================================================================

    Without absent queries ``NEED_ABSENT`` are left out, without a right moment the errors, and where nothing
    is called "found" its precision: a bound must not hold because nothing was said.

    Raises:
        ValueError: when there are no present queries.
    """
    present = [score for score in scores if score.present]
    if not present:
        raise ValueError("there are no present queries")
    occurrences = reduce(add, (score.occurrences for score in present), Counts(0, 0, 0))
    verdicts = [Judged(float(score.found), score.present) for score in scores]
    claimed = found_counts(verdicts, threshold=_FOUND)
    figures = {
        "video_R@1": _share(score.video_rank == 1 for score in present),
        "video_R@5": _share(score.video_rank is not None and score.video_rank <= 5 for score in present),
        "span_R@1@0.5": _share(score.right for score in present),
        "mIoU": float(np.mean([score.iou for score in present])),
        "text_video_R@1": _share(score.text_video_rank == 1 for score in present),
        "text_span_R@1@0.5": _share(score.text_right for score in present),
        "occurrence_recall": occurrences.recall,
        "found_recall": claimed.recall,
    }
    for place, k in enumerate(GMR_RANKS):
        figures[f"G-mIoU@{k}"] = float(np.mean([score.set_ious[place] for score in scores]))
    if occurrences.predicted:
        figures["occurrence_precision"] = occurrences.precision
    if len(present) < len(scores):
        answers = judged_scores(scores)
        if claimed.predicted:
            figures["found_precision"] = claimed.precision
            figures["found_precision@1in10"] = precision_at_prevalence(verdicts, threshold=_FOUND)
        figures |= {
            "Rej-F1": RejectionCounts.of([(score.present, not score.found) for score in scores]).f1,
            "verdict_AUROC": auroc(answers),
            "fpr_at_90_recall": fpr_at_recall(answers, 0.9),
            "ece": calibration_error(answers),
        }
    if errors := [pair for score in present for pair in score.errors]:
        start, end = np.median(np.asarray(errors), axis=0)
        figures |= {"start_error_seconds": float(start), "end_error_seconds": float(end)}
    p50, p95 = np.percentile([score.seconds for score in scores], [50, 95])
    figures |= {"latency_p50_seconds": float(p50), "latency_p95_seconds": float(p95)}
    return {name: round(figures[name], 4) for name in (*AT_LEAST, *AT_MOST) if name in figures}


def judged_scores(scores: Sequence[QueryScore]) -> list[Judged]:
    """How sure each answer was, and whether there was anything to find."""
    return [Judged(min(max(score.confidence, 0.0), 1.0), score.present) for score in scores]


def _share(hits: Iterable[bool]) -> float:
    return float(np.mean(list(hits)))
