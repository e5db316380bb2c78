"""Cuts a duration into overlapping windows; pure, knows no file and no model."""

from __future__ import annotations

from footage.errors import UsageError
from footage.types import Span, Window

_TICKS = 1_000_000  # window edges lie on whole microseconds, so that the same plan always gives equal spans


def plan_windows(
    content_id: str, duration_seconds: float, *, window_seconds: float, overlap_seconds: float
) -> tuple[Window, ...]:
    """Plan the windows of one video, in order.

    Window ``i`` starts at ``i * (window_seconds - overlap_seconds)`` and is ``window_seconds`` long; the last
    one ends with the video and may be shorter. No window lies wholly inside its predecessor: a tail no longer
    than the overlap was seen already. A duration of 0 has no windows.

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
    duration, length, overlap = (
        round(seconds * _TICKS) for seconds in (duration_seconds, window_seconds, overlap_seconds)
    )
    stride = max(1, length - overlap)
    windows: list[Window] = []
    start = 0
    while start < duration and (start == 0 or start + overlap < duration):
        end = min(start + length, duration)
        windows.append(Window(content_id, len(windows), Span(start / _TICKS, end / _TICKS)))
        start += stride
    return tuple(windows)
