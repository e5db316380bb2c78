"""Lines of JSON about how answers and captions are judged: of save, review, correct and audit."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from footage.core.types import Verdict
from service.schemas.base import Record, span_fields

if TYPE_CHECKING:
    from footage.store import Mark
    from footage.store.audits import Audit
    from indexer.correcting import KeptCorrection
    from service.audit import AuditResult


class SavedSearchRecord(Record):
    """A saved search: what `save` did, or one of those that `review` lists."""

    type: Literal["search"] = Field(default="search")
    """What the line is."""
    removed: bool = False
    """Whether it was removed; of `save` only."""
    id: str
    """Names it."""
    name: str
    """Name of the saved search."""
    query: str
    """The words as typed, filters included."""
    mode: str
    """"captions", or "closely" where the model is asked."""
    author: str
    """The person who saved it, as typed."""
    made_at: float
    """When it was saved, seconds since the epoch."""
    looked_at: float
    """When it was last asked, seconds since the epoch; 0 for never."""
    open: int = 0
    """Items that are open; of `review` only."""
    flagged: int = 0
    """Items that are flagged; of `review` only."""
    reviewed: int = 0
    """Items that are reviewed; of `review` only."""


class ItemRecord(Record):
    """Something that a saved search found, and what was decided about it."""

    type: Literal["item"] = Field(default="item")
    """What the line is."""
    new: bool = False
    """Whether the last look was the first to find it; not of `review --mark`."""
    verdict: Verdict | None = None
    """What the evidence says; null where it did not come up. Not of `review --mark`."""
    id: str
    """Names it."""
    video: str
    """A file that holds it."""
    content_id: str
    """The video in that file, by its bytes."""
    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""
    text: str
    """The indexed text when it was found."""
    state: str
    """"open", "reviewed" or "flagged"."""
    note: str
    """The words that go with it."""
    author: str
    """The person who decided, as typed."""
    found_at: float
    """When it was found, seconds since the epoch."""
    decided_at: float
    """When it was decided, seconds since the epoch; 0 for never."""
    query: str
    """The query that found it."""


def item_fields(mark: Mark, path: str) -> dict[str, Any]:
    """An item, as fields of ``ItemRecord``."""
    return {
        "id": mark.id,
        "video": path,
        "content_id": mark.content_id,
        **span_fields(mark.span),
        "text": mark.found_text,
        "state": mark.state,
        "note": mark.text,
        "author": mark.author,
        "found_at": mark.found_at,
        "decided_at": mark.made_at,
        "query": mark.query,
    }


class CorrectionFields(Record):
    """One version of a correction."""

    id: str
    """Names this version."""
    event: str
    """The event that it makes, or removes."""
    content_id: str
    """The video, by its bytes."""
    original_text: str
    """What the caption says."""
    original_start_seconds: float
    """When it begins according to the caption."""
    original_end_seconds: float
    """When it ends according to the caption."""
    removed: bool
    """Whether it removes the event, because nothing of the kind happens."""
    text: str
    """What happens, as corrected; empty where the event is removed."""
    start_seconds: float
    """When it begins, as corrected, in seconds of video time."""
    end_seconds: float
    """When it ends, as corrected."""
    author: str
    """The person who corrected it, as typed."""


class CorrectionRecord(CorrectionFields):
    """What `correct` kept."""

    type: Literal["correction"] = Field(default="correction")
    """What the line is."""
    undone: bool
    """Whether this version was taken back."""
    searchable: bool
    """Whether searches find it now; otherwise when the run that is writing to the index ends."""

    @classmethod
    def of(cls, kept: KeptCorrection) -> Self:
        """One correction."""
        done = kept.correction
        return cls(
            type="correction",
            id=done.id,
            event=done.event_id,
            content_id=done.content_id,
            original_text=done.original_text,
            original_start_seconds=done.original_span.start_seconds,
            original_end_seconds=done.original_span.end_seconds,
            removed=done.removes,
            text=done.text,
            **span_fields(done.span),
            author=done.author,
            undone=bool(done.undone_at),
            searchable=kept.searchable,
        )


class SpanFields(Record):
    """A segment of a video."""

    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""


class AuditErrorFields(Record):
    """An error of a caption."""

    kind: str
    """What is wrong: "object", "attribute", "action", "count", "order", "time", "text" or "invented"."""
    severity: str
    """"minor" or "major": whether the caption would lead to another event or another moment."""
    sentence: str
    """What is wrong, for people."""
    votes_for: int
    """Judges that see the error."""
    votes: int
    """Judges that gave a ruling."""
    span: SpanFields | None
    """Where to look; null for the whole video."""
    suggestion: str
    """What the caption should say, or when, as in "0:12.0-0:16.5"; empty without a proposal."""
    frames: list[float]
    """Moments that show it, in seconds of video time."""


class AuditRecord(Record):
    """One captioned event that `audit` checked."""

    type: Literal["audit"] = Field(default="audit")
    """What the line is."""
    path: str
    """A file that holds it; empty where there is none."""
    event_id: str
    """The event."""
    content_id: str
    """The video, by its bytes."""
    span: SpanFields
    """When it happens according to the caption."""
    text: str
    """What happens."""
    found: SpanFields | None
    """When according to the model; null where it named no usable time."""
    agreement: float
    """IoU of the two, 0 to 1."""
    model: str
    """The model that was asked for the time."""
    revision: str
    """Commit or content hash of its weights."""
    audited_at: float
    """When, seconds since the epoch."""
    judges: list[str]
    """Judges of the caption; empty where its time alone was checked."""
    ruling: Literal["supported", "contradicted", "not visible", ""]
    """Their ruling on it: contradicted where most judges see the same error. Empty without judges."""
    support: float | None
    """Share of the rulings "supported" among those that support or contradict a claim, 0 to 1; null for
    none."""
    errors: list[AuditErrorFields]
    """Errors, those that most judges see first."""
    decision: Literal["", "kept"]
    """"kept" where a person decided that the caption is right."""
    decided_by: str
    """Who, as typed."""
    decided_at: float
    """When, seconds since the epoch; 0 for never."""

    @classmethod
    def of(cls, audit: Audit, path: str) -> Self:
        """One event."""
        return cls(type="audit", path=path, **asdict(audit))


class AuditProblemFields(Record):
    """A video with events that could not be audited."""

    path: str
    """A file that holds it; its content id where there is none."""
    reason: str
    """Why, one sentence."""
    events: int
    """How many of its events."""


class AuditSummaryRecord(Record):
    """The last line of `audit`."""

    type: Literal["summary"] = Field(default="summary")
    """What the line is."""
    events: int
    """Captioned events that were audited, now or before."""
    agreement_rate: float
    """Share of them whose times agree, 0 to 1."""
    at_iou: float
    """IoU from which the times of an event agree."""
    judges: list[str]
    """The judges."""
    skipped: int
    """Events that these judges had audited before, with the same text."""
    wrong: int
    """Captions that most judges contradict, and that nobody kept."""
    problems: list[AuditProblemFields]
    """Videos with events that could not be audited."""

    @classmethod
    def of(cls, result: AuditResult) -> Self:
        """What an audit came to."""
        return cls(
            type="summary",
            events=len(result.audits),
            agreement_rate=round(result.agreement_rate, 4),
            at_iou=result.at_iou,
            judges=list(result.judges),
            skipped=result.skipped,
            wrong=result.wrong,
            problems=[AuditProblemFields(**asdict(each)) for each in result.problems],
        )
