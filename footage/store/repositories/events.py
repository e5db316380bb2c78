"""Rows of ``events`` of kind "event": what happens in a video, derived from its windows."""

from __future__ import annotations

from collections.abc import Collection

from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Event, Span
from footage.store import records as layout
from footage.store.repositories.windows import WindowRepository
from footage.store.tables import Row, Tables, Wanted


class EventRepository:
    """The events of an index, as far as their windows are committed; got from ``Store.events``."""

    def __init__(self, tables: Tables, windows: WindowRepository) -> None:
        self._tables = tables
        self._windows = windows

    def all(self, *, track: str = CAPTION_TRACK) -> list[Event]:
        """All events of a track, by content and start."""
        return self._sorted({"owner_kind": ["event"]}, track)

    def of(self, content_id: str, *, track: str = CAPTION_TRACK) -> list[Event]:
        """Events of one track of a video, by start."""
        return self._sorted({"owner_kind": ["event"], "content_id": [content_id]}, track)

    def by_video(self, content_ids: Collection[str], *, track: str = CAPTION_TRACK) -> dict[str, list[Event]]:
        """Events of a track of some videos by content id, by start; none for a video that has none."""
        by_video: dict[str, list[Event]] = {content_id: [] for content_id in content_ids}
        for event in self._sorted({"owner_kind": ["event"], "content_id": content_ids}, track):
            by_video[event.content_id].append(event)
        return by_video

    def of_ids(self, event_ids: Collection[str], *, track: str = CAPTION_TRACK) -> dict[str, Event]:
        """Events of a track by id; none for an id that the index does not hold."""
        found = self._sorted({"owner_kind": ["event"], "owner_id": event_ids}, track)
        return {event.id: event for event in found}

    def spans(self, content_ids: Collection[str]) -> dict[str, list[Span]]:
        """When anything is seen in some videos, by captions: by content id, each by start."""
        wanted = {"owner_kind": ["event"], "content_id": content_ids}
        columns = ["content_id", "start_seconds", "end_seconds"]
        if self._tables.has_column("events", "track"):
            columns.append("track")
        spans: dict[str, list[Span]] = {}
        for row in self._tables.read("events", wanted, columns=columns):
            if layout.track_of(row) != CAPTION_TRACK:
                continue
            spans.setdefault(row["content_id"], []).append(layout.span_from_row(row))
        return {content_id: sorted(each) for content_id, each in spans.items()}

    def _sorted(self, wanted: Wanted, track: str) -> list[Event]:
        rows: list[Row] = self._tables.read("events", wanted)
        rows = [row for row in rows if layout.track_of(row) == track]
        found = (layout.event_from_row(rows[place]) for place in self._windows.owned(rows))
        return sorted(found, key=lambda event: (event.content_id, event.span, event.text, event.id))
