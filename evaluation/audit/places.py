"""Finds the videos that a truth file names; opens none of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from footage.core.errors import FileError
from footage.core.names import folded, is_at_end, on_disk
from indexer.library import VIDEO_SUFFIXES, WITH_LINKS, FoundFile, walk


@dataclass(frozen=True, slots=True)
class VideoPlace:
    """Where a video lies."""

    name: str
    """Its name in the truth file."""
    path: Path | None
    """The file; None where there is none, or more than one."""
    problem: str = ""
    """Why there is no file, in one sentence; empty where there is one."""


class VideoFolder:
    """The videos that a truth file may name: paths relative to it, and what lies below a folder."""

    def __init__(self, folder: Path, *, beside: Path | None = None) -> None:
        """Take a folder; it is listed when a name is first looked for in it.

        Args:
            folder: Videos below it are found by path, name and stem.
            beside: A folder that names are relative to as they are; None for names of a benchmark, which are
                no paths: nothing outside ``folder`` is found by one.

        Raises:
            FileError: the folder is not there.
        """
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "is not there"
            raise FileError(f"The folder of videos {folder} {what}.", hint="Name it with --videos DIR.")
        self.folder = folder.resolve()
        self._beside = None if beside is None else beside.absolute()

    def place(self, name: str) -> VideoPlace:
        """The one file that a truth file's name stands for.

        The name may be a path, with or without an extension; another container with the same stem will do.
        Of several files, the one is taken whose path ends as the name does.
        """
        if "\0" in name or not name.strip():
            return VideoPlace(name, None, "The name of the video is no name of a file.")
        # os.path, as a name that is too long for a file is just not there.
        if self._beside is not None and os.path.isfile(path := on_disk(self._beside / name)):
            return VideoPlace(name, path)
        written = PurePosixPath(name.replace("\\", "/"))
        known = written.suffix.casefold() in VIDEO_SUFFIXES
        stem = written.with_suffix("") if known else written
        named = self._named.get(folded(written.name)) or self._named.get(folded(stem.name)) or set()
        candidates = sorted(named)
        if len(candidates) > 1:
            candidates = (
                [path for path in candidates if is_at_end(path.as_posix(), written.as_posix())]
                or [
                    path for path in candidates if is_at_end(path.with_suffix("").as_posix(), stem.as_posix())
                ]
                or candidates
            )
        if len(candidates) == 1:
            return VideoPlace(name, candidates[0])
        if not candidates:
            return VideoPlace(name, None, f"There is no such video in {self.folder}.")
        others = ", ".join(path.relative_to(self.folder).as_posix() for path in candidates[:3])
        return VideoPlace(name, None, f"{len(candidates)} files have this name: {others}.")

    @cached_property
    def _named(self) -> dict[str, set[Path]]:
        """Files below the folder by name and by stem, as they are compared."""
        named: dict[str, set[Path]] = {}
        try:
            for each in walk([self.folder], selection=WITH_LINKS):
                if isinstance(each, FoundFile):
                    for name in (each.path.name, each.path.stem):
                        named.setdefault(folded(name), set()).add(each.path)
        except FileError:
            return {}  # no video in it: each name is reported
        return named
