"""Keeps bytes about contents in a folder of bounded size; what was not used for longest goes first.

Several processes may share a folder. Nothing on a shelf is needed: it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from footage.core.atomic import whole_file
from footage.core.errors import FootageError
from footage.core.private_files import private_folder

logger = logging.getLogger(__name__)


class Shelf:
    """A folder of bounded size."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Take a folder; it is made when the first thing is put into it.

        Args:
            folder: Where.
            most_bytes: What all files in it may take together.
        """
        self.folder = folder
        self.hits, self.misses = 0, 0
        self._most_bytes = most_bytes

    def has(self, content_id: str, name: str) -> bool:
        """Whether something is there."""
        return self._place(content_id, name).is_file()

    def get(self, content_id: str, name: str) -> bytes | None:
        """What was put under a content and a name, if it is still there; it counts as used."""
        place = self._place(content_id, name)
        try:
            kept = place.read_bytes()
            os.utime(place)
        except OSError:
            self.misses += 1
            return None
        self.hits += 1
        return kept

    def put(self, content_id: str, name: str, kept: bytes) -> None:
        """Keep something, whole or not at all; a disk that is full or read-only is logged, no error."""
        self.put_all(content_id, {name: kept})

    def put_all(self, content_id: str, kept: Mapping[str, bytes]) -> None:
        """As ``put``, of several names at once."""
        try:
            private_folder(self.folder)
            for name, each in kept.items():
                with whole_file(self._place(content_id, name)) as partial:
                    partial.write_bytes(each)
            keep_small(self.folder, self._most_bytes)
        except (OSError, FootageError) as exc:
            logger.warning("cannot write to the cache %s: %s", self.folder, exc)

    def drop(self, content_id: str, name: str) -> None:
        """Remove what was put under a name, if it is there."""
        self._place(content_id, name).unlink(missing_ok=True)

    def forget(self, content_id: str) -> None:
        """Remove all of a content."""
        for place in self.folder.glob(f"{_digest(content_id)}-*"):
            place.unlink(missing_ok=True)

    def _place(self, content_id: str, name: str) -> Path:
        return self.folder / f"{_digest(content_id)}-{_digest(name)}"


def _digest(name: str) -> str:
    """For use in a file's name, whatever a name holds: ids come from imported captions, too."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def keep_small(folder: Path, most_bytes: int) -> None:
    """Remove the oldest files of a folder until it holds at most ``most_bytes``; the newest stays."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_file():
                    files.append((entry.stat().st_mtime, entry.stat().st_size, entry.path))
            except FileNotFoundError:  # another process cleared it away
                continue
    held = 0
    for number, (_, size_bytes, path) in enumerate(sorted(files, reverse=True)):
        held += size_bytes
        if number and held > most_bytes:
            Path(path).unlink(missing_ok=True)
