"""Seconds to text and back, and the arithmetic of spans; pure, knows no video."""

from __future__ import annotations

import re

from footage.core.errors import UsageError
from footage.core.types import Span, on_grid

_CLOCK = re.compile(r"(?:(?:(?P<hours>\d+):)?(?P<minutes>\d+):)?(?P<seconds>\d+(?:\.\d*)?|\.\d+)", re.ASCII)


def format_time(seconds: float) -> str:
    """Write seconds as a clock reading, rounded to a tenth: ``"0:03.5"``, ``"1:02:03.5"``.

    Raises:
        ValueError: for a negative or non-finite number.
    """
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"a time needs to be finite and not negative, got {seconds}")
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def parse_time(text: str) -> float:
    """Read ``"83.5"``, ``"1:23.5"`` or ``"1:02:03"`` as seconds.

    Raises:
        UsageError: when the text is none of these, or minutes or seconds behind a colon reach 60.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is not a time", hint="Write seconds (83.5), m:ss (1:23.5) or h:mm:ss (1:02:03)."
        )
    hours, minutes = int(match["hours"] or 0), int(match["minutes"] or 0)
    seconds = float(match["seconds"])
    if (match["minutes"] is not None and seconds >= 60) or (match["hours"] is not None and minutes >= 60):
        raise UsageError(
            f"{text!r} is not a time: minutes and seconds after a colon must be below 60",
            hint="Write seconds (83.5), m:ss (1:23.5) or h:mm:ss (1:02:03).",
        )
    return on_grid(hours * 3600 + minutes * 60 + seconds)


def overlap_seconds(a: Span, b: Span) -> float:
    """How many seconds the two spans share; 0 when they only touch."""
    return on_grid(max(0.0, min(a.end_seconds, b.end_seconds) - max(a.start_seconds, b.start_seconds)))


def gap_seconds(a: Span, b: Span) -> float:
    """How many seconds lie between the two spans; 0 when they touch or overlap."""
    return on_grid(max(0.0, max(a.start_seconds, b.start_seconds) - min(a.end_seconds, b.end_seconds)))


def iou(a: Span, b: Span) -> float:
    """Temporal intersection over union (tIoU), 0 to 1; 0 when both are empty."""
    shared = overlap_seconds(a, b)
    union = a.duration_seconds + b.duration_seconds - shared
    return shared / union if union > 0 else 0.0


def clamp(span: Span, within: Span) -> Span | None:
    """Cut ``span`` to what lies inside ``within``; None when nothing does.

    An instant (start == end) inside ``within`` stays an instant.
    """
    start = max(span.start_seconds, within.start_seconds)
    end = min(span.end_seconds, within.end_seconds)
    if start > end or start >= within.end_seconds or (start == end and span.duration_seconds > 0):
        return None
    return Span(start, end)
