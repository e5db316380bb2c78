"""Joins small files, clears old versions away, makes the indexes of words, vectors and columns of tables."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from footage.store import fencing
from footage.store.errors import mapped
from footage.store.tables import Tables

_AT_ONCE = timedelta(milliseconds=5)  # a shorter time, or none, LanceDB warns about or does not see
_COMMITS, _ROWS_PER_COMMIT = 50, 1000
_ROUNDS, _SAMPLE_RATE = 15, 64  # of k-means; LanceDB's 50 and 256 take minutes more and find no more


def index_words(tables: Tables) -> None:
    """Make the full-text indexes of the events and of the passages, in place of those that are there.

    Words are stemmed, English stop words dropped. Rows newer than the index are scanned, so found.
    """
    from lancedb.index import FTS

    words = FTS(language="English", stem=True, remove_stop_words=True)
    for name in ("events", "passages"):
        with tables.committing(name) as table:
            table.create_index("text", config=words, replace=True)


def index_rows(tables: Tables, name: str) -> None:
    """Make the indexes that a large table lacks: of its vectors, and of the columns it is filtered by.

    Each is one commit: one that was cut short is not there, and made the next time. Rows newer than an
    index are looked through beside it, so found, until ``tidy`` takes them in.
    """
    from lancedb.index import Bitmap, BTree, IvfSq

    kinds: dict[str, tuple[Any, int]] = {
        "content_id": (BTree(), tables.limits.scalar_index_rows),
        "owner_kind": (Bitmap(), tables.limits.scalar_index_rows),
    }
    with mapped(tables.path):
        table = tables.table(name)
        rows, columns = table.count_rows(), table.schema.names
        if "vector" in columns:
            vectors = IvfSq(
                distance_type="cosine",
                target_partition_size=tables.limits.partition_size(rows),
                max_iterations=_ROUNDS,
                sample_rate=_SAMPLE_RATE,
            )
            kinds["vector"] = (vectors, tables.limits.rows_in_memory(tables.dimension(name)))
        wanted = {column for column, (_, least) in kinds.items() if column in columns and rows > least}
        missing = wanted and wanted - _indexed_columns(tables, name)  # of a small table no index is looked up
    for column in missing:
        with tables.committing(name) as table:
            table.create_index(column, config=kinds[column][0], name=f"{column}_idx")


def _indexed_columns(tables: Tables, name: str) -> set[str]:
    return {column for index in tables.table(name).list_indices() for column in index.columns}


def copy_rows(tables: Tables, names: Iterable[str]) -> None:
    """Write every row anew: LanceDB keeps rows that were deleted until a tenth of a file's are.

    So do indexes: those of words are made again, others are taken away, for ``tidy`` to make again.
    """
    names = list(names)
    for name in names:
        key = tables.table(name).schema.names[0]
        with tables.committing(name) as table:
            for index in table.list_indices():
                if index.columns != ["text"]:
                    table.drop_index(index.name)
            table.update(values_sql={key: key})
    if {"events", "passages"} & {*names}:
        index_words(tables)


def tidy(tables: Tables, names: Iterable[str], *, every_version: bool = False) -> None:
    """Join the small files that many commits leave, bring the indexes up to date, drop old versions.

    Versions younger than 15 seconds stay, on object storage longer, so that no reader loses the one it is
    reading; with ``every_version`` none but the latest does, so that what was deleted is gone from the disk.
    """
    if every_version:  # join first: what that leaves behind is an old version itself
        names = list(names)
        tidy(tables, names)
        time.sleep(2 * _AT_ONCE.total_seconds())
    keep = _AT_ONCE if every_version else timedelta(seconds=tables.location.keep_versions_seconds)
    for name in names:
        versions = tables.location.version_count(name)
        if versions is not None and versions <= tables.limits.few_versions and not every_version:
            continue
        with tables.committing(name) as table:
            if not tables.location.is_folder:  # the fence before this one is an old version that goes
                fencing.restore_latest(table, tables.lock_of(name))
            table.optimize(cleanup_older_than=keep, delete_unverified=every_version)
        index_rows(tables, name)
        tables.commits[name] = 0


def untidy(tables: Tables) -> list[str]:
    """The tables that have seen so many commits since ``tidy`` that it pays.

    Every commit leaves a file that makes each read a little slower, and joining them copies the table:
    the larger it is, the more commits are waited for.
    """
    return [
        name
        for name, commits in tables.commits.items()
        if commits >= _COMMITS and commits >= _COMMITS + tables.count(name) // _ROWS_PER_COMMIT
    ]
