"""Where an index is: what a folder and a prefix of object storage have in common; knows no table."""

from __future__ import annotations

import os
import socket
import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from footage.core.errors import UsageError
from footage.core.index_place import IndexPlace, index_place


@dataclass(frozen=True, slots=True)
class Hold:
    """A lock that is held."""

    is_first: bool
    """Whether the object that took it did not hold it before."""
    is_fence_due: bool = False
    """Whether commits of an earlier holder may still arrive, and are to be shut out (``fencing``)."""


class IndexLock(Protocol):
    """A lock of an index: only who holds it may write some of the tables."""

    def hold(self) -> AbstractContextManager[Hold]:
        """Hold the lock.

        Raises:
            StoreBusyError: another process holds it.
            StoreError: it cannot be taken.
        """

    def check(self) -> None:
        """Make sure that the lock is still held.

        Raises:
            StoreError: it is not.
        """

    def renew(self) -> None:
        """Hold the lock for its whole time from now on; errors as ``check``."""

    def note_fenced(self) -> None:
        """Note that earlier holders are shut out."""


class IndexLocation(ABC):
    """A place that holds an index, or is to hold one; ``str`` of it names it for people."""

    @staticmethod
    def of(location: IndexLocation | IndexPlace) -> IndexLocation:
        """The location that a path, a path with ``~``, "file:///…", or an address as "s3://…" names.

        Raises:
            UsageError: it is an address where no index can be.
        """
        from footage.store.folder_location import FolderLocation
        from footage.store.object_location import ObjectLocation

        if isinstance(location, IndexLocation):
            return location
        place = index_place(location)
        return FolderLocation(place) if isinstance(place, Path) else ObjectLocation.parsed(place)

    @property
    @abstractmethod
    def place(self) -> IndexPlace:
        """The location as settings name it."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """The location as a URI."""

    @property
    @abstractmethod
    def tables_uri(self) -> str:
        """What LanceDB is given."""

    @property
    @abstractmethod
    def storage_options(self) -> dict[str, str] | None:
        """What LanceDB is given with it; None for a folder."""

    @property
    @abstractmethod
    def keep_versions_seconds(self) -> float:
        """How long old versions of tables stay for those who are reading them."""

    @abstractmethod
    def version_count(self, table: str) -> int | None:
        """How many versions of a table there are; None where counting them costs more than it saves."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of this machine."""
        return isinstance(self.place, Path)

    @abstractmethod
    def names(self) -> list[str]:
        """Names of what is there; none where there is nothing.

        Raises:
            StoreError: it cannot be listed.
        """

    @abstractmethod
    def prepare(self) -> None:
        """Make what tables can be made in, unless it is there.

        Raises:
            StoreError: it cannot be made.
        """

    @abstractmethod
    def size_bytes(self, table: str | None = None) -> int:
        """Size of a table, old versions included; of everything when None."""

    @abstractmethod
    def write_lock(self) -> IndexLock:
        """The lock of everything that only one process at a time may write; nothing is held yet."""

    @abstractmethod
    def annotations_lock(self) -> IndexLock:
        """The lock of the tables that people write to; ``hold`` waits for it, for a time."""

    def folder(self, what: str, *, instead: str) -> Path:
        """The folder, for what needs one.

        Args:
            what: What needs it, a noun as "a repair".
            instead: What to do where there is none, a sentence.

        Raises:
            UsageError: the index is on object storage.
        """
        if isinstance(self.place, Path):
            return self.place
        raise UsageError(f"{what} needs an index in a folder, and {self} is on object storage", hint=instead)


def this_process() -> str:
    """Names this process for people, with the time."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since}"


def busy_message(location: Any, holder: str) -> str:
    """The sentence that another process writes to an index."""
    return f"another run is writing to the index {location}: {holder}"
