"""Opens the file of the service's state and brings its tables up to date; knows no kind of row.

The state is small and changes often, a row at a time, from several processes: SQLite fits, LanceDB does not.
Captions and everything derived from them are never here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from footage.core.errors import StoreBusyError, StoreError
from footage.core.private_files import FILE_MODE
from footage.store.state import alerts, item_checks, jobs, people, reels, tokens

FILE_NAME = "state.sqlite"
PATIENCE_SECONDS = 10.0
"""How long to wait for another process that is writing."""
MIGRATIONS: tuple[str, ...] = (
    jobs.TABLES,
    alerts.TABLES,
    tokens.TABLES,
    reels.TABLES,
    people.TABLES,
    item_checks.TABLES,
)
"""SQL scripts; the first N of them are done where ``PRAGMA user_version`` is N. Only ever add to the end."""


class StateDatabase:
    """The state of one index; safe to use from threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Make the file if there is none, and its tables.

        Args:
            folder: The folder of the index, which must be there.

        Raises:
            StoreError: the file cannot be made or read, or a newer version of footage has written it.
        """
        self.path = folder / FILE_NAME
        try:
            self.path.touch(mode=FILE_MODE, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}.") from error
        with self.transaction() as rows:
            [version] = rows.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"{self.path} was written by a newer version of footage.", hint="Upgrade footage."
                )
            for script in MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    rows.execute(statement)
            rows.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one write transaction: all of it happens, or nothing.

        Rows are ``sqlite3.Row``. Other writers wait until it ends, so keep it short.

        Raises:
            StoreBusyError: another process has been writing for ``PATIENCE_SECONDS``.
            StoreError: the file cannot be read or written.
        """
        try:
            connection = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise _translated(error, self.path) from error
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _translated(error, self.path) from error
        finally:
            connection.close()


def copy_state(folder: Path, target: Path) -> bool:
    """Copy the state of an index as it is at one moment, while others write to it; False where there is none.

    Args:
        folder: The folder of the index.
        target: Folder of the copy, which must be there.

    Raises:
        StoreError: the state cannot be read, or the copy not be written.
    """
    path, copy = folder / FILE_NAME, target / FILE_NAME
    if not path.is_file():
        return False
    try:
        copy.touch(mode=FILE_MODE)
        with (
            closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as source,
            closing(sqlite3.connect(copy)) as written,
        ):
            source.backup(written)
            [found] = written.execute("PRAGMA integrity_check").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path} cannot be copied: {error}.") from error
    if found != "ok":
        raise StoreError(f"{path} is damaged: {found}.", hint="Restore it from a copy.")
    return True


def _translated(error: sqlite3.Error, path: Path) -> StoreError:
    """An error of SQLite as one of ours."""
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return StoreBusyError(f"{path} is being written by another process.", hint="Try again in a moment.")
    return StoreError(f"{path} cannot be used: {error}.")
