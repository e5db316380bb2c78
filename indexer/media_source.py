"""A file to be indexed, as the indexer reads it: its status, its bytes, its fingerprint and content id."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from footage.core.errors import VideoNotFoundError
from footage.media.containers import open_regular

SAMPLE_BYTES = 64 * 1024
"""Length of each block that goes into a fingerprint: head, middle and tail."""
_READ_BYTES = 4 * 1024 * 1024
_ID_DIGITS = 32  # 128 bits: no two of a trillion files share them by chance


@dataclass(frozen=True, slots=True)
class MediaSource:
    """A file on this machine, which may not be there or not be a video."""

    path: Path
    """Where it lies."""

    def stat(self) -> os.stat_result:
        """Its status, of what a link leads to.

        Raises:
            OSError: it is not there, or may not be looked at.
        """
        return self.path.stat()

    def open(self) -> BinaryIO:
        """Open it for reading.

        Raises:
            OSError: it cannot be read.
            NotAVideoError: it is a special file.
        """
        return open_regular(self.path)

    def fingerprint(self) -> str:
        """Hash its size and three blocks of it: equal for equal bytes, and seldom equal otherwise.

        Reads at most 3 x ``SAMPLE_BYTES``.

        Returns:
            32 hex digits.

        Raises:
            VideoNotFoundError: it cannot be read.
            NotAVideoError: it is a special file.
        """
        try:
            with self.open() as file:
                size = file.seek(0, os.SEEK_END)
                digest = hashlib.sha256(str(size).encode())
                for start in (0, max(0, (size - SAMPLE_BYTES) // 2), max(0, size - SAMPLE_BYTES)):
                    file.seek(start)
                    digest.update(file.read(SAMPLE_BYTES))
        except OSError as error:
            raise VideoNotFoundError(f"{shown(self.path)} cannot be read: {error.strerror}") from error
        return digest.hexdigest()[:_ID_DIGITS]

    def content_id(self) -> str:
        """Hash every byte of it (SHA-256): the identity of what it holds, wherever it lies.

        Returns:
            32 hex digits.

        Raises:
            VideoNotFoundError: it cannot be read.
            NotAVideoError: it is a special file.
        """
        digest = hashlib.sha256()
        try:
            with self.open() as file:
                while block := file.read(_READ_BYTES):
                    digest.update(block)
        except OSError as error:
            raise VideoNotFoundError(f"{shown(self.path)} cannot be read: {error.strerror}") from error
        return digest.hexdigest()[:_ID_DIGITS]


def shown(path: Path | str) -> str:
    """Spell a path so that it can be printed and stored: bytes that are no text become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
