"""Checks captions with the find model and other judges, lists what was found, and keeps decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from footage.core.errors import UsageError
from footage.core.timecode import parse_time
from footage.core.types import Span
from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from footage.core.claim_errors import ClaimError as ClaimError
    from footage.core.types import CaptionEvent, Video
    from footage.store.audits import Audit as Audit
    from footage.store.audits import Contradiction
    from footage.vlm.protocol import VideoModel
    from indexer.correcting import KeptCorrection
    from search.audit import AuditProblem, Watch
    from search.claims.records import ClaimJudge
    from search.grounding.window_queries import EventFinder
    from service.cancellation import CancelToken
    from service.session import Service

State = Literal["open", "kept", "all"]
"""Which captions with errors: those to be decided, those that were kept as they are, or both."""


class AuditRequest(Request):
    """Which captioned events to audit."""

    sample: int | None = Field(default=None, ge=1)
    """Most events; all when None."""
    again: bool = False
    """Audit events that the same judges have audited before, too."""


class CaptionsToCheckRequest(Request):
    """Captions with errors, for a person to decide about."""

    state: State = "open"
    """Those to be decided, those that were kept as they are, or both."""
    video: str = ""
    """Only of this video: its content id, a file that holds it, or the end of the path of one; of every video
    when empty."""
    limit: int | None = Field(default=None, ge=1)
    """Most captions; all when None."""


class DecideCaptionRequest(Request):
    """What a person decided about a caption with errors."""

    event: str = Field(min_length=1)
    """The id of the event, or the beginning of it."""
    keep: bool = True
    """Whether the caption is kept as it is; False to take that back."""
    author: str = ""
    """Who, as typed."""


class AcceptRequest(Request):
    """A suggestion to put in the place of a caption."""

    event: str = Field(min_length=1)
    """The id of the event, or the beginning of it."""
    author: str = ""
    """Who, as typed."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit came to."""

    audits: tuple[Audit, ...]
    """One for each event: wrong captions first, then those whose times agree least."""
    paths: tuple[str, ...]
    """A file that holds each; empty where there is none."""
    agreement_rate: float
    """Share whose times agree, 0 to 1."""
    at_iou: float
    """IoU from which the times of an event agree."""
    judges: tuple[str, ...]
    """The judges."""
    skipped: int
    """Events that these judges had audited before."""
    problems: tuple[AuditProblem, ...]
    """Videos with events that could not be audited."""

    @property
    def wrong(self) -> int:
        """Captions that most judges contradict, and that nobody kept."""
        return sum(audit.is_contradicted for audit in self.audits)


@dataclass(frozen=True, slots=True)
class AuditedCaption:
    """A caption and what an audit found."""

    audit: Audit
    """What it found."""
    path: str
    """A file that holds the video; empty where there is none."""


