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
