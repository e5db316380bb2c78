"""Merges the spans that windows of one video named; pure, knows neither model nor index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low

from footage.core.timecode import clamp, gap_seconds, iou
from footage.core.types import Span
from footage.vlm.contract import INSTANT_SECONDS
from search.grounding.window_queries import Reply

SEAM_IOU = 0.5
"""Spans of two overlapping windows are one when they agree this well where both windows see."""
EDGE_SECONDS = INSTANT_SECONDS
"""A span that comes this near to the edge of its window may go on beyond it."""


@dataclass(frozen=True, slots=True)
class NamedSpan:
    """A span the model named, in one window or in several that agree."""

    span: Span
    """In video time: start and end each from windows that show what lies beyond them, where one does."""
    replies: tuple[Reply, ...]
    """The replies that named it, by window; at least one. Of a reply with several spans, the part about this
    one."""


def merge_replies(replies: Iterable[Reply]) -> list[NamedSpan]:
    """The spans that replies about one video named, by window; those that agree are merged.

    Two windows that overlap name one span when their spans, clamped to the part both windows show, have an
    IoU of ``SEAM_IOU`` or more; two that only touch, when both spans run to the edge between them. Each span
    of a reply counts on its own; replies that named no usable time are left out.
    """
    done: list[list[Reply]] = []
    groups: list[list[Reply]] = []  # those that a window still to come may join
    named = (each for reply in replies for each in reply.each() if each.span is not None)
    for reply in sorted(named, key=lambda reply: (reply.seen, reply.span or reply.seen)):
        begins = reply.seen.start_seconds
        done += [group for group in groups if _last(group) < begins]
        groups = [group for group in groups if _last(group) >= begins]
        same = [any(_same(other, reply) for other in group) for group in groups]
        joined = [other for group, is_same in zip(groups, same, strict=True) if is_same for other in group]
        groups = [group for group, is_same in zip(groups, same, strict=True) if not is_same]
        groups.append([*joined, reply])
    return sorted(
        (NamedSpan(_span_of(group), tuple(group)) for group in (*done, *groups)),
        key=lambda named: named.replies[0].seen,
    )


def _last(group: list[Reply]) -> float:
    """Where the last window of a group ends, in seconds."""
    return max(reply.seen.end_seconds for reply in group)


def at_start(reply: Reply) -> bool:
    """Whether the named event may have begun before the window."""
    return (
        reply.span is not None
        and reply.seen.start_seconds not in (0, *(gap.end_seconds for gap in reply.question.video.gaps))
        and reply.span.start_seconds < reply.seen.start_seconds + EDGE_SECONDS
    )


def at_end(reply: Reply) -> bool:
    """Whether the named event may go on after the window."""
    return (
        reply.span is not None
        and reply.seen.end_seconds < reply.question.video.duration_seconds
        and reply.seen.end_seconds not in (gap.start_seconds for gap in reply.question.video.gaps)
        and reply.span.end_seconds > reply.seen.end_seconds - EDGE_SECONDS
    )


def _same(one: Reply, other: Reply) -> bool:
    """Whether two windows name the same span, within the part that both show."""
    if one.span is None or other.span is None:
        return False
    shared = clamp(one.seen, other.seen)
    if shared is None or shared.duration_seconds == 0:
        first, second = sorted((one, other), key=lambda reply: reply.seen)
        return gap_seconds(one.seen, other.seen) == 0 and at_end(first) and at_start(second)
    here, there = clamp(one.span, shared), clamp(other.span, shared)
    return here is not None and there is not None and iou(here, there) >= SEAM_IOU


def _span_of(group: list[Reply]) -> Span:
    """Start and end: each the median over the windows that show what lies beyond it, else the farthest."""
    spans = [reply.span for reply in group if reply.span is not None]
    starts = [reply.span.start_seconds for reply in group if reply.span and not at_start(reply)]
    ends = [reply.span.end_seconds for reply in group if reply.span and not at_end(reply)]
    start = median_low(starts) if starts else min(span.start_seconds for span in spans)
    end = median_low(ends) if ends else max(span.end_seconds for span in spans)
    if start >= end:
        start = min(span.start_seconds for span in spans)
        end = max(span.end_seconds for span in spans)
    return Span(start, end)
