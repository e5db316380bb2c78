"""Where an index lies, and the locks that its writers hold; knows no table."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from footage.core.errors import StoreBusyError, StoreError, UsageError
from footage.store.errors import translate

_HOLDER = ".lock-holder"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class IndexLocation:
    """A folder that holds an index, or is to hold one."""

    path: Path
    """The folder."""
    annotations_patience_seconds: float = 30.0
    """How long to wait for the lock of the annotations: a write of a few rows takes 0.01 s, a copy of an
    index some seconds."""

    @classmethod
    def of(cls, location: IndexLocation | Path | str) -> IndexLocation:
        """The location that a path, a path with ``~``, or a URI "file:///…" names.

        Raises:
            UsageError: it is a URI of another kind.
        """
        if isinstance(location, IndexLocation):
            return location
        text = str(location)
        if isinstance(location, str) and _SCHEME.match(text):
            parts = urlsplit(text)
            if parts.scheme.lower() != "file" or parts.netloc not in ("", "localhost"):
                raise UsageError(
                    f"an index cannot be at {text}: only folders of this machine are supported",
                    hint="Name a folder with --db, as a path or as file:///path.",
                )
            return cls(Path(unquote(parts.path)))
        return cls(Path(location).expanduser())

    @property
    def uri(self) -> str:
        """The location as a URI, "file:///…"."""
        return self.path.absolute().as_uri()

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

    @contextmanager
    def annotations_lock(self) -> Iterator[None]:
        """Hold the lock of the tables that people write to, waiting for it if need be.

        Raises:
            StoreError: another process has held it for longer than any write takes.
        """
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.path / ".lock-notes", timeout=self.annotations_patience_seconds):
                yield
        except Timeout as error:
            raise StoreError(
                f"another process has been writing annotations to the index {self.path} "
                f"for {self.annotations_patience_seconds:g} s",
                hint="Check if that process hangs, and try again.",
            ) from error
        except OSError as error:
            raise translate(error, self.path) from error


class WriteLock:
    """The write lock of an index, which one object may take several times over."""

    def __init__(self, location: IndexLocation) -> None:
        """Name the lock; nothing is held yet."""
        self._path = location.path
        self._lock: Any = None

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Hold the lock; gives the block whether this object did not hold it before.

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
                f"another run is writing to the index {self._path}: {self._holder()}",
                hint="Wait until it ends, stop it, or use another --db.",
            ) from error
        except OSError as error:
            raise translate(error, self._path) from error
        try:
            self._note_holder()
            yield lock.lock_counter == 1
        finally:
            lock.release()

    def _note_holder(self) -> None:
        """Write down who holds the lock; the file stays behind, for only the lock itself counts."""
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        who = f"process {os.getpid()} on {socket.gethostname()}, since {since}"
        try:
            (self._path / _HOLDER).write_text(who)
        except OSError as error:
            raise translate(error, self._path) from error

    def _holder(self) -> str:
        try:
            return (self._path / _HOLDER).read_text() or "process unknown"
        except (OSError, UnicodeDecodeError):
            return "process unknown"
