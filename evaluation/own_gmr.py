"""Scores the answers of a search as those of a system for generalised moment retrieval; words nothing.

The whole library is the video: the files lie one after the other on one time axis, so that a moment of one
file never overlaps a moment of another. The answer to a query is the set of moments called "found", and the
empty set where nothing is; its existence score is the confidence of the surest match.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evaluation.gmr import (
    GMR_RANKS,
    GmrPrediction,
    RejectionCounts,
    gmr_metrics,
    rejection_counts,
    set_mean_iou,
)
from evaluation.metrics import ScoredSpan
from evaluation.verdicts import PREVALENCE
from footage.core.types import Span

if TYPE_CHECKING:
    from evaluation.own_library import Asked

Sets = tuple[dict[int, GmrPrediction], dict[int, tuple[Span, ...]]]
"""Predictions and true spans by number of the query, on one time axis."""

_STRIDE_SECONDS = 1e6
"""From the start of one file to that of the next: more than any file lasts."""


def own_sets(asked: Sequence[Asked]) -> Sets:
    """What a search answered, and what is true, for ``evaluation.gmr``."""
    starts: dict[str, float] = {}

    def placed(content_id: str, span: Span) -> Span:
        start = starts.setdefault(content_id, _STRIDE_SECONDS * len(starts))
        return Span(start + span.start_seconds, start + span.end_seconds)

    predictions, truths = {}, {}
    for number, answer in enumerate(asked):
        listed = [placed(match.video.content_id, match.span) for match in answer.matches]
        sure = max((match.confidence or 0.0 for match in answer.matches), default=0.0)
        found = (span for span, match in zip(listed, answer.matches, strict=True) if match.verdict == "found")
        predictions[number] = GmrPrediction(
            # The order of the list is the search's own, whatever the scores of its evidence.
            tuple(ScoredSpan(span, -float(rank)) for rank, span in enumerate(listed)),
            sure,
            tuple(found),
        )
        truths[number] = tuple(
            placed(content_id, span) for content_id, spans in answer.truths.items() for span in spans
        )
    return predictions, truths


def own_set_ious(answer: Asked) -> tuple[float, ...]:
    """IoU of the moments called "found" and the true ones as sets, for each k of ``GMR_RANKS``; 0 to 1."""
    predictions, truths = own_sets([answer])
    return tuple(set_mean_iou(predictions, truths, k=k) for k in GMR_RANKS)


def own_gmr_figures(asked: Sequence[Asked]) -> dict[str, float]:
    """The figures of Soccer-GMR for the answers of a search, under its names after "gmr_"; 0 to 1.

    A query counts as rejected where nothing is called "found", not by a threshold of the existence score.
    With ``@1in10`` the same as it would be with nine absent queries for each present one: the queries asked,
    present and absent ones weighted.

    Raises:
        ValueError: when no query is present.
    """
    predictions, truths = own_sets(asked)
    metrics = gmr_metrics(predictions, truths, thresholds=(0.0,))
    figures = {name: value for name, value in metrics.items() if not name.startswith(("Rej-", "Acc"))}
    counts = _rejections(predictions, truths)
    figures |= _rates(counts)
    if not all(truths.values()):
        rare = _rates(counts.at_prevalence(PREVALENCE)) | {
            f"G-mIoU@{k}": set_mean_iou(predictions, truths, k=k, present=PREVALENCE) for k in GMR_RANKS
        }
        figures |= {f"{name}@1in10": value for name, value in rare.items()}
    return {f"gmr_{name}": round(value, 4) for name, value in figures.items() if not math.isnan(value)}


def _rejections(
    predictions: Mapping[int, GmrPrediction], truths: Mapping[int, Sequence[Span]]
) -> RejectionCounts:
    return rejection_counts(predictions, truths, threshold=0.0)


def _rates(counts: RejectionCounts) -> dict[str, float]:
    return {
        "Rej-F1": counts.f1,
        "Acc": counts.accuracy,
        "Rej-P": counts.precision,
        "Rej-R": counts.recall,
    }
