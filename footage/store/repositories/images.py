"""Rows of the image tables, one table for each image embedder: vectors of pictures with their times."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from footage.core.errors import SchemaMismatchError
from footage.core.types import ImageHit, image_track
from footage.store import records as layout
from footage.store.opening import IMAGE_EMBEDDER_KEY
from footage.store.records import ImageVectorRow
from footage.store.repositories.videos import VideoRepository
from footage.store.repositories.windows import WindowRepository
from footage.store.tables import Row, Tables, Wanted, given

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

    def embedders(self) -> tuple[str, ...]:
        """Names of the image embedders that have a table, sorted."""
        keys = [row["key"] for row in self._tables.read("meta", columns=["key"])]
        return tuple(
            sorted(key.removeprefix(IMAGE_EMBEDDER_KEY) for key in keys if key.startswith(IMAGE_EMBEDDER_KEY))
        )

    def tables(self) -> list[str]:
        """Names of all image tables."""
        from footage.store.schema import image_table

        return [image_table(embedder) for embedder in self.embedders()]

    def put(self, embedder: str, rows: Iterable[ImageVectorRow]) -> None:
        """Write vectors; all earlier ones of the same windows go first.

        Raises:
            SchemaMismatchError: the table holds vectors of another length.
            ValueError: the rows differ in length.
        """
        rows = list(rows)
        if not rows:
            return
        lengths = {len(row.vector) for row in rows}
        if len(lengths) > 1:
            raise ValueError(f"vectors of one table need one length, got {sorted(lengths)}")
        name = self._made(embedder, lengths.pop())
        by_content: dict[str, set[int]] = {}
        for row in rows:
            by_content.setdefault(row.content_id, set()).add(row.window_index)
        for content_id, indexes in by_content.items():
            self._tables.delete(name, _windows(content_id, indexes))
        self._tables.insert(name, [layout.image_to_row(row) for row in rows])

    def remove(self, embedder: str, content_id: str, indexes: Collection[int]) -> None:
        """Remove the vectors of some windows of a video."""
        if embedder in self.embedders():
            self._tables.delete(self._table(embedder), _windows(content_id, indexes))

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
        """Number of an embedder's vectors; 0 where it has no table."""
        return self._tables.count(self._table(embedder)) if embedder in self.embedders() else 0

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
        )
        owned = self._owned(embedder, rows)
        hits = [layout.image_hit_from_row(rows[place], 1.0 - rows[place]["_distance"]) for place in owned]
        return hits, np.zeros((0, len(query)), np.float32) if vectors is None else vectors[owned]

    def sample(self, embedder: str, size: int) -> tuple[list[str], np.ndarray]:
        """Some vectors, drawn evenly, always the same: contents, and float32 (count, dimension)."""
        from footage.store.exact_index import matrix_of

        found = self._tables.sample(self._table(embedder), size, columns=["content_id", "vector"])
        return found.column("content_id").to_pylist(), matrix_of(found)

    def _owned(self, embedder: str, rows: Sequence[Row]) -> list[int]:
        track = image_track(embedder)
        return self._windows.owned(
            [{**row, "track": track, "window_indexes": [row["window_index"]]} for row in rows]
        )

    def _table(self, embedder: str, *, dimension: int | None = None) -> str:
        from footage.store.schema import image_table

        name = image_table(embedder)
        if embedder not in self.embedders():
            raise SchemaMismatchError(
                f"the index {self._tables.path} has no image vectors of {embedder!r}",
                hint="Make them with `footage index FOLDER --tracks image`, or name the embedder of the "
                "index with --image-embedder.",
            )
        held = self._tables.table(name).schema.field("vector").type.list_size
        if dimension is not None and held != dimension:
            raise SchemaMismatchError(
                f"the index {self._tables.path} has image vectors of dimension {held} for {embedder!r}, not "
                f"{dimension}",
                hint="Use the image embedder of the index, or another name for this one.",
            )
        return name

    def _made(self, embedder: str, dimension: int) -> str:
        """The table of an embedder, made first if there is none."""
        from footage.store.schema import image_schema, image_table

        if embedder not in self.embedders():
            name = image_table(embedder)
            self._tables.make(name, image_schema(dimension))
            self._tables.upsert("meta", [{"key": IMAGE_EMBEDDER_KEY + embedder, "value": name}])
        return self._table(embedder, dimension=dimension)


def _windows(content_id: str, indexes: Collection[int]) -> Wanted:
    return {"content_id": [content_id], "window_index": sorted(indexes)}
