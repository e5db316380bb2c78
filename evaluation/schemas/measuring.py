"""Lines of JSON about quality: of `eval init`, `eval run`, `eval grounding`, demo and calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from search.grounding.calibration import Card, Fit, PicturedFits, Promise
from service.schemas.answers import MatchFields, SearchedTrackFields
from service.schemas.base import Record

Times = list[tuple[float, float]]
"""Starts and ends, in seconds of video time."""


class TruthFileRecord(Record):
    """What `eval init` wrote."""

    out: Path
    """The truth file."""
    videos: int
    """Videos in it."""
    accepted: int
    """Queries with a moment that somebody accepted."""
    rejected: int
    """Queries of which everything that was judged was rejected; they are among the negative ones."""
    proposed: int
    """Queries proposed from captions, to be checked."""


class OccurrenceFields(Record):
    """How many of the moments that were found are right."""

    right: int
    """Moments found that are true, one to one."""
    found: int
    """Moments found."""
    true: int
    """True moments."""


class ScoredQueryRecord(Record):
    """One query of `eval run`, its answers and the truth."""

    type: Literal["query"] = Field(default="query")
    """What the line is."""
    query: str
    """What was asked."""
    present: bool
    """Whether something truly answers it."""
    right: bool
    """Whether the first match is the moment; for a negative query, whether nothing is "found"."""
    iou: float
    """IoU of the first match with the best fitting true span of its video."""
    confidence: float
    """That of the surest match; 0 where the model was not asked."""
    seconds: float
    """How long the search took, loading the model left out."""
    true: dict[str, Times]
    """When it truly happens, by file; empty for a negative query."""
    matches: list[MatchFields]
    """The answers, best first."""
    found: bool
    """Whether any answer has the verdict "found"."""
    video_rank: int | None
    """Rank of the first right video among the videos of the answers, from 1; null where none is right."""
    text_video_rank: int | None
    """As video_rank, from captions alone."""
    set_ious: list[float]
    """IoU of the first 1, 3 and 5 answers with the verdict "found" and the true moments, as sets."""
    text_right: bool
    """Whether the first match from captions alone has an IoU of 0.5 or more."""
    occurrences: OccurrenceFields
    """The answers with the verdict "found" against every time it happens; all 0 for a negative query."""
    boundary_errors: list[tuple[float, float]]
    """Errors of start and end of the right answers, in seconds."""
    windows_asked: int
    """Windows that the model was asked about."""
    model_calls: int | None
    """Answers that the model gave; null where it does not count, such as a model server."""
    model_tokens: int | None
    """Tokens of its prompts, windows included, and answers; null where it does not count."""
    truth_id: str
    """Hash of the truth about the query, by the contents of the videos."""


class ReliabilityFields(Record):
    """One bin of a reliability curve: answers of about the same confidence."""

    low: float
    """Lower bound of the confidence."""
    high: float
    """Upper bound of the confidence."""
    count: int
    """How many answers."""
    confidence: float
    """Their mean confidence."""
    present: float
    """The share of them that something truly answers."""


class FiguresRecord(Record):
    """The last line of `eval run`: the figures. A figure that cannot be computed is absent."""

    type: Literal["figures"] = Field(default="figures")
    """What the line is."""
    video_recall_at_1: float = Field(default=0, alias="video_R@1")
    """Share of positive queries whose first video is right."""
    video_recall_at_5: float = Field(default=0, alias="video_R@5")
    """Share of positive queries with a right video among the first five."""
    span_recall_at_1: float = Field(default=0, alias="span_R@1@0.5")
    """Share of positive queries whose first match has an IoU of 0.5 or more."""
    mean_iou: float = Field(default=0, alias="mIoU")
    """Mean IoU of the first match."""
    text_video_recall_at_1: float = Field(default=0, alias="text_video_R@1")
    """As video_R@1, from captions alone."""
    text_span_recall_at_1: float = Field(default=0, alias="text_span_R@1@0.5")
    """As span_R@1@0.5, from captions alone."""
    occurrence_precision: float = 0
    """Share of the moments with the verdict "found" that are true; needs one such moment."""
    occurrence_recall: float = 0
    """Share of all true moments that have the verdict "found"."""
    found_recall: float = 0
    """Share of positive queries with the verdict "found"."""
    found_precision: float = 0
    """Share of the queries with the verdict "found" that are positive; needs negative queries."""
    found_precision_rare: float = Field(default=0, alias="found_precision@1in10")
    """found_precision if one query in ten were positive."""
    verdict_auroc: float = Field(default=0, alias="verdict_AUROC")
    """How well the confidence separates positive from negative queries; needs both."""
    set_iou_1: float = Field(default=0, alias="G-mIoU@1")
    """Mean IoU of the first moment called "found" and the true ones, as sets; two empty sets agree."""
    set_iou_3: float = Field(default=0, alias="G-mIoU@3")
    """The same of the first three."""
    set_iou_5: float = Field(default=0, alias="G-mIoU@5")
    """The same of the first five."""
    rejection_f1: float = Field(default=0, alias="Rej-F1")
    """F1 of recognising negative queries: nothing is "found" for them; needs negative queries."""
    fpr_at_90_recall: float = 0
    """Share of negative queries "found" at the threshold that finds 90 % of the positive ones."""
    ece: float = 0
    """Expected calibration error of the confidence; needs negative queries."""
    start_error_seconds: float = 0
    """Median error of the start of right matches; needs one."""
    end_error_seconds: float = 0
    """Median error of the end of right matches; needs one."""
    latency_p50_seconds: float = 0
    """Median time of a query."""
    latency_p95_seconds: float = 0
    """Time within which 95 % of the queries are answered."""
    queries_present: int
    """Positive queries."""
    queries_absent: int
    """Negative queries."""
    to_check: int
    """Queries that were left out because nobody has checked them."""
    reliability: list[ReliabilityFields]
    """The reliability curve; empty without negative queries."""
    missed: list[str]
    """Figures that are worse than their bound."""
    index_videos: int
    """Videos with captioned windows."""
    index_seconds_indexed: float
    """Footage seconds that captioned windows cover."""
    index_seconds_total: float
    """Footage seconds of all videos that the index knows."""
    index_files_failed: int
    """Files that could not be indexed, wholly or in part."""
    index_model: str
    """What captioned them; empty for an empty index."""
    index_tracks: dict[str, SearchedTrackFields]
    """What the index holds of each track, captions included, by name of the track."""
    index_run_seconds: float
    """How long all finished runs that made the index took together."""
    index_windows_captioned: int
    """Windows that those runs captioned; the rest came from elsewhere."""
    find_model: str
    """The model that was asked about windows, with its revision."""
    truth: str
    """Name of the truth file."""


class BenchmarkRowFields(Record):
    """Figures in percent; null where there is nothing to compute one from."""

    recall_at_iou_3: float | None = Field(alias="R@1@0.3")
    """Share of queries whose first span has an IoU of 0.3 or more."""
    recall_at_iou_5: float | None = Field(alias="R@1@0.5")
    """The same with an IoU of 0.5."""
    recall_at_iou_7: float | None = Field(alias="R@1@0.7")
    """The same with an IoU of 0.7."""
    mean_iou: float | None = Field(alias="mIoU")
    """Mean IoU of the first span."""


class BenchmarkRecord(BenchmarkRowFields):
    """The scores of predictions, of `eval grounding`; in percent."""

    recall_of_five: float = Field(alias="R@5@0.5")
    """Share of queries with an IoU of 0.5 or more among the first five spans."""
    average_precision: float = Field(default=0, alias="mAP")
    """Mean average precision; of QVHighlights only, as the two below."""
    average_precision_5: float = Field(default=0, alias="mAP@0.5")
    """Mean average precision at an IoU of 0.5."""
    average_precision_75: float = Field(default=0, alias="mAP@0.75")
    """Mean average precision at an IoU of 0.75."""
    queries: int
    """How many queries."""
    format: str
    """The benchmark."""
    beside: dict[str, BenchmarkRowFields]
    """What needs no model, to compare with: "whole video", "random event"; and "oracle", the best order."""


class RejectionFields(Record):
    """How well queries without a moment are recognised at one existence threshold."""

    f1: float = Field(alias="Rej-F1")
    """F1 of rejections, in percent."""
    accuracy: float = Field(alias="Acc")
    """Share of all queries that are rejected or kept rightly, in percent."""
    precision: float = Field(alias="Rej-P")
    """Share of the rejected queries that are absent, in percent."""
    recall: float = Field(alias="Rej-R")
    """Share of the absent queries that are rejected, in percent."""
    true_positives: int = Field(alias="TP")
    """Present queries that are not rejected."""
    true_negatives: int = Field(alias="TN")
    """Absent queries that are rejected."""
    false_positives: int = Field(alias="FP")
    """Absent queries that are not rejected."""
    false_negatives: int = Field(alias="FN")
    """Present queries that are rejected."""


class GmrRecord(Record):
    """The scores of predictions in the format gmr, of `eval grounding`; in percent."""

    metrics: dict[str, float | None]
    """AUROC, Rej-F1 and Acc at each threshold, G-mIoU@k, mAP, mR@k, mR+@k, mIoU@k, mIoU+@k, by the names of
    Soccer-GMR; null where there is nothing to compute one from."""
    rejection: dict[str, RejectionFields]
    """Rejections by existence threshold."""
    queries: int
    """Queries that were scored: all of the annotations."""
    present: int
    """Those with a true moment."""
    several: int
    """Those with two or more."""
    ignored: int
    """Predictions for queries that the annotations do not have."""
    format: str
    """The benchmark."""


class DemoAnswerRecord(Record):
    """One query of `demo`, its first answer and the truth."""

    type: Literal["answer"] = Field(default="answer")
    """What the line is."""
    query: str
    """What was asked."""
    video: str | None
    """File name of the answer; null where there is none."""
    video_ok: bool
    """Whether it truly happens in that video."""
    start_seconds: float | None
    """When the answer begins, in seconds of video time; null where there is none."""
    end_seconds: float | None
    """When it ends; null where there is none."""
    true_spans: Times
    """When it truly happens in that video, or else in the first right one."""
    true_videos: list[str]
    """File names of the videos where it truly happens."""
    iou: float
    """IoU of the answer with the best fitting true span of its video."""


class DemoWordsRecord(Record):
    """One query of `demo` about what is said or written, its first answer and the truth."""

    type: Literal["words answer"] = Field(default="words answer")
    """What the line is."""
    query: str
    """What was asked."""
    verdict: Literal["found", "not found"]
    """Whether the words were found."""
    ok: bool
    """Whether the answer is right: words that are there found at their time, others not found."""
    video: str | None
    """File name of the answer; null where there is none."""
    start_seconds: float | None
    """When the answer begins, in seconds of video time; null where there is none."""
    end_seconds: float | None
    """When it ends; null where there is none."""
    true_spans: Times
    """When the words are there; empty for words that are nowhere."""


class DemoRecord(Record):
    """The last line of `demo`."""

    type: Literal["demo"] = Field(default="demo")
    """What the line is."""
    videos: int
    """Sample clips."""
    queries: int
    """Queries asked."""
    video_recall_at_1: float = Field(alias="video_R@1")
    """Share of queries whose first video is right."""
    span_recall_at_1: float = Field(alias="span_R@1@0.5")
    """Share of queries whose first match has an IoU of 0.5 or more."""
    mean_iou: float = Field(alias="mIoU")
    """Mean IoU of the first match."""


class CalibrationRecord(Record):
    """The fit that `calibrate` wrote."""

    out: Path
    """The file."""
    model: str
    """Name of the model's profile."""
    captioned: Fit
    """For spans with a captioned event."""
    silent: Fit
    """For spans without one."""
    uncaptioned: Fit
    """For videos without captions."""
    card: Card | None
    """How it was fitted, and its quality."""
    pictured: PicturedFits | None
    """The fits for spans with pictures, and the image embedder they are for; null where none were fitted."""
    promise: Promise | None
    """The threshold of "found" whose precision is promised; null where none was wanted, or none can be
    made."""
    refused: str | None
    """Why no promise can be made, a sentence; null where none was wanted, or it is made."""
    more: int | None
    """About how many more labelled queries the promise needs; null where more would hardly help."""
