"""Joins what overlapping windows named into places of one video; pure, and knows neither model nor index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from footage.timecode import clamp, iou
from footage.types import Span
from search.asking import Reply

SEAM_IOU = 0.5
"""Spans of two overlapping windows are one when they agree this well where both windows see."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place the model named, in one window or in several that overlap and agree."""

    span: Span
    """The union of what was named, in video time."""
    replies: tuple[Reply, ...]
    """The replies that named it, by window; one at least."""


def places(replies: Iterable[Reply]) -> list[Place]:
    """The places that replies about one video named, by window.

    Two windows that overlap name one place when their spans, cut to the stretch both windows see, have an IoU
    of ``SEAM_IOU`` or more. Beyond that stretch only one of them can see, so the union is the place. Replies
    that named no usable time are left out.
    """
    found: list[Place] = []
    for reply in sorted(replies, key=lambda reply: reply.question.window.span):
        if reply.span is None:
            continue
        number = next((n for n, place in enumerate(found) if _same(place.replies[-1], reply)), None)
        if number is None:
            found.append(Place(reply.span, (reply,)))
        else:
            found[number] = Place(_union(found[number].span, reply.span), (*found[number].replies, reply))
    return found


def _same(one: Reply, other: Reply) -> bool:
    """Whether two windows name the same thing, as far as both can see it."""
    shared = clamp(one.question.window.span, other.question.window.span)
    if shared is None or one.span is None or other.span is None:
        return False
    here, there = clamp(one.span, shared), clamp(other.span, shared)
    return here is not None and there is not None and iou(here, there) >= SEAM_IOU


def _union(one: Span, other: Span) -> Span:
    return Span(min(one.start_seconds, other.start_seconds), max(one.end_seconds, other.end_seconds))
