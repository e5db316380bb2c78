"""A folder of LanceDB tables, opened, read and written; the only importer of lancedb, knows no meaning."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.core.errors import StoreBusyError, StoreError, StoreFullError, StoreMissingError
from footage.store import forgetting, migrations
from footage.store.errors import mapped, translate
from footage.store.opening import holds_anything, require_whole
from footage.store.records import SCHEMA_VERSION

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from footage.store.exact_index import Nearest

Row = dict[str, Any]
Wanted = Mapping[str, Collection[Any]]
"""Columns and the values they may have; a row matches when every named column does."""

# A reader holds a version for one query, and each one kept makes every commit slower.
_KEEP_VERSIONS = timedelta(seconds=15)
_AT_ONCE = timedelta(milliseconds=5)  # a shorter time, or none, LanceDB warns about or does not see
_COMMITS, _ROWS_PER_COMMIT = 50, 1000
# LanceDB keeps 6 GiB of indexes and 1 GiB of the descriptions of tables, old versions included, if let.
_INDEX_BYTES = 512 * 2**20
_METADATA_BYTES = 32 * 2**20
_NOTES_SECONDS = 30.0  # a write of a few rows takes a hundredth of a second, a copy of an index some seconds
# 150 MB of 384 numbers each. From about here on looking at every vector takes longer than an index does.
_IN_MEMORY_ROWS = 100_000
# The vector index: partitions of so many rows, of which the nearest to the query are looked through, or all
# when those hold too few rows that pass the filter. Chosen on a million events
# (docs/explanation/performance.md). Their size is given, not their number, because
# that is what LanceDB keeps to when it brings an index up to date.
_PARTITION_ROWS, _PROBES, _EVERY = 1000, 128, 1_000_000
_ROUNDS, _SAMPLE_RATE = 15, 64  # of k-means; LanceDB's 50 and 256 take minutes more and find no more
_FEW = 100  # values of a filter; rows of so few videos are read and compared one by one, which is exact
_SCALAR_INDEX_ROWS = 50_000  # of a smaller table a filter reads the whole column as fast
_RELOAD_PATIENCE = 20  # of a table that is being written to, loading takes a twentieth of the time at most
_ROWS_AT_ONCE = 2000  # a window takes some kilobytes
_HOLDER = ".lock-holder"


_seen: ContextVar[dict[tuple[int, str], int] | None] = ContextVar("versions seen", default=None)


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A vector table in memory."""

    version: int
    nearest: Nearest
    loaded_at: float
    took_seconds: float


