"""Keeps some tables as they are inside the index folder while they are rewritten, and puts them back.

LanceDB never changes a data file, so that hard links to all of them keep a table. A snapshot has one of four
names, and a kill between two of them is finished by the next call: ``.upgrade-8.part`` is being made or
removed, ``.upgrade-8`` is whole, ``.upgrade-8.back`` is being put back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from footage.store.errors import translate

PREFIX = ".upgrade-"


class Snapshot:
    """Some tables of an index as they were at one moment."""

    def __init__(self, index: Path, name: str) -> None:
        """Name a snapshot of the index at a folder; nothing is made yet."""
        self._index = index
        self.path = index / f"{PREFIX}{name}"
        """Where it lies once it is whole."""
        self.failed = self.path.with_name(f"{self.path.name}.failed")
        """Where tables are moved to that came out wrong."""
        self._part = self.path.with_name(f"{self.path.name}.part")
        self._back = self.path.with_name(f"{self.path.name}.back")

    @property
    def is_whole(self) -> bool:
        """Whether it was made, and not removed since."""
        return self.path.is_dir()

    def take(self, tables: Iterable[str]) -> None:
        """Keep some tables, unless that was done already.

        Raises:
            StoreFullError: it cannot be written.
        """
        if self.path.is_dir():
            return
        try:
            shutil.rmtree(self._part, ignore_errors=True)
            self._part.mkdir(mode=0o700)
            for name in tables:
                table = f"{name}.lance"
                _link_tree(self._index / table, self._part / table)
            self._part.rename(self.path)
        except OSError as error:
            raise translate(error, self._index) from error

    def drop(self) -> None:
        """Remove it, and what is left of it."""
        if self.path.is_dir():
            shutil.rmtree(self._part, ignore_errors=True)
            self.path.rename(self._part)
        shutil.rmtree(self._part, ignore_errors=True)

    def put_back(self) -> bool:
        """Put the tables back in the place of what they have become; goes on where it was cut short.

        What they have become is moved aside, into a folder ``.upgrade-8.failed`` beside it.

        Returns:
            Whether there was anything to put back.

        Raises:
            StoreFullError: it cannot be written.
        """
        try:
            if self.path.is_dir():
                self.path.rename(self._back)
            if not self._back.is_dir():
                return False
            self.failed.mkdir(mode=0o700, exist_ok=True)
            for kept in sorted(self._back.iterdir()):
                aside = self.failed / kept.name
                if aside.exists() and (self._index / kept.name).exists():
                    shutil.rmtree(aside)
                if not aside.exists():
                    (self._index / kept.name).rename(aside)
                kept.rename(self._index / kept.name)
            self._back.rmdir()
        except OSError as error:
            raise translate(error, self._index) from error
        return True

    @property
    def cut_short(self) -> bool:
        """Whether it was being put back when that was cut short."""
        return self._back.is_dir()


def _link_tree(source: Path, target: Path) -> None:
    """Make second names for all files of a folder."""
    for folder, _, names in os.walk(source):
        place = target / Path(folder).relative_to(source)
        place.mkdir()
        for name in names:
            _link_or_copy(Path(folder, name), place / name)


def _link_or_copy(source: Path, target: Path) -> None:
    """Make a second name for a file, or a second file where the disk knows no such thing.

    Small files are copied: among them is the one that LanceDB does change, the hint at the latest version.
    """
    if source.stat().st_size >= 4096:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)
