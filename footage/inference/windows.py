"""The one rule for cutting a segment of a video into the windows that a model is shown; pure, knows no file.

Everything that asks a model about more than a single window cuts here. The rule:

1. A segment of no length (a moment) is one window of no length.
2. Each run of frames between gaps is cut on its own, so that no window holds a gap. A segment that lies
   wholly in a gap is cut as if there were none: it shows the frame from before the gap.
3. Layout "overlapping", for answers that are merged afterwards: windows as in an index
   (``footage.core.windows.plan_windows``), each starting ``window_seconds - overlap_seconds`` after the one
   before; the last one may be shorter. Where no overlap is given it is the profile's, or half a window if
   that is not shorter than the window.
4. Layout "separate", for answers that stand side by side: as few windows of one length as make none longer
   than ``window_seconds``. They touch and do not overlap, and none is a short rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Literal

from footage.core.errors import UsageError
from footage.core.types import Span, Window
from footage.core.windows import plan_windows, runs
from footage.vlm.profile import Profile

Layout = Literal["overlapping", "separate"]
"""How the windows of a segment lie: see the rule above."""


def cut_segment(
    span: Span,
    profile: Profile,
    *,
    layout: Layout,
    window_seconds: float | None = None,
    overlap_seconds: float | None = None,
    gaps: Iterable[Span] = (),
    content_id: str = "",
) -> tuple[Window, ...]:
    """Cut a segment into windows, in order.

    Args:
        span: The segment, in video time.
        profile: Of the model: gives the lengths that are None.
        layout: Whether windows overlap.
        window_seconds: Longest window.
        overlap_seconds: Shared by neighbouring windows of the layout "overlapping".
        gaps: Where the video has no frames (``Video.gaps``), in order.
        content_id: Of the video, for the windows.

    Raises:
        UsageError: when the window has no length, or is not longer than the given overlap.
    """
    length = profile.window_seconds if window_seconds is None else window_seconds
    if span.duration_seconds == 0:
        return (Window(content_id, 0, span),)
    gaps = tuple(gaps)
    if not runs(span, gaps):
        gaps = ()
    if layout == "overlapping":
        return plan_windows(
            content_id,
            span.end_seconds,
            start_seconds=span.start_seconds,
            gaps=gaps,
            window_seconds=length,
            overlap_seconds=fitting_overlap(profile.overlap_seconds, length)
            if overlap_seconds is None
            else overlap_seconds,
        )
    if not length > 0:
        raise UsageError(f"a window cannot last {length:g} s", hint="Use more than 0.")
    windows = (window for run in runs(span, gaps) for window in _equal_windows(run, length))
    return tuple(Window(content_id, number, window) for number, window in enumerate(windows))


def fitting_overlap(overlap_seconds: float, window_seconds: float) -> float:
    """An overlap that is shorter than the window: the given one, else half a window."""
    return overlap_seconds if overlap_seconds < window_seconds else window_seconds / 2


def _equal_windows(run: Span, window_seconds: float) -> Iterator[Span]:
    count = max(1, math.ceil(run.duration_seconds / window_seconds - 1e-9))
    edges = [run.start_seconds + run.duration_seconds * n / count for n in range(count)]
    for start, end in pairwise([*edges, run.end_seconds]):
        yield Span(start, end)
