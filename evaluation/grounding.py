"""Scores predicted spans against a benchmark's true ones, beside what needs no model; reads no file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from evaluation.gmr import EXISTENCE_THRESHOLDS, GmrPrediction, gmr_metrics, rejection_counts
from evaluation.metrics import IOUS, ScoredSpan, best_iou, mean_average_precision, mean_iou, recall_at
from evaluation.readers import MomentQuery
from evaluation.schemas.measuring import GmrRecord, RejectionFields
from footage.core.errors import UsageError
from footage.core.types import Span

Row = dict[str, float | None]
"""Figures in percent, to two decimals; None where there is nothing to compute one from."""

DEEP = 5
"""The k of R@k beside R@1."""
DRAWS = 20
"""Random events drawn a query, so that their row hardly depends on the seed."""


def grounding_rows(
    queries: Sequence[MomentQuery], predictions: Mapping[str, Sequence[ScoredSpan]], *, precision: bool
) -> dict[str, Row]:
    """The figures of predictions, and of three rows to read them beside.

    ============  =========================================================================================
    predictions   the spans listed for each query, in the order listed
    whole video   one span from 0 to the end; None where a query's video has no known length
    random event  the span of another query of the same video, or, where there is none, of any query, moved
                  to the same share of this video; the mean of ``DRAWS`` draws
    oracle        of the spans listed for each query the best: what any other order of them can reach
    ============  =========================================================================================

    Args:
        queries: The questions with their true spans.
        predictions: Spans by query id, the best first.
        precision: Whether to compute mAP, which QVHighlights defines.

    Raises:
        ValueError: when predictions and queries are not about the same ids, or there are none.
    """
    truths = {query.id: query.spans for query in queries}
    spans = {key: [guess.span for guess in guesses] for key, guesses in predictions.items()}
    own = _row(spans, truths)
    own[f"R@{DEEP}@0.5"] = _percent(recall_at(spans, truths, iou=0.5, k=DEEP))
    if precision:
        average = mean_average_precision(predictions, truths)
        own["mAP"] = _percent(sum(average.values()) / len(average))
        own["mAP@0.5"], own["mAP@0.75"] = _percent(average[0.5]), _percent(average[0.75])
    return {
        "predictions": own,
        "whole video": _whole(queries, truths),
        "random event": _random(queries, truths),
        "oracle": _oracle(spans, truths),
    }


def gmr_record(
    queries: Sequence[MomentQuery],
    predictions: Mapping[str, GmrPrediction],
    *,
    thresholds: Sequence[float] = EXISTENCE_THRESHOLDS,
) -> GmrRecord:
    """The figures of generalised moment retrieval, in percent.

    The queries of the annotations are scored, all of them; predictions for other queries are ignored.

    Raises:
        UsageError: when a query has no prediction, or none has a true span.
    """
    truths = {query.id: query.spans for query in queries}
    if missing := [name for name in truths if name not in predictions]:
        raise UsageError(
            f"{len(missing):,} of {len(truths):,} queries have no prediction, the first is {missing[0]!r}.",
            hint="For a query without a predicted moment, give an empty list of windows.",
        )
    if not any(truths.values()):
        raise UsageError(
            "No query of the annotations has a true moment.", hint="Figures of moments need one such query."
        )
    scored = {name: predictions[name] for name in truths}
    metrics = gmr_metrics(scored, truths, thresholds=thresholds)
    return GmrRecord(
        metrics={name: None if math.isnan(value) else _percent(value) for name, value in metrics.items()},
        rejection={f"{each:g}": _rejection(scored, truths, each) for each in sorted(thresholds)},
        queries=len(queries),
        present=sum(bool(spans) for spans in truths.values()),
        several=sum(len(spans) > 1 for spans in truths.values()),
        ignored=len(predictions) - len(truths),
        format="gmr",
    )


def _rejection(
    predictions: Mapping[str, GmrPrediction], truths: Mapping[str, Sequence[Span]], threshold: float
) -> RejectionFields:
    counts = rejection_counts(predictions, truths, threshold=threshold)
    return RejectionFields.model_validate(
        {
            "Rej-F1": _percent(counts.f1),
            "Acc": _percent(counts.accuracy),
            "Rej-P": _percent(counts.precision),
            "Rej-R": _percent(counts.recall),
            "TP": counts.true_positives,
            "TN": counts.true_negatives,
            "FP": counts.false_positives,
            "FN": counts.false_negatives,
        }
    )


def _row(spans: Mapping[str, Sequence[Span]], truths: Mapping[str, Sequence[Span]]) -> Row:
    row: Row = {f"R@1@{iou}": _percent(recall_at(spans, truths, iou=iou)) for iou in IOUS}
    row["mIoU"] = _percent(mean_iou(spans, truths))
    return row


def _whole(queries: Sequence[MomentQuery], truths: Mapping[str, Sequence[Span]]) -> Row:
    spans = {query.id: [Span(0, query.duration_seconds)] for query in queries if query.duration_seconds}
    if len(spans) < len(queries):
        return dict.fromkeys((*(f"R@1@{iou}" for iou in IOUS), "mIoU"))
    return _row(spans, truths)


def _random(queries: Sequence[MomentQuery], truths: Mapping[str, Sequence[Span]]) -> Row:
    rng = np.random.default_rng(0)
    of_video: dict[str, list[MomentQuery]] = {}
    for query in queries:
        of_video.setdefault(query.video, []).append(query)
    rows = []
    for _ in range(DRAWS):
        drawn = {}
        for query in queries:
            others = [other for other in of_video[query.video] if other.id != query.id] or list(queries)
            other = others[rng.integers(len(others))]
            span = other.spans[rng.integers(len(other.spans))] if other.spans else Span(0, 0)
            drawn[query.id] = [_moved(span, other, query)]
        rows.append(_row(drawn, truths))
    return {name: round(float(np.mean([row[name] for row in rows])), 2) for name in rows[0]}


def _moved(span: Span, source: MomentQuery, target: MomentQuery) -> Span:
    """A span of one video at the same share of another; as it is where a length is not known."""
    if source.video == target.video or not (source.duration_seconds and target.duration_seconds):
        return span
    scale = target.duration_seconds / source.duration_seconds
    return Span(span.start_seconds * scale, span.end_seconds * scale)


def _oracle(spans: Mapping[str, Sequence[Span]], truths: Mapping[str, Sequence[Span]]) -> Row:
    most = max((len(listed) for listed in spans.values()), default=0) or 1
    row: Row = {f"R@1@{iou}": _percent(recall_at(spans, truths, iou=iou, k=most)) for iou in IOUS}
    best = {
        key: [max(listed, key=partial(best_iou, truths=truths[key]))] if listed else []
        for key, listed in spans.items()
    }
    row["mIoU"] = _percent(mean_iou(best, truths))
    return row


def _percent(share: float) -> float:
    return round(100 * share, 2)
