"""Draws a video's length as a strip of HTML: what is indexed, its events, and what a query matched; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from footage.core.timecode import clamp
from footage.core.timeline import merge_spans
from footage.core.types import Span
from ui.web.components import markup

_FINEST = 400
"""Faint events are united to at most this many pieces: a day of footage makes no page of a megabyte."""
_TICKS = 4


def strip(
    duration_seconds: float,
    *,
    covered: Iterable[Span] = (),
    events: Iterable[Span] = (),
    matches: Sequence[Span] = (),
    chosen: Span | None = None,
    gaps: Iterable[Span] = (),
    ticks: bool = False,
) -> str:
    """The strip of one video, as HTML.

    Args:
        duration_seconds: Length of the video; the strip's whole width.
        covered: What captioned windows cover; the rest is hatched.
        events: When anything indexed happens; faint.
        matches: What the query matched; strong.
        chosen: The match in the player; strongest.
        gaps: Where the video has no frames; empty.
        ticks: Write times below.
    """
    whole = Span(0.0, max(duration_seconds, 1e-3))
    grain = whole.duration_seconds / _FINEST
    busy = merge_spans(_widened(span, grain, whole) for span in _inside(events, whole))
    described = f"{len(matches)} matched of {markup.clock(duration_seconds)}"
    pieces = [
        *(_piece("none", span, whole) for span in _inside(gaps, whole)),
        *(_piece("covered", span, whole) for span in merge_spans(_inside(covered, whole))),
        *(_piece("event", span, whole) for span in busy),
        *(_piece("match", span, whole) for span in _inside(matches, whole) if span != chosen),
        *(_piece("chosen", span, whole) for span in _inside([chosen] if chosen else [], whole)),
    ]
    scale = _scale(whole) if ticks else ""
    name = f'role="img" aria-label="{markup.text(described)}"'
    return f'<div class="fx-strip" {name}>{"".join(pieces)}</div>{scale}'


def legend(*, gaps: bool = False) -> str:
    """What the colours of a strip mean, as HTML; ``gaps``: whether it has any."""
    entries = {"event": "indexed events", "gap": "not indexed", **({"none": "no frames"} if gaps else {})}
    keys = "".join(f'<span><i class="fx-key fx-{kind}"></i>{word}</span>' for kind, word in entries.items())
    return f'<div class="fx-legend">{keys}</div>'


def _inside(spans: Iterable[Span], whole: Span) -> list[Span]:
    return [cut for span in spans if (cut := clamp(span, whole)) is not None]


def _widened(span: Span, least_seconds: float, whole: Span) -> Span:
    return Span(
        span.start_seconds, min(whole.end_seconds, max(span.end_seconds, span.start_seconds + least_seconds))
    )


def _piece(kind: str, span: Span, whole: Span) -> str:
    left = 100 * span.start_seconds / whole.duration_seconds
    width = 100 * span.duration_seconds / whole.duration_seconds
    return (
        f'<i class="fx-{kind}" style="left:{left:.3f}%;width:{width:.3f}%" '
        f'title="{markup.clock_span(span)}"></i>'
    )


def _scale(whole: Span) -> str:
    marks = (
        f"<span>{markup.clock(round(whole.duration_seconds * step / _TICKS, 1))}</span>"
        for step in range(_TICKS + 1)
    )
    return f'<div class="fx-scale">{"".join(marks)}</div>'
