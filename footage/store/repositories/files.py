"""Rows of ``files``: places on disk, and which content each holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.types import File, FileState
from footage.store import records as layout
from footage.store.keyed_cache import KeyedCache
from footage.store.tables import Tables
from footage.store.versioned_cache import VersionedCache

if TYPE_CHECKING:
    import pyarrow as pa

CACHED_ROWS = 100_000
"""Of a larger table, no cache is made of every row: the rows of the videos at hand are read each time."""


class FileRepository:
    """The files of an index; got from ``Store.files``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._files: KeyedCache[File] = KeyedCache(
            "files", "path", [field.name for field in fields(File)], _files
        )
        self._all: VersionedCache[list[File]] = VersionedCache("files")
        self._paths: VersionedCache[dict[str, list[str]]] = VersionedCache("files")

    def put(self, files: Iterable[File]) -> None:
        """Insert files, or replace the ones with the same path."""
        self._tables.upsert("files", [layout.file_to_row(file) for file in files])

    def all(self, *, state: FileState | None = None) -> list[File]:
        """All files, or those in one state, by path; cached until a file is written."""
        found = self._all.get(self._tables, self._read_all)
        return list(found) if state is None else [file for file in found if file.state == state]

    def by_path(self) -> Mapping[str, File]:
        """All files by path; the same object until a file is written."""
        return self._files.get(self._tables)

    def at(self, path: str) -> File | None:
        """The file at an absolute path, if the index knows it."""
        return self.at_paths([path]).get(path)

    def at_paths(self, paths: Collection[str]) -> dict[str, File]:
        """The files at some absolute paths, by path, as far as the index knows them."""
        found = self._tables.read("files", {"path": paths})
        return {row["path"]: layout.file_from_row(row) for row in found}

    def remove(self, paths: Collection[str]) -> None:
        """Forget files; contents that no file holds any more are no longer found."""
        self._tables.delete("files", {"path": paths})

    def paths_of(self, content_id: str) -> list[str]:
        """Paths of the files that hold a content and are not gone, sorted."""
        known = self._paths.get(self._tables, self._read_paths)
        return sorted(known.get(content_id, ()))

    def path_of(self, content_id: str) -> str:
        """A file that holds a content, one that can be reached if there is one; empty when none is known."""
        paths = self.paths_of(content_id)
        return next((path for path in paths if Path(path).is_file()), paths[0] if paths else "")

    def _read_all(self) -> list[File]:
        return sorted(self.by_path().values(), key=attrgetter("path"))

    def _read_paths(self) -> dict[str, list[str]]:
        """Paths of the files that are not gone, by content id."""
        paths: dict[str, list[str]] = {}
        for file in self.by_path().values():
            if file.state != "gone":
                paths.setdefault(file.content_id, []).append(file.path)
        return paths


def _files(rows: pa.Table) -> dict[str, File]:
    return {row["path"]: layout.file_from_row(row) for row in rows.to_pylist()}
