"""What of a video a page shows next; cuts nothing itself."""

from __future__ import annotations

from footage.core.timecode import gap_seconds
from footage.core.types import Span
from service.previews import LEAD_SECONDS, LONGEST_SECONDS

AHEAD_SECONDS = 20.0
"""What is shown after a moment that was asked for."""


def reaching(stretch: Span, seconds: float, duration_seconds: float) -> Span:
    """The next segment to show, so that it holds a moment: the same, a wider one, or one elsewhere.

    Args:
        stretch: What is shown now.
        seconds: The moment, in video time, inside the video.
        duration_seconds: Length of the video.
    """
    if stretch.start_seconds <= seconds < stretch.end_seconds or seconds == stretch.end_seconds:
        return stretch
    there = Span(
        max(0.0, seconds - LEAD_SECONDS), max(seconds, min(duration_seconds, seconds + AHEAD_SECONDS))
    )
    both = Span(min(stretch.start_seconds, there.start_seconds), max(stretch.end_seconds, there.end_seconds))
    return there if gap_seconds(stretch, there) or both.duration_seconds > LONGEST_SECONDS else both
