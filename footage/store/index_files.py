"""Lists and reads the files of the tables of an index, in a folder or on object storage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from footage.store.location import IndexLocation
from footage.store.object_location import ObjectLocation

if TYPE_CHECKING:
    from typing import Any

_HINT = "latest_version_hint.json"  # the one file that LanceDB does change; it does without
_READ_BYTES = 4 * 1024 * 1024


class IndexFile(Protocol):
    """One file."""

    @property
    def size_bytes(self) -> int:
        """Its size."""

    @property
    def modified_ns(self) -> int:
        """When it was changed last, nanoseconds since the epoch."""

    def blocks(self) -> Iterator[bytes]:
        """Its content."""


class FileOnDisk:
    """A file in a folder."""

    def __init__(self, path: Path) -> None:
        """Look at a file.

        Raises:
            OSError: it is not there.
        """
        status = path.stat()
        self.path, self.size_bytes, self.modified_ns = path, status.st_size, status.st_mtime_ns

    def blocks(self) -> Iterator[bytes]:
        """Its content."""
        with self.path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                yield block


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object on object storage."""

    location: ObjectLocation
    """The index."""
    name: str
    """Its name below the address of the index."""
    size_bytes: int
    """Its size."""
    modified_ns: int
    """When it was written, nanoseconds since the epoch."""

    def blocks(self) -> Iterator[bytes]:
        """Its content."""
        from footage.store.errors import mapped

        with mapped(self.location):
            for block in self._get().stream(min_chunk_size=_READ_BYTES):
                yield bytes(block)

    def _get(self) -> Any:
        import obstore

        return obstore.get(self.location.client(), self.location.key(self.name))


def table_files(location: IndexLocation) -> dict[str, IndexFile]:
    """Every file of the tables of an index, by name: data before the versions that need it."""
    if isinstance(location, ObjectLocation):
        found: dict[str, IndexFile] = {
            each.name: StoredObject(location, each.name, each.size_bytes, each.modified_ns)
            for each in location.objects()
            if each.name.partition("/")[0].endswith(".lance")
        }
    else:
        index = location.folder("this", instead="")
        found = {str(path.relative_to(index)): FileOnDisk(path) for path in _files_of(index)}
    return {name: found[name] for name in sorted(found, key=_order) if not _is_passing(name)}


def _is_passing(name: str) -> bool:
    last = name.rpartition("/")[2]
    return last == _HINT or last.startswith(".tmp")


def _order(name: str) -> tuple[bool, bool, str]:
    """Tables by name, ``meta`` last; of each its data first."""
    table, _, rest = name.partition("/")
    return table == "meta.lance", rest.startswith("_versions/"), name


def _files_of(index: Path) -> Iterator[Path]:
    for table in sorted(index.glob("*.lance")):
        for folder, _, names in os.walk(table):
            yield from (Path(folder, name) for name in names)
