"""Keeps results in a folder, one file for each key, written whole or not at all; knows no judge.

A killed run goes on without asking again, and several runs may share a folder. Nothing is ever removed: the
folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from footage.core.atomic import whole_file

logger = logging.getLogger(__name__)


class KeptFiles:
    """A folder with one file for each key."""

    def __init__(self, folder: Path) -> None:
        """Take a folder; it is made with the first file, for its owner alone."""
        self.folder = folder

    def get(self, key: str) -> bytes | None:
        """The content under a key; None where there is none, or where it cannot be read, which is logged."""
        try:
            return self._place(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("%s cannot be read: %s", self._place(key), error.strerror)
            return None

    def put(self, key: str, content: bytes) -> None:
        """Keep some content under a key.

        Raises:
            FootageError: when it cannot be written; to go on would be to pay for answers that are lost.
        """
        with whole_file(self._place(key)) as partial:
            partial.write_bytes(content)

    def keys(self) -> Iterator[str]:
        """All keys."""
        return (place.stem for place in sorted(self.folder.glob("??/*.json")))

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def key_of(*parts: object) -> str:
    """The key of a result: SHA-256 over everything that it depends on, as JSON.

    Args:
        parts: Texts, numbers, and lists or mappings of them.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
