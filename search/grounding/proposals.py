"""Proposes windows to ask about: planned ones, those the index leads to, those on a span; asks no model.

Most find answers have one span a window, however often the event happens in it. So a span is looked at a
second time through a moved window, and the segments before and after it are looked at on their own. A model
that names all spans is shown only what it has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from footage.core.timecode import overlap_seconds
from footage.core.types import Hit, Span, Video, Window
from footage.core.windows import runs
from footage.inference.windows import cut_segment, fitting_overlap
from footage.vlm.contract import INSTANT_SECONDS
from footage.vlm.profile import Profile
from search.grounding.options import GroundingOptions

SHORTEST_SECONDS = 4.0
"""Shortest segment to look at on its own: four seconds at two frames a second are eight frames."""
MOVED_SECONDS = 2.0
"""A window counts as moved when its start or end lies this far from those of every other window."""
SHIFT = 0.25
"""Share of its length by which a window is moved where centring it on the span changes too little."""


def planned_windows(
    video: Video, profile: Profile, options: GroundingOptions, segment: Span | None = None
) -> tuple[Window, ...]:
    """The windows of a video, or of a segment of it, in order: those of an index of the same lengths."""
    segment = segment or Span(0, video.duration_seconds)
    if segment.duration_seconds == 0 or not runs(segment, video.gaps):
        return ()
    length = options.window_seconds or profile.window_seconds
    overlap = profile.overlap_seconds if options.overlap_seconds is None else options.overlap_seconds
    return cut_segment(
        segment,
        profile,
        layout="overlapping",
        window_seconds=length,
        overlap_seconds=fitting_overlap(overlap, length),
        gaps=video.gaps,
        content_id=video.content_id,
    )


def lead_windows(hits: Iterable[Hit], windows: Sequence[Window], *, floor: float) -> list[Span]:
    """The windows that hold texts near the query, best first.

    The window that holds most of a text comes before the others that hold some of it.

    Args:
        hits: Texts of one video, best first.
        windows: Its planned windows.
        floor: Least similarity of a text.
    """
    first, others = [], []
    for hit in hits:
        if hit.similarity < floor:
            continue
        holding = holding_windows(hit.span, windows)
        first += holding[:1]
        others += holding[1:]
    return list(dict.fromkeys([*first, *others]))


def holding_windows(span: Span, windows: Iterable[Window]) -> list[Span]:
    """The windows that hold some of a span, the one with most of it first."""
    holding = [window.span for window in windows if overlap_seconds(window.span, span) > 0]
    return sorted(holding, key=lambda window: (-round(overlap_seconds(window, span), 3), window))


def free_segment(span: Span, others: Iterable[Span], *, duration_seconds: float) -> Span:
    """The segment of a video around a span that reaches up to the next other span on either side."""
    others = list(others)
    start = max((o.end_seconds for o in others if o.end_seconds <= span.start_seconds), default=0.0)
    end = min(
        (o.start_seconds for o in others if o.start_seconds >= span.end_seconds), default=duration_seconds
    )
    return Span.clamped(start, end)


def moved_window(span: Span, used: Iterable[Span], *, within: Span, length_seconds: float) -> Span | None:
    """A window that shows a span at another moment of its own than those used so far; None if none can.

    First of all centred on the span, so that a span at the edge of a window is seen whole; where that is
    what was used already, a quarter of the length earlier or later; and where there is no room to move, the
    window with a piece cut off.

    Args:
        span: What it must show, in video time.
        used: Windows that showed it.
        within: Where windows may lie.
        length_seconds: Length of a window.
    """
    before = list(used)
    centred = span.middle_seconds - length_seconds / 2
    starts = [centred, centred + SHIFT * length_seconds, centred - SHIFT * length_seconds]
    tried = [window_at(start, within, length_seconds) for start in starts]
    whole = tried[0]
    tried += [
        Span(
            max(whole.start_seconds, _on_find_grid(span.start_seconds - INSTANT_SECONDS)), whole.end_seconds
        ),
        Span(whole.start_seconds, min(whole.end_seconds, span.end_seconds + INSTANT_SECONDS)),
    ]
    return next(
        (
            window
            for window in tried
            if window.duration_seconds >= min(SHORTEST_SECONDS, within.duration_seconds)
            and shows_anew(window, span, before)
        ),
        None,
    )


def shows_anew(window: Span, span: Span, used: Iterable[Span]) -> bool:
    """Whether a window shows all of a span at another moment of its own than those used so far."""
    shown = overlap_seconds(window, span) >= span.duration_seconds - 1e-6
    return shown and all(_moved(window, other) for other in used)


def uncovered(span: Span, windows: Iterable[Span]) -> list[Span]:
    """The parts of a span that no window shows, in order."""
    parts, start = [], span.start_seconds
    for window in sorted(windows):
        if window.start_seconds > start:
            parts.append(Span.clamped(start, window.start_seconds, within=span))
        start = max(start, window.end_seconds)
    parts.append(Span.clamped(start, span.end_seconds, within=span))
    return [part for part in parts if part.duration_seconds > 0]


def around(span: Span, *, within: Span, length_seconds: float) -> list[Span]:
    """The windows right before and after a span that are long enough to be worth a look."""
    start, end = span.start_seconds, span.end_seconds
    before = Span.clamped(start - length_seconds, start, within=within)
    after = Span.clamped(end, end + length_seconds, within=within)
    return [window for window in (before, after) if window.duration_seconds >= SHORTEST_SECONDS]


def window_on(span: Span, *, within: Span, length_seconds: float) -> Span | None:
    """The window centred on a span; None where there is too little room for one."""
    window = window_at(span.middle_seconds - length_seconds / 2, within, length_seconds)
    return window if window.duration_seconds >= SHORTEST_SECONDS else None


def window_at(start_seconds: float, within: Span, length_seconds: float) -> Span:
    """The window of a length that starts about there, inside a stretch, on the grid of find answers."""
    latest = within.end_seconds - length_seconds
    start = max(within.start_seconds, _on_find_grid(max(0.0, min(start_seconds, latest))))
    return Span.clamped(start, start + length_seconds, within=within)


def _moved(one: Span, other: Span) -> bool:
    return (
        abs(one.start_seconds - other.start_seconds) >= MOVED_SECONDS
        or abs(one.end_seconds - other.end_seconds) >= MOVED_SECONDS
    )


def _on_find_grid(seconds: float) -> float:
    return math.floor(seconds / INSTANT_SECONDS) * INSTANT_SECONDS
