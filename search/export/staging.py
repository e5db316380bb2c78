"""A folder that files come into all at once: everything an export writes is there, or nothing of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from footage.errors import FootageError, UsageError
from footage.wholefile import writing
from search.export.names import free_name


class Staging:
    """Files on their way into a folder; got from ``staging``."""

    def __init__(self, folder: Path, hidden: Path, *, overwrite: bool, sources: Collection[str]) -> None:
        self.folder, self._hidden, self._overwrite = folder, hidden, overwrite
        self._sources = {os.path.realpath(source) for source in sources}
        self._there = () if overwrite else tuple(path.name for path in folder.iterdir())
        self._names: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """What was written so far, in order."""
        return tuple(self._names)

    def path(self, name: str) -> Path:
        """Where the file with a name of this export lies until it is published."""
        return self._hidden / name

    def stem(self, wanted: str) -> str:
        """A stem under which nothing lies yet, whatever its ending: "goals", else "goals_2", and so on."""
        names = [name.casefold() for name in (*self._there, *self._names)]
        taken: list[str] = []
        while any(each.startswith(f"{(stem := free_name(wanted, '', taken)).casefold()}.") for each in names):
            taken.append(stem)
        return free_name(wanted, "", taken)

    def new(self, stem: str, ending: str) -> Path:
        """Where to write a file that nothing else has the name of, numbered where it has to be."""
        taken = [*self._there, *self._names]
        while os.path.realpath(self.folder / (name := free_name(stem, ending, taken))) in self._sources:
            taken.append(name)
        self._names.append(name)
        return self.path(name)

    def write_text(self, stem: str, ending: str, text: str) -> Path:
        """Write a text file as UTF-8, its line ends as they are.

        Raises:
            FootageError: It cannot be written.
        """
        path = self.new(stem, ending)
        with writing(self.folder / path.name):
            path.write_text(text, encoding="utf-8", newline="")
        return path

    def discard(self, path: Path) -> None:
        """Take back a file that could not be made."""
        self._names.remove(path.name)
        path.unlink(missing_ok=True)

    def publish(self) -> None:
        """Give the files their places.

        Raises:
            FootageError: One of them cannot be put there.
        """
        for name in self._names:
            with writing(self.folder / name):
                os.replace(self._hidden / name, self.folder / name)


@contextmanager
def staging(folder: Path, *, overwrite: bool, sources: Collection[str]) -> Iterator[Staging]:
    """Collect files and put them into ``folder`` at the end; when anything is raised, none of them.

    Args:
        folder: Made where it is not there.
        overwrite: Replace what has the same name; otherwise new files are numbered.
        sources: Paths of files that are never written over, whatever ``overwrite`` says.

    Raises:
        UsageError: The folder is no folder.
        FootageError: It cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder.", hint="Name a folder, or one that does not exist yet.")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        hidden = Path(tempfile.mkdtemp(prefix=".footage-export-", dir=folder))
    try:
        made = Staging(folder, hidden, overwrite=overwrite, sources=sources)
        yield made
        made.publish()
    except FootageError as exc:
        exc.hint = exc.hint.replace(str(hidden), str(folder))  # nobody is to look into what is gone then
        raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
