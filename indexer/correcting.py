"""Keeps corrections of captions, and updates the index at once; knows no page or command.

A correction is first kept as an annotation, and then applied to the index. While a run writes to the index,
the correction is kept, and the run applies it at its end.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from footage.core import corrections
from footage.core.corrections import Correction
from footage.core.errors import StoreBusyError, UsageError
from footage.core.timecode import format_time, overlap_seconds
from footage.core.timeline import merge_events
from footage.core.types import Event, Span
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from indexer.events import Projector

MOST_CHARACTERS = 1_000
"""Longest text of a correction: a caption's line is one sentence."""


@dataclass(frozen=True, slots=True)
class KeptCorrection:
    """A correction that was kept, or taken back."""

    correction: Correction
    """What was said."""
    searchable: bool
    """Whether it is applied to the index; otherwise the run that is writing to it applies it at its end."""


def correct(
    store: Store,
    event: Event,
    *,
    text: str,
    span: Span | None = None,
    author: str = "",
    embedders: Callable[[], Sequence[TextEmbedder]],
) -> KeptCorrection:
    """Keep the correction of an event, and make it searchable.

    Correcting an event that is itself a correction makes another version for the same caption.

    Args:
        store: The index.
        event: The event as the index has it.
        text: What happens.
        span: When, in video time; as the index has it when None.
        author: Who says so.
        embedders: Loads the embedders whose vectors are updated, the one of the timeline first.

    Raises:
        UsageError: the text is empty or too long, nothing changes, or the time lies outside of the video.
        StoreError: the index cannot be written.
        ModelError: an embedder cannot be loaded.
    """
    span = span or event.span
    text = " ".join(text.split())
    if (text, span) == (event.text, event.span):
        raise UsageError("nothing was changed", hint="Change the text or the times.")
    text, span = _checked(store, event.content_id, text, span)
    return _keep(store, event, text, span, author, embedders)


def remove(
    store: Store, event: Event, *, author: str = "", embedders: Callable[[], Sequence[TextEmbedder]]
) -> KeptCorrection:
    """Remove an event that does not happen: searches no longer find it. It is kept as a correction.

    The caption stays as it is, and the event is there again once the removal is undone.

    Args:
        store: The index.
        event: The event as the index has it.
        author: Who says so.
        embedders: As of ``correct``.

    Raises:
        StoreError: the index cannot be written.
        ModelError: an embedder cannot be loaded.
    """
    return _keep(store, event, "", event.span, author, embedders)


def add(
    store: Store,
    content_id: str,
    *,
    text: str,
    span: Span,
    author: str = "",
    embedders: Callable[[], Sequence[TextEmbedder]],
) -> KeptCorrection:
    """Add an event that no caption mentions, and make it searchable. It is kept as a correction of itself.

    Args:
        store: The index.
        content_id: The video.
        text: What happens.
        span: When, in video time.
        author: Who says so.
        embedders: As of ``correct``.

    Raises:
        UsageError: the text is empty or too long, there is such an event already, the time lies outside of
            the video, or no caption was made there.
        StoreError: the index cannot be written.
        ModelError: an embedder cannot be loaded.
    """
    text, span = _checked(store, content_id, text, span)
    if any((event.text, event.span) == (text, span) for event in store.events.of(content_id)):
        raise UsageError("there is such an event at that time already")
    windows = store.windows.spans([content_id]).get(content_id, {}).values()
    if not any(overlap_seconds(span, window) > 0 for window in windows):
        when = f"{format_time(span.start_seconds)} to {format_time(span.end_seconds)}"
        raise UsageError(
            f"nothing was captioned from {when}",
            hint="Index what happens in this video first; then events can be added.",
        )
    made = uuid.uuid4().hex, content_id, span, text, span, text, author.strip(), time.time()
    correction = Correction(*made)
    store.annotations.corrections.put([correction])
    return KeptCorrection(correction, _take_in(store, content_id, embedders))


def undo(
    store: Store, correction: Correction, *, embedders: Callable[[], Sequence[TextEmbedder]]
) -> KeptCorrection:
    """Undo a version: the version before it counts again, or the caption. It stays in the index, as undone.

    Raises:
        StoreError: the index cannot be written.
        ModelError: an embedder cannot be loaded.
    """
    taken_back = replace(correction, undone_at=time.time())
    store.annotations.corrections.put([taken_back])
    return KeptCorrection(taken_back, _take_in(store, correction.content_id, embedders))


def redo(
    store: Store, correction: Correction, *, embedders: Callable[[], Sequence[TextEmbedder]]
) -> KeptCorrection:
    """Let a version count again that was taken back; errors as of ``undo``."""
    again = replace(correction, undone_at=0.0)
    store.annotations.corrections.put([again])
    return KeptCorrection(again, _take_in(store, correction.content_id, embedders))


def corrected(store: Store, content_id: str) -> corrections.Corrected:
    """The corrections of a video, and which of them still match the caption that they were made for.

    Captions are compared by their words; the index itself joins some in other words, too.

    Raises:
        StoreError: the index cannot be read.
    """
    said = store.annotations.corrections.all([content_id])
    if not said:
        return corrections.Corrected(tuple(store.events.of(content_id)))
    records = store.windows.of(content_id)
    windows = {record.window.index: record.window.span for record in records}
    return corrections.apply(content_id, merge_events(content_id, records), said, windows=windows)


def _keep(
    store: Store,
    event: Event,
    text: str,
    span: Span,
    author: str,
    embedders: Callable[[], Sequence[TextEmbedder]],
) -> KeptCorrection:
    """Keep another version of what an event is, made for the same caption, and take it in."""
    said = store.annotations.corrections.all([event.content_id])
    before = next((each for each in corrections.standing(said) if each.event_id == event.id), None)
    correction = Correction(
        uuid.uuid4().hex,
        event.content_id,
        before.original_span if before else event.span,
        before.original_text if before else event.text,
        span,
        text,
        author.strip(),
        time.time(),
    )
    store.annotations.corrections.put([correction])
    return KeptCorrection(correction, _take_in(store, event.content_id, embedders))


def _checked(store: Store, content_id: str, text: str, span: Span) -> tuple[str, Span]:
    """A text and a span as they are kept.

    Raises:
        UsageError: the text is empty or too long, or the time lies outside of the video.
    """
    text = " ".join(text.split())
    if not text:
        raise UsageError("a correction needs a text", hint="Describe the event.")
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"a correction has at most {MOST_CHARACTERS:,} characters, got {len(text):,}")
    video = store.videos.of([content_id]).get(content_id)
    length = video.duration_seconds if video else 0.0
    if span.start_seconds >= length or span.end_seconds > length + 0.05 or not span.duration_seconds:
        raise UsageError(
            f"{format_time(span.start_seconds)} to {format_time(span.end_seconds)} is not a valid segment "
            f"of a video of {format_time(length)}",
            hint="Use a start before the end, both within the video.",
        )
    return text, Span(span.start_seconds, min(span.end_seconds, length))


def _take_in(store: Store, content_id: str, embedders: Callable[[], Sequence[TextEmbedder]]) -> bool:
    loaded = embedders()
    try:
        with store.writing():
            for embedder in loaded:
                Projector(store, embedder).project(content_id)
    except StoreBusyError:
        return False
    return True