class Tables:
    """The tables of one index. Reads see the latest commits of every process; each write is one commit."""

    path: Path
    """Folder of the index."""

    def __init__(self, path: Path, database: Any) -> None:
        self.path = path
        self._database = database
        self._handles: dict[str, Any] = {}
        self._lock: Any = None
        self.version_found = SCHEMA_VERSION
        """Version of the tables when they were opened, or since they were upgraded."""
        self._commits: Counter[str] = Counter()
        self._memory: dict[str, _Remembered] = {}
        self._too_large: dict[str, int] = {}  # the version at which a table was found to be

    # -- opening ---------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, *, create: bool) -> Tables:
        """Open the tables under ``path``, or make them; errors as ``Store.open``."""
        if not holds_anything(path):
            if not create:
                raise StoreMissingError(
                    f"there is no index at {path}",
                    hint="Make one with `footage index FOLDER`, or name one with --db.",
                )
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.chmod(0o700)
            except OSError as error:
                raise StoreFullError(
                    f"no index can be made at {path}: {error.strerror}",
                    hint="Choose another place with --db.",
                ) from error
        tables = cls.connect(path)
        tables.version_found = require_whole(tables, set(tables.names()), create=create)
        return tables

    @classmethod
    def connect(cls, path: Path) -> Tables:
        """The tables that lie in a folder, whatever is there or missing.

        Raises:
            StoreCorruptError: it cannot be read.
        """
        os.environ.setdefault("LANCEDB_LOG", "error")  # it warns of every partition that it joins to another
        import lancedb

        with mapped(path):
            session = lancedb.Session(_INDEX_BYTES, _METADATA_BYTES)
            return cls(path, lancedb.connect(path, read_consistency_interval=timedelta(0), session=session))

    def reopen(self) -> None:
        """Let go of every table, as after a folder was put in another's place."""
        fresh = self.connect(self.path)
        self._database = fresh._database
        self._handles.clear()
        self._memory.clear()
        self._too_large.clear()

    @contextmanager
    def locked(self, *, resume: bool = True) -> Iterator[None]:
        """Hold the write lock, which this object may take several times over.

        Args:
            resume: Finish what was being forgotten when that was cut short.

        Raises:
            StoreBusyError: another process holds it.
            StoreFullError: the lock file cannot be written.
        """
        from filelock import FileLock, Timeout

        lock = self._lock = self._lock or FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreBusyError(
                f"another run is writing to the index {self.path}: {self._holder()}",
                hint="Wait until it ends, stop it, or use another --db.",
            ) from error
        except OSError as error:
            raise translate(error, self.path) from error
        try:
            self._note_holder()
            if resume and lock.lock_counter == 1:
                forgetting.resume(self)
            yield
        finally:
            lock.release()

    @contextmanager
    def writing(self, on_progress: migrations.Progress | None = None) -> Iterator[None]:
        """Hold the write lock of an index whose tables are of this program's version: upgraded first, if not.

        Raises:
            StoreError: as ``locked``, or the upgrade failed.
        """
        with self.locked():
            if self.version_found < SCHEMA_VERSION:
                migrations.upgrade(self, on_progress)
                self.version_found = SCHEMA_VERSION
            yield

    @contextmanager
    def writing_notes(self) -> Iterator[None]:
        """Hold the lock of the tables that people write to, waiting for it if need be.

        Raises:
            StoreError: somebody holds it for longer than anyone should.
        """
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.path / ".lock-notes", timeout=_NOTES_SECONDS):
                yield
        except Timeout as error:
            raise StoreError(
                f"another process has been writing marks to the index {self.path} for {_NOTES_SECONDS:g} s",
                hint="See whether it hangs, and try again.",
            ) from error
        except OSError as error:
            raise translate(error, self.path) from error

    def _note_holder(self) -> None:
        """Leave word of who holds the lock; the file stays behind, for only the lock itself counts."""
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        who = f"process {os.getpid()} on {socket.gethostname()}, since {since}"
        try:
            (self.path / _HOLDER).write_text(who)
        except OSError as error:
            raise translate(error, self.path) from error

    def _holder(self) -> str:
        try:
            return (self.path / _HOLDER).read_text() or "it has not said who it is"
        except (OSError, UnicodeDecodeError):
            return "it has not said who it is"

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
        """The rows of a table that can be read, whatever lies between them."""
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
                builder = builder.where(_matching(wanted))
            if columns:
                builder = builder.select(list(columns))
            found: list[Row] = builder.limit(limit).to_arrow().to_pylist()
        return found

    def search(
        self, name: str, query: np.ndarray | str, *, limit: int, wanted: Wanted, without: Wanted
    ) -> tuple[list[Row], np.ndarray | None]:
        """Rows nearest to a vector ("_distance", cosine) or sharing words with a text ("_score", BM25).

        Rows are filtered before they are ranked: those that match ``wanted``, less those in which any column
        has one of its values in ``without``. Vectors are compared with all rows, except in a table with a
        vector index, which may miss some; "_distance" is exact either way.

        Returns:
            The rows, best first, and their vectors, (rows, dimension), where the table has any.
        """
        import numpy as np
        from lancedb.query import MatchQuery

        from footage.store.exact_index import matrix_of

        if not all(wanted.values()):
            return [], None
        if not isinstance(query, str) and (nearest := self.in_memory(name)) is not None:
            return nearest.search(query, limit=limit, wanted=wanted, without=without)
        conditions = [_matching(wanted)] if wanted else []
        conditions += [~_matching({column: values}) for column, values in without.items() if values]
        few = len(wanted.get("content_id", range(_FEW + 1))) <= _FEW
        with mapped(self.path):
            if isinstance(query, str):
                builder = self.table(name).search(MatchQuery(query, "text"), query_type="fts")
            else:
                builder = self.table(name).search(query, vector_column_name="vector").distance_type("cosine")
                builder = builder.bypass_vector_index() if few else builder.nprobes(_PROBES)
            if conditions:
                builder = builder.where(reduce(lambda a, b: a & b, conditions), prefilter=True)
            found = builder.limit(limit).to_arrow()
            if len(found) < limit and not isinstance(query, str) and not few:  # they may lie further off
                found = builder.nprobes(_EVERY).to_arrow()
        if "vector" not in found.schema.names:
            return found.to_pylist(), None
        rows, vectors = found.drop_columns("vector").to_pylist(), matrix_of(found)
        distances = 1.0 - vectors @ query  # the index only knows them roughly
        for row, distance in zip(rows, distances.tolist(), strict=True):
            row["_distance"] = distance
        order = np.argsort(distances, kind="stable")
        return [rows[place] for place in order.tolist()], vectors[order]

    def in_memory(self, name: str) -> Nearest | None:
        """A vector table in memory, if it is small enough and not written to all the time; else None."""
        version, held = self.version(name), self._memory.get(name)
        if held is not None and held.version == version:
            return held.nearest
        if held is not None and time.monotonic() - held.loaded_at < _RELOAD_PATIENCE * held.took_seconds:
            return None
        if self._too_large.get(name) == version:
            return None
        if self.count(name) > _IN_MEMORY_ROWS:
            self._too_large[name] = version
            self._memory.pop(name, None)
            return None
        from footage.store.exact_index import Nearest

        began = time.monotonic()
        with mapped(self.path):
            table = self.table(name).search().limit(None).to_arrow()
        nearest, now = Nearest(table), time.monotonic()
        self._memory[name] = _Remembered(version, nearest, now, now - began)
        return nearest

    def sample(self, name: str, size: int, *, columns: Sequence[str]) -> Any:
        """Some rows, drawn evenly over the table, the same ones each time, as an Arrow table; all if few."""
        import numpy as np

        with mapped(self.path):
            count = int(self.table(name).count_rows())
            if count <= size:
                return self.table(name).search().select(list(columns)).limit(None).to_arrow()
            offsets = np.linspace(0, count - 1, size).astype(int).tolist()
            return self.table(name).take_offsets(offsets).select(list(columns)).to_arrow()

    # -- writing ---------------------------------------------------------------------------------------------

    def make(self, name: str, schema: Any) -> None:
        """Make an empty table, unless it is there."""
        with mapped(self.path):
            self._handles[name] = self._database.create_table(name, schema=schema, exist_ok=True)

    def insert(self, name: str, cells: Sequence[Row]) -> None:
        """Insert rows whose keys the table does not hold, in one commit, without looking for them."""
        if not cells:
            return
        import pyarrow as pa

        self._commits[name] += 1
        table = self.table(name)
        with mapped(self.path):
            table.add(pa.Table.from_pylist(list(cells), schema=table.schema))

    def upsert(self, name: str, cells: Sequence[Row]) -> None:
        """Insert rows, or replace those with the same key, in one commit; of two given the last counts."""
        if not cells:
            return
        import pyarrow as pa

        self._commits[name] += 1
        table = self.table(name)
        key = table.schema.names[0]  # the first column of every table is its key
        unique = list({cell[key]: cell for cell in cells}.values())
        with mapped(self.path):
            merge = table.merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
            merge.execute(pa.Table.from_pylist(unique, schema=table.schema))

    def insert_absent(self, name: str, cells: Sequence[Row]) -> None:
        """Insert the rows whose keys the table does not hold, in one commit; the others stay as they are."""
        if not cells:
            return
        import pyarrow as pa

        self._commits[name] += 1
        table = self.table(name)
        key = table.schema.names[0]
        unique = list({cell[key]: cell for cell in cells}.values())
        with mapped(self.path):
            merge = table.merge_insert(key).when_not_matched_insert_all()
            merge.execute(pa.Table.from_pylist(unique, schema=table.schema))

    def delete(self, name: str, wanted: Wanted) -> None:
        """Delete the rows that match, in one commit."""
        if all(wanted.values()):
            self._commits[name] += 1
            with mapped(self.path):
                self.table(name).delete(_matching(wanted))

    def index_words(self) -> None:
        """Make the full-text indexes of the events and of the passages, in place of those that are there.

        Words are stemmed, English stop words dropped. Rows newer than the index are scanned, so found.
        """
        from lancedb.index import FTS

        words = FTS(language="English", stem=True, remove_stop_words=True)
        with mapped(self.path):
            for name in ("events", "passages"):
                self.table(name).create_index("text", config=words, replace=True)

    def index_rows(self, name: str) -> None:
        """Make the indexes that a large table lacks: of its vectors, and of the columns it is filtered by.

        Each is one commit: one that was cut short is not there, and made the next time. Rows newer than an
        index are looked through beside it, so found, until ``tidy`` takes them in.
        """
        from lancedb.index import Bitmap, BTree, IvfSq

        vectors = IvfSq(
            distance_type="cosine",
            target_partition_size=_PARTITION_ROWS,
            max_iterations=_ROUNDS,
            sample_rate=_SAMPLE_RATE,
        )
        kinds = {
            "content_id": (BTree(), _SCALAR_INDEX_ROWS),
            "owner_kind": (Bitmap(), _SCALAR_INDEX_ROWS),
            "vector": (vectors, _IN_MEMORY_ROWS),
        }
        with mapped(self.path):
            table = self.table(name)
            rows, columns = table.count_rows(), table.schema.names
            wanted = {column for column, (_, least) in kinds.items() if column in columns and rows > least}
            if wanted:  # of a small table no index is looked up
                for column in wanted - self._indexed_columns(name):
                    table.create_index(column, config=kinds[column][0], name=f"{column}_idx")

    def _indexed_columns(self, name: str) -> set[str]:
        return {column for index in self.table(name).list_indices() for column in index.columns}

    def copy_rows(self, names: Iterable[str]) -> None:
        """Write every row anew: LanceDB keeps rows that were deleted until a tenth of a file's are.

        So do indexes: those of words are made again, others are taken away, for ``tidy`` to make again.
        """
        names = list(names)
        for name in names:
            key = self.table(name).schema.names[0]
            with mapped(self.path):
                for index in self.table(name).list_indices():
                    if index.columns != ["text"]:
                        self.table(name).drop_index(index.name)
                self.table(name).update(values_sql={key: key})
        if {"events", "passages"} & {*names}:
            self.index_words()

    def tidy(self, names: Iterable[str], *, every_version: bool = False) -> None:
        """Join the small files that many commits leave, bring the indexes up to date, drop old versions.

        Versions younger than 15 seconds stay, so that no reader loses the one it is reading; with
        ``every_version`` none but the latest does, so that what was deleted is gone from the disk.
        """
        if every_version:  # join first: what that leaves behind is an old version itself
            names = list(names)
            self.tidy(names)
            time.sleep(2 * _AT_ONCE.total_seconds())
        keep = _AT_ONCE if every_version else _KEEP_VERSIONS
        with mapped(self.path):
            for name in names:
                self.table(name).optimize(cleanup_older_than=keep, delete_unverified=every_version)
                self.index_rows(name)
                self._commits[name] = 0

    def untidy(self) -> list[str]:
        """The tables that have seen so many commits since ``tidy`` that it pays.

        Every commit leaves a file that makes each read a little slower, and joining them copies the table:
        the larger it is, the more commits are waited for.
        """
        return [
            name
            for name, commits in self._commits.items()
            if commits >= _COMMITS and commits >= _COMMITS + self.count(name) // _ROWS_PER_COMMIT
        ]

    def size_bytes(self) -> int:
        """What the folder takes on disk."""
        sizes = []
        for folder, _, names in os.walk(self.path):
            for name in names:
                try:
                    sizes.append(os.lstat(os.path.join(folder, name)).st_size)
                except FileNotFoundError:  # a file of an old version, cleared away meanwhile
                    continue
        return sum(sizes)


def _matching(wanted: Wanted) -> Any:
    """A filter for LanceDB. Values go in as typed literals and are never spliced into SQL."""
    return reduce(lambda a, b: a & b, (_any_of(name, frozenset(values)) for name, values in wanted.items()))


@lru_cache(maxsize=16)  # one question asks several times for the same thousands of videos
def _any_of(name: str, values: frozenset[Any]) -> Any:
    """A filter: a column has one of some values."""
    from lancedb.expr import col, lit

    if len(values) == 1:
        return col(name) == lit(next(iter(values)))
    return col(name).isin(sorted(values))
