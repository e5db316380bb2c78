"""Says in one line what a search found and what it is based on, the details folded; HTML only, pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from footage.core.types import Match
from ui.text import count
from ui.web.components import markup
from ui.web.components.answer_groups import VERDICTS

if TYPE_CHECKING:
    from search.query.parser import Query
    from service.search import SearchResult

_SAID = {
    "found": "found",
    "uncertain": "uncertain",
    "not checked": "from captions",
    "not found": "similar, none of them it",
}
"""What a line says of the answers of each verdict."""


def head(matches: Sequence[Match]) -> str:
    """What was found, in a few words: "8 found in 8 videos", the surest verdict alone."""
    for verdict in VERDICTS:
        group = [match for match in matches if match.verdict == verdict]
        if group:
            videos = len({match.video.content_id for match in group})
            return f"{len(group):,} {_SAID[verdict]} in {count(videos, 'video')}"
    return "Nothing found"


def line(result: SearchResult, details: str) -> str:
    """What a search found, in one line that opens.

    Args:
        result: What it found.
        details: How much was searched, how, and what it took, as HTML.
    """
    notes = "".join(f'<p class="fx-coverage">{markup.text(note)}</p>' for note in result.notes)
    return (
        f'<details class="fx-summary"><summary><b>{markup.text(head(result.matches))}</b>'
        f" \N{MIDDLE DOT} <u>details</u></summary>{details}{notes}</details>"
    )


def searched_where(query: Query) -> str:
    """When a query's filters look: "15:00-16:00", "after 2026-03-01 12:00"; empty for always."""
    filters = query.filters
    first, past = filters.after, filters.before
    if filters.hours:
        return "\N{EN DASH}".join(f"{each:%H:%M}" for each in filters.hours)
    if first and past:
        form = "%H:%M" if first.date() == past.date() else "%Y-%m-%d %H:%M"
        return f"{first:{form}}\N{EN DASH}{past:{form}}"
    return f"after {first:%Y-%m-%d %H:%M}" if first else f"before {past:%Y-%m-%d %H:%M}" if past else ""
