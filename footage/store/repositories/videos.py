"""Rows of ``videos``: contents, wherever they lie."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from footage.core.types import Span, Video
from footage.store import records as layout
from footage.store.repositories.files import CACHED_ROWS
from footage.store.tables import Tables, given
from footage.store.versioned_cache import VersionedCache


class VideoRepository:
    """The videos of an index; got from ``Store.videos``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._all: VersionedCache[dict[str, Video] | None] = VersionedCache("videos")
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
        cached = self._all.get(self._tables, self._read_all_of_few)
        return self.of(content_ids) if cached is None else cached

    def gaps(self) -> dict[str, tuple[Span, ...]]:
        """The gaps of the videos that have any, by content id; cached until a video is written."""
        return self._gaps.get(
            self._tables,
            lambda: {content_id: video.gaps for content_id, video in self.all().items() if video.gaps},
        )

    def without_files(self) -> frozenset[str]:
        """Contents that were indexed but lie in no file any more: deleted, or overwritten in place."""
        return self._without_files.get(self._tables, self._read_without_files)

    def _read_all_of_few(self) -> dict[str, Video] | None:
        """Every video; None of a table too large for that."""
        return None if self._tables.count("videos") > CACHED_ROWS else self.all()

    def _read_without_files(self) -> frozenset[str]:
        files = self._tables.read("files", columns=["content_id", "state"])
        held = {row["content_id"] for row in files if row["state"] != "gone"}
        known = {row["content_id"] for row in self._tables.read("videos", columns=["content_id"])}
        return frozenset(known - held)
