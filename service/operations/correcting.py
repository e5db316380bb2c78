"""What people note about captions and answers, as operations: corrections, labels, the audit of captions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from service import listing, marks
from service.audit import (
    AuditRequest,
    AuditResult,
    CaptionsToCheckRequest,
    DecideCaptionRequest,
    audit,
    captions_to_check,
    decide_caption,
)
from service.correct import CorrectRequest, UndoRequest, correct, undo_version
from service.listing import VideoRequest
from service.operations.operation import Operation
from service.schemas.review import AuditRecord, AuditSummaryRecord, CorrectionRecord
from service.schemas.videos import MarkRecord

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.schemas.base import Record
    from service.session import Service


class MarksRequest(VideoRequest):
    """A video, for what people noted about it."""


class AuditListRequest(AuditRequest):
    """How many captioned events to audit, and how many of them to list."""

    worst: int = Field(default=10, ge=0)
    """Events to list: wrong captions first, then those whose times agree least."""


def audit_records(result: AuditResult, *, worst: int) -> Iterator[AuditRecord | AuditSummaryRecord]:
    """The worst events, then what the audit came to."""
    for path, each in list(zip(result.paths, result.audits, strict=True))[:worst]:
        yield AuditRecord.of(each, path)
    yield AuditSummaryRecord.of(result)


def _correct(service: Service, request: CorrectRequest, on_event: Listener, _: Any) -> Iterator[Record]:
    yield CorrectionRecord.of(correct(service, request, on_event=on_event))


def _undo(service: Service, request: UndoRequest, on_event: Listener, _: Any) -> Iterator[Record]:
    yield CorrectionRecord.of(undo_version(service, request, on_event=on_event))


def _label(service: Service, request: marks.LabelMomentRequest, *_: Any) -> Iterator[Record]:
    yield MarkRecord.of(marks.label_moment(service, request))


def _marks(service: Service, request: MarksRequest, *_: Any) -> Iterator[Record]:
    content_id = listing.content_id_of(service, request.video)
    return map(MarkRecord.of, marks.marks(service, content_id))


def _audit(
    service: Service, request: AuditListRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    wanted = AuditRequest(sample=request.sample, again=request.again)
    result = audit(service, wanted, on_event=on_event, cancel=cancel)
    return audit_records(result, worst=request.worst)


def _captions_to_check(service: Service, request: CaptionsToCheckRequest, *_: Any) -> Iterator[Record]:
    return (AuditRecord.of(each.audit, each.path) for each in captions_to_check(service, request))


def _decide_caption(service: Service, request: DecideCaptionRequest, *_: Any) -> Iterator[Record]:
    decided = decide_caption(service, request)
    yield AuditRecord.of(decided.audit, decided.path)


ALL = (
    Operation(
        "correct",
        "Correct the text or the times of a captioned event, remove it, or take the last correction back.",
        CorrectRequest,
        (CorrectionRecord,),
        _correct,
        role="edit",
        work="model",  # it loads the embedders
    ),
    Operation(
        "undo correction",
        "Take one version of a correction back: the one before it counts again, or the caption.",
        UndoRequest,
        (CorrectionRecord,),
        _undo,
        role="edit",
        work="model",
        printed_by="corrections --undo",
    ),
    Operation(
        "label",
        "Note whether an answer of a search is right.",
        marks.LabelMomentRequest,
        (MarkRecord,),
        _label,
        role="edit",
    ),
    Operation(
        "marks",
        "List what people noted about a video: labels of answers and decisions about items.",
        MarksRequest,
        (MarkRecord,),
        _marks,
        printed_by="label --list",
    ),
    Operation(
        "audit",
        "Check captions with the find model: what they say, and when.",
        AuditListRequest,
        (AuditRecord, AuditSummaryRecord),
        _audit,
        role="edit",
        work="job",
    ),
    Operation(
        "captions to check",
        "List captions that an audit found wrong, for a person to decide.",
        CaptionsToCheckRequest,
        (AuditRecord,),
        _captions_to_check,
        printed_by="audit --list",
    ),
    Operation(
        "keep caption",
        "Keep a caption that an audit found wrong as it is, or take that back.",
        DecideCaptionRequest,
        (AuditRecord,),
        _decide_caption,
        role="edit",
        printed_by="audit --keep",
    ),
)
"""The operations of this module."""
