"""Finds the video of each name of a benchmark in a folder; opens no video."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from footage.core.errors import FileError, UsageError
from indexer.library import VIDEO_SUFFIXES

_PREFIX = "v_"
"""Stands before ActivityNet's video names in annotations, and in some copies not in the file names."""


@dataclass(frozen=True, slots=True)
class BenchmarkFolder:
    """The videos of a benchmark that are there, and those that are not."""

    found: Mapping[str, Path]
    """File of each video, by the name in the annotations."""
    missing: tuple[str, ...]
    """Names without a file, in the order of the annotations."""


def find_videos(folder: Path, names: Iterable[str]) -> BenchmarkFolder:
    """Find videos by name, in a folder and the folders in it; links are followed.

    A name may be a path below the folder, with or without the ending of a video file, or with another one.
    Where there is no such path, a file of that name in any folder counts, then one whose name differs in the
    prefix ``v_`` of ActivityNet. The first of these that gives a file decides.

    Args:
        folder: The folder.
        names: Names of the videos in the annotations.

    Raises:
        FileError: when the folder cannot be read.
        UsageError: when two files fit one name.
    """
    if not folder.is_dir():
        raise FileError(
            f"{folder} is not a folder of videos.", hint="Give the folder that holds the benchmark's videos."
        )
    # 1. Every video by its path and by its name, each with and without its ending.
    by_path: dict[str, list[Path]] = {}
    by_name: dict[str, list[Path]] = {}
    for path in sorted(_walk(folder)):
        inside = PurePosixPath(path.relative_to(folder).as_posix())
        for key in {str(inside), str(inside.with_suffix(""))}:
            by_path.setdefault(key, []).append(path)
        for key in {inside.name, inside.stem}:
            by_name.setdefault(key, []).append(path)
    # 2. The best fitting place of each name.
    found: dict[str, Path] = {}
    missing = []
    for name in dict.fromkeys(names):
        fitting = next(filter(None, _places(name, by_path, by_name)), [])
        if len(fitting) > 1:
            raise UsageError(
                f'Two files fit the video "{name}": {fitting[0]} and {fitting[1]}.',
                hint="Remove one of them, or give a folder that holds one.",
            )
        if fitting:
            found[name] = fitting[0]
        else:
            missing.append(name)
    return BenchmarkFolder(found, tuple(missing))


def _places(
    name: str, by_path: Mapping[str, list[Path]], by_name: Mapping[str, list[Path]]
) -> Iterator[list[Path]]:
    """The files that fit a name, by each rule in turn."""
    inside = PurePosixPath(name.replace("\\", "/"))
    ways = [inside]
    if inside.suffix.lower() in VIDEO_SUFFIXES:  # the same video in another container
        ways.append(inside.with_suffix(""))
    for way in ways:
        yield by_path.get(str(way), [])
        yield by_name.get(way.name, [])
    for way in ways:
        cut = way.name.removeprefix(_PREFIX)
        yield by_name.get(cut if cut != way.name else _PREFIX + cut, [])


def _walk(folder: Path) -> Iterator[Path]:
    """Every video file in a folder and below; a folder that links lead to again is read once."""
    seen: set[tuple[int, int]] = set()
    try:
        for place, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
            here = os.stat(place)
            if (here.st_dev, here.st_ino) in seen:
                folders.clear()
                continue
            seen.add((here.st_dev, here.st_ino))
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for file in files:
                if os.path.splitext(file)[1].lower() in VIDEO_SUFFIXES and not file.startswith("."):
                    yield Path(place, file)
    except OSError as error:
        raise FileError(
            f"The folder {error.filename or folder} cannot be read: {error.strerror}.",
            hint="Check its permissions.",
        ) from error


def _raise(error: OSError) -> None:
    raise error
