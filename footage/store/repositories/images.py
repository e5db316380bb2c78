"""Rows of the image tables, one table for each image embedder: vectors of pictures with their times."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from footage.core.errors import SchemaMismatchError, UsageError
from footage.core.image_hit import ImageHit
from footage.core.tracks import image_track
from footage.store import records as layout
from footage.store.opening import IMAGE_EMBEDDER_KEY
from footage.store.records import ImageVectorRow
from footage.store.repositories.videos import VideoRepository
from footage.store.repositories.windows import WindowRepository
from footage.store.tables import Row, Tables, given
from footage.store.versioned_cache import VersionedCache

if TYPE_CHECKING:
    import numpy as np


class ImageRepository:
    """The image vectors of an index; got from ``Store.images``.

    A vector counts once its window of the embedder's image track is committed: vectors are written first,
    then the window. Readers leave out all others, and those of contents that no file holds.
    """

    def __init__(self, tables: Tables, windows: WindowRepository, videos: VideoRepository) -> None:
        self._tables = tables
        self._windows = windows
        self._videos = videos
        self._known: VersionedCache[dict[str, str]] = VersionedCache("meta")
        self._counts: dict[str, VersionedCache[int]] = {}
        self._held: dict[str, tuple[int, dict[str, set[int]]]] = {}

    def embedders(self) -> tuple[str, ...]:
        """Names of the image embedders that have a table, sorted; cached until ``meta`` is written."""
        return tuple(sorted(self._tables_by_embedder()))

    def tables(self) -> list[str]:
        """Names of all image tables."""
        return sorted(self._tables_by_embedder().values())

    def put(self, embedder: str, rows: Iterable[ImageVectorRow]) -> None:
        """Write vectors, in one commit; all earlier ones of the same windows go first.

        A window that was committed with others is taken back before that: it is to be committed anew.

        Raises:
            SchemaMismatchError: the table holds vectors of another length.
            UsageError: no index can store the name of the embedder.
            ValueError: the rows differ in length, or two of them are of the same frame.
        """
        rows = list(rows)
        if not rows:
            return
        lengths = {len(row.vector) for row in rows}
        if len(lengths) > 1:
            raise ValueError(f"vectors of one table need one length, got {sorted(lengths)}")
        cells = [layout.image_to_row(row) for row in rows]
        if len({cell["id"] for cell in cells}) < len(cells):
            raise ValueError("two vectors are of the same frame of the same window")
        name = self._made(embedder, lengths.pop())
        by_content: dict[str, set[int]] = {}
        for row in rows:
            by_content.setdefault(row.content_id, set()).add(row.window_index)
        held = {content_id: self._indexes(name, content_id) for content_id in by_content}
        for content_id, indexes in by_content.items():
            if again := indexes & held[content_id]:
                self.remove(embedder, content_id, again)
        self._tables.insert(name, cells)
        for content_id, indexes in by_content.items():
            held[content_id] |= indexes
        known = {**self._held[name][1], **held}
        self._held[name] = self._tables.version(name), known

    def remove(self, embedder: str, content_id: str, indexes: Collection[int]) -> None:
        """Take some windows of a video back, then remove their vectors: none is ever half there."""
        self._windows.remove(content_id, indexes, track=image_track(embedder))
        if name := self._tables_by_embedder().get(embedder):
            self._tables.delete(name, {"content_id": [content_id], "window_index": sorted(indexes)})

    def remove_unowned(self) -> int:
        """Remove the vectors of windows that are not committed; the write lock is held.

        A killed run may leave some. Nobody reads them, and writing their windows again replaces them.

        Returns:
            How many windows they were of.
        """
        count = 0
        for embedder in self.embedders():
            name = self._table(embedder)
            lost: dict[str, list[int]] = {}
            covered = self._windows.covered(track=image_track(embedder))
            for row, _ in self._tables.count_by(name, ["content_id", "window_index"]):
                content_id, index = row["content_id"], row["window_index"]
                if content_id not in covered or index not in covered[content_id][0]:
                    lost.setdefault(content_id, []).append(index)
            for content_id, indexes in lost.items():
                self.remove(embedder, content_id, indexes)
                count += len(indexes)
        return count

    def of(self, embedder: str, content_id: str) -> list[ImageVectorRow]:
        """The vectors of a video, in the order of time; none where the embedder has no table."""
        if embedder not in self.embedders():
            return []
        found = self._tables.read(self._table(embedder), {"content_id": [content_id]})
        owned = [found[place] for place in self._owned(embedder, found)]
        return sorted(map(layout.image_from_row, owned), key=lambda row: row.at_seconds)

    def arrays(
        self, embedder: str, content_id: str, windows: Collection[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The vectors of a video, or of some of its windows, in the order of time.

        Returns:
            Start and end of what each picture stands for, float64 (count, 2) in seconds of video time, and
            the vectors, float32 (count, dimension).

        Raises:
            SchemaMismatchError: the embedder has no table here.
        """
        import numpy as np

        from footage.store.exact_index import matrix_of

        wanted = given(content_id=[content_id], window_index=windows)
        found = self._tables.read_arrow(self._table(embedder), wanted)
        rows = found.select(["content_id", "window_index"]).to_pylist()
        spans = np.stack([found.column(name).to_numpy() for name in ("start_seconds", "end_seconds")], axis=1)
        owned = self._owned(embedder, rows)
        order = [owned[place] for place in np.lexsort((spans[owned, 1], spans[owned, 0]))]
        return spans[order], matrix_of(found)[order]

    def count(self, embedder: str) -> int:
        """Number of an embedder's vectors, cached until one is written; 0 where it has no table."""
        name = self._tables_by_embedder().get(embedder)
        if name is None:
            return 0
        cache = self._counts.setdefault(name, VersionedCache(name))
        return cache.get(self._tables, lambda: self._tables.count(name))

    def dimension(self, embedder: str) -> int:
        """Numbers of an embedder's vectors; 0 where it has no table."""
        if embedder not in self.embedders():
            return 0
        return int(self._tables.table(self._table(embedder)).schema.field("vector").type.list_size)

    def size_bytes(self, embedder: str) -> int:
        """Size of an embedder's table on disk; 0 where it has none."""
        if embedder not in self.embedders():
            return 0
        return self._tables.location.size_bytes(self._table(embedder))

    def nearest(
        self,
        embedder: str,
        vector: np.ndarray,
        *,
        limit: int = 200,
        content_ids: Collection[str] | None = None,
    ) -> tuple[list[ImageHit], np.ndarray]:
        """The pictures nearest to a vector of shape (dimension,), best first, and their vectors.

        Returns:
            The hits, and a float32 array of shape (hits, dimension).

        Raises:
            SchemaMismatchError: the embedder has no table here, or one of another length.
        """
        import numpy as np

        query = np.asarray(vector, np.float32)
        name = self._table(embedder, dimension=len(query))
        rows, vectors = self._tables.search(
            name,
            query,
            limit=limit,
            wanted=given(content_id=content_ids),
            without={"content_id": self._videos.without_files()},
            few_videos=self._few_videos(embedder),
            share=self._share(embedder, content_ids),
        )
        owned = self._owned(embedder, rows)
        hits = [layout.image_hit_from_row(rows[place], 1.0 - rows[place]["_distance"]) for place in owned]
        return hits, np.zeros((0, len(query)), np.float32) if vectors is None else vectors[owned]

    def sample(self, embedder: str, size: int) -> tuple[list[str], np.ndarray]:
        """Some vectors, drawn evenly, always the same: contents, and float32 (count, dimension)."""
        from footage.store.exact_index import matrix_of

        found = self._tables.sample(self._table(embedder), size, columns=["content_id", "vector"])
        return found.column("content_id").to_pylist(), matrix_of(found)

    def _few_videos(self, embedder: str) -> int:
        """How many videos have so few vectors, on average, that each is compared."""
        videos = len(self._windows.covered(track=image_track(embedder)))
        return self._tables.limits.few_images * videos // max(1, self.count(embedder))

    def _share(self, embedder: str, content_ids: Collection[str] | None) -> float:
        """Share of an embedder's videos that some are, about."""
        if content_ids is None:
            return 1.0
        videos = len(self._windows.covered(track=image_track(embedder)))
        return min(1.0, len(content_ids) / max(1, videos))

    def _owned(self, embedder: str, rows: Sequence[Row]) -> list[int]:
        track = image_track(embedder)
        return self._windows.owned(
            [{**row, "track": track, "window_indexes": [row["window_index"]]} for row in rows]
        )

    def _table(self, embedder: str, *, dimension: int | None = None) -> str:
        """Name of an embedder's table, checked for ``dimension``."""
        name = self._tables_by_embedder().get(embedder)
        if name is None:
            raise SchemaMismatchError(
                f"the index {self._tables.path} has no image vectors of {embedder!r}",
                hint="Make them with `footage index FOLDER --tracks image`, or name the embedder of the "
                "index with --image-embedder.",
            )
        return name if dimension is None else self._fitting(name, embedder, dimension)

    def _fitting(self, name: str, embedder: str, dimension: int) -> str:
        """The name of a table again, if its vectors are of so many numbers."""
        held = self._tables.dimension(name)
        if held != dimension:
            raise SchemaMismatchError(
                f"the index {self._tables.path} has image vectors of dimension {held} for {embedder!r}, not "
                f"{dimension}",
                hint="Use the image embedder of the index, or another name for this one.",
            )
        return name

    def _tables_by_embedder(self) -> dict[str, str]:
        """The table of each image embedder."""

        def read() -> dict[str, str]:
            return {
                row["key"].removeprefix(IMAGE_EMBEDDER_KEY): row["value"]
                for row in self._tables.read("meta")
                if row["key"].startswith(IMAGE_EMBEDDER_KEY)
            }

        return self._known.get(self._tables, read)

    def _made(self, embedder: str, dimension: int) -> str:
        """The table of an embedder, made first if there is none."""
        from footage.store.schema import image_schema, image_table

        name = self._tables_by_embedder().get(embedder)
        if name is None:
            if _has_half_characters(embedder):
                raise UsageError(
                    f"the name of the image embedder, {embedder!r:.80}, contains characters that an index "
                    "cannot store",
                    hint="Rename the folder of the model, or use a link to it.",
                )
            name = image_table(embedder)
            self._tables.make(name, image_schema(dimension))
            self._tables.upsert("meta", [{"key": IMAGE_EMBEDDER_KEY + embedder, "value": name}])
        return self._fitting(name, embedder, dimension)

    def _indexes(self, name: str, content_id: str) -> set[int]:
        """The windows of a video that a table has vectors of; known until another object writes to it."""
        version = self._tables.version(name)
        if name not in self._held or self._held[name][0] != version:
            self._held[name] = version, {}
        known = self._held[name][1]
        if content_id not in known:
            rows = self._tables.read(name, {"content_id": [content_id]}, columns=["window_index"])
            known[content_id] = {row["window_index"] for row in rows}
        return known[content_id]


def _has_half_characters(text: str) -> bool:
    """Whether a text cannot be written as UTF-8, as a file name that is none of it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
