"""Opens an index for writing: takes its lock, finishes work that was cut short, upgrades older tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from footage.store import forgetting, migrations
from footage.store.records import SCHEMA_VERSION
from footage.store.tables import Tables


@contextmanager
def locked(tables: Tables, *, resume: bool = True) -> Iterator[None]:
    """Hold the write lock, which these tables may take several times over.

    Args:
        tables: The index.
        resume: Finish what was being forgotten when that was cut short.

    Raises:
        StoreBusyError: another process holds it.
        StoreFullError: the lock file cannot be written.
    """
    with tables.writing() as first:
        if resume and first:
            forgetting.resume(tables)
        yield


@contextmanager
def writing(tables: Tables, on_progress: migrations.Progress | None = None) -> Iterator[None]:
    """Hold the write lock of an index whose tables are of this program's version: upgraded first, if not.

    Raises:
        StoreError: as ``locked``, or the upgrade failed.
    """
    with locked(tables):
        if tables.version_found < SCHEMA_VERSION:
            migrations.upgrade(tables, on_progress)
            tables.version_found = SCHEMA_VERSION
        yield