def audit(
    service: Service,
    request: AuditRequest,
    *,
    judges: Sequence[str] = (),
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> AuditResult:
    """Ask the find model when each captioned event happens, and judges whether the caption holds.

    What is found is kept in the index, some events at a time; an index of an older version is upgraded first.

    Args:
        service: The session.
        request: Which events.
        judges: Models that judge beside the find model, each as the setting ``model`` takes it.
        on_event: Receives progress.
        cancel: Stops the audit between two steps.

    Raises:
        FootageError: the index or a model cannot be used.
        Cancelled: the token was cancelled; what was found by then is kept.
    """
    from search.audit import RIGHT_IOU, agreement_rate
    from search.audit import audit as check
    from search.grounding.window_queries import EventFinder
    from service import factories

    store = service.store()
    service.check_model("find", store=store, on_event=on_event)
    for name in judges:
        factories.judging(service.settings, name)
    if store.annotations.audits.needs_upgrade:
        with store.writing():
            pass
    asker = EventFinder(
        service.find_model(on_event),
        annotations=store.annotations,
        timeout_seconds=service.settings.decode_timeout_seconds,
    )
    asked = _judges(service, asker, judges, on_event)
    finds = asker.model
    run = check(
        store,
        asker,
        asked,
        watch=_watching(finds, service) if "caption" in finds.profile.skills else None,
        sample=request.sample,
        again=request.again,
        on_progress=steps("auditing", on_event, cancel),
    )
    return AuditResult(
        run.audits,
        tuple(_path(service, each) for each in run.audits),
        agreement_rate(run.audits),
        RIGHT_IOU,
        tuple(judge.name for judge in asked),
        run.skipped,
        run.problems,
    )


def captions_to_check(service: Service, request: CaptionsToCheckRequest) -> list[AuditedCaption]:
    """The captions that most judges contradict, major errors first.

    Raises:
        UsageError: the index knows no such video.
        StoreError: there is no index, or it cannot be read.
    """
    from service.listing import content_id_of

    store = service.store()
    wanted = content_id_of(service, request.video) if request.video else ""
    found = [
        each
        for each in store.annotations.audits.standing(store.events)
        if each.ruling == "contradicted"
        and (request.state == "all" or (each.decision == "kept") == (request.state == "kept"))
        and (not wanted or each.content_id == wanted)
    ]
    return [AuditedCaption(each, _path(service, each)) for each in found[: request.limit]]


def judged(service: Service) -> int:
    """Number of captions in the index that judges have checked.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    store = service.store()
    return sum(bool(each.judges) for each in store.annotations.audits.standing(store.events))


def contradictions(service: Service) -> Mapping[str, Contradiction]:
    """Why captions count as wrong, by event id.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return service.store().annotations.audits.contradicted()


def decide_caption(service: Service, request: DecideCaptionRequest) -> AuditedCaption:
    """Keep a caption as it is, so that it counts as right and is not listed again; or take that back.

    Raises:
        UsageError: no audited event has that id, or several have.
        StoreError: there is no index, or it cannot be written.
    """
    found = _audited(service, request.event)
    decided = service.store().annotations.audits.decide(
        found.event_id, "kept" if request.keep else "", author=request.author
    )
    assert decided is not None
    return AuditedCaption(decided, _path(service, decided))


def suggested(audit: Audit) -> ClaimError | None:
    """The first error that most judges see with a suggestion for the whole caption; None for none.

    Words for a part of it alone, as in "a van", cannot stand in its place.
    """
    return next((error for error in audit.wrong if _is_whole(error, audit)), None)


def _is_whole(error: ClaimError, audit: Audit) -> bool:
    if error.kind == "time":
        return _span_in(error.suggestion) is not None
    return len(error.suggestion.split()) > len(audit.text.split()) / 2


def corrected_by(error: ClaimError, audit: Audit) -> tuple[str, Span]:
    """The text and the time of a caption as an error suggests them."""
    span = _span_in(error.suggestion) if error.kind == "time" else None
    return (error.suggestion, audit.span) if span is None else (audit.text, span)


def accept(service: Service, request: AcceptRequest, *, on_event: Listener = ignore) -> KeptCorrection:
    """Put what the audit suggests in the place of a caption; it is found by the new words at once.

    Raises:
        UsageError: no audited event has that id, several have, or there is no suggestion for it.
        FootageError: the index or an embedder cannot be used.
    """
    from service.correct import CorrectEventRequest, correct_event

    found = _audited(service, request.event)
    error = suggested(found)
    event = service.store().events.of_ids([found.event_id]).get(found.event_id)
    if error is None or event is None:
        raise UsageError(
            f'The audit suggests nothing for "{found.text}".', hint="To correct it: footage correct"
        )
    text, span = corrected_by(error, found)
    return correct_event(
        service,
        CorrectEventRequest(event=event, text=text, span=span, author=request.author),
        on_event=on_event,
    )


def _audited(service: Service, event: str) -> Audit:
    """The audit of an event by its id, or the beginning of it.

    Raises:
        UsageError: there is none, or there are several.
    """
    store = service.store()
    audits = store.annotations.audits.standing(store.events)
    found = [each for each in audits if each.event_id.startswith(event.lower())]
    if len(found) != 1:
        what = f"{len(found)} audited events have" if found else "No audited event has"
        raise UsageError(f"{what} the id {event!r}.", hint="To list them: footage audit --list")
    return found[0]


def _span_in(text: str) -> Span | None:
    """The span that a text names, as in "0:12.0-0:16.5"; None where it names none."""
    first, dash, past = text.partition("-")
    try:
        span = Span(parse_time(first.strip()), parse_time(past.strip())) if dash else None
    except (UsageError, ValueError):
        return None
    return span if span and span.duration_seconds > 0 else None


def _path(service: Service, audit: Audit) -> str:
    return next(iter(service.store().files.paths_of(audit.content_id)), "")


def _judges(
    service: Service, asker: EventFinder, names: Sequence[str], on_event: Listener
) -> list[ClaimJudge]:
    """The find model, then the other models.

    Raises:
        FootageError: a model or the embedder cannot be used.
    """
    from search.claims.judges import AskingJudge, GroundingJudge

    timeout = service.settings.decode_timeout_seconds
    grounding = GroundingJudge(
        asker, embedder=service.embedder(on_event), options=service.looking(), timeout_seconds=timeout
    )
    others = (service.judge_model(name, on_event) for name in names)
    return [grounding, *(AskingJudge(model, timeout_seconds=timeout) for model in others)]


def _watching(model: VideoModel, service: Service) -> Watch:
    """What captions footage anew with a model."""
    from search.claims.sightings import seen_by

    def watch(video: Video, path: str, near: Sequence[Span]) -> list[CaptionEvent]:
        timeout = service.settings.decode_timeout_seconds
        return seen_by(model, video, path, near=near, timeout_seconds=timeout)

    return watch
