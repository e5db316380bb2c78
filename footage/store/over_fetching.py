"""Searches a large table for several kinds of rows at once, and among thousands of videos; knows no texts.

Most of a search is not distances: it is reading the rows that are found, and a filter with thousands of
values. So the index is asked once, for the numbers of many more rows than are wanted. What of these is wanted
is chosen here, by kind and video, and only that is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from footage.core.errors import StoreError
from footage.store.errors import mapped
from footage.store.tables import Tables

if TYPE_CHECKING:
    import pyarrow as pa

Value = TypeVar("Value")

_TIMES = 10
"""Rows that are asked for, as a multiple of those wanted. Of a million events, 1,000 rows of all kinds had
100 of each kind for every query."""
_ROWS_PER_VALUE = 10
"""A value of a filter takes as long as ten rows more that are looked at."""
_TRIES = 3
_LOOKED_AT = ("owner_kind", "content_id")
CAPTION_COLUMNS = (
    "owner_id",
    "owner_kind",
    "content_id",
    "window_indexes",
    "start_seconds",
    "end_seconds",
    "text",
)
"""The columns of texts, without those that say nothing where all rows are of captions."""

_readers = ThreadPoolExecutor(4, thread_name_prefix="reading rows")


class OverFetch:
    """How many rows are asked for, and what is wanted of them."""

    def __init__(
        self, limit: int, *, videos: int, among: Collection[str] | None, without: Collection[str]
    ) -> None:
        """Say what is wanted.

        Args:
            limit: Most rows of each kind.
            videos: How many videos the table has.
            among: Only rows of these videos; of every one when None.
            without: No rows of these.
        """
        self._limit, self._among, self._without = limit, among, without
        share = 1.0 if among is None else min(1.0, len(among) / max(1, videos))
        self._rows = math.ceil(_TIMES * limit / share) if share else 0

    @property
    def pays(self) -> bool:
        """Whether looking at that many rows takes less time than the filter."""
        return self._rows > 0 and (self._among is None or self._rows <= _ROWS_PER_VALUE * len(self._among))

    def read(
        self,
        tables: Tables,
        name: str,
        begin: Callable[[], Any],
        kinds: Sequence[Collection[str]],
        *,
        vectors: bool,
    ) -> list[pa.Table] | None:
        """The best rows of each group of kinds, in the order of the index, with "_distance" or "_score".

        Row numbers hold for one version of a table: a search that a write cuts through is repeated.

        Args:
            tables: The index.
            name: Name of the table.
            begin: Begins a query of it, ranked, with no columns chosen and no limit.
            kinds: Groups of values of "owner_kind".
            vectors: Whether the column "vector" is read, too.

        Returns:
            None where writes cut through every try, or where a group has too few rows among those looked at.
        """
        columns = [name for name in CAPTION_COLUMNS if name not in _LOOKED_AT]
        columns += ["vector"] if vectors else []
        with mapped(tables.path):
            table = tables.table(name)
            for _ in range(_TRIES):
                version = table.version
                found = begin().select(["_rowid", *_LOOKED_AT]).limit(self._rows).to_arrow()
                groups = [self._chosen(found, each) for each in kinds]
                every = len(found) < self._rows and not vectors  # a vector index leaves partitions out
                if not every and any(len(group) < self._limit for group in groups):
                    return None
                try:
                    read = in_parallel([partial(_take, table, group, columns) for group in groups])
                except StoreError:
                    if table.version == version:
                        raise
                    continue
                if table.version == version:
                    return read
        return None

    def _chosen(self, found: pa.Table, kinds: Collection[str]) -> pa.Table:
        """The best of the rows that were looked at, of some kinds."""
        import pyarrow as pa
        import pyarrow.compute as pc

        chosen = pc.is_in(found.column("owner_kind"), pa.array(sorted(kinds)))
        contents = found.column("content_id")
        if self._among is not None:
            chosen = pc.and_(chosen, pc.is_in(contents, pa.array(list(self._among), pa.string())))
        if self._without:
            chosen = pc.and_not(chosen, pc.is_in(contents, pa.array(list(self._without), pa.string())))
        return found.filter(chosen).slice(0, self._limit)


def _take(table: Any, group: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows of a group, in its order."""
    import pyarrow.compute as pc

    ids = group.column("_rowid")
    if not len(ids):
        found = table.search().select([*columns, "_rowid"]).limit(0).to_arrow()
    else:
        found = table.take_row_ids(ids.to_pylist()).select([*columns, "_rowid"]).to_arrow()
    places = pc.index_in(ids.combine_chunks(), found.column("_rowid").combine_chunks())
    if len(found) != len(ids) or places.null_count:
        raise StoreError(f"{len(found)} of {len(ids)} rows came")
    rows = found.take(places)
    for name in group.column_names:
        if name != "_rowid":
            rows = rows.append_column(name, group.column(name))
    return rows.drop_columns("_rowid")


def in_parallel(calls: Sequence[Callable[[], Value]]) -> list[Value]:
    """The results of some calls, each but the first in a thread of its own."""
    waiting = [_readers.submit(copy_context().run, call) for call in calls[1:]]
    return [calls[0](), *(each.result() for each in waiting)]
