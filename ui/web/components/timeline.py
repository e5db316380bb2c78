"""Draws a video's length as a strip of HTML: what is indexed, its events, and what a query matched; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
    verdicts: Sequence[str] = (),
    finest: int = _FINEST,
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
        verdicts: The verdict of each of ``matches``, for its colour; one colour for all when empty.
        finest: Most pieces of faint events.
    """
    whole = Span(0.0, max(duration_seconds, 1e-3))
    grain = whole.duration_seconds / finest
    busy = merge_spans(_widened(span, grain, whole) for span in _inside(events, whole))
    described = f"{len(matches)} matched of {markup.clock(duration_seconds)}"
    pieces = [
        *(_piece("none", span, whole) for span in _inside(gaps, whole)),
        *(_piece("covered", span, whole) for span in merge_spans(_inside(covered, whole))),
        *(_piece("event", span, whole) for span in busy),
        *_matched(matches, verdicts, chosen, whole),
    ]
    scale = _scale(whole) if ticks else ""
    name = f'role="img" aria-label="{markup.text(described)}"'
    return f'<div class="fx-strip" {name}>{"".join(pieces)}</div>{scale}'


def legend(*, gaps: bool = False, verdicts: Mapping[str, str] | None = None) -> str:
    """What the colours of a strip mean, as HTML.

    Args:
        gaps: Whether it has any.
        verdicts: The verdicts whose colours it has, with their names.
    """
    judged = {f"verdict-{style_of(verdict)}": name.lower() for verdict, name in (verdicts or {}).items()}
    entries = {
        **judged,
        "event": "indexed events",
        "gap": "not indexed",
        **({"none": "no frames"} if gaps else {}),
    }
    keys = "".join(f'<span><i class="fx-key fx-{kind}"></i>{word}</span>' for kind, word in entries.items())
    return f'<div class="fx-legend">{keys}</div>'


def style_of(verdict: str) -> str:
    """A verdict in the name of a style: "not found" is "notfound"."""
    return verdict.replace(" ", "")


def _matched(matches: Sequence[Span], verdicts: Sequence[str], chosen: Span | None, whole: Span) -> list[str]:
    """What a query matched, in the colours of the verdicts, and the chosen one over it."""
    kinds = [f"match fx-verdict-{style_of(each)}" for each in verdicts] or ["match"] * len(matches)
    pieces = [
        _piece(kind, inside, whole)
        for span, kind in zip(matches, kinds, strict=True)
        if span != chosen
        for inside in _inside([span], whole)
    ]
    mine = next((kind for span, kind in zip(matches, kinds, strict=True) if span == chosen), "")
    kind = f"{mine} fx-chosen" if verdicts and mine else "chosen"
    return [*pieces, *(_piece(kind, span, whole) for span in _inside([chosen] if chosen else [], whole))]


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
