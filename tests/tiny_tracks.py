"""An index of videos with speech, subtitles and text on screen, filled through the real store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from footage.core.track_events import track_caption
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import (
    Caption,
    CaptionEvent,
    File,
    Provenance,
    Span,
    SpokenWord,
    TextBox,
    Video,
    Window,
    WindowRecord,
)
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from indexer.events import Projector

PROVENANCE = Provenance("recogniser", "1", "test", "test")


def speech(
    start: float,
    end: float,
    text: str,
    *,
    confidence: float = 0.9,
    language: str = "en",
    words: Mapping[str, tuple[float, float, float]] | None = None,
) -> CaptionEvent:
    """An utterance whose words are spread evenly; some have a start, an end and a confidence of their own."""
    texts = text.split()
    step = (end - start) / max(1, len(texts))
    spoken = []
    for number, word in enumerate(texts):
        own = (words or {}).get(word, (start + number * step, start + (number + 1) * step, confidence))
        spoken.append(SpokenWord(Span(own[0], own[1]), word, own[2]))
    return CaptionEvent(Span(start, end), text, confidence, language, tuple(spoken))


def subtitle(start: float, end: float, text: str, *, language: str = "en") -> CaptionEvent:
    """A subtitle."""
    return CaptionEvent(Span(start, end), text, None, language)


def sign(start: float, end: float, text: str, *, confidence: float = 0.95, top: float = 0.1) -> CaptionEvent:
    """A text on screen, with a box at its start and one at its end."""
    boxes = tuple(TextBox(at, 0.2, top, 0.6, top + 0.1) for at in (start, max(start, end - 0.1)))
    return CaptionEvent(Span(start, end), text, confidence, "", (), boxes)


def keep(
    content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
) -> tuple[CaptionEvent, ...]:
    """Merges nothing."""
    return events


def add_video(
    store: Store,
    embedder: TextEmbedder,
    name: str,
    *,
    seconds: float,
    tracks: Mapping[str, Sequence[CaptionEvent]],
    path: Path | None = None,
    window_seconds: float = 60.0,
) -> str:
    """Index a video with the events of some tracks, in windows of one length; its content id."""
    content_id = f"content-{name}"
    place = str(path or f"/videos/{name}.mp4")
    store.files.put([File(place, content_id, state="indexed", duration_seconds=seconds)])
    store.videos.put([Video(content_id, seconds, 640, 360, 25.0, "h264")])
    if not store.embedders.timeline():
        store.embedders.claim_timeline(embedder.name)
    for track, events in tracks.items():
        records = list(_records(content_id, track, events, seconds, window_seconds))
        store.windows.commit(records)
        Projector(store, embedder, track=track, merge=keep).project(content_id)
    return content_id


def _records(
    content_id: str, track: str, events: Sequence[CaptionEvent], seconds: float, length: float
) -> Iterable[WindowRecord]:
    starts = [number * length for number in range(max(1, -(-int(seconds) // int(length))))]
    for index, start in enumerate(starts):
        span = Span(start, min(seconds, start + length))
        own = [event for event in events if start <= event.span.start_seconds < start + length]
        caption = Caption("", tuple(own), "raw", "stop") if track == CAPTION_TRACK else track_caption(own)
        yield WindowRecord(Window(content_id, index, span), caption, PROVENANCE, track)
