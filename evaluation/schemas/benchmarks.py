"""Lines of JSON of `eval benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from evaluation.schemas.measuring import BenchmarkRowFields, GmrRecord
from service.schemas.base import Record


class PublishedRowFields(BenchmarkRowFields):
    """Figures that others published, in percent; null where they published none."""

    system: str
    """The model."""
    source: str
    """Where the figures stand."""


class BenchmarkPlanRecord(Record):
    """What `eval benchmark --dry-run` counts."""

    type: Literal["plan"] = Field(default="plan")
    """What the line is."""
    name: str
    """The benchmark."""
    out: Path
    """The file of predictions."""
    work: Path
    """The file that keeps the answers."""
    model: str
    """Name of the model's profile."""
    protocol: str
    """How videos would be shown, in a sentence."""
    videos: int
    """Videos that are there."""
    missing: list[str]
    """Names of videos without a file."""
    queries: int
    """Queries about the videos that are there."""
    total: int
    """Queries in the annotations."""
    single_pass: int
    """Videos that would be shown whole."""
    in_windows: int
    """Videos that would be shown in windows."""
    windows: int
    """Windows of both, before those that confirm an answer."""
    requests: int
    """Questions to the model about these windows."""
    unreadable: int
    """Videos that cannot be read."""
    videos_done: int
    """Videos that the work file has answers about."""
    queries_done: int
    """Queries about them."""


class BenchmarkRunRecord(BenchmarkRowFields):
    """The scores of a run of `eval benchmark`; in percent."""

    type: Literal["benchmark"] = Field(default="benchmark")
    """What the line is."""
    name: str
    """The benchmark."""
    model: str
    """Name of the model's profile."""
    out: Path
    """The file of predictions."""
    work: Path
    """The file that keeps the answers."""
    recall_of_five: float = Field(alias="R@5@0.5")
    """Share of queries with an IoU of 0.5 or more among the first five spans."""
    average_precision: float = Field(default=0, alias="mAP")
    """Mean average precision; of QVHighlights only, as the two below."""
    average_precision_5: float = Field(default=0, alias="mAP@0.5")
    """Mean average precision at an IoU of 0.5."""
    average_precision_75: float = Field(default=0, alias="mAP@0.75")
    """Mean average precision at an IoU of 0.75."""
    generalised: GmrRecord | None = None
    """Figures of sets of spans and of rejections, as of `eval grounding --format gmr`; of GMR only. The other
    figures are about the queries with a true span."""
    queries: int
    """Queries that are scored; the denominator of all figures."""
    total: int
    """Queries in the annotations."""
    videos: int
    """Videos that were asked about."""
    single_pass: int
    """Videos among them that were shown whole."""
    in_windows: int
    """Videos among them that were shown in windows."""
    missing: list[str]
    """Videos without a file; their queries are left out."""
    failed: dict[str, str]
    """Videos that could not be used, and why; their queries count as misses."""
    without_span: int
    """Queries without a predicted span, those about videos that could not be used included."""
    protocol: str
    """How videos were shown, in a sentence."""
    comparable: bool
    """Whether the published protocol was followed: all queries, each video whole."""
    notes: list[str]
    """What the figures stand for, a sentence each."""
    beside: dict[str, BenchmarkRowFields]
    """What needs no model: "whole video", "random event"; and "oracle", the best order of the spans."""
    published: list[PublishedRowFields]
    """Figures that others published."""
    seconds: float
    """Time that the answers took, in seconds, over all runs."""
