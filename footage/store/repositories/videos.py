"""Rows of ``videos``: contents, wherever they lie."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from footage.core.types import Span, Video
from footage.store import records as layout
from footage.store.keyed_cache import KeyedCache
from footage.store.repositories.files import FileRepository
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

    def __init__(self, tables: Tables, files: FileRepository) -> None:
        self._tables = tables
        self._files = files
        columns = [field.name for field in fields(Video)]
        self._videos: KeyedCache[tuple[Video, Lengths]] = KeyedCache("videos", "content_id", columns, _videos)
        self._lengths: VersionedCache[dict[str, Lengths]] = VersionedCache("videos")
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

    def known(self, content_ids: Collection[str]) -> dict[str, Video]:
        """These videos, as far as the index knows them; cached until a video is written."""
        held = self._videos.get(self._tables)
        return {each: held[each][0] for each in content_ids if each in held}

    def lengths(self) -> dict[str, Lengths]:
        """How long every video is, by content id; cached until a video is written."""
        return self._lengths.get(
            self._tables,
            lambda: {key: lengths for key, (_, lengths) in self._videos.get(self._tables).items()},
        )

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
        held = {file.content_id for file in self._files.by_path().values() if file.state != "gone"}
        return frozenset(self.lengths().keys() - held)


def _videos(rows: pa.Table) -> dict[str, tuple[Video, Lengths]]:
    videos = map(layout.video_from_row, rows.to_pylist())
    return {
        video.content_id: (video, Lengths(video.footage_seconds, len(video.gaps), video.gap_seconds))
        for video in videos
    }
