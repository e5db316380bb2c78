"""Rows of the vector tables, one table for each embedder: texts with their vectors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from footage.core.corrections import restored, standing
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Hit
from footage.store import records as layout
from footage.store.annotations import CorrectionRepository
from footage.store.records import OwnerKind, VectorRow
from footage.store.repositories.texts import CAPTIONS, TextRepository
from footage.store.repositories.vector_tables import EmbedderRepository
from footage.store.repositories.videos import VideoRepository
from footage.store.repositories.windows import WindowRepository
from footage.store.tables import Tables
from footage.store.versioned_cache import VersionedCache

if TYPE_CHECKING:
    import numpy as np


class VectorRepository:
    """The vectors of an index; got from ``Store.vectors``."""

    def __init__(
        self,
        tables: Tables,
        *,
        embedders: EmbedderRepository,
        texts: TextRepository,
        windows: WindowRepository,
        videos: VideoRepository,
        corrections: CorrectionRepository,
    ) -> None:
        self._tables = tables
        self._embedders = embedders
        self._texts = texts
        self._windows = windows
        self._videos = videos
        self._corrections = corrections
        self._counts: dict[str, VersionedCache[int]] = {}
        self._passages: dict[str, VersionedCache[tuple[list[Hit], np.ndarray]]] = {}

    def put(self, embedder: str, rows: Iterable[VectorRow], *, new: bool = False) -> None:
        """Insert vectors into an embedder's table, or replace those with the same owner id.

        Args:
            embedder: Whose table.
            rows: The vectors.
            new: The caller knows that the table holds none of them; it is not searched for them.

        Raises:
            SchemaMismatchError: the table holds vectors of another length.
            ValueError: the rows differ in length.
        """
        import numpy as np

        rows = list(rows)
        lengths = {len(row.vector) for row in rows}
        if len(lengths) > 1:
            raise ValueError(f"vectors of one table need one length, got {sorted(lengths)}")
        if rows:
            name = self._embedders.table(embedder, dimension=lengths.pop(), create=True)
            write = self._tables.insert if new else self._tables.upsert
            write(
                name,
                [{**layout.text_to_row(row), "vector": np.asarray(row.vector, np.float32)} for row in rows],
            )

    def remove(self, embedder: str, owner_ids: Collection[str]) -> None:
        """Take vectors out of an embedder's table, if it has one."""
        if self._embedders.has_table(embedder):
            self._tables.delete(self._embedders.table(embedder), {"owner_id": owner_ids})

    def of(self, embedder: str, content_id: str, *, track: str = CAPTION_TRACK) -> dict[str, VectorRow]:
        """The vectors of a video's track, by owner id; none when the embedder has no table."""
        if not self._embedders.has_table(embedder):
            return {}
        found = self._tables.read(self._embedders.table(embedder), {"content_id": [content_id]})
        return {
            row["owner_id"]: layout.vector_from_row(row) for row in found if layout.track_of(row) == track
        }

    def count(self, embedder: str) -> int:
        """Number of an embedder's vectors; cached until one is written."""
        name = self._embedders.table(embedder)
        cache = self._counts.setdefault(name, VersionedCache(name))
        return cache.get(self._tables, lambda: self._tables.count(name))

    def projected(self, embedder: str, *, track: str = CAPTION_TRACK) -> dict[str, tuple[int, ...]]:
        """The windows of a track that the events and an embedder's vectors have taken in, by content id.

        A video whose two projections differ, or that lacks one, is absent: it needs projecting again.
        """
        if not self._embedders.has_table(embedder):
            return {}
        columns = ["owner_id", "content_id", "window_indexes"]
        events, vectors = (
            {
                row["content_id"]: tuple(row["window_indexes"])
                for row in self._tables.read(table, {"owner_kind": ["video"]}, columns=columns)
                if row["owner_id"] == layout.track_key(row["content_id"], track)
            }
            for table in ("events", self._embedders.table(embedder))
        )
        return dict(events.items() & vectors.items())

    def uncorrected(self, embedder: str) -> set[str]:
        """Contents whose corrections the events, or an embedder's vectors, have not taken in yet."""
        corrections = self._corrections.all()
        if not corrections:
            return set()
        ours: dict[str, set[str]] = {}
        for each in corrections:
            ours.setdefault(each.content_id, set()).add(each.event_id)
        wanted: dict[str, set[str]] = {content_id: set() for content_id in ours}
        made = [each for each in standing(corrections) if not each.removes]
        for each in (*made, *restored(corrections)):
            wanted[each.content_id].add(each.event_id)
        tables = ["events"]
        if self._embedders.has_table(embedder):
            tables.append(self._embedders.table(embedder))
        behind: set[str] = set()
        for table in tables:
            held: dict[str, set[str]] = {}
            ids = {"owner_id": set().union(*ours.values())}
            for row in self._tables.read(table, ids, columns=["content_id", "owner_id"]):
                held.setdefault(row["content_id"], set()).add(row["owner_id"])
            behind |= {content_id for content_id in ours if held.get(content_id, set()) != wanted[content_id]}
        return behind

    def search(
        self,
        embedder: str,
        vector: np.ndarray,
        *,
        limit: int = 50,
        owner_kinds: Collection[OwnerKind] | None = None,
        content_ids: Collection[str] | None = None,
        tracks: Collection[str] = CAPTIONS,
    ) -> list[Hit]:
        """Nearest texts to a vector of shape (dimension,), best first; the score is the cosine similarity.

        Raises:
            SchemaMismatchError: the embedder has no table here, or one of another length.
        """
        hits, _ = self.nearest(
            embedder, vector, limit=limit, owner_kinds=owner_kinds, content_ids=content_ids, tracks=tracks
        )
        return hits

    def nearest(
        self,
        embedder: str,
        vector: np.ndarray,
        *,
        limit: int = 50,
        owner_kinds: Collection[OwnerKind] | None = None,
        content_ids: Collection[str] | None = None,
        tracks: Collection[str] = CAPTIONS,
    ) -> tuple[list[Hit], np.ndarray]:
        """As ``search``, with the vectors of the texts, float32 (hits, dimension)."""
        import numpy as np

        query = np.asarray(vector, dtype=np.float32)
        name = self._embedders.table(embedder, dimension=len(query))
        rows, vectors = self._texts.search_table(
            name, query, limit=limit, owner_kinds=owner_kinds, content_ids=content_ids, tracks=tracks
        )
        hits = [layout.hit_from_row(row, 1.0 - row["_distance"]) for row in rows]
        return hits, np.zeros((0, len(query)), np.float32) if vectors is None else vectors

    def nearest_of(
        self,
        embedder: str,
        vector: np.ndarray,
        kinds: Sequence[Collection[OwnerKind]],
        *,
        limit: int = 50,
        content_ids: Collection[str] | None = None,
    ) -> list[tuple[list[Hit], np.ndarray]]:
        """As ``nearest`` for several groups of kinds of captions, which takes less than one search each."""
        import numpy as np

        query = np.asarray(vector, dtype=np.float32)
        name = self._embedders.table(embedder, dimension=len(query))
        found = self._texts.search_kinds(name, query, kinds, limit=limit, content_ids=content_ids)
        return [
            (
                [layout.hit_from_row(row, 1.0 - row["_distance"]) for row in rows],
                np.zeros((0, len(query)), np.float32) if vectors is None else vectors,
            )
            for rows, vectors in found
        ]

    def passages(self, embedder: str) -> tuple[Sequence[Hit], np.ndarray] | None:
        """Every passage and their vectors, float32 (passages, dimension); None where there are too many.

        The same objects until a table is written: what is made of them may be kept as long. Their score is 0.
        """
        name = self._embedders.table(embedder)
        nearest = self._tables.in_memory(name)
        if nearest is None:
            return None

        def read() -> tuple[list[Hit], np.ndarray]:
            without = self._videos.without_files()
            rows, vectors = nearest.among({"owner_kind": ["passage"]})
            owned = [place for place in self._windows.owned(rows) if rows[place]["content_id"] not in without]
            return [layout.hit_from_row(rows[place], 0.0) for place in owned], vectors[owned]

        caches = self._passages
        cache = caches.setdefault(name, VersionedCache(name, "windows", "files", "videos"))
        return cache.get(self._tables, read)

    def sample(
        self, embedder: str, size: int, *, track: str = CAPTION_TRACK
    ) -> tuple[list[str], list[str], np.ndarray]:
        """Some events of a track, drawn evenly: contents, texts and vectors, float32 (events, dimension)."""
        from footage.store.exact_index import matrix_of

        columns = ["owner_kind", "content_id", "text", "vector"]
        only = {"track": track} if self._texts.among_others((track,)) else {}
        found = self._tables.sample(self._embedders.table(embedder), size, columns=columns, only=only)
        kinds, contents, texts = (found.column(name).to_pylist() for name in columns[:3])
        chosen = [n for n, kind in enumerate(kinds) if kind == "event"]
        return [contents[n] for n in chosen], [texts[n] for n in chosen], matrix_of(found)[chosen]
