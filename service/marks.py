"""What people note about moments: labels of answers, and who was at work last."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from pydantic import InstanceOf

from footage.core.types import Match, Span
from service.requests import Request

if TYPE_CHECKING:
    from footage.store import Mark as Mark
    from service.session import Service


class LabelRequest(Request):
    """A judgement about an answer."""

    match: InstanceOf[Match]
    """The answer."""
    span: InstanceOf[Span]
    """The moment that is meant, in video time."""
    right: bool
    """Whether the answer is right."""
    query: str
    """The query; empty for a search of similar moments."""
    like: str = ""
    """The moment that others were to be like, VIDEO@TIME; empty for a query."""


def label(service: Service, request: LabelRequest) -> Mark:
    """Keep whether an answer is right; a second judgement replaces the first.

    Raises:
        StoreError: there is no index, or it cannot be written.
    """
    from footage.store import Mark

    match = request.match
    identity = f"{request.query or request.like} {match.video.content_id} {match.span}"
    name = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept = Mark(
        f"label/{name}",
        "label",
        match.video.content_id,
        request.span,
        "present" if request.right else "absent",
        query=request.query,
        made_at=time.time(),
        found_text=match.text,
    )
    service.store().annotations.marks.put([kept])
    return kept


def marks(service: Service, content_id: str) -> list[Mark]:
    """Everything that people noted about a video, in the order made.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return service.store().annotations.marks.all(content_ids=[content_id])


def last_author(service: Service) -> str:
    """The name that a decision or correction was last signed with; empty for none.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    annotations = service.store().annotations
    decided = [(mark.made_at, mark.author) for mark in annotations.marks.all(kinds=["review"])]
    corrected = [(each.made_at, each.author) for each in annotations.corrections.all()]
    return max((each for each in [*decided, *corrected] if each[1]), default=(0.0, ""))[1]
