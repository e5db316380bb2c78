"""Lines of JSON of `eval compare`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.schemas.base import Record


class FigureDifferenceRecord(Record):
    """One figure of two runs of `eval compare`."""

    type: Literal["figure"] = Field(default="figure")
    """What the line is."""
    run: str
    """File name of the second run; the first is that of the line "comparison"."""
    figure: str
    """Name of the figure, as in `eval run`, or a cost: seconds, windows, calls or tokens per query."""
    before: float | None
    """The figure of the first run; null where it cannot be computed."""
    after: float | None
    """The figure of the second run."""
    difference: float | None
    """Second minus first; null where one cannot be computed."""
    low: float | None
    """Lower end of the 95 % interval of the difference."""
    high: float | None
    """Upper end of the interval."""
    verdict: Literal["better", "worse", ""]
    """What the second run is, where the interval leaves out 0; otherwise empty."""


class ChangedQueryRecord(Record):
    """A query that only one of two runs answers right."""

    type: Literal["changed"] = Field(default="changed")
    """What the line is."""
    run: str
    """File name of the second run."""
    query: str
    """What was asked."""
    present: bool
    """Whether something truly answers it."""
    verdict: Literal["better", "worse", ""]
    """Better where the second run is right."""
    iou_before: float
    """IoU of the first match of the first run."""
    iou_after: float
    """IoU of the first match of the second run."""


class RunCostFields(Record):
    """What a run is of, and what it took."""

    run: str
    """File name."""
    caption_model: str
    """What captioned the index."""
    find_model: str
    """What was asked about windows."""
    right: int
    """Queries that it answers right."""
    seconds: float
    """Time of all queries, without loading the model."""
    windows_asked: int
    """Windows that the model was asked about, for all queries."""
    model_calls: int | None
    """Answers that the model gave; null where it does not count."""
    model_tokens: int | None
    """Tokens of these; null where it does not count."""
    index_run_seconds: float
    """How long the runs that made the index took."""
    index_windows_captioned: int
    """Windows that these runs captioned."""


class ComparisonRecord(Record):
    """The last line about two runs of `eval compare`."""

    type: Literal["comparison"] = Field(default="comparison")
    """What the line is."""
    before: RunCostFields
    """The first run."""
    after: RunCostFields
    """The second run."""
    queries: int
    """Queries of each."""
    better: int
    """Queries that only the second run answers right."""
    worse: int
    """Queries that only the first run answers right."""
    p_value: float
    """McNemar's exact test: how likely such changes are if none of the runs is better."""
    failed: list[str]
    """Figures of --fail-if-worse that are worse."""
