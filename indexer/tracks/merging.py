"""Joins what windows cut in two, for each track; also where nothing is read, so it needs no recogniser."""

from __future__ import annotations

from footage.core.track_projection import Merge
from footage.core.tracks import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK
from footage.core.types import CaptionEvent, Span


def merge_of(track: str) -> Merge | None:
    """How the events of a track are joined; None for captions, which have a way of their own."""
    if track == CAPTION_TRACK:
        return None
    return {SPEECH_TRACK: _speech, SCREEN_TEXT_TRACK: _screen_text}.get(track, _as_they_are)


def _speech(
    content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
) -> tuple[CaptionEvent, ...]:
    from indexer.tracks.speech import joined_windows

    return joined_windows(events, cuts)


def _screen_text(
    content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
) -> tuple[CaptionEvent, ...]:
    from indexer.tracks.screen_text import joined_windows

    return joined_windows(events, cuts)


def _as_they_are(
    content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
) -> tuple[CaptionEvent, ...]:
    return events
