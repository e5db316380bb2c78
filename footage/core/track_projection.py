"""Derives the events of a track other than captions from its windows; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from footage.core.timecode import overlap_seconds
from footage.core.timeline import event_id
from footage.core.types import CaptionEvent, Event, Span, WindowRecord

Merge = Callable[[str, tuple[CaptionEvent, ...], tuple[Span, ...]], tuple[CaptionEvent, ...]]
"""Joins what windows cut in two: content id, events of all windows, ascending, and the windows' spans."""


def track_events(
    content_id: str, records: Sequence[WindowRecord], *, track: str, merge: Merge
) -> tuple[Event, ...]:
    """The events of one track of a video, by time; ids follow from content, track, span and text.

    Args:
        content_id: The video.
        records: The track's windows.
        track: The track.
        merge: Joins what windows cut in two.
    """
    cuts = tuple(sorted(record.window.span for record in records))
    lines = tuple(
        sorted(
            (line for record in records for line in record.caption.events),
            key=lambda line: (line.span, line.text),
        )
    )
    events: dict[str, Event] = {}
    for line in merge(content_id, lines, cuts):
        name = event_id(content_id, line.span, line.text, track)
        indexes = _windows_of(line.span, records)
        events[name] = Event(
            name, content_id, line.span, line.text, indexes, track, line.confidence, line.language
        )
    return tuple(sorted(events.values(), key=lambda event: (event.span, event.text, event.id)))


def _windows_of(span: Span, records: Sequence[WindowRecord]) -> tuple[int, ...]:
    """The windows that an event lies in, ascending; of an instant between two windows, the earlier one."""
    inside = [
        record.window.index
        for record in records
        if overlap_seconds(span, record.window.span) > 0
        or record.window.span.start_seconds <= span.start_seconds < record.window.span.end_seconds
    ]
    if not inside:  # at the very end of the last window
        inside = [max(records, key=lambda record: record.window.span.end_seconds).window.index]
    return tuple(sorted(inside))
