"""Shows why an answer is what it is: sentences, numbers, the model's own words; HTML only, knows no page."""

from __future__ import annotations

from datetime import timedelta

from footage.core.tracks import CAPTION_TRACK
from footage.core.types import File, Match, Span
from footage.core.verdicts import UNCALIBRATED_MEANS
from search.query.filters import read_moment
from service.search import measure_meanings
from ui.text import short_path
from ui.web.components import cards, markup, quotes

AROUND = timedelta(minutes=10)
"""How much before and after a moment "at this time" is."""


def why(match: Match) -> str:
    """The evidence for an answer, and where its file is."""
    if not match.parts:
        body = _one(match)
    else:
        body = _lines(match.evidence) + "".join(
            f"<h4>{markup.text(part.text or quotes.NO_CAPTION)} {cards.badge(part.verdict)}</h4>{_one(part)}"
            for part in match.parts
        )
    badge = cards.badge(match.verdict, pictured=quotes.pictured(match))
    return (
        f'<div class="fx-why"><h3>Why {badge}</h3>{body}'
        f'<p class="fx-path">{markup.text(short_path(match.path))}</p></div>'
    )


def around(file: File, span: Span) -> tuple[str, str] | None:
    """From when to when is about the time of a span, ISO 8601; None where the clock is unknown."""
    recorded = read_moment(file.recorded_at)
    if recorded is None:
        return None
    first = recorded + timedelta(seconds=span.start_seconds) - AROUND
    past = recorded + timedelta(seconds=span.end_seconds) + AROUND
    return first.isoformat(timespec="seconds"), past.isoformat(timespec="seconds")


def _one(match: Match) -> str:
    """What speaks for and against one moment."""
    body = _lines(match.evidence)
    if match.raw:
        body += f"<p>In the words of the model: <code>{markup.text(match.raw)}</code></p>"
    if match.window is not None:
        body += f"<p>It was shown {markup.clock_span(match.window.span)}.</p>"
    if match.track == CAPTION_TRACK and match.confidence is not None and not match.calibrated:
        body += f"<p>{markup.text(UNCALIBRATED_MEANS)}</p>"
    if not quotes.quotes(match):
        compared = "pictures" if quotes.pictured(match) else "indexed text"
        body += f"<p>Similarity of the {compared}: {match.score:.2f} on a scale from 0 to 1.</p>"
    if match.measures:
        meanings = measure_meanings()
        rows = "".join(
            f'<dt title="{markup.text(meanings.get(name, ""))}">{markup.text(name)}</dt><dd>{value:.2f}</dd>'
            for name, value in match.measures
        )
        body += (
            f'<details><summary>The evidence in numbers</summary><dl class="fx-facts">{rows}</dl></details>'
        )
    return body


def _lines(sentences: tuple[str, ...]) -> str:
    lines = "".join(f"<li>{markup.text(line)}</li>" for line in sentences)
    return f"<ul>{lines}</ul>" if lines else ""
