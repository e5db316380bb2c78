"""Joins what windows cut in two, for each track; also where nothing is read, so it needs no engine."""

from __future__ import annotations

from footage.core.track_projection import Merge
from footage.core.types import CAPTION_TRACK, CaptionEvent, Span


def merge_of(track: str) -> Merge | None:
    """How the events of a track are joined; None for captions, which have a way of their own."""
    if track == CAPTION_TRACK:
        return None
    return _as_they_are


def _as_they_are(
    content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
) -> tuple[CaptionEvent, ...]:
    return events
