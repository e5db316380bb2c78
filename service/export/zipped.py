"""Puts files into one zip, as a stream: nothing is compressed, copied or held; knows nothing of exports.

Entries are plain files for their owner (mode 0600) with the names that are given, each checked: no entry
leaves the folder that the zip is unpacked into, whatever the reader.
"""

from __future__ import annotations

import stat
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from footage.core.errors import FileError, FootageError
from footage.core.private_files import FILE_MODE
from footage.media.containers import display_name, open_regular

_BLOCK_BYTES = 1024 * 1024
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""A zip knows no earlier time."""
_UNIX = 3
_MOST_PLAIN_BYTES = 2**31
"""From here on a zip has records of other lengths."""
_MOST_PLAIN_FILES = 60_000
_LOCAL, _DESCRIPTOR, _CENTRAL, _END = 30, 16, 46, 22
"""Bytes of the records of a zip, names apart."""


def zip_chunks(files: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    """The bytes of a zip of some files, in pieces.

    Args:
        files: The name of each in the zip, with "/" between folders, and where it lies.

    Raises:
        FileError: A name would leave the folder that the zip is unpacked into.
        FootageError: A file cannot be read.
    """
    for name, _ in files:
        _check(name)
    out = _Pieces()
    with zipfile.ZipFile(cast("IO[bytes]", out), "w", zipfile.ZIP_STORED) as target:
        for name, path in files:
            try:
                with open_regular(path) as file:
                    size = path.stat().st_size
                    with target.open(
                        _entry(name, path, size), "w", force_zip64=size > _MOST_PLAIN_BYTES
                    ) as entry:
                        while block := file.read(_BLOCK_BYTES):
                            entry.write(block)
                            yield out.taken()
            except OSError as exc:
                raise FootageError(f"{display_name(path)} cannot be read: {exc.strerror}") from exc
            yield out.taken()
    yield out.taken()


def zip_bytes(files: Sequence[tuple[str, Path]]) -> int | None:
    """Length of ``zip_chunks`` in bytes; None where files are so large that it is not known before.

    Raises:
        OSError: A file is not there.
    """
    sizes = [path.stat().st_size for _, path in files]
    if sum(sizes) > _MOST_PLAIN_BYTES or len(files) > _MOST_PLAIN_FILES:
        return None
    names = sum(len(name.encode()) for name, _ in files)
    return sum(sizes) + 2 * names + len(files) * (_LOCAL + _DESCRIPTOR + _CENTRAL) + _END


def write_zip(files: Sequence[tuple[str, Path]], out: Path) -> None:
    """Write a zip of some files; arguments and errors as ``zip_chunks``.

    Raises:
        OSError: It cannot be written.
    """
    with out.open("wb") as target:
        for piece in zip_chunks(files):
            target.write(piece)


def _entry(name: str, path: Path, size: int) -> zipfile.ZipInfo:
    changed = time.gmtime(path.stat().st_mtime)[:6]
    entry = zipfile.ZipInfo(name, max(_EARLIEST, changed))
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | FILE_MODE) << 16
    entry.file_size = size
    return entry


def _check(name: str) -> None:
    """Refuse a name that is no plain path below the folder."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or any(char in name for char in "\\:\0"):
        raise FileError(f"{name!r} cannot be the name of a file in a zip.", hint="Give it another name.")


class _Pieces:
    """A file that can only be written to; what was written is taken away piece by piece."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, some: Any) -> int:
        """Take some bytes."""
        self._held += some
        return len(some)

    def flush(self) -> None:
        """Nothing to do."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        made = bytes(self._held)
        self._held.clear()
        return made
