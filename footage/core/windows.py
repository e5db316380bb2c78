"""Cuts a video into overlapping windows, none where it has no frames; pure, knows no file and no model.

Everything that plans windows calls ``plan_windows``.
"""

from __future__ import annotations

from collections.abc import Iterable

from footage.core.errors import UsageError
from footage.core.types import Span, Window

_TICKS = 1_000_000  # window edges lie on whole microseconds, so that the same plan always gives equal spans


def plan_windows(
    content_id: str,
    duration_seconds: float,
    *,
    window_seconds: float,
    overlap_seconds: float,
    start_seconds: float = 0.0,
    gaps: Iterable[Span] = (),
) -> tuple[Window, ...]:
    """Plan the windows of one video, or of a part of it, in order.

    Without gaps window ``i`` starts at ``start_seconds + i * (window_seconds - overlap_seconds)`` and is
    ``window_seconds`` long; the last one ends with the video and may be shorter. No window lies wholly inside
    its predecessor: a tail no longer than the overlap was seen already. Each run of frames between gaps is
    cut in this way for itself. A duration of 0 has no windows.

    Args:
        content_id: The video.
        duration_seconds: Where the video, or the part of it, ends, in video time.
        window_seconds: Length of a window.
        overlap_seconds: What neighbours share.
        start_seconds: Where the part of it starts, in video time.
        gaps: Where the video has no frames (``Video.gaps``), in order.

    Raises:
        UsageError: unless ``0 <= overlap_seconds < window_seconds``, all finite.
    """
    if not 0 <= overlap_seconds < window_seconds < float("inf"):
        raise UsageError(
            f"windows of {window_seconds:g} s cannot overlap by {overlap_seconds:g} s",
            hint="Choose a window longer than 0 s and an overlap from 0 s to less than the window.",
        )
    if not 0 <= duration_seconds < float("inf"):
        raise ValueError(f"a duration needs to be finite and not negative, got {duration_seconds}")
    length, overlap = (round(seconds * _TICKS) for seconds in (window_seconds, overlap_seconds))
    stride = max(1, length - overlap)
    windows: list[Window] = []
    for run in runs(Span.clamped(start_seconds, duration_seconds), gaps):
        first, past = round(run.start_seconds * _TICKS), round(run.end_seconds * _TICKS)
        start = first
        while start < past and (start == first or start + overlap < past):
            end = min(start + length, past)
            windows.append(Window(content_id, len(windows), Span(start / _TICKS, end / _TICKS)))
            start += stride
    return tuple(windows)


def runs(within: Span, gaps: Iterable[Span]) -> tuple[Span, ...]:
    """The parts of a span outside of all gaps, in order; none if all of it lies in a gap.

    Args:
        within: In video time.
        gaps: In order, apart from one another.
    """
    found, start = [], within.start_seconds
    for gap in gaps:
        if gap.end_seconds <= start or gap.start_seconds >= within.end_seconds:
            continue
        if gap.start_seconds > start:
            found.append(Span(start, gap.start_seconds))
        start = gap.end_seconds
    if start < within.end_seconds:
        found.append(Span(start, within.end_seconds))
    return tuple(found)


def run_of(place: Span, within: Span, gaps: Iterable[Span]) -> Span:
    """The part of a span without a gap that holds a place, or most of it; the whole span if there is none."""

    def shared(run: Span) -> float:
        return min(run.end_seconds, place.end_seconds) - max(run.start_seconds, place.start_seconds)

    best = max(runs(within, gaps), key=shared, default=within)
    return best if shared(best) >= 0 else within
