"""An index in a folder of this machine, and its locks, which the operating system frees; knows no table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footage.core.errors import StoreBusyError, StoreCorruptError, StoreError, StoreFullError
from footage.store.errors import translate
from footage.store.location import Hold, IndexLocation, busy_message, this_process

_HOLDER = ".lock-holder"


@dataclass(frozen=True, slots=True)
class FolderLocation(IndexLocation):
    """A folder that holds an index, or is to hold one."""

    path: Path
    """The folder."""
    annotations_patience_seconds: float = 30.0
    """How long to wait for the lock of the annotations: a write of a few rows takes 0.01 s, a copy of an
    index some seconds."""

    def __str__(self) -> str:
        return str(self.path)

    @property
    def place(self) -> Path:
        """The folder."""
        return self.path

    @property
    def uri(self) -> str:
        """The location as a URI, "file:///…"."""
        return self.path.absolute().as_uri()

    @property
    def tables_uri(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def storage_options(self) -> dict[str, str] | None:
        """None: a folder needs none."""
        return None

    @property
    def keep_versions_seconds(self) -> float:
        """A reader holds a version for one query, and each one kept makes every commit slower."""
        return 15.0

    def names(self) -> list[str]:
        """Names of its entries.

        Raises:
            StoreCorruptError: it is not a folder.
            StoreFullError: it may not be entered.
        """
        try:
            return sorted(entry.name for entry in self.path.iterdir())
        except FileNotFoundError:
            return []
        except NotADirectoryError as error:
            raise StoreCorruptError(
                f"{self.path} is not an index: it is not a folder",
                hint="Name a folder for the index with --db.",
            ) from error
        except OSError as error:
            raise StoreFullError(
                f"the index {self.path} cannot be opened: {error.strerror}",
                hint="Check the permissions of that folder.",
            ) from error

    def prepare(self) -> None:
        """Make the folder for its owner alone if there is none, or nothing in it.

        Raises:
            StoreCorruptError: it is not a folder.
            StoreFullError: it cannot be made, or may not be entered.
        """
        if self.names():
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise StoreFullError(
                f"cannot create an index at {self.path}: {error.strerror}",
                hint="Choose another folder with --db.",
            ) from error

    def size_bytes(self, table: str | None = None) -> int:
        """Size on disk of a table, old versions included; of the whole folder when None."""
        sizes = []
        for folder, _, names in os.walk(self.path / f"{table}.lance" if table else self.path):
            for name in names:
                try:
                    sizes.append(os.lstat(os.path.join(folder, name)).st_size)
                except FileNotFoundError:  # a file of an old version, cleared away meanwhile
                    continue
        return sum(sizes)

    def version_count(self, table: str) -> int | None:
        """None: tidying a tidy table on a disk takes milliseconds."""
        return None

    def write_lock(self) -> FolderLock:
        """A lock of the operating system, which a process that dies gives back."""
        return FolderLock(self.path)

    def annotations_lock(self) -> FolderAnnotationsLock:
        """As ``write_lock``, waiting for it if need be."""
        return FolderAnnotationsLock(self.path, patience_seconds=self.annotations_patience_seconds)


class FolderLock:
    """The write lock of an index, which one object may take several times over."""

    def __init__(self, path: Path) -> None:
        """Name the lock; nothing is held yet."""
        self._path = path
        self._lock: Any = None

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """Hold the lock.

        Raises:
            StoreBusyError: another process holds it.
            StoreFullError: the lock file cannot be written.
        """
        from filelock import FileLock, Timeout

        lock = self._lock = self._lock or FileLock(self._path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreBusyError(
                busy_message(self._path, self._holder()),
                hint="Wait until it ends, stop it, or use another --db.",
            ) from error
        except OSError as error:
            raise translate(error, self._path) from error
        try:
            self._note_holder()
            yield Hold(lock.lock_counter == 1)
        finally:
            lock.release()

    def check(self) -> None:
        """Nothing: the operating system takes no lock away from a process that lives."""

    def renew(self) -> None:
        """Nothing, for the same reason."""

    def note_fenced(self) -> None:
        """Nothing: a process that is dead writes nothing any more."""

    def _note_holder(self) -> None:
        """Write down who holds the lock; the file stays behind, for only the lock itself counts."""
        try:
            (self._path / _HOLDER).write_text(this_process())
        except OSError as error:
            raise translate(error, self._path) from error

    def _holder(self) -> str:
        try:
            return (self._path / _HOLDER).read_text() or "process unknown"
        except (OSError, UnicodeDecodeError):
            return "process unknown"


class FolderAnnotationsLock:
    """The lock of the tables that people write to; a caller waits for it."""

    def __init__(self, path: Path, *, patience_seconds: float) -> None:
        """Name the lock; nothing is held yet."""
        self._path, self._patience_seconds = path, patience_seconds

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """Hold the lock.

        Raises:
            StoreError: another process has held it for longer than any write takes.
        """
        from filelock import FileLock, Timeout

        try:
            with FileLock(self._path / ".lock-notes", timeout=self._patience_seconds):
                yield Hold(is_first=True)
        except Timeout as error:
            raise StoreError(
                f"another process has been writing annotations to the index {self._path} "
                f"for {self._patience_seconds:g} s",
                hint="Check if that process hangs, and try again.",
            ) from error
        except OSError as error:
            raise translate(error, self._path) from error

    def check(self) -> None:
        """Nothing, as that of ``FolderLock``."""

    def renew(self) -> None:
        """Nothing, as that of ``FolderLock``."""

    def note_fenced(self) -> None:
        """Nothing, as that of ``FolderLock``."""
