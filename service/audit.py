"""Compares captions with what the model names when it is asked for them; words nothing for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from footage.store.annotations import Audit
    from service.cancellation import CancelToken
    from service.session import Service


class AuditRequest(Request):
    """How many captioned events to audit."""

    sample: int | None = Field(default=None, ge=1)
    """Most events; all when None."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What the model named."""

    audits: tuple[Audit, ...]
    """One for each event, those that agree least first."""
    paths: tuple[str, ...]
    """A file that holds each; empty where there is none."""
    agreement_rate: float
    """Share that agrees, 0 to 1."""
    at_iou: float
    """IoU from which an event counts as agreeing."""


def audit(
    service: Service, request: AuditRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> AuditResult:
    """Ask the model when each captioned event happens; what is compared is kept in the index.

    Raises:
        FootageError: the index or the model cannot be used.
        Cancelled: the token was cancelled; what was compared by then is kept.
    """
    from search.audit import RIGHT_IOU, agreement_rate
    from search.audit import audit as compare
    from search.grounding.window_queries import EventFinder

    store = service.store()
    service.check_model("find", store=store, on_event=on_event)
    asker = EventFinder(
        service.find_model(on_event),
        annotations=store.annotations,
        timeout_seconds=service.settings.decode_timeout_seconds,
    )
    audits = compare(store, asker, sample=request.sample, on_progress=steps("auditing", on_event, cancel))
    paths = tuple(next(iter(store.files.paths_of(each.content_id)), "") for each in audits)
    return AuditResult(tuple(audits), paths, agreement_rate(audits), RIGHT_IOU)
