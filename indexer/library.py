"""Finds video files and says what their bytes are; knows neither windows nor models."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from footage.errors import UsageError, VideoNotFoundError

VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "m1v", "m2t", "m2ts", "m2v", "m4v", "mkv"),
        *("mod", "mov", "mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "nut", "ogm", "ogv", "qt", "tod", "ts"),
        *("vob", "webm", "wmv"),
    )
)
"""What counts as a video file in a folder. A file named by itself is tried whatever its name."""

SAMPLE_BYTES = 64 * 1024
"""Length of each block that goes into a fingerprint: head, middle and tail."""

_READ_BYTES = 4 * 1024 * 1024
_ID_DIGITS = 32  # 128 bits: no two of a trillion files share them by chance


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be a video, as it lies on disk."""

    path: Path
    """Absolute path, links in it not resolved."""
    collection: str
    """Name of the folder that was asked for and led here; empty for a file named by itself."""
    size_bytes: int
    """Size."""
    modified_at: float
    """Modification time, seconds since the epoch."""


def walk(paths: Sequence[Path | str]) -> Iterator[Found]:
    """Find the video files under the given files and folders, each once, folders in name order.

    Hidden files and folders inside a folder are skipped. Links are followed, and every real folder is entered
    once, so that links in a circle do no harm.

    Raises:
        VideoNotFoundError: a given path does not exist or may not be read.
        UsageError: nothing was given, or a given folder holds no video file.
    """
    if not paths:
        raise UsageError("there is nothing to index", hint="Name at least one video file or folder.")
    seen: set[str] = set()
    entered: set[str] = set()
    for given in paths:
        start = Path(os.path.abspath(Path(given).expanduser()))
        if not os.path.lexists(start):
            raise VideoNotFoundError(f"there is no file or folder {shown(start)}")
        candidates = _in_folder(start, entered) if start.is_dir() else iter([start])
        collection = start.name if start.is_dir() else ""
        count = 0
        for path in candidates:
            try:
                status = path.stat()
            except OSError as error:
                if path == start:
                    raise VideoNotFoundError(f"{shown(path)} cannot be read: {error.strerror}") from error
                continue  # a dangling link, or a file that went away while the folder was read
            count += 1
            if str(path) not in seen:
                seen.add(str(path))
                yield Found(path, collection, status.st_size, status.st_mtime)
        if not count:
            raise UsageError(
                f"there is no video file in {shown(start)}",
                hint="Files are known by their ending (.mp4, .mov, ...); name a file to try it anyway.",
            )


def fingerprint(path: Path | str) -> str:
    """Hash a file's size and three blocks of it: equal for equal bytes, and seldom equal otherwise.

    Reads at most 3 x ``SAMPLE_BYTES``.

    Returns:
        32 hex digits.

    Raises:
        VideoNotFoundError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest = hashlib.sha256(str(size).encode())
            for start in (0, max(0, (size - SAMPLE_BYTES) // 2), max(0, size - SAMPLE_BYTES)):
                file.seek(start)
                digest.update(file.read(SAMPLE_BYTES))
    except OSError as error:
        raise VideoNotFoundError(f"{shown(path)} cannot be read: {error.strerror}") from error
    return digest.hexdigest()[:_ID_DIGITS]


def content_id(path: Path | str) -> str:
    """Hash every byte of a file (SHA-256): the identity of what it holds, wherever it lies.

    Returns:
        32 hex digits.

    Raises:
        VideoNotFoundError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise VideoNotFoundError(f"{shown(path)} cannot be read: {error.strerror}") from error
    return digest.hexdigest()[:_ID_DIGITS]


def is_under(path: str, roots: Sequence[Path | str]) -> bool:
    """Tell whether ``path`` is one of the given files, or lies in one of the given folders."""
    for root in roots:
        start = os.path.abspath(Path(root).expanduser())
        if path == start or path.startswith(start.rstrip(os.sep) + os.sep):
            return True
    return False


def _in_folder(folder: Path, entered: set[str]) -> Iterator[Path]:
    """Video files under a folder, by name; ``entered`` keeps the real folders that are done."""
    to_enter = [folder]
    while to_enter:
        current = to_enter.pop()
        real = os.path.realpath(current)
        if real in entered and current != folder:
            continue
        entered.add(real)
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            if current == folder:
                raise VideoNotFoundError(f"{shown(folder)} cannot be read: {error.strerror}") from error
            continue  # a folder inside that may not be entered; the rest goes on
        deeper: list[Path] = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                deeper.append(Path(entry.path))
            elif Path(entry.name).suffix.lower() in VIDEO_SUFFIXES:
                yield Path(entry.path)
        to_enter.extend(reversed(deeper))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a loop of links
        return False


def shown(path: Path | str) -> str:
    """Spell a path so that it can be printed and stored: bytes that are no text become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
