"""What people note about moments: labels of answers, and who was at work last."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Self

from pydantic import Field, InstanceOf, model_validator

from footage.core.errors import UsageError
from footage.core.types import Match, Span
from service.requests import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class LabelMomentRequest(Request):
    """A judgement about an answer that a search gave."""

    video: str = Field(min_length=1)
    """The video: its content id, a file that holds it, or the end of the path of one."""
    start_seconds: float = Field(ge=0)
    """Where the answer begins, in video time."""
    end_seconds: float = Field(ge=0)
    """Where it ends."""
    right: bool
    """Whether the answer is right."""
    query: str = Field(min_length=1)
    """The query."""
    text: str = ""
    """The indexed text that led there."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.end_seconds < self.start_seconds:
            raise UsageError(
                f"The answer would end at {self.end_seconds:g} s, before it starts at "
                f"{self.start_seconds:g} s.",
                hint="Use the times that the search gave.",
            )
        return self


def label(service: Service, request: LabelRequest) -> Mark:
    """Keep whether an answer is right; a second judgement replaces the first.

    Raises:
        StoreError: there is no index, or it cannot be written.
    """
    match = request.match
    identity = _identity(match, request.query or request.like)
    return _keep_label(
        service, identity, match.video.content_id, request.span, request.right, request.query, match.text
    )


def unlabel(service: Service, match: Match, query: str) -> None:
    """Take the judgement about an answer back, if there is one.

    Args:
        service: What to work with.
        match: The answer.
        query: The query, or what answers were to be like, as it was judged for.

    Raises:
        StoreError: there is no index, or it cannot be written.
    """
    service.store().annotations.marks.remove([_label_id(_identity(match, query))])


def labels(service: Service, matches: Sequence[Match], query: str) -> list[bool | None]:
    """Whether each of some answers to a query was judged to be right; None where nobody judged it.

    Args:
        service: What to work with.
        matches: The answers.
        query: The query, or what they were to be like.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    videos = {match.video.content_id for match in matches}
    kept = service.store().annotations.marks.all(kinds=["label"], content_ids=videos) if videos else []
    states = {mark.id: mark.state for mark in kept}
    if not states:
        return [None] * len(matches)
    found = [states.get(_label_id(_identity(match, query))) for match in matches]
    return [None if state is None else state == "present" for state in found]


def label_moment(service: Service, request: LabelMomentRequest) -> Mark:
    """Keep whether an answer is right, as ``label`` does.

    Raises:
        UsageError: the index knows no such video, or the video has no such moment.
        StoreError: there is no index, or it cannot be written.
    """
    from service.listing import content_id_of

    content_id = content_id_of(service, request.video)
    span = Span(request.start_seconds, request.end_seconds)
    length = service.store().videos.known([content_id])[content_id].duration_seconds
    if span.end_seconds > length:
        raise UsageError(
            f"There is no answer that ends at {span.end_seconds:g} s: {request.video} lasts {length:g} s.",
            hint="Use the times that the search gave.",
        )
    identity = f"{request.query} {content_id} {span}"
    return _keep_label(service, identity, content_id, span, request.right, request.query, request.text)


def _identity(match: Match, query: str) -> str:
    """Names an answer to a query: a second judgement of it replaces the first."""
    return f"{query} {match.video.content_id} {match.span}"


def _label_id(identity: str) -> str:
    return f"label/{hashlib.sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _keep_label(
    service: Service, identity: str, content_id: str, span: Span, right: bool, query: str, text: str
) -> Mark:
    from footage.store import Mark

    kept = Mark(
        _label_id(identity),
        "label",
        content_id,
        span,
        "present" if right else "absent",
        query=query,
        made_at=time.time(),
        found_text=text,
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
