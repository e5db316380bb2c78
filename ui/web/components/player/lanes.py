"""What lies where in a video, as the lanes of its timeline; pure, knows neither page nor index.

A lane with few pieces names each of them; one with many counts them in bins, so that a day of footage stays
small. Zoomed in, the same is done again for the part in view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from footage.core.timecode import clamp
from footage.core.timeline import merge_spans
from footage.core.types import Span
from ui.text import plain
from ui.web.components.markup import shortened

MOST_PIECES = 400
"""A lane with more pieces in view is drawn as a density."""
BINS = 240
"""Columns of a density."""
ROWS = 3
"""Pieces that overlap lie below each other, in this many rows at most."""
_LONGEST_LABEL = 160

Kind = Literal[
    "event", "speech", "subtitles", "screen-text", "found", "uncertain", "not checked", "not found", "note"
]


@dataclass(frozen=True, slots=True)
class LaneMark:
    """Something with a place on the timeline."""

    span: Span
    """Where, in video time."""
    label: str
    """Its text, which is untrusted."""
    kind: Kind = "event"
    """What it is, which gives its colour."""


def lane(name: str, marks: Iterable[LaneMark], within: Span) -> dict[str, object]:
    """One lane, as the browser gets it: each piece by name, or how many lie in each bin.

    Args:
        name: What the lane shows, in a word or two.
        marks: Its pieces.
        within: The part of the video it is drawn for; pieces outside are left out.

    Returns:
        ``name``, ``within`` (start and end in seconds), ``count``, ``rows`` and either ``pieces`` (start,
        end, label, kind and row of each, by start) or ``bins`` (how many pieces touch each).
    """
    inside = sorted(
        ((cut, mark) for mark in marks if (cut := clamp(mark.span, within)) is not None),
        key=lambda piece: piece[0],
    )
    drawn: dict[str, object] = {"name": name, "within": _ends(within), "count": len(inside), "rows": 1}
    spans = [span for span, _ in inside]
    if len(inside) > MOST_PIECES:
        return {**drawn, "bins": density(spans, within), "rows": 2}
    rows = rows_of(spans)
    pieces = [
        [*_ends(span), shortened(plain(mark.label), _LONGEST_LABEL), mark.kind, row]
        for (span, mark), row in zip(inside, rows, strict=True)
    ]
    return {**drawn, "pieces": pieces, "rows": max(rows, default=0) + 1}


def density(spans: Iterable[Span], within: Span, bins: int = BINS) -> list[int]:
    """How many spans touch each of the equal bins that ``within`` is cut into; each touches one at least.

    Args:
        spans: Each inside ``within``.
        within: What is cut into bins; not empty.
        bins: How many.
    """
    steps = [0] * (bins + 1)
    scale = bins / within.duration_seconds
    for span in spans:
        first = min(bins - 1, int((span.start_seconds - within.start_seconds) * scale))
        past = (span.end_seconds - within.start_seconds) * scale
        last = min(bins - 1, max(first, -int(-past // 1) - 1))  # half-open: an end on an edge stays before it
        steps[first] += 1
        steps[last + 1] -= 1
    return list(accumulate(steps[:-1]))


def rows_of(spans: Sequence[Span], most: int = ROWS) -> list[int]:
    """A row for each span, the first that is free where it starts; what finds none shares the last.

    Args:
        spans: By start.
        most: How many rows there may be.
    """
    ends: list[float] = []
    rows = []
    for span in spans:
        row = next((number for number, end in enumerate(ends) if end <= span.start_seconds), len(ends))
        row = min(row, most - 1)
        if row == len(ends):
            ends.append(span.end_seconds)
        else:
            ends[row] = max(ends[row], span.end_seconds)
        rows.append(row)
    return rows


def coverage(covered: Iterable[Span], within: Span) -> list[list[float]]:
    """Start and end of each indexed segment, overlaps united."""
    cuts = (cut for span in covered if (cut := clamp(span, within)) is not None)
    return [_ends(span) for span in merge_spans(cuts)]


def _ends(span: Span) -> list[float]:
    return [span.start_seconds, span.end_seconds]
