"""Rows of ``stills``: what captioned windows show in which nothing changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from footage.store import records as layout
from footage.store.records import StillRow
from footage.store.tables import Tables


class StillRepository:
    """The still pictures of an index; got from ``Store.stills``.

    They are written before their windows: one without a committed window of its index is no reference.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, stills: Iterable[StillRow]) -> None:
        """Insert still pictures, or replace those of the same windows."""
        self._tables.upsert("stills", [layout.still_to_row(still) for still in stills])

    def of(self, content_ids: Collection[str]) -> list[StillRow]:
        """The still pictures of some videos, by video and window index."""
        if "stills" not in self._tables.names():  # of a version before 13
            return []
        found = map(layout.still_from_row, self._tables.read("stills", {"content_id": list(content_ids)}))
        return sorted(found, key=lambda still: (still.content_id, still.window_index))

    def remove(self, content_id: str, indexes: Collection[int]) -> None:
        """Remove the still pictures of some windows of a video."""
        ids = [layout.window_id(content_id, index) for index in indexes]
        self._tables.delete("stills", {"id": ids})
