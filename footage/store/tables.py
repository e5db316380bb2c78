"""The LanceDB tables of an index, opened, read and written; the only importer of lancedb."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from footage.core.errors import StoreError
from footage.core.index_place import IndexPlace
from footage.store import fencing
from footage.store.conditions import Row, Wanted, given, matching
from footage.store.errors import mapped
from footage.store.exact_index import Nearest, VectorMemory
from footage.store.lean_imports import import_lancedb
from footage.store.limits import LIMITS, METADATA_BYTES, Limits, index_bytes
from footage.store.location import IndexLocation, IndexLock
from footage.store.records import ANNOTATION_TABLES, SCHEMA_VERSION

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["Row", "Tables", "Wanted", "given"]

_EVERY = 1_000_000  # partitions
_ROWS_AT_ONCE = 2000  # a window takes some kilobytes


_seen: ContextVar[dict[tuple[int, str], int] | None] = ContextVar("versions seen", default=None)


class Tables:
    """The tables of one index. Reads see the latest commits of every process; each write is one commit."""

    def __init__(self, location: IndexLocation, database: Any, *, limits: Limits = LIMITS) -> None:
        self.location = location
        """Where the index lies."""
        self.write_lock = location.write_lock()
        """The lock of everything that only one process at a time may write."""
        self._annotations_lock = location.annotations_lock()
        self._database = database
        self._handles: dict[str, Any] = {}
        self._to_commit: dict[str, Any] = {}
        self._committing = threading.RLock()
        self._dimensions: dict[str, int] = {}
        self.version_found = SCHEMA_VERSION
        """Version of the tables when they were opened, or since they were upgraded."""
        self.commits: Counter[str] = Counter()
        """Commits of this object to each table since it was tidied last (see ``maintenance``)."""
        self.limits = limits
        """From how many rows on it is searched and indexed in another way."""
        self._memory = VectorMemory()

    @property
    def path(self) -> IndexPlace:
        """Folder or address of the index."""
        return self.location.place

    # -- opening ---------------------------------------------------------------------------------------------

    @classmethod
    def connect(cls, location: IndexLocation | IndexPlace, *, limits: Limits = LIMITS) -> Tables:
        """The tables that are at a place, without checking that they are complete.

        Raises:
            StoreCorruptError: it cannot be read.
        """
        os.environ.setdefault("LANCEDB_LOG", "error")  # it warns of every partition that it joins to another
        lancedb = import_lancedb()
        location = IndexLocation.of(location)
        with mapped(location):
            database = lancedb.connect(
                location.place,
                read_consistency_interval=timedelta(0),
                session=lancedb.Session(index_bytes(location), METADATA_BYTES),
                storage_options=location.storage_options,
            )
            return cls(location, database, limits=limits)

    def reopen(self) -> None:
        """Let go of every table, as after a folder was put in another's place."""
        fresh = self.connect(self.location)
        self._database = fresh._database
        self._handles.clear()
        self._to_commit.clear()
        self._dimensions.clear()
        self._memory.clear()

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Hold the write lock; gives the block whether this object did not hold it before.

        Raises:
            StoreBusyError: another process holds it.
            StoreError: it cannot be taken.
        """
        with self.write_lock.hold() as held:
            if held.is_fence_due:
                fencing.fence(self, annotations=False)
                self.write_lock.note_fenced()
            yield held.is_first

    @contextmanager
    def writing_annotations(self) -> Iterator[None]:
        """Hold the lock of the tables that people write to, waiting for it if need be.

        Raises:
            StoreError: another process has held it for longer than any write takes.
        """
        lock = self.location.annotations_lock()
        with lock.hold() as held:
            self._annotations_lock = lock
            if held.is_fence_due:
                fencing.fence(self, annotations=True)
                lock.note_fenced()
            yield

    # -- reading ---------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of the tables there are."""
        names: list[str] = self._database.list_tables(limit=1000).tables
        return names

    def table(self, name: str) -> Any:
        """The LanceDB table of that name."""
        if name not in self._handles:
            with mapped(self.path):
                self._handles[name] = self._database.open_table(name)
        return self._handles[name]

    def has_column(self, name: str, column: str) -> bool:
        """Whether a table has a column; one of an older version may lack it."""
        with mapped(self.path):
            return column in self.table(name).schema.names

    def dimension(self, name: str) -> int:
        """How many numbers the vectors of a table have: never changes."""
        if name not in self._dimensions:
            with mapped(self.path):
                self._dimensions[name] = self.table(name).schema.field("vector").type.list_size
        return self._dimensions[name]

    def count(self, name: str) -> int:
        """Number of rows."""
        with mapped(self.path):
            return int(self.table(name).count_rows())

    def columns(self, name: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of every row, as an Arrow table."""
        with mapped(self.path):
            return self.table(name).search().select(list(columns)).limit(None).to_arrow()

    def count_by(self, name: str, columns: Sequence[str]) -> list[tuple[Row, int]]:
        """The distinct values of some columns, and how many rows have each."""
        found = self.columns(name, columns)
        counted = found.group_by(list(columns), use_threads=False).aggregate([([], "count_all")])
        return [(row, row.pop("count_all")) for row in counted.to_pylist()]

    def version(self, name: str) -> int:
        """Number of the latest commit; within ``at_once``, of the first time it was asked for."""
        seen, key = _seen.get(), (id(self), name)
        if seen is not None and key in seen:
            return seen[key]
        with mapped(self.path):
            version = int(self.table(name).version)
        if seen is not None:
            seen[key] = version
        return version

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """For one question, in this context and its copies: see once a table whether it was written to."""
        outer = _seen.get()
        token = _seen.set({} if outer is None else outer)
        try:
            yield
        finally:
            _seen.reset(token)

    def arrow_batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Every row, a few thousand at a time, as Arrow batches: all columns, or some."""
        with mapped(self.path):
            builder = self.table(name).search()
            if columns:
                builder = builder.select(list(columns))
            yield from builder.limit(None).to_batches(_ROWS_AT_ONCE)

    def batches(self, name: str, columns: Sequence[str] | None = None) -> Iterator[list[Row]]:
        """As ``arrow_batches``, as dictionaries."""
        for batch in self.arrow_batches(name, columns):
            with mapped(self.path):
                rows: list[Row] = batch.to_pylist()
            yield rows

    def readable(self, name: str) -> Iterator[list[Row]]:
        """The rows of a table that can be read, also behind damaged ones."""
        try:
            todo = [(0, self.count(name))]
        except StoreError:
            return
        while todo:
            start, end = todo.pop()
            if end - start > _ROWS_AT_ONCE:
                middle = (start + end) // 2
                todo += [(middle, end), (start, middle)]
            elif start < end:
                try:
                    with mapped(self.path):
                        found = self.table(name).take_offsets(list(range(start, end))).to_arrow()
                        rows: list[Row] = found.to_pylist()
                        if len(rows) != end - start:  # a reader that failed may end early, without a word
                            raise StoreError(f"{len(rows)} of {end - start} rows came")
                except StoreError:
                    middle = (start + end) // 2
                    if start < middle:
                        todo += [(middle, end), (start, middle)]
                else:
                    yield rows

    def read(
        self,
        name: str,
        wanted: Wanted | None = None,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        """Rows that match, in no particular order."""
        if wanted and not all(wanted.values()):
            return []
        with mapped(self.path):
            builder = self.table(name).search()
            if wanted:
                builder = builder.where(matching(wanted))
            if columns:
                builder = builder.select(list(columns))
            found: list[Row] = builder.limit(limit).to_arrow().to_pylist()
        return found

    def read_arrow(self, name: str, wanted: Wanted) -> pa.Table:
        """Rows that match, in no particular order, as an Arrow table: vectors as they are stored."""
        with mapped(self.path):
            return self.table(name).search().where(matching(wanted)).limit(None).to_arrow()

    def read_columns(self, name: str, wanted: Wanted, columns: Sequence[str]) -> dict[str, list[Any]]:
        """Some columns of the rows that match, each as a list, in no particular order."""
        if not all(wanted.values()):
            return {column: [] for column in columns}
        with mapped(self.path):
            builder = self.table(name).search().where(matching(wanted)).select(list(columns))
            found: dict[str, list[Any]] = builder.limit(None).to_arrow().select(list(columns)).to_pydict()
        return found

    def search(
        self,
        name: str,
        query: np.ndarray | str,
        *,
        limit: int,
        wanted: Wanted,
        without: Wanted,
        few_videos: int | None = None,
        columns: Sequence[str] | None = None,
        share: float = 1.0,
    ) -> tuple[list[Row], np.ndarray | None]:
        """Rows nearest to a vector ("_distance", cosine) or sharing words with a text ("_score", BM25).

        Rows are filtered before they are ranked: those that match ``wanted``, less those in which any column
        has one of its values in ``without``. Vectors are compared with all rows, except in a table with a
        vector index, which may miss some; "_distance" is exact either way.

        Args:
            name: Name of the table.
            query: The vector, float32 (dimension,), or the text.
            limit: Most rows to return.
            wanted: Rows that count.
            without: Rows that do not.
            few_videos: Rows of at most so many videos are compared one by one, which is exact; None for
                ``Limits.few_videos``.
            columns: The columns that are read; all when None.
            share: Share of a vector table that matches: of fewer rows, more partitions are looked through.

        Returns:
            The rows, best first, and their vectors, (rows, dimension), where the table has any.
        """
        from footage.store.exact_index import measured

        if not all(wanted.values()):
            return [], None
        if not isinstance(query, str) and (nearest := self.in_memory(name)) is not None:
            return nearest.search(query, limit=limit, wanted=wanted, without=without)
        conditions = [matching(wanted)] if wanted else []
        conditions += [~matching({column: values}) for column, values in without.items() if values]
        most = self.limits.few_videos if few_videos is None else few_videos
        few = len(wanted.get("content_id", range(most + 1))) <= most
        with mapped(self.path):
            builder = self.ranked(name, query, conditions)
            if columns is not None:
                builder = builder.select([*columns, "_score" if isinstance(query, str) else "_distance"])
            if few and not isinstance(query, str):
                builder = builder.bypass_vector_index()
            elif share < 1.0 and not isinstance(query, str):
                builder = builder.nprobes(min(_EVERY, round(self.limits.probes / max(share, 1e-6))))
            found = builder.limit(limit).to_arrow()
            if len(found) < limit and not isinstance(query, str) and not few:  # they may lie further off
                found = builder.nprobes(_EVERY).to_arrow()
        return measured(found, query)

    def ranked(self, name: str, query: np.ndarray | str, conditions: Sequence[Any]) -> Any:
        """A query of LanceDB for the rows that meet conditions and are nearest to a vector, or to words."""
        from lancedb.query import MatchQuery

        if isinstance(query, str):
            builder = self.table(name).search(MatchQuery(query, "text"), query_type="fts")
        else:
            builder = self.table(name).search(query, vector_column_name="vector").distance_type("cosine")
            builder = builder.nprobes(self.limits.probes)
        if conditions:
            builder = builder.where(reduce(lambda a, b: a & b, conditions), prefilter=True)
        return builder

    def in_memory(self, name: str) -> Nearest | None:
        """A vector table in memory, if it is small enough and not written to all the time; else None."""

        def load() -> pa.Table:
            with mapped(self.path):
                return self.table(name).search().limit(None).to_arrow()

        def fits() -> bool:
            return self.count(name) <= self.limits.rows_in_memory(self.dimension(name))

        return self._memory.get(name, self.version(name), fits=fits, load=load)

    def sample(
        self, name: str, size: int, *, columns: Sequence[str], only: Mapping[str, str] = MappingProxyType({})
    ) -> Any:
        """Some rows, drawn evenly over the table, the same ones each time, as an Arrow table; all if few.

        With ``only``, rows with these values in these columns.
        """
        import numpy as np

        with mapped(self.path):
            kept = None
            if only:
                held = self.columns(name, list(only))
                fits = [
                    np.asarray(held.column(column).to_pylist()) == value for column, value in only.items()
                ]
                kept = np.flatnonzero(np.logical_and.reduce(fits))
            count = int(self.table(name).count_rows()) if kept is None else len(kept)
            if count <= size and kept is None:
                return self.table(name).search().select(list(columns)).limit(None).to_arrow()
            places = np.linspace(0, count - 1, min(size, count)).astype(int)
            offsets = (places if kept is None else kept[places]).tolist()
            return self.table(name).take_offsets(offsets).select(list(columns)).to_arrow()

    # -- writing ---------------------------------------------------------------------------------------------

    def lock_of(self, name: str) -> IndexLock:
        """The lock that is held by who writes to a table."""
        return self._annotations_lock if name in ANNOTATION_TABLES else self.write_lock

    def to_commit(self, name: str) -> Any:
        """A table that commits on top of the version that it was last brought to, and of no later one."""
        if self.location.is_folder:
            return self.table(name)
        if name not in self._to_commit:
            with mapped(self.path):
                database = import_lancedb().connect(self.path, storage_options=self.location.storage_options)
                self._to_commit[name] = database.open_table(name)
        return self._to_commit[name]

    @contextmanager
    def committing(self, name: str) -> Iterator[Any]:
        """A table to write to, while the lock of the table is held.

        On object storage another process may take the lock from one that is paused or cut off. So the
        version is read first, the lock is checked next, and a commit on top of that version comes last: one
        that is late meets the fence of the new holder (``fencing``). One at a time: conflicts within a
        process would have LanceDB read a later version by itself.

        Raises:
            StoreError: it cannot be written, or the lock is not held any more.
        """
        if self.location.is_folder:
            with mapped(self.path):
                yield self.table(name)
            return
        lock, table = self.lock_of(name), self.to_commit(name)
        with self._committing, mapped(self.path):
            table.checkout_latest()
            lock.check()
            yield table
            lock.check()

    def make(self, name: str, schema: Any) -> None:
        """Make an empty table, unless it is there."""
        self.write_lock.check()
        with mapped(self.path):
            self._handles[name] = self._database.create_table(name, schema=schema, exist_ok=True)

    def insert(self, name: str, cells: Sequence[Row]) -> None:
        """Insert rows whose keys the table does not hold, in one commit, without looking for them."""
        if not cells:
            return
        import pyarrow as pa

        self.commits[name] += 1
        with self.committing(name) as table:
            table.add(pa.Table.from_pylist(list(cells), schema=table.schema))

    def upsert(self, name: str, cells: Sequence[Row]) -> None:
        """Insert rows, or replace those with the same key, in one commit; of two given the last counts."""
        if not cells:
            return
        import pyarrow as pa

        self.commits[name] += 1
        with self.committing(name) as table:
            key = table.schema.names[0]  # the first column of every table is its key
            unique = list({cell[key]: cell for cell in cells}.values())
            merge = table.merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
            merge.execute(pa.Table.from_pylist(unique, schema=table.schema))

    def insert_absent(self, name: str, cells: Sequence[Row]) -> None:
        """Insert the rows whose keys the table does not hold, in one commit; the others stay as they are."""
        if not cells:
            return
        import pyarrow as pa

        self.commits[name] += 1
        with self.committing(name) as table:
            key = table.schema.names[0]
            unique = list({cell[key]: cell for cell in cells}.values())
            merge = table.merge_insert(key).when_not_matched_insert_all()
            merge.execute(pa.Table.from_pylist(unique, schema=table.schema))

    def delete(self, name: str, wanted: Wanted) -> None:
        """Delete the rows that match, in one commit."""
        if all(wanted.values()):
            self.commits[name] += 1
            with self.committing(name) as table:
                table.delete(matching(wanted))
