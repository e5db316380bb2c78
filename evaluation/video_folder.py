"""Finds the videos that a truth file, a benchmark or references name; opens none of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from footage.core.errors import FileError, UsageError
from footage.core.names import folded, is_at_end, on_disk
from indexer.library import VIDEO_SUFFIXES, WITH_LINKS, FoundFile, walk

_PREFIX = "v_"
"""Precedes ActivityNet's video names in annotations, but not in the file names of some copies."""


@dataclass(frozen=True, slots=True)
class VideoPlace:
    """The file of a video."""

    name: str
    """Its name in the truth file."""
    path: Path | None
    """The file; None where there is none, or more than one."""
    problem: str = ""
    """Why there is no file, in one sentence; empty where there is one."""
    candidates: tuple[Path, ...] = ()
    """The files that fit, where there are several."""


@dataclass(frozen=True, slots=True)
class FoundVideos:
    """The files of some names."""

    found: Mapping[str, Path]
    """File of each video, by name."""
    missing: tuple[str, ...]
    """Names without a file, in their order."""


class VideoFolder:
    """A folder of videos, and the folders in it; links are followed."""

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
            raise FileError(f"The folder of videos {folder} {what}.", hint="Name it with --videos.")
        self.folder = folder.resolve()
        self._beside = None if beside is None else beside.absolute()

    def place(self, name: str) -> VideoPlace:
        """The one file that a name stands for.

        The name may be a path below the folder, with the ending of a video file, without one, or with that of
        another container. Of several files with the name, the one at that path is taken, then the one whose
        path ends as the name does. Names are compared by ``footage.core.names.folded``.
        """
        if "\0" in name or not name.strip():
            return VideoPlace(name, None, "The name of the video is no name of a file.")
        # os.path, as a name that is too long for a file is just not there.
        if self._beside is not None and os.path.isfile(path := on_disk(self._beside / name)):
            return VideoPlace(name, path)
        candidates = next(filter(None, self._fitting(name)), [])
        if len(candidates) == 1:
            return VideoPlace(name, candidates[0])
        if not candidates:
            return VideoPlace(name, None, f"There is no such video in {self.folder}.")
        others = ", ".join(path.relative_to(self.folder).as_posix() for path in candidates[:3])
        problem = f"{len(candidates)} files have this name: {others}."
        return VideoPlace(name, None, problem, tuple(candidates))

    def find(self, names: Iterable[str]) -> FoundVideos:
        """The files of some names, each once.

        Raises:
            UsageError: when several files fit one name.
        """
        found: dict[str, Path] = {}
        missing = []
        for name in dict.fromkeys(names):
            place = self.place(name)
            if place.candidates:
                first, second, *_ = place.candidates
                raise UsageError(
                    f'{len(place.candidates)} files fit the video "{name}": {first}, {second}'
                    f"{', …' if len(place.candidates) > 2 else ''}.",
                    hint="Give a folder that holds one of them, or name the video by its path in the folder.",
                )
            if place.path is None:
                missing.append(name)
            else:
                found[name] = place.path
        return FoundVideos(found, tuple(missing))

    def _fitting(self, name: str) -> Iterator[list[Path]]:
        """The files that fit a name, by each rule in turn."""
        written = PurePosixPath(name.replace("\\", "/"))
        ways = [written]
        if written.suffix.casefold() in VIDEO_SUFFIXES:  # the same video in another container
            ways.append(written.with_suffix(""))
        for way in ways:
            yield self._nearest(sorted(self._named.get(folded(way.name), ())), way)
        for way in ways:
            cut = way.name.removeprefix(_PREFIX)
            other = cut if cut != way.name else _PREFIX + cut
            yield sorted(self._named.get(folded(other), ()))

    def _nearest(self, paths: list[Path], way: PurePosixPath) -> list[Path]:
        """Of files with a name, those at its path below the folder, else those whose path ends with it."""
        if len(paths) < 2:
            return paths
        wanted = folded(way.as_posix())
        inside = {path: path.relative_to(self.folder) for path in paths}
        both = {
            path: [folded(each.as_posix()), folded(each.with_suffix("").as_posix())]
            for path, each in inside.items()
        }
        at_path = [path for path, names in both.items() if wanted in names]
        at_end = [path for path, names in both.items() if any(is_at_end(each, wanted) for each in names)]
        return at_path or at_end or paths

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
