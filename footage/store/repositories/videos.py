"""Rows of ``videos``: contents, wherever they lie."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from footage.core.types import Span, Video, footage_seconds, on_grid
from footage.store import records as layout
from footage.store.keyed_cache import KeyedCache
from footage.store.repositories.files import CACHED_ROWS
from footage.store.tables import Tables, given
from footage.store.versioned_cache import VersionedCache

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long a video is, for sums over all of them."""

    footage_seconds: float
    """Without its gaps."""
    gaps: int
    """How many gaps it has."""
    gap_seconds: float
    """How long they are together."""


class VideoRepository:
    """The videos of an index; got from ``Store.videos``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        columns = [field.name for field in fields(Video)]
        self._videos: KeyedCache[Video] = KeyedCache("videos", "content_id", columns, _videos)
        self._lengths: KeyedCache[Lengths] = KeyedCache(
            "videos", "content_id", ["duration_seconds", "gaps"], _lengths
        )
        self._held: KeyedCache[tuple[str, str]] = KeyedCache("files", "path", ["content_id", "state"], _held)
        self._gaps: VersionedCache[dict[str, tuple[Span, ...]]] = VersionedCache("videos")
        self._without_files: VersionedCache[frozenset[str]] = VersionedCache("files", "videos")

    def put(self, videos: Iterable[Video]) -> None:
        """Insert videos, or replace the ones with the same content.

        Raises:
            ValueError: when one has no content id.
        """
        rows = [layout.video_to_row(video) for video in videos]
        if not all(row["content_id"] for row in rows):
            raise ValueError("a video needs its content_id before it is stored")
        self._tables.upsert("videos", rows)

    def all(self) -> dict[str, Video]:
        """All videos by content id."""
        return self.of(None)

    def of(self, content_ids: Collection[str] | None) -> dict[str, Video]:
        """Some videos by content id, as far as the index knows them; all of them for None."""
        found = self._tables.read("videos", given(content_id=content_ids))
        return {row["content_id"]: layout.video_from_row(row) for row in found}

    def known(self, content_ids: Collection[str]) -> Mapping[str, Video]:
        """At least these videos, as far as the index knows them; cached until a video is written."""
        if len(self.lengths()) > CACHED_ROWS:
            return self.of(content_ids)
        return self._videos.get(self._tables)

    def lengths(self) -> dict[str, Lengths]:
        """How long every video is, by content id; cached until a video is written."""
        return self._lengths.get(self._tables)

    def gaps(self) -> dict[str, tuple[Span, ...]]:
        """The gaps of the videos that have any, by content id; cached until a video is written."""
        return self._gaps.get(
            self._tables,
            lambda: {content_id: video.gaps for content_id, video in self.all().items() if video.gaps},
        )

    def without_files(self) -> frozenset[str]:
        """Contents that were indexed but lie in no file any more: deleted, or overwritten in place."""
        return self._without_files.get(self._tables, self._read_without_files)

    def _read_without_files(self) -> frozenset[str]:
        held = {content_id for content_id, state in self._held.get(self._tables).values() if state != "gone"}
        return frozenset(self.lengths().keys() - held)


def _videos(rows: pa.Table) -> dict[str, Video]:
    return {row["content_id"]: layout.video_from_row(row) for row in rows.to_pylist()}


def _held(rows: pa.Table) -> dict[str, tuple[str, str]]:
    return {row["path"]: (row["content_id"], row["state"]) for row in rows.to_pylist()}


def _lengths(rows: pa.Table) -> dict[str, Lengths]:
    found = {}
    for row in rows.to_pylist():
        ends = row.get("gaps") or ()  # an index of before has none
        gaps = tuple(map(Span, ends[::2], ends[1::2]))
        seconds = footage_seconds(on_grid(row["duration_seconds"]), gaps) if gaps else row["duration_seconds"]
        gap_seconds = on_grid(sum(gap.duration_seconds for gap in gaps)) if gaps else 0.0
        found[row["content_id"]] = Lengths(seconds, len(gaps), gap_seconds)
    return found
