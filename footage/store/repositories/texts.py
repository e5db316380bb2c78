"""Every searchable text, derived from windows: events, scenes and passages (``events``, ``passages``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Event, Hit, WindowRecord
from footage.store import records as layout
from footage.store.conditions import matching
from footage.store.exact_index import measured
from footage.store.over_fetching import CAPTION_COLUMNS, OverFetch, in_parallel
from footage.store.records import OwnerKind, TextRow
from footage.store.repositories.track_lines import LINE_COLUMNS, TrackLines
from footage.store.repositories.videos import VideoRepository
from footage.store.repositories.windows import WindowRepository
from footage.store.tables import Row, Tables, Wanted, given
from footage.store.versioned_cache import VersionedCache

if TYPE_CHECKING:
    import numpy as np

PASSAGES: tuple[OwnerKind, ...] = ("passage",)
_WITH_TEXT: tuple[OwnerKind, ...] = ("event", "scene", "passage")
CAPTIONS = (CAPTION_TRACK,)
"""The tracks that are searched unless others are named."""
_MORE = 4  # times the limit: so many rows are read, to keep those of the kinds that are wanted


class TextRepository:
    """The searchable texts of an index; got from ``Store.texts``."""

    def __init__(self, tables: Tables, windows: WindowRepository, videos: VideoRepository) -> None:
        self._tables = tables
        self._windows = windows
        self._videos = videos
        self._lines: VersionedCache[TrackLines] = VersionedCache("events", "windows", "files", "videos")

    def put(
        self,
        content_id: str,
        events: Iterable[Event],
        *,
        records: Sequence[WindowRecord] | None = None,
        held: Iterable[TextRow] | None = None,
        track: str = CAPTION_TRACK,
    ) -> tuple[TextRow, ...]:
        """Bring the texts of a video's track up to date: events, and the texts of its scenes and of itself.

        What vanished goes first; the row of the whole video, which says how far the projection has come, is
        written in one commit with all events that are new, after the passages. What stays costs nothing.

        Args:
            content_id: The video.
            events: Its whole timeline.
            records: Its committed windows, if at hand; read otherwise.
            held: The texts as last written, if at hand; read otherwise.
            track: The track that all of these belong to; the others stay as they are.

        Returns:
            All its texts, for embedding.
        """
        records = self._windows.of(content_id, track=track) if records is None else records
        texts = layout.text_rows(content_id, events, records, track=track)
        if held is None:
            held = map(layout.text_from_row, self._read({"content_id": [content_id]}))
        before = {text.owner_id: text for text in held if text.track == track}
        write = self._tables.upsert if before else self._tables.insert
        vanished = before.keys() - {text.owner_id for text in texts}
        for table in ("passages", "events"):
            gone = {owner_id for owner_id in vanished if _table_of(before[owner_id]) == table}
            self._tables.delete(table, {"owner_id": gone})
        changed = [text for text in texts if before.get(text.owner_id) != text]
        for table in ("passages", "events"):
            write(table, [layout.text_to_row(text) for text in changed if _table_of(text) == table])
        return texts

    def remove_whole(self, owner_id: str) -> None:
        """Remove the row of a whole video, or of its track, so that its projection counts as behind."""
        self._tables.delete("events", {"owner_id": [owner_id]})

    def all(self) -> list[TextRow]:
        """Every text: what an embedder's vector table is filled from."""
        return self._owned({})

    def of(self, content_id: str, *, track: str = CAPTION_TRACK) -> list[TextRow]:
        """Every text of one track of a video."""
        return [text for text in self._owned({"content_id": [content_id]}) if text.track == track]

    def lines(self) -> TrackLines:
        """Every event of every track but captions; the same object until a table is written."""
        return self._lines.get(self._tables, self._read_lines)

    def _read_lines(self) -> TrackLines:
        tracks = sorted(set(self._windows.tracks()) - set(CAPTIONS))
        wanted = {"track": tracks, "owner_kind": ["event"]}
        cells = self._tables.read_columns("events", wanted, LINE_COLUMNS) if tracks else {}
        keys = ("content_id", "track", "window_indexes")
        rows = [
            dict(zip(keys, values, strict=True))
            for values in zip(*(cells.get(k, []) for k in keys), strict=True)
        ]
        without = self._videos.without_files()
        return TrackLines.of(
            cells, [n for n in self._windows.owned(rows) if rows[n]["content_id"] not in without]
        )

    def search(
        self,
        query: str,
        *,
        limit: int = 50,
        owner_kinds: Collection[OwnerKind] | None = None,
        content_ids: Collection[str] | None = None,
        passages: bool = False,
        tracks: Collection[str] = CAPTIONS,
    ) -> list[Hit]:
        """Events and scenes, or passages, that share words with the query, best first; the score is BM25.

        The query is plain words: quotes, operators and other signs in it mean nothing. Words are stemmed, so
        that "cars" finds "car".
        """
        words = query.encode("utf-8", "replace").decode("utf-8")
        table = "passages" if passages else "events"
        rows: list[Row] = []
        partly = self.among_others(tracks)
        more = limit if owner_kinds is None and not partly else _MORE * limit
        if content_ids is None:  # a filter looks through the whole table: rather ask for more, and drop some
            rows, _ = self.search_table(table, words, limit=more, tracks=None)
            through = len(rows) < more
            rows = [row for row in rows if owner_kinds is None or row["owner_kind"] in owner_kinds]
            rows = [row for row in rows if not partly or layout.track_of(row) in tracks][:limit]
            if through or len(rows) == limit:
                return [layout.hit_from_row(row, row["_score"]) for row in rows]
        if passages and tracks == CAPTIONS:
            [(rows, _)] = self.search_kinds(table, words, [PASSAGES], limit=limit, content_ids=content_ids)
        else:
            rows, _ = self.search_table(
                table, words, limit=limit, owner_kinds=owner_kinds, content_ids=content_ids, tracks=tracks
            )
        return [layout.hit_from_row(row, row["_score"]) for row in rows]

    def search_table(
        self,
        table: str,
        query: np.ndarray | str,
        *,
        limit: int,
        owner_kinds: Collection[OwnerKind] | None = None,
        content_ids: Collection[str] | None = None,
        tracks: Collection[str] | None = CAPTIONS,
    ) -> tuple[list[Row], np.ndarray | None]:
        """Search a table by words or by a vector; as ``Tables.search``. With no tracks, all are searched.

        Rows without a text, of contents that no file holds, and of windows that are not committed are left
        out.
        """
        without = {"content_id": self._videos.without_files()}
        if not isinstance(query, str) and owner_kinds is None:  # of kind "video" are those without a text
            owner_kinds = _WITH_TEXT
        partly = tracks is not None and self.among_others(tracks)
        wanted = given(owner_kind=owner_kinds, content_id=content_ids, track=tracks if partly else None)
        columns = None
        if not self.among_others(CAPTIONS):
            columns = [*CAPTION_COLUMNS, *(() if isinstance(query, str) else ("vector",))]
        rows, vectors = self._tables.search(
            table, query, limit=limit, wanted=wanted, without=without, columns=columns
        )
        return self._owned_of(rows, vectors)

    def search_kinds(
        self,
        table: str,
        query: np.ndarray | str,
        kinds: Sequence[Collection[OwnerKind]],
        *,
        limit: int,
        content_ids: Collection[str] | None = None,
    ) -> list[tuple[list[Row], np.ndarray | None]]:
        """As ``search_table`` for several groups of kinds, of captions: a large table is searched once."""
        apart = [
            partial(self.search_table, table, query, limit=limit, owner_kinds=each, content_ids=content_ids)
            for each in kinds
        ]
        few = content_ids is not None and len(content_ids) <= self._tables.limits.few_videos
        if few or self.among_others(CAPTIONS):
            return in_parallel(apart)
        if not isinstance(query, str) and self._tables.in_memory(table) is not None:
            return [search() for search in apart]
        over = OverFetch(
            limit,
            videos=len(self._windows.covered()),
            among=content_ids,
            without=self._videos.without_files(),
        )
        if not over.pays:
            return in_parallel(apart)
        conditions = [] if isinstance(query, str) else [matching({"owner_kind": set().union(*kinds)})]
        begin = partial(self._tables.ranked, table, query, conditions)
        read = over.read(self._tables, table, begin, kinds, vectors=not isinstance(query, str))
        if read is None:
            return in_parallel(apart)
        return [self._owned_of(*measured(each, query)) for each in read]

    def _owned_of(self, rows: list[Row], vectors: np.ndarray | None) -> tuple[list[Row], np.ndarray | None]:
        owned = [place for place in self._windows.owned(rows) if rows[place]["text"]]
        return [rows[place] for place in owned], None if vectors is None else vectors[owned]

    def among_others(self, tracks: Collection[str]) -> bool:
        """Whether the index has texts of other tracks, too, so that rows must be filtered by track."""
        return not set(self._windows.tracks()) <= set(tracks)

    def _owned(self, wanted: Wanted) -> list[TextRow]:
        rows = self._read(wanted)
        return [layout.text_from_row(rows[place]) for place in self._windows.owned(rows)]

    def _read(self, wanted: Wanted) -> list[Row]:
        return [*self._tables.read("passages", wanted), *self._tables.read("events", wanted)]


def _table_of(text: TextRow) -> str:
    return "passages" if text.owner_kind == "passage" else "events"
