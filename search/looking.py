"""Where to look next in one video: windows on a place, and the stretches around it; pure arithmetic.

A find answers with one span a window, whatever happens in it how often. So a place is looked at a second time
through a window that is moved, and what comes before and after it is looked at for itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from footage.timecode import overlap_seconds
from footage.types import Span
from footage.vlm.contract import INSTANT_SECONDS

SHORTEST_SECONDS = 4.0
"""Nothing shorter is looked at for itself: two frames a second for four seconds are eight pictures."""
MOVED_SECONDS = 2.0
"""A window counts as moved when its start or end lies this far from those of every other window."""
SHIFT = 0.25
"""Share of its length by which a window is moved where centring it on the place changes too little."""


def moved_window(
    place: Span, used: Iterable[Span], *, duration_seconds: float, length_seconds: float
) -> Span | None:
    """A window that shows a place at another moment of its own than those used so far; None if none can.

    First of all centred on the place, so that a place at the edge of a window is seen whole; where that is
    what was used already, a quarter of the length earlier or later; and where the video leaves no room to
    move, the window with a piece cut off.

    Args:
        place: What it must show, in video time.
        used: Windows that showed it.
        duration_seconds: Length of the video.
        length_seconds: Length of a window.
    """
    before = list(used)
    middle = (place.start_seconds + place.end_seconds) / 2
    centred = middle - length_seconds / 2
    starts = [centred, centred + SHIFT * length_seconds, centred - SHIFT * length_seconds]
    tried = [window_at(start, duration_seconds, length_seconds) for start in starts]
    whole = tried[0]
    tried += [
        Span(_on_grid(max(whole.start_seconds, place.start_seconds - INSTANT_SECONDS)), whole.end_seconds),
        Span(whole.start_seconds, min(whole.end_seconds, place.end_seconds + INSTANT_SECONDS)),
    ]
    return next(
        (
            window
            for window in tried
            if window.duration_seconds >= min(SHORTEST_SECONDS, duration_seconds)
            and overlap_seconds(window, place) >= place.duration_seconds - 1e-6
            and all(_moved(window, other) for other in before)
        ),
        None,
    )


def around(
    place: Span, others: Sequence[Span], *, duration_seconds: float, length_seconds: float
) -> list[Span]:
    """The windows right before and after a place, up to the next other place; those worth a look."""
    starts_at = max(
        (other.end_seconds for other in others if other.end_seconds <= place.start_seconds), default=0.0
    )
    ends_at = min(
        (other.start_seconds for other in others if other.start_seconds >= place.end_seconds),
        default=duration_seconds,
    )
    before = Span(max(starts_at, place.start_seconds - length_seconds), max(starts_at, place.start_seconds))
    after = Span(min(place.end_seconds, ends_at), min(ends_at, place.end_seconds + length_seconds))
    return [window for window in (before, after) if window.duration_seconds >= SHORTEST_SECONDS]


def window_at(start_seconds: float, duration_seconds: float, length_seconds: float) -> Span:
    """The window of a length that starts about there, inside the video and on the grid of find answers."""
    start = _on_grid(max(0.0, min(start_seconds, duration_seconds - length_seconds)))
    return Span(start, min(duration_seconds, start + length_seconds))


def _moved(one: Span, other: Span) -> bool:
    return (
        abs(one.start_seconds - other.start_seconds) >= MOVED_SECONDS
        or abs(one.end_seconds - other.end_seconds) >= MOVED_SECONDS
    )


def _on_grid(seconds: float) -> float:
    return math.floor(seconds / INSTANT_SECONDS) * INSTANT_SECONDS
