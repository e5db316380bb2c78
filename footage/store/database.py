"""The index in the project's own terms: files, videos, windows and what is projected from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.core.corrections import standing
from footage.core.coverage import Coverage, by_collection
from footage.core.errors import SchemaMismatchError
from footage.core.names import folded
from footage.core.types import Event, File, FileState, Hit, Provenance, Run, Span, Video, WindowRecord
from footage.store import forgetting
from footage.store import records as layout
from footage.store.annotations import Notebook
from footage.store.forgetting import NOTEBOOK
from footage.store.migrations import Progress
from footage.store.opening import EMBEDDER_KEY, TIMELINE_KEY
from footage.store.records import IndexStatus, OwnerKind, TextRow, VectorRow
from footage.store.tables import Row, Tables

if TYPE_CHECKING:
    import numpy as np

_MORE = 4
_REMEMBERED_ROWS = 100_000  # of a larger table, the rows of the videos at hand are looked up each time
_WORDED: tuple[OwnerKind, ...] = ("event", "scene", "passage")
_NONE: frozenset[int] = frozenset()
_OFFSET = "clock_offset"


class Store:
    """One index on disk. Open it with ``Store.open``; many readers and one writer may use it at a time.

    Reads always see the latest commits of every process. Up to 100,000 vectors are searched exactly in
    memory, which takes milliseconds; more of them by a vector index on disk, which ``tidy`` makes.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._unreachable: tuple[tuple[int, int], frozenset[str]] | None = None
        self._embedded: set[str] = set()
        self._dimensions: dict[str, int] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._passages_at: dict[
            str, tuple[tuple[int, int], frozenset[str], tuple[list[Hit], np.ndarray]]
        ] = {}
        self._windows_at: tuple[int, dict[str, dict[int, Span]], bool] | None = None
        self._covered_at: tuple[int, dict[str, tuple[set[int], float]]] | None = None
        self._files_at: tuple[int, list[File]] | None = None
        self._videos_at: tuple[int, dict[str, Video]] | None = None
        self._paths_at: tuple[int, dict[str, list[str]]] | None = None
        self._status: tuple[tuple[int, ...], IndexStatus] | None = None
        self._gaps_at: tuple[int, dict[str, tuple[Span, ...]]] | None = None
        self._coverage: tuple[tuple[int, ...], dict[str, Coverage]] | None = None
        self.notebook = Notebook(tables)

    @property
    def path(self) -> Path:
        """Folder of the index."""
        return self._tables.path

    @classmethod
    def open(cls, path: Path | str, *, create: bool = False) -> Store:
        """Open the index at ``path``; with ``create``, make one where nothing is yet (folder mode 0700).

        Raises:
            StoreMissingError: nothing is there, and ``create`` is not set.
            StoreCorruptError: something is there that cannot be read as an index.
            SchemaMismatchError: it was written by another version of the tables.
            StoreFullError: it cannot be created because the disk is full or may not be written.
        """
        return cls(Tables.open(Path(path).expanduser(), create=create))

    def writing(self, on_progress: Progress | None = None) -> AbstractContextManager[None]:
        """Hold the index's write lock; the operating system frees it if the process dies.

        Tables of an older version are upgraded first, and what was being forgotten is finished.

        Args:
            on_progress: called while tables are upgraded, with what is done, rows done and rows in all.

        Raises:
            StoreBusyError: another process holds it.
            StoreFullError: the lock file cannot be written.
            StoreError: the upgrade failed, and nothing was changed.
        """
        return self._tables.writing(on_progress)

    def timeline_embedder(self) -> str:
        """Name of the embedder that tells whether two captions say the same; empty before the first."""
        return self._meta(TIMELINE_KEY) or ""

    def claim_timeline(self, embedder: str) -> None:
        """Make ``embedder`` the one that tells whether two captions say the same, unless there is one.

        Raises:
            SchemaMismatchError: there is another one.
        """
        held = self.timeline_embedder()
        if not held:
            self._tables.upsert("meta", [{"key": TIMELINE_KEY, "value": embedder}])
        elif held != embedder:
            raise SchemaMismatchError(
                f"the index {self.path} was made with the embedder {held!r}, not with {embedder!r}",
                hint=f"Run with --embedder {held}, then `footage reembed --embedder {embedder}`.",
            )

    def provenances(self) -> Counter[Provenance]:
        """Under what windows were captioned, and how many each time; most first."""
        counted = self._tables.count_by("windows", layout.PROVENANCE_COLUMNS)
        found = Counter({layout.provenance_from_row(row): count for row, count in counted})
        return Counter(dict(found.most_common()))

    def captioned_under(self) -> dict[str, dict[int, Provenance]]:
        """Under what each window was captioned, by content id and index."""
        columns = ["content_id", "window_index", *layout.PROVENANCE_COLUMNS]
        under: dict[str, dict[int, Provenance]] = {}
        for row in self._tables.read("windows", columns=columns):
            under.setdefault(row["content_id"], {})[row["window_index"]] = layout.provenance_from_row(row)
        return under

    def clock_offsets(self) -> dict[str, float]:
        """Seconds to add to the clock of each camera."""
        return {camera: float(value) for camera, value in self.camera_settings(_OFFSET).items()}

    def put_clock_offsets(self, offsets: Mapping[str, float]) -> None:
        """Keep what is to be added to the clocks of some cameras, in seconds; 0 takes it back."""
        self.put_camera_settings(_OFFSET, {camera: repr(seconds) for camera, seconds in offsets.items()})
        none = [camera for camera, seconds in self.clock_offsets().items() if not seconds]
        self._tables.delete("meta", {"key": [f"{_OFFSET}/{camera}" for camera in none]})

    def camera_settings(self, name: str) -> dict[str, str]:
        """One setting of cameras, such as "clock_from", by camera; "" stands for all other cameras."""
        rows = self._tables.read("meta")
        return {
            row["key"].removeprefix(f"{name}/"): row["value"]
            for row in rows
            if row["key"].startswith(f"{name}/")
        }

    def put_camera_settings(self, name: str, values: Mapping[str, str]) -> None:
        """Keep one setting of some cameras, in place of what was kept under any spelling of their names."""
        cameras = set(map(folded, values))
        held = self.camera_settings(name)
        old = [camera for camera in held if camera not in values and folded(camera) in cameras]
        self._tables.delete("meta", {"key": [f"{name}/{camera}" for camera in old]})
        rows = [{"key": f"{name}/{camera}", "value": value} for camera, value in values.items()]
        self._tables.upsert("meta", rows)

    def followed(self) -> dict[str, dict[int, str]]:
        """Digests of the pictures of windows of files that are being written, by content id and index."""
        return {
            row["key"].removeprefix(forgetting.FOLLOWED): {
                int(index): each for index, each in json.loads(row["value"]).items()
            }
            for row in self._tables.read("meta")
            if row["key"].startswith(forgetting.FOLLOWED)
        }

    def put_followed(self, content_id: str, digests: Mapping[int, str]) -> None:
        """Keep the digests of the windows of a file that is being written, in place of those before."""
        value = json.dumps({str(index): digests[index] for index in sorted(digests)})
        self._tables.upsert("meta", [{"key": forgetting.FOLLOWED + content_id, "value": value}])

    def drop_followed(self, content_id: str) -> None:
        """Remove what was kept of a file while it was being written, unless a file still holds it."""
        if not self.paths_of(content_id):
            self._remove_contents({content_id})

    # -- files and videos ------------------------------------------------------------------------------------

    def put_files(self, files: Iterable[File]) -> None:
        """Insert files, or replace the ones with the same path."""
        self._tables.upsert("files", [layout.file_to_row(file) for file in files])

    def files(self, *, state: FileState | None = None) -> list[File]:
        """All files, or those in one state, by path; remembered while nobody writes any."""
        version = self._tables.version("files")
        if self._files_at is None or self._files_at[0] != version:
            found = map(layout.file_from_row, self._tables.read("files"))
            self._files_at = (version, sorted(found, key=lambda file: file.path))
        return [file for file in self._files_at[1] if state in (None, file.state)]

    def file_at(self, path: str) -> File | None:
        """The file at an absolute path, if the index knows it."""
        found = self._tables.read("files", {"path": [path]})
        return layout.file_from_row(found[0]) if found else None

    def files_at(self, paths: Collection[str]) -> dict[str, File]:
        """The files at some absolute paths, by path, as far as the index knows them."""
        found = self._tables.read("files", {"path": paths})
        return {row["path"]: layout.file_from_row(row) for row in found}

    def remove_files(self, paths: Collection[str]) -> None:
        """Forget files; contents that no file holds any more are no longer found."""
        self._tables.delete("files", {"path": paths})

    def paths_of(self, content_id: str) -> list[str]:
        """Paths of the files that hold a content and are not gone, sorted."""
        return list(self._known_paths(content_id).get(content_id, ()))

    def path_of(self, content_id: str) -> str:
        """A file that holds a content, one that can be reached if there is one; empty when none is known."""
        paths = self.paths_of(content_id)
        return next((path for path in paths if Path(path).is_file()), paths[0] if paths else "")

    def put_video(self, video: Video) -> None:
        """Insert a video, or replace the one with the same content; errors as ``put_videos``."""
        self.put_videos([video])

    def put_videos(self, videos: Iterable[Video]) -> None:
        """Insert videos, or replace the ones with the same content.

        Raises:
            ValueError: when one has no content id.
        """
        rows = [layout.video_to_row(video) for video in videos]
        if not all(row["content_id"] for row in rows):
            raise ValueError("a video needs its content_id before it is stored")
        self._tables.upsert("videos", rows)

    def videos(self, content_ids: Collection[str] | None = None) -> dict[str, Video]:
        """Videos by content id: all, or the given ones."""
        found = self._tables.read("videos", _given(content_id=content_ids))
        return {row["content_id"]: layout.video_from_row(row) for row in found}

    def gaps(self) -> dict[str, tuple[Span, ...]]:
        """The gaps of the videos that have any, by content id; remembered while nobody writes."""
        version = self._tables.version("videos")
        if self._gaps_at is None or self._gaps_at[0] != version:
            gaps = {content_id: video.gaps for content_id, video in self.videos().items() if video.gaps}
            self._gaps_at = (version, gaps)
        return self._gaps_at[1]

    def put_run(self, run: Run) -> None:
        """Insert a run, or replace the one with the same id."""
        self._tables.upsert("runs", [layout.run_to_row(run)])

    def runs(self) -> list[Run]:
        """All runs, latest first."""
        found = [layout.run_from_row(row) for row in self._tables.read("runs")]
        return sorted(found, key=lambda run: run.id, reverse=True)

    # -- taking away -----------------------------------------------------------------------------------------

    def prune(self) -> tuple[int, int]:
        """Remove the files that are gone, and every content that no file holds any more.

        Returns:
            How many files and how many contents were removed.
        """
        gone, unheld = self.prunable()
        self.remove_files(gone)
        return len(gone), self._remove_contents(unheld)

    def prunable(self) -> tuple[list[str], set[str]]:
        """What ``prune`` removes now: paths of files that are gone, and contents held by no other file."""
        files = self.files()
        held = {file.content_id for file in files if file.state != "gone"}
        return [file.path for file in files if file.state == "gone"], self._contents() - held

    def forget(self, content_id: str) -> int:
        """Remove a content and its files for good: no file of the index names it any more.

        Killed at any point, it goes on when the index is next opened for writing.

        Returns:
            How many files were removed.

        Raises:
            StoreError: something of it could not be removed; the next run that writes tries again.
        """
        return forgetting.forget(self._tables, content_id)

    def knows(self, content_id: str) -> bool:
        """Whether the index holds anything about a content, or is still to forget it."""
        if content_id in forgetting.pending(self.path):
            return True
        wanted = {"content_id": [content_id]}
        return any(
            self._tables.read(name, wanted, columns=["content_id"], limit=1)
            for name in self._tables.names()
            if "content_id" in self._tables.table(name).schema.names
        )

    def _remove_contents(self, content_ids: set[str]) -> int:
        """Remove contents, the video's own row last: what is left of a removal cut short is removed later."""
        vectors = [self._vectors(embedder) for embedder in self._embedders()]
        self._tables.delete("meta", {"key": [forgetting.FOLLOWED + content_id for content_id in content_ids]})
        for table in (*vectors, "passages", "events", "windows", "videos"):
            self._tables.delete(table, {"content_id": content_ids})
        return len(content_ids)

    def _contents(self) -> set[str]:
        """Every content that the videos or the windows know."""
        return {
            row["content_id"]
            for table in ("videos", "windows")
            for row in self._tables.read(table, columns=["content_id"])
        }

    # -- windows: the single commit --------------------------------------------------------------------------

    def commit_windows(self, records: Iterable[WindowRecord]) -> None:
        """Commit captioned windows, all or none; one with the same content and index is replaced."""
        self._tables.upsert("windows", [layout.window_to_row(record) for record in records])

    def add_windows(self, records: Iterable[WindowRecord]) -> None:
        """Commit captioned windows that the index does not hold, all or none, without looking for them."""
        self._tables.insert("windows", [layout.window_to_row(record) for record in records])

    def windows(self, content_id: str) -> list[WindowRecord]:
        """The captioned windows of a video, by index."""
        found = self._tables.read("windows", {"content_id": [content_id]})
        return sorted((layout.window_from_row(row) for row in found), key=lambda record: record.window.index)

    def committed(self, content_ids: Collection[str] | None = None) -> dict[str, dict[int, Span]]:
        """Spans of the captioned windows, by content id and index: of all videos, or of the given ones."""
        columns = ["content_id", "window_index", "start_seconds", "end_seconds"]
        spans: dict[str, dict[int, Span]] = {}
        for row in self._tables.read("windows", _given(content_id=content_ids), columns=columns):
            span = Span(row["start_seconds"], row["end_seconds"])
            spans.setdefault(row["content_id"], {})[row["window_index"]] = span
        return spans

    def drop_windows(self, content_id: str, indexes: Collection[int]) -> None:
        """Take back windows that are no part of the video's plan any more."""
        self._tables.delete("windows", {"id": [layout.window_id(content_id, index) for index in indexes]})

    # -- projections of the windows --------------------------------------------------------------------------

    def put_events(
        self,
        content_id: str,
        events: Iterable[Event],
        *,
        records: Sequence[WindowRecord] | None = None,
        held: Iterable[TextRow] | None = None,
    ) -> tuple[TextRow, ...]:
        """Bring a video's projection up to date: its events, and the texts of its scenes and of itself.

        What vanished goes first; the row of the whole video, which says how far the projection has come, is
        written in one commit with all events that are new, after the passages. What stays costs nothing.

        Args:
            content_id: The video.
            events: Its whole timeline.
            records: Its committed windows, if at hand; read otherwise.
            held: The texts as last written, if at hand; read otherwise.

        Returns:
            All its texts, for embedding.
        """
        texts = layout.text_rows(content_id, events, self.windows(content_id) if records is None else records)
        if held is None:
            held = map(layout.text_from_row, self._text_rows({"content_id": [content_id]}))
        before = {text.owner_id: text for text in held}
        write = self._tables.upsert if before else self._tables.insert
        vanished = before.keys() - {text.owner_id for text in texts}
        for table in ("passages", "events"):
            gone = {owner_id for owner_id in vanished if _table_of(before[owner_id]) == table}
            self._tables.delete(table, {"owner_id": gone})
        changed = [text for text in texts if before.get(text.owner_id) != text]
        for table in ("passages", "events"):
            write(table, [layout.text_to_row(text) for text in changed if _table_of(text) == table])
        return texts

    def events(self, content_id: str | None = None) -> list[Event]:
        """Events of one video, or of all, by content and start."""
        wanted = {"owner_kind": ["event"], **_given(content_id=None if content_id is None else [content_id])}
        return sorted(
            map(layout.event_from_row, self._owned_rows(self._tables.read("events", wanted))),
            key=lambda event: (event.content_id, event.span, event.text, event.id),
        )

    def events_of(self, content_ids: Collection[str]) -> dict[str, list[Event]]:
        """Events of some videos by content id, each video's by start; none for a video that has none."""
        wanted = {"owner_kind": ["event"], "content_id": content_ids}
        by_video: dict[str, list[Event]] = {content_id: [] for content_id in content_ids}
        for row in self._owned_rows(self._tables.read("events", wanted)):
            by_video[row["content_id"]].append(layout.event_from_row(row))
        for events in by_video.values():
            events.sort(key=lambda event: (event.span, event.text, event.id))
        return by_video

    def busy(self, content_ids: Collection[str]) -> dict[str, list[Span]]:
        """When anything happens in some videos, by content id, each by start."""
        wanted = {"owner_kind": ["event"], "content_id": content_ids}
        columns = ["content_id", "start_seconds", "end_seconds"]
        spans: dict[str, list[Span]] = {}
        for row in self._tables.read("events", wanted, columns=columns):
            spans.setdefault(row["content_id"], []).append(layout.span_from_row(row))
        return {content_id: sorted(each) for content_id, each in spans.items()}

    def uncorrected(self, embedder: str) -> set[str]:
        """Contents whose corrections the events, or an embedder's vectors, have not taken in yet."""
        corrections = self.notebook.corrections()
        if not corrections:
            return set()
        ours: dict[str, set[str]] = {}
        for each in corrections:
            ours.setdefault(each.content_id, set()).add(each.event_id)
        wanted: dict[str, set[str]] = {content_id: set() for content_id in ours}
        for each in standing(corrections):
            wanted[each.content_id].add(each.event_id)
        behind: set[str] = set()
        for table in ("events", *([self._vectors(embedder)] if self._has_vectors(embedder) else [])):
            held: dict[str, set[str]] = {}
            ids = {"owner_id": set().union(*ours.values())}
            for row in self._tables.read(table, ids, columns=["content_id", "owner_id"]):
                held.setdefault(row["content_id"], set()).add(row["owner_id"])
            behind |= {content_id for content_id in ours if held.get(content_id, set()) != wanted[content_id]}
        return behind

    def texts(self, content_id: str | None = None) -> list[TextRow]:
        """Every searchable text of one video, or of all: what an embedder's vector table is filled from."""
        wanted = _given(content_id=None if content_id is None else [content_id])
        return [layout.text_from_row(row) for row in self._owned_rows(self._text_rows(wanted))]

    def _owned_rows(self, rows: Sequence[Row]) -> list[Row]:
        return [rows[place] for place in self._owned(rows)]

    def _text_rows(self, wanted: Mapping[str, Collection[Any]]) -> list[Row]:
        return [*self._tables.read("passages", wanted), *self._tables.read("events", wanted)]

    def put_vectors(self, embedder: str, rows: Iterable[VectorRow], *, new: bool = False) -> None:
        """Insert vectors into an embedder's table, or replace those with the same owner id.

        Args:
            embedder: Whose table.
            rows: The vectors.
            new: That none of them is in the table; nobody looks.

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
            name = self._vectors(embedder, dimension=lengths.pop(), create=True)
            write = self._tables.insert if new else self._tables.upsert
            write(
                name,
                [{**layout.text_to_row(row), "vector": np.asarray(row.vector, np.float32)} for row in rows],
            )

    def remove_vectors(self, embedder: str, owner_ids: Collection[str]) -> None:
        """Take vectors out of an embedder's table, if it has one."""
        if self._has_vectors(embedder):
            self._tables.delete(self._vectors(embedder), {"owner_id": owner_ids})

    def vectors(self, embedder: str, content_id: str) -> dict[str, VectorRow]:
        """A video's vectors in an embedder's table, by owner id; none when the embedder has no table."""
        if not self._has_vectors(embedder):
            return {}
        found = self._tables.read(self._vectors(embedder), {"content_id": [content_id]})
        return {row["owner_id"]: layout.vector_from_row(row) for row in found}

    def projected(self, embedder: str) -> dict[str, tuple[int, ...]]:
        """The windows that both the events and an embedder's vectors have taken in, by content id.

        A video whose two projections differ, or that lacks one, is absent: it needs projecting again.
        """
        if not self._has_vectors(embedder):
            return {}
        columns = ["content_id", "window_indexes"]
        events, vectors = (
            {
                row["content_id"]: tuple(row["window_indexes"])
                for row in self._tables.read(table, {"owner_kind": ["video"]}, columns=columns)
            }
            for table in ("events", self._vectors(embedder))
        )
        return dict(events.items() & vectors.items())

    # -- searching -------------------------------------------------------------------------------------------

    def search_vectors(
        self,
        embedder: str,
        vector: np.ndarray,
        *,
        limit: int = 50,
        owner_kinds: Collection[OwnerKind] | None = None,
        content_ids: Collection[str] | None = None,
    ) -> list[Hit]:
        """Nearest texts to a vector of shape (dimension,), best first; the score is the cosine similarity.

        Raises:
            SchemaMismatchError: the embedder has no table here, or one of another length.
        """
        hits, _ = self.nearest(
            embedder, vector, limit=limit, owner_kinds=owner_kinds, content_ids=content_ids
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
    ) -> tuple[list[Hit], np.ndarray]:
        """As ``search_vectors``, with the vectors of the texts, float32 (hits, dimension)."""
        import numpy as np

        query = np.asarray(vector, dtype=np.float32)
        name = self._vectors(embedder, dimension=len(query))
        rows, vectors = self._search(name, query, limit, owner_kinds, content_ids)
        hits = [layout.hit_from_row(row, 1.0 - row["_distance"]) for row in rows]
        return hits, np.zeros((0, len(query)), np.float32) if vectors is None else vectors

    def passages(self, embedder: str) -> tuple[Sequence[Hit], np.ndarray] | None:
        """Every passage and their vectors, float32 (passages, dimension); None where there are too many.

        The same objects while nobody writes: what is made of them may be kept as long. Their score is 0.
        """
        name = self._vectors(embedder)
        nearest = self._tables.in_memory(name)
        if nearest is None:
            return None
        without = self._contents_without_files()
        versions = (self._tables.version(name), self._tables.version("windows"))
        held = self._passages_at.get(name)
        if held is None or held[0] != versions or held[1] is not without:
            rows, vectors = nearest.among({"owner_kind": ["passage"]})
            owned = [place for place in self._owned(rows) if rows[place]["content_id"] not in without]
            hits = [layout.hit_from_row(rows[place], 0.0) for place in owned]
            held = self._passages_at[name] = (versions, without, (hits, vectors[owned]))
        return held[2]

    def at_once(self) -> AbstractContextManager[None]:
        """For one question, in this context and its copies: see once whether somebody has written."""
        return self._tables.at_once()

    def held(self, content_ids: Sequence[str]) -> dict[str, tuple[Video, dict[int, Span]]]:
        """Some videos with the spans of their committed windows, by content id, in the order given."""
        videos, committed = self._known_videos(content_ids), self._committed_windows(content_ids)
        return {
            content_id: (videos[content_id], committed.get(content_id, {}))
            for content_id in content_ids
            if content_id in videos
        }

    def covered(self, content_ids: Collection[str]) -> dict[str, tuple[float, float]]:
        """Of some videos, how many seconds captioned windows cover, and how many seconds there are.

        By content id; overlaps count once, and a video that the index does not know is left out.
        """
        videos, covered = self._known_videos(content_ids), self._covered()
        return {
            content_id: (covered.get(content_id, (_NONE, 0.0))[1], videos[content_id].footage_seconds)
            for content_id in content_ids
            if content_id in videos
        }

    def _covered(self) -> dict[str, tuple[set[int], float]]:
        """Indexes of each content's captioned windows, and the seconds they cover; remembered."""
        version = self._tables.version("windows")
        if self._covered_at is None or self._covered_at[0] != version:
            self._covered_at = (version, self._covered_now())
        return self._covered_at[1]

    def _covered_now(self) -> dict[str, tuple[set[int], float]]:
        columns = ["content_id", "start_seconds", "end_seconds", "window_index"]
        table = self._tables.columns("windows", columns)
        table = table.sort_by([(column, "ascending") for column in columns])
        covered: dict[str, tuple[set[int], float]] = {}
        reached = 0.0
        for content_id, start, end, index in zip(  # no spans are made of them: there may be a million
            *(table.column(column).to_pylist() for column in columns), strict=True
        ):
            if content_id not in covered:
                covered[content_id], reached = (set(), 0.0), start
            indexes, seconds = covered[content_id]
            indexes.add(index)
            covered[content_id] = (indexes, seconds + max(0.0, end - max(start, reached)))
            reached = max(reached, end)
        return covered

    def sample_vectors(self, embedder: str, size: int) -> tuple[list[str], list[str], np.ndarray]:
        """Some events, drawn evenly: content ids, texts, and vectors, float32 (events, dimension)."""
        from footage.store.exact_index import matrix_of

        columns = ["owner_kind", "content_id", "text", "vector"]
        found = self._tables.sample(self._vectors(embedder), size, columns=columns)
        kinds, contents, texts = (found.column(name).to_pylist() for name in columns[:3])
        chosen = [n for n, kind in enumerate(kinds) if kind == "event"]
        return [contents[n] for n in chosen], [texts[n] for n in chosen], matrix_of(found)[chosen]

    def size_of(self, embedder: str) -> int:
        """Number of an embedder's vectors, as of the last time somebody wrote."""
        name = self._vectors(embedder)
        version = self._tables.version(name)
        if self._sizes.get(name, (None, 0))[0] != version:
            self._sizes[name] = (version, self._tables.count(name))
        return self._sizes[name][1]

    def search_text(
        self,
        query: str,
        *,
        limit: int = 50,
        owner_kinds: Collection[OwnerKind] | None = None,
        content_ids: Collection[str] | None = None,
        passages: bool = False,
    ) -> list[Hit]:
        """Events and scenes, or passages, that share words with the query, best first; the score is BM25.

        The query is plain words: quotes, operators and other signs in it mean nothing. Words are stemmed, so
        that "cars" finds "car".
        """
        words = query.encode("utf-8", "replace").decode("utf-8")
        table = "passages" if passages else "events"
        rows: list[Row] = []
        more = limit if owner_kinds is None else _MORE * limit
        if content_ids is None:  # a filter looks through the whole table: rather ask for more, and drop some
            rows, _ = self._search(table, words, more, None, None)
            through = len(rows) < more
            rows = [row for row in rows if owner_kinds is None or row["owner_kind"] in owner_kinds][:limit]
            if through or len(rows) == limit:
                return [layout.hit_from_row(row, row["_score"]) for row in rows]
        rows, _ = self._search(table, words, limit, owner_kinds, content_ids)
        return [layout.hit_from_row(row, row["_score"]) for row in rows]

    def _search(
        self,
        table: str,
        query: np.ndarray | str,
        limit: int,
        owner_kinds: Collection[OwnerKind] | None,
        content_ids: Collection[str] | None,
    ) -> tuple[list[Row], np.ndarray | None]:
        """Search the texts that say something and whose content a file still holds."""
        without = {"content_id": self._contents_without_files()}
        if not isinstance(query, str) and owner_kinds is None:  # of kind "video" are those without a text
            owner_kinds = _WORDED
        wanted = _given(owner_kind=owner_kinds, content_id=content_ids)
        rows, vectors = self._tables.search(table, query, limit=limit, wanted=wanted, without=without)
        owned = [place for place in self._owned(rows) if rows[place]["text"]]
        return [rows[n] for n in owned], None if vectors is None else vectors[owned]

    def status(self) -> IndexStatus:
        """Count what the index holds; contents that no file holds any more do not count.

        Remembered while nobody writes: every answer says what was searched.
        """
        names = ("files", "videos", "windows", "events", "meta")
        versions = tuple(self._tables.version(name) for name in names)
        if self._status is None or self._status[0] != versions:
            self._status = (versions, self._counted())
        return self._status[1]

    def _counted(self) -> IndexStatus:
        files = self.files()
        held = {file.content_id for file in files if file.state != "gone" and file.content_id}
        covered = {content_id: each for content_id, each in self._covered().items() if content_id in held}
        events = self._tables.count_by("events", ["content_id", "owner_kind"])
        videos = [video for content_id, video in self.videos().items() if content_id in held]
        return IndexStatus(
            videos=len(covered),
            files=Counter(file.state for file in files),
            windows=sum(len(indexes) for indexes, _ in covered.values()),
            events=sum(
                count
                for row, count in events
                if row["owner_kind"] == "event" and row["content_id"] in covered
            ),
            seconds_indexed=sum(seconds for _, seconds in covered.values()),
            seconds_total=sum(video.footage_seconds for video in videos),
            gaps=sum(len(video.gaps) for video in videos),
            seconds_gaps=sum(video.gap_seconds for video in videos),
            embedders=self._embedders(),
            models=self.provenances(),
            schema_version=self._tables.version_found,
            failures=tuple((file.path, file.reason) for file in files if file.state in ("failed", "partial")),
        )

    def row_counts(self) -> dict[str, int]:
        """Number of rows by table, all tables."""
        return {name: self._tables.count(name) for name in sorted(self._tables.names())}

    def coverage(self) -> dict[str, Coverage]:
        """How far the files of each collection are indexed; remembered while nobody writes."""
        versions = tuple(self._tables.version(name) for name in ("files", "videos", "windows"))
        if self._coverage is None or self._coverage[0] != versions:
            gaps = {
                content_id: sum(gap.duration_seconds for gap in gaps)
                for content_id, gaps in self.gaps().items()
            }
            self._coverage = (versions, by_collection(self.files(), self.committed(), gaps))
        return self._coverage[1]

    def size_bytes(self) -> int:
        """What the index takes on disk."""
        return self._tables.size_bytes()

    def tidy(self, *, every_version: bool = False) -> None:
        """Join the small pieces that many commits leave, and drop versions older than 15 seconds, or all."""
        self._tables.tidy(self._indexed_tables(), every_version=every_version)
        for name in NOTEBOOK:  # one at a time: somebody may be waiting to mark something
            with self._tables.writing_notes():
                self._tables.tidy([name], every_version=every_version)

    def tidy_if_due(self) -> None:
        """Tidy the tables that have seen many commits of this object since they were tidied last."""
        self._tables.tidy(self._tables.untidy())

    def _indexed_tables(self) -> list[str]:
        """Every table but the notebook's."""
        from footage.store.schema import TABLES

        names = {*TABLES, *(self._vectors(embedder) for embedder in self._embedders())}
        return sorted(names - {*NOTEBOOK})

    def unchanging(self) -> AbstractContextManager[None]:
        """Keep everybody from writing anything but marks; upgrades nothing, errors as ``writing``."""
        return self._tables.locked()

    def unchanging_notes(self) -> AbstractContextManager[None]:
        """Keep everybody from writing marks, and whatever else the notebook holds.

        Raises:
            StoreError: another process has been writing them for longer than anyone should.
        """
        return self._tables.writing_notes()

    # -- helpers ---------------------------------------------------------------------------------------------

    def _meta(self, key: str) -> str | None:
        found = self._tables.read("meta", {"key": [key]})
        return found[0]["value"] if found else None

    def _embedders(self) -> tuple[str, ...]:
        keys = [row["key"] for row in self._tables.read("meta", columns=["key"])]
        return tuple(sorted(key.removeprefix(EMBEDDER_KEY) for key in keys if key.startswith(EMBEDDER_KEY)))

    def _has_vectors(self, embedder: str) -> bool:
        if embedder not in self._embedded and self._meta(EMBEDDER_KEY + embedder) is not None:
            self._embedded.add(embedder)  # no table is ever taken away
        return embedder in self._embedded

    def _vectors(self, embedder: str, *, dimension: int | None = None, create: bool = False) -> str:
        """Name of the embedder's table, checked for ``dimension``; made first if ``create`` is set."""
        from footage.store.schema import vector_schema, vector_table

        name = vector_table(embedder)
        if not self._has_vectors(embedder):
            if not create or dimension is None:
                raise SchemaMismatchError(
                    f"the index {self.path} holds no vectors of the embedder {embedder!r}",
                    hint="Fill them in with `footage reembed`, or search with the embedder it was made with.",
                )
            self._tables.make(name, vector_schema(dimension))
            self._tables.upsert("meta", [{"key": EMBEDDER_KEY + embedder, "value": name}])
        held = self._dimensions.get(name)  # no table's vectors ever change their length
        if held is None:
            held = self._dimensions[name] = self._tables.table(name).schema.field("vector").type.list_size
        if dimension is not None and held != dimension:
            raise SchemaMismatchError(
                f"the index {self.path} holds vectors of {held} numbers for the embedder {embedder!r}, "
                f"not {dimension}",
                hint="Use the embedder the index was made with, or another name for this one.",
            )
        return name

    def _contents_without_files(self) -> frozenset[str]:
        """Contents that were indexed but lie in no file any more: deleted, or overwritten in place."""
        versions = (self._tables.version("files"), self._tables.version("videos"))
        if self._unreachable is None or self._unreachable[0] != versions:
            files = self._tables.read("files", columns=["content_id", "state"])
            held = {row["content_id"] for row in files if row["state"] != "gone"}
            known = {row["content_id"] for row in self._tables.read("videos", columns=["content_id"])}
            self._unreachable = (versions, frozenset(known - held))
        return self._unreachable[1]

    def _owned(self, rows: Sequence[Row]) -> list[int]:
        """The places of projected rows that stand on committed windows alone."""
        if not rows:
            return []
        covered = self._covered()
        return [
            place
            for place, row in enumerate(rows)
            if row["content_id"] in covered
            and covered[row["content_id"]][0].issuperset(row["window_indexes"])
        ]

    def _committed_windows(self, content_ids: Collection[str]) -> dict[str, dict[int, Span]]:
        """Spans of the committed windows of some videos at least; remembered while nobody commits any.

        Of a large table, those of the videos that were asked for.
        """
        version = self._tables.version("windows")
        if self._windows_at is None or self._windows_at[0] != version:
            whole = self._tables.count("windows") <= _REMEMBERED_ROWS
            self._windows_at = (version, self.committed() if whole else {}, whole)
        _, known, whole = self._windows_at
        if not whole and (unknown := set(content_ids) - known.keys()):
            found = self.committed(unknown)
            known.update({content_id: found.get(content_id, {}) for content_id in unknown})
        return known

    def _known_paths(self, content_id: str) -> dict[str, list[str]]:
        """Paths of the files that hold a content at least; remembered while nobody writes any."""
        columns = ["path", "content_id", "state"]
        version = self._tables.version("files")
        if self._paths_at is None or self._paths_at[0] != version:
            if self._tables.count("files") > _REMEMBERED_ROWS:
                wanted = {"content_id": [content_id]}
                return _by_content(self._tables.read("files", wanted, columns=columns))
            self._paths_at = (version, _by_content(self._tables.read("files", columns=columns)))
        return self._paths_at[1]

    def _known_videos(self, content_ids: Collection[str]) -> dict[str, Video]:
        """Some videos at least; remembered while nobody adds any."""
        version = self._tables.version("videos")
        if self._videos_at is None or self._videos_at[0] != version:
            if self._tables.count("videos") > _REMEMBERED_ROWS:
                return self.videos(content_ids)
            self._videos_at = (version, self.videos())
        return self._videos_at[1]


def _by_content(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Paths of the files that are not gone, sorted, by content id."""
    paths: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: str(row["path"])):
        if row["state"] != "gone":
            paths.setdefault(row["content_id"], []).append(row["path"])
    return paths


def _table_of(text: TextRow) -> str:
    return "passages" if text.owner_kind == "passage" else "events"


def _given(**wanted: Collection[Any] | None) -> dict[str, Collection[Any]]:
    """The restrictions that were given at all."""
    return {name: values for name, values in wanted.items() if values is not None}
