"""The figures of drawn queries, fast enough for thousands of draws; those of ``figures_of_scores``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from evaluation.gmr import GMR_RANKS, RejectionCounts
from evaluation.query_scores import QueryScore
from evaluation.verdicts import PREVALENCE
from search.grounding.reliability import BINS

_Numbers = np.ndarray


class ScoreTable:
    """Columns of the scores of some queries, and the figures of any draw of the rows."""

    def __init__(self, scores: Sequence[QueryScore]) -> None:
        """Take the scores, one a row."""
        self._present = np.array([score.present for score in scores])
        self._shares = {
            "video_R@1": _column(score.video_rank == 1 for score in scores),
            "video_R@5": _column(score.video_rank is not None and score.video_rank <= 5 for score in scores),
            "span_R@1@0.5": _column(score.right for score in scores),
            "mIoU": _column(score.iou for score in scores),
            "text_video_R@1": _column(score.text_video_rank == 1 for score in scores),
            "text_span_R@1@0.5": _column(score.text_right for score in scores),
        }
        self._sets = {
            f"G-mIoU@{k}": _column(score.set_ious[place] for score in scores)
            for place, k in enumerate(GMR_RANKS)
        }
        counts = [score.occurrences for score in scores]
        self._counts = np.array([[each.matched, each.predicted, each.true] for each in counts], float)
        self._found = np.array([score.found for score in scores])
        self._sure = np.clip(_column(score.confidence for score in scores), 0, 1)
        self._bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], self._sure)
        self._errors = [np.reshape(np.array(score.errors, float), (-1, 2)) for score in scores]
        self._seconds = _column(score.seconds for score in scores)

    def figures(self, rows: Sequence[int]) -> dict[str, float]:
        """The figures of some rows, repeated ones counted each time; none where no row is present."""
        drawn = np.asarray(rows, int)
        present, absent = drawn[self._present[drawn]], drawn[~self._present[drawn]]
        if not len(present):
            return {}
        figures = {name: float(column[present].mean()) for name, column in self._shares.items()}
        figures |= {name: float(column[drawn].mean()) for name, column in self._sets.items()}
        matched, predicted, true = self._counts[present].sum(0)
        figures["occurrence_recall"] = matched / true if true else 1.0
        figures["found_recall"] = float(self._found[present].mean())
        if predicted:
            figures["occurrence_precision"] = matched / predicted
        if len(absent):
            figures["Rej-F1"] = self._rejections(present, absent).f1
            figures |= self._claims(present, absent) | self._confidences(drawn, present, absent)
        errors = np.concatenate([self._errors[row] for row in present])
        if len(errors):
            start, end = np.median(errors, axis=0)
            figures |= {"start_error_seconds": float(start), "end_error_seconds": float(end)}
        p50, p95 = np.percentile(self._seconds[drawn], [50, 95])
        return figures | {"latency_p50_seconds": float(p50), "latency_p95_seconds": float(p95)}

    def _rejections(self, present: _Numbers, absent: _Numbers) -> RejectionCounts:
        right, wrong = self._found[present], self._found[absent]
        return RejectionCounts(right.sum(), (~wrong).sum(), wrong.sum(), (~right).sum())

    def _claims(self, present: _Numbers, absent: _Numbers) -> dict[str, float]:
        """The precision of "found", as asked and with one query in ten present; none where nothing is."""
        right, wrong = self._found[present], self._found[absent]
        if not (right.any() or wrong.any()):
            return {}
        rare, common = right.mean() * PREVALENCE, wrong.mean() * (1 - PREVALENCE)
        return {
            "found_precision": float(right.sum() / (right.sum() + wrong.sum())),
            "found_precision@1in10": float(rare / (rare + common)),
        }

    def _confidences(self, drawn: _Numbers, present: _Numbers, absent: _Numbers) -> dict[str, float]:
        """How well the confidence separates present from absent queries, and how far it is from the truth."""
        sure, other = np.sort(self._sure[present]), np.sort(self._sure[absent])
        below, up_to = (np.searchsorted(other, sure, side) for side in ("left", "right"))
        needed = math.ceil(round(0.9 * len(sure), 9))
        sums = [
            np.bincount(self._bins[drawn], weights, BINS)
            for weights in (self._sure[drawn], self._present[drawn].astype(float))
        ]
        return {
            "verdict_AUROC": float((below + up_to).mean() / 2 / len(other)),
            "fpr_at_90_recall": float((other >= sure[-needed]).mean()),
            "ece": float(np.abs(sums[0] - sums[1]).sum() / len(drawn)),
        }


def _column(values: Iterable[float]) -> _Numbers:
    return np.array([float(value) for value in values])
