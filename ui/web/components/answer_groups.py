"""Groups answers by verdict, in the order in which a page shows them, and finds one again; pure.

An answer has a key, which also stands in the address of the page: its video and its span, no rank and no
path. Spans move while the model checks; ``followed`` finds the answer whose span it is now.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from footage.core.timecode import overlap_seconds
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Match, Span
from ui.web.components import quotes
from ui.web.components.likelihood import per_cent

VERDICTS: dict[str, str] = {
    "found": "Found",
    "uncertain": "Uncertain",
    "not checked": "Not checked",
    "not found": "Not found",
}
"""The groups in the order shown, by verdict, with their headings."""
_KEY = re.compile(r"([0-9A-Za-z_-]{1,64})\.(\d{1,10})-(\d{1,10})(?:\.([a-z-]{1,20}))?")


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer that a page lists."""

    match: Match
    """The answer."""
    others: int
    """How many more answers it stands for."""

    @property
    def key(self) -> str:
        """Names the answer among those of its query."""
        return key_of(self.match)


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """The answer that a key names."""

    content_id: str
    """Its video."""
    span: Span
    """When, in video time."""
    track: str
    """The track that answers."""


def key_of(match: Match) -> str:
    """Names an answer: video, start and end in milliseconds, and the track unless that is captions."""
    start, end = (round(1000 * each) for each in (match.span.start_seconds, match.span.end_seconds))
    track = "" if match.track == CAPTION_TRACK else f".{match.track}"
    return f"{match.video.content_id}.{start}-{end}{track}"


def read_key(text: str) -> AnswerKey | None:
    """The answer that a key names; None where it is no key."""
    read = _KEY.fullmatch(text)
    if read is None:
        return None
    content_id, start, end, track = read.groups()
    first, past = int(start) / 1000, int(end) / 1000
    return AnswerKey(content_id, Span(first, past), track or CAPTION_TRACK) if first <= past else None


def arranged(rows: Sequence[tuple[Match, int]]) -> list[AnswerRow]:
    """Answers in the order shown: by verdict, then the surest first, as the page says how sure they are.

    Where words that were said or written are among a group, or an answer has no confidence, the group keeps
    the order given.

    Args:
        rows: Answers, and how many more each stands for, best first.
    """
    arranged_rows: list[AnswerRow] = []
    for verdict in VERDICTS:
        group = [AnswerRow(match, others) for match, others in rows if match.verdict == verdict]
        arranged_rows += sorted(group, key=_surest) if all(_rated(row.match) for row in group) else group
    return arranged_rows


def group_of(rows: Sequence[AnswerRow], verdict: str) -> list[AnswerRow]:
    """The answers of one verdict."""
    return [row for row in rows if row.match.verdict == verdict]


def place_of(key: str, rows: Sequence[AnswerRow]) -> int | None:
    """Where the answer that a key names is among some, from 0; the one that overlaps it most, else None."""
    exact = next((place for place, row in enumerate(rows) if row.key == key), None)
    wanted = read_key(key)
    if exact is not None or wanted is None:
        return exact
    there = [
        (overlap_seconds(row.match.span, wanted.span), -place)
        for place, row in enumerate(rows)
        if (row.match.video.content_id, row.match.track) == (wanted.content_id, wanted.track)
    ]
    best = max(there, default=(0.0, 0))
    return -best[1] if best[0] > 0 else None


def followed(before: Match, rows: Sequence[AnswerRow]) -> int | None:
    """Where an answer is among some after a round of the model, from 0; None where it is gone."""
    place = place_of(key_of(before), rows)
    if place is not None or not before.text:
        return place
    same = (before.video.content_id, before.track, before.text)
    return next(
        (
            place
            for place, row in enumerate(rows)
            if (row.match.video.content_id, row.match.track, row.match.text) == same
        ),
        None,
    )


def _rated(match: Match) -> bool:
    return match.confidence is not None and not quotes.quotes(match)


def _surest(row: AnswerRow) -> int:
    return -per_cent(row.match.confidence or 0.0)
