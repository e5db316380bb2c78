"""Where to look next in one video: windows on a place, and the stretches around it; pure arithmetic.

A find answers with one span a window, whatever happens in it how often. So a place is looked at a second time
through a window that is moved, and what comes before and after it is looked at for itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from footage.core.timecode import overlap_seconds
from footage.core.types import Span
from footage.vlm.contract import INSTANT_SECONDS

SHORTEST_SECONDS = 4.0
"""Nothing shorter is looked at for itself: two frames a second for four seconds are eight pictures."""
MOVED_SECONDS = 2.0
"""A window counts as moved when its start or end lies this far from those of every other window."""
SHIFT = 0.25
"""Share of its length by which a window is moved where centring it on the place changes too little."""


def free_stretch(place: Span, others: Iterable[Span], *, duration_seconds: float) -> Span:
    """The stretch of a video around a place that reaches up to the next other place on either side."""
    others = list(others)
    start = max((o.end_seconds for o in others if o.end_seconds <= place.start_seconds), default=0.0)
    end = min(
        (o.start_seconds for o in others if o.start_seconds >= place.end_seconds), default=duration_seconds
    )
    return Span.clamped(start, end)


def moved_window(place: Span, used: Iterable[Span], *, within: Span, length_seconds: float) -> Span | None:
    """A window that shows a place at another moment of its own than those used so far; None if none can.

    First of all centred on the place, so that a place at the edge of a window is seen whole; where that is
    what was used already, a quarter of the length earlier or later; and where there is no room to move, the
    window with a piece cut off.

    Args:
        place: What it must show, in video time.
        used: Windows that showed it.
        within: Where windows may lie.
        length_seconds: Length of a window.
    """
    before = list(used)
    centred = _centre(place) - length_seconds / 2
    starts = [centred, centred + SHIFT * length_seconds, centred - SHIFT * length_seconds]
    tried = [window_at(start, within, length_seconds) for start in starts]
    whole = tried[0]
    tried += [
        Span(
            max(whole.start_seconds, _on_find_grid(place.start_seconds - INSTANT_SECONDS)), whole.end_seconds
        ),
        Span(whole.start_seconds, min(whole.end_seconds, place.end_seconds + INSTANT_SECONDS)),
    ]
    return next(
        (
            window
            for window in tried
            if window.duration_seconds >= min(SHORTEST_SECONDS, within.duration_seconds)
            and overlap_seconds(window, place) >= place.duration_seconds - 1e-6
            and all(_moved(window, other) for other in before)
        ),
        None,
    )


def around(place: Span, *, within: Span, length_seconds: float) -> list[Span]:
    """The windows right before and after a place that are long enough to be worth a look."""
    start, end = place.start_seconds, place.end_seconds
    before = Span.clamped(start - length_seconds, start, within=within)
    after = Span.clamped(end, end + length_seconds, within=within)
    return [window for window in (before, after) if window.duration_seconds >= SHORTEST_SECONDS]


def window_on(place: Span, *, within: Span, length_seconds: float) -> Span | None:
    """The window centred on a place; None where there is too little room for one."""
    window = window_at(_centre(place) - length_seconds / 2, within, length_seconds)
    return window if window.duration_seconds >= SHORTEST_SECONDS else None


def window_at(start_seconds: float, within: Span, length_seconds: float) -> Span:
    """The window of a length that starts about there, inside a stretch, on the grid of find answers."""
    latest = within.end_seconds - length_seconds
    start = max(within.start_seconds, _on_find_grid(max(0.0, min(start_seconds, latest))))
    return Span.clamped(start, start + length_seconds, within=within)


def _centre(span: Span) -> float:
    return (span.start_seconds + span.end_seconds) / 2


def _moved(one: Span, other: Span) -> bool:
    return (
        abs(one.start_seconds - other.start_seconds) >= MOVED_SECONDS
        or abs(one.end_seconds - other.end_seconds) >= MOVED_SECONDS
    )


def _on_find_grid(seconds: float) -> float:
    return math.floor(seconds / INSTANT_SECONDS) * INSTANT_SECONDS
