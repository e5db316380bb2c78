"""The index in the project's own terms: one repository for each kind of row, over the same tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from footage.core.coverage import Coverage, by_collection, counts_other_tracks, counts_windows
from footage.core.index_place import IndexPlace
from footage.core.tracks import CAPTION_TRACK, TRACKS, image_track
from footage.core.types import File, Span
from footage.store import maintenance
from footage.store.annotations import Annotations
from footage.store.index_status import ImageStatus, IndexStatus, TrackStatus
from footage.store.keyed_cache import KeyedCache
from footage.store.limits import LIMITS, Limits
from footage.store.location import IndexLocation
from footage.store.migrations import Progress
from footage.store.opening import open_tables
from footage.store.records import ANNOTATION_TABLES, track_of
from footage.store.repositories.cameras import CameraRepository
from footage.store.repositories.contents import ContentRepository
from footage.store.repositories.events import EventRepository
from footage.store.repositories.files import FileRepository
from footage.store.repositories.growing import GrowingFileRepository
from footage.store.repositories.images import ImageRepository
from footage.store.repositories.runs import RunRepository
from footage.store.repositories.stills import StillRepository
from footage.store.repositories.texts import TextRepository
from footage.store.repositories.vector_tables import EmbedderRepository
from footage.store.repositories.vectors import VectorRepository
from footage.store.repositories.videos import VideoRepository
from footage.store.repositories.windows import WindowRepository
from footage.store.tables import Tables
from footage.store.versioned_cache import VersionedCache
from footage.store.writing import locked, writing

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_NAMED = 1000  # contents that are looked up by name; of more, all windows are read


class Store:
    """One index on disk. Open it with ``Store.open``; many readers and one writer may use it at a time.

    Reads always see the latest commits of every process. Up to 100,000 vectors are searched exactly in
    memory, which takes milliseconds; more of them by a vector index on disk, which ``tidy`` makes.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._status: VersionedCache[IndexStatus] = VersionedCache(
            "files", "videos", "windows", "events", "meta"
        )
        self._events: KeyedCache[dict[str, int]] = KeyedCache(
            "events", "content_id", ["owner_kind", "track"], _events_by_track
        )
        self._coverage: VersionedCache[dict[str, Coverage]] = VersionedCache("files", "videos", "windows")
        self.files = FileRepository(tables)
        """Places on disk, and which content each holds."""
        self.videos = VideoRepository(tables, self.files)
        """Contents, wherever they lie."""
        self.windows = WindowRepository(tables, self.videos)
        """Captioned windows: the single commit."""
        self.events = EventRepository(tables, self.windows)
        """What happens, derived from the windows."""
        self.texts = TextRepository(tables, self.windows, self.videos)
        """Every searchable text, derived from the windows."""
        self.embedders = EmbedderRepository(tables)
        """Which embedders have vectors here."""
        self.annotations = Annotations(tables)
        """What people noted and searched, and what a model answered: marks, corrections, searches, …"""
        self.vectors = VectorRepository(
            tables,
            embedders=self.embedders,
            texts=self.texts,
            windows=self.windows,
            videos=self.videos,
            corrections=self.annotations.corrections,
        )
        """The texts with their vectors, by embedder."""
        self.runs = RunRepository(tables)
        """What the indexer did."""
        self.cameras = CameraRepository(tables)
        """Settings of the clocks of cameras."""
        self.growing = GrowingFileRepository(tables)
        """Files that are still being written."""
        self.images = ImageRepository(tables, self.windows, self.videos)
        """Vectors of pictures, by image embedder."""
        self.stills = StillRepository(tables)
        """What captioned windows show in which nothing changes."""
        self.contents = ContentRepository(tables, self.files, self.embedders, self.images)
        """Everything that the index holds of a content, and its removal."""

    @property
    def path(self) -> IndexPlace:
        """Folder or address of the index."""
        return self._tables.path

    @classmethod
    def open(
        cls,
        location: IndexLocation | IndexPlace,
        *,
        create: bool = False,
        limits: Limits = LIMITS,
    ) -> Store:
        """Open the index at ``location``; with ``create``, make one where nothing is yet (folder mode 0700).

        Args:
            location: The folder as a path or a URI "file:///…", an address as "s3://…", or a location.
            create: Whether to make an index where there is none.
            limits: From how many rows on tables are searched and indexed in another way.

        Raises:
            StoreMissingError: nothing is there, and ``create`` is not set.
            StoreCorruptError: something is there that cannot be read as an index.
            SchemaMismatchError: it was written by another version of the tables.
            StoreFullError: it cannot be created because the disk is full or may not be written.
            StoreError: object storage cannot be reached, or refuses access.
            UsageError: the location is an address where no index can be.
        """
        tables = open_tables(IndexLocation.of(location), create=create, limits=limits)
        return cls(tables)

    def writing(self, on_progress: Progress | None = None) -> AbstractContextManager[None]:
        """Hold the index's write lock; the operating system frees it if the process dies, and a lease ends.

        Tables of an older version are upgraded first, and what was being forgotten is finished.

        Args:
            on_progress: called while tables are upgraded, with what is done, rows done and rows in all.

        Raises:
            StoreBusyError: another process holds it.
            StoreFullError: the lock file cannot be written.
            StoreError: the upgrade failed, and nothing was changed.
        """
        return writing(self._tables, on_progress)

    def unchanging(self) -> AbstractContextManager[None]:
        """Keep every process from writing all but annotations; upgrades nothing, errors as ``writing``."""
        return locked(self._tables)

    def unchanging_annotations(self) -> AbstractContextManager[None]:
        """Keep every process from writing annotations.

        Raises:
            StoreError: another process has held the lock for longer than any write takes.
        """
        return self._tables.writing_annotations()

    def at_once(self) -> AbstractContextManager[None]:
        """For one request, in this context and its copies: check only once whether a table was written to."""
        return self._tables.at_once()

    def versions(self, names: Iterable[str]) -> tuple[int, ...]:
        """The numbers of the latest commits to some tables: equal as long as nothing was written to them."""
        return tuple(self._tables.version(name) for name in names)

    def status(self) -> IndexStatus:
        """Count what the index holds; contents that no file holds any more do not count.

        Cached until something is written: every answer says what was searched.
        """
        return self._status.get(self._tables, self._read_status)

    def _read_status(self) -> IndexStatus:
        files = self.files.by_path().values()
        held = {file.content_id for file in files if file.state != "gone" and file.content_id}
        covered = {
            content_id: each for content_id, each in self.windows.covered().items() if content_id in held
        }
        events = self._events.get(self._tables)
        order = {track: place for place, track in enumerate(TRACKS)}
        tracks = {
            name: self._track_status(name, held, events)
            for name in sorted(self.windows.tracks(), key=lambda name: (order.get(name, len(order)), name))
        }
        captions = tracks.get(CAPTION_TRACK)
        lengths = [each for content_id, each in self.videos.lengths().items() if content_id in held]
        return IndexStatus(
            videos=len(covered),
            files=Counter(file.state for file in files),
            windows=sum(len(indexes) for indexes, _ in covered.values()),
            events=captions.events if captions else 0,
            seconds_indexed=sum(seconds for _, seconds in covered.values()),
            seconds_total=sum(each.footage_seconds for each in lengths),
            gaps=sum(each.gaps for each in lengths),
            seconds_gaps=sum(each.gap_seconds for each in lengths),
            embedders=self.embedders.names(),
            models=captions.models if captions else Counter(),
            schema_version=self._tables.version_found,
            tracks=tracks,
            images={name: self._image_status(name, held) for name in self.images.embedders()},
            failures=tuple(
                sorted((file.path, file.reason) for file in files if file.state in ("failed", "partial"))
            ),
        )

    def _track_status(
        self, track: str, held: Collection[str], events: Mapping[str, Mapping[str, int]]
    ) -> TrackStatus:
        """What the index holds of a track of some contents, given how many events each has of each track."""
        covered = self.windows.covered(track=track)
        ours = [content_id for content_id in covered if content_id in held]
        return TrackStatus(
            videos=len(ours),
            windows=sum(len(covered[content_id][0]) for content_id in ours),
            events=sum(events.get(content_id, {}).get(track, 0) for content_id in ours),
            seconds=sum(covered[content_id][1] for content_id in ours),
            models=self.windows.provenances(track=track),
        )

    def _image_status(self, embedder: str, held: Collection[str]) -> ImageStatus:
        """What the index holds of an image embedder, of some contents."""
        return ImageStatus(
            vectors=self.images.count(embedder),
            dimension=self.images.dimension(embedder),
            track=self._track_status(image_track(embedder), held, {}),
            size_bytes=self.images.size_bytes(embedder),
        )

    def coverage(self) -> dict[str, Coverage]:
        """How far the files of each collection are indexed; cached until something is written."""
        return self._coverage.get(self._tables, self._read_coverage)

    def _read_coverage(self) -> dict[str, Coverage]:
        gaps = {
            content_id: sum(gap.duration_seconds for gap in gaps)
            for content_id, gaps in self.videos.gaps().items()
        }
        files = self.files.all()
        captioned = self.windows.spans(_named(files, counts_windows))
        uncaptioned = _named(files, counts_other_tracks)
        present = self.windows.tracks()
        texts = [track for track in TRACKS if track != CAPTION_TRACK and track in present]
        others: dict[str, dict[int, Span]] = {}
        for track in (*texts, *self.windows.image_tracks()):  # the first track that has it counts
            others = {**self.windows.spans(uncaptioned, track=track), **others}
        return by_collection(files, captioned, gaps, other_tracks=others)

    def row_counts(self) -> dict[str, int]:
        """Number of rows by table, all tables."""
        return {name: self._tables.count(name) for name in sorted(self._tables.names())}

    def size_bytes(self) -> int:
        """Size of the index on disk."""
        return self._tables.location.size_bytes()

    def tidy(self, *, every_version: bool = False) -> None:
        """Join the small pieces that many commits leave, and drop versions older than 15 seconds, or all."""
        from footage.store.schema import TABLES

        names = {*TABLES, *self.embedders.tables(), *self.images.tables()} - {*ANNOTATION_TABLES}
        maintenance.tidy(self._tables, sorted(names), every_version=every_version)
        for name in ANNOTATION_TABLES:  # one at a time: a person may be waiting to mark something
            with self._tables.writing_annotations():
                maintenance.tidy(self._tables, [name], every_version=every_version)

    def tidy_if_due(self) -> None:
        """Tidy the tables that have seen many commits of this object since they were tidied last."""
        maintenance.tidy(self._tables, maintenance.untidy(self._tables))


def _named(files: Iterable[File], which: Callable[[File], bool]) -> set[str] | None:
    """The contents of some files, to be looked up by name; None where they are too many for it."""
    named = {file.content_id for file in files if file.content_id and which(file)}
    return named if len(named) <= _MOST_NAMED else None


def _events_by_track(rows: pa.Table) -> dict[str, dict[str, int]]:
    """How many events there are, by content id and track."""
    import pyarrow.compute as pc

    columns = [name for name in ("content_id", "track") if name in rows.column_names]
    rows = rows.filter(pc.equal(rows.column("owner_kind"), "event")).select(columns)
    counted = rows.group_by(columns, use_threads=False).aggregate([([], "count_all")])
    found: dict[str, dict[str, int]] = {}
    for row in counted.to_pylist():
        by_track = found.setdefault(row["content_id"], {})
        by_track[track_of(row)] = by_track.get(track_of(row), 0) + row["count_all"]
    return found
