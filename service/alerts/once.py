"""Tells moments that were reported from new ones; pure.

A moment is known by its video and its time. Two overlapping windows, a later window that shows more of it, or
captions made anew report it a little differently, so every span that shares time with a recorded one, or
follows it without a gap, is the same moment, and the recorded time grows to take in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footage.core.timecode import gap_seconds
from footage.core.types import Span
from footage.store.state.alerts import Extent

SAME_WITHIN_SECONDS = 0.5
"""Longest pause inside of one moment: the times of captions are rounded to tenths, those of models are less
exact."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What of some spans is new."""

    new: tuple[int, ...]
    """Numbers of the spans that are moments of their own, the first span of each."""
    extents: tuple[Extent, ...]
    """Recorded moments that are longer now; of new ones, by the number of their span as text."""


def sorted_out(spans: Sequence[Span], held: Sequence[Extent]) -> Sorted:
    """Which of some spans of one video are new moments.

    Args:
        spans: Found spans, best first.
        held: The recorded moments of the video.
    """
    known = {extent.moment_id: extent.span for extent in held}
    new: list[int] = []
    for number, span in enumerate(spans):
        meeting = [name for name, other in known.items() if _is_same(span, other)]
        if not meeting:
            new.append(number)
            known[str(number)] = span
            continue
        for name in meeting:
            known[name] = _both(known[name], span)
    before = {extent.moment_id: extent.span for extent in held}
    before |= {str(number): spans[number] for number in new}
    grown = tuple(Extent(name, span) for name, span in known.items() if span != before[name])
    return Sorted(tuple(new), grown)


def _is_same(one: Span, other: Span) -> bool:
    return gap_seconds(one, other) <= SAME_WITHIN_SECONDS


def _both(one: Span, other: Span) -> Span:
    return Span(min(one.start_seconds, other.start_seconds), max(one.end_seconds, other.end_seconds))
