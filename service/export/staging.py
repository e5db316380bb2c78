"""A folder that files come into all at once: everything an export writes is there, or nothing of it."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path

from footage.core.atomic import writing
from footage.core.errors import FileError, FootageError
from footage.core.private_files import close_to_others, private_folder
from service.export.names import free_name
from service.export.zipped import write_zip

_HIDDEN, _LOCK = ".footage-export-", ".lock"


class Staging:
    """Files on their way into a folder; got from ``staging``."""

    def __init__(self, folder: Path, hidden: Path, *, overwrite: bool, sources: Collection[str]) -> None:
        self.folder, self._hidden, self._overwrite = folder, hidden, overwrite
        self._given_sources = sources
        self._there = () if overwrite else tuple(path.name for path in folder.iterdir())
        self._names: list[str] = []

    def stem(self, wanted: str) -> str:
        """A stem under which nothing lies yet, whatever its ending: "goals", else "goals_2", and so on."""
        taken = set()
        for name in (*self._there, *self._names):
            parts = name.split(".")
            taken |= {".".join(parts[:count]) for count in range(1, len(parts))}
        return free_name(wanted, "", taken)

    def new(self, stem: str, ending: str) -> Path:
        """Where to write a file that nothing else has the name of, numbered where it has to be."""
        taken = [*self._there, *self._names]
        while self._is_source(self.folder / (name := free_name(stem, ending, taken))):
            taken.append(name)
        self._names.append(name)
        return self._hidden / name

    def _is_source(self, path: Path) -> bool:
        """Whether a file is one of the sources, whatever it is called."""
        return path.exists() and _identity(path) in self._sources

    @cached_property
    def _sources(self) -> frozenset[tuple[int, int]]:
        """The sources, as the file system distinguishes files; looked up when something is in the way."""
        return frozenset(_identity(source) for source in self._given_sources if os.path.exists(source))

    def write_text(self, stem: str, ending: str, text: str) -> Path:
        """Write a text file as UTF-8, its line ends as they are.

        Raises:
            FootageError: It cannot be written.
        """
        path = self.new(stem, ending)
        with writing(self.folder / path.name):
            path.write_text(text, encoding="utf-8", newline="")
        return path

    def below(self, name: str) -> Path:
        """Where something lies that comes with its folder."""
        return self._hidden / name

    def box(self, path: Path) -> Staging:
        """A folder made now, with files of its own; it comes with the rest if its path is from ``new``.

        Raises:
            FootageError: It cannot be made.
        """
        with writing(self.folder / path.name):
            private_folder(path)
        return Staging(self.folder / path.name, path, overwrite=True, sources=())

    def pack(self, stem: str) -> Path:
        """Put all files into one zip, in a folder of its stem, and take its place; where it will lie.

        Raises:
            FootageError: It cannot be written.
        """
        files = [(f"{stem}/{name}", self._hidden / name) for name in self._names]
        self._names = []
        archive = self.new(stem, ".zip")
        with writing(self.folder / archive.name):
            write_zip(files, archive)
        for _, path in files:
            path.unlink()
        return archive

    def discard(self, path: Path) -> None:
        """Take back a file that could not be made."""
        self._names.remove(path.name)
        path.unlink(missing_ok=True)

    def publish(self) -> None:
        """Give the files their places; they are for their owner alone.

        Raises:
            FootageError: One of them cannot be put there.
        """
        for name in () if self._overwrite else self._names:
            if os.path.lexists(self.folder / name):
                raise FootageError(
                    f"{name} was created in {self.folder} by another program", hint="Export again."
                )
        for name in self._names:
            with writing(self.folder / name):
                close_to_others(self._hidden / name)
                os.replace(self._hidden / name, self.folder / name)


def _identity(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


@contextmanager
def staging(folder: Path, *, overwrite: bool, sources: Collection[str]) -> Iterator[Staging]:
    """Collect files and put them into ``folder`` at the end; when anything is raised, none of them.

    Args:
        folder: Made where it is not there.
        overwrite: Replace what has the same name; otherwise new files are numbered.
        sources: Paths of files that are never written over, whatever ``overwrite`` says.

    Raises:
        FileError: The folder is not a folder.
        FootageError: It cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise FileError(f"{folder} is not a folder.", hint="Name a folder, or one that does not exist yet.")
    with ExitStack() as stack:
        with writing(folder):
            private_folder(folder)
            _clear(folder)
            hidden = stack.enter_context(_hidden_folder(folder))
        try:
            made = Staging(folder, hidden, overwrite=overwrite, sources=sources)
            yield made
            made.publish()
        except FootageError as exc:
            exc.hint = exc.hint.replace(str(hidden), str(folder))  # the hidden folder is gone by then
            raise


@contextmanager
def _hidden_folder(folder: Path) -> Iterator[Path]:
    """A new folder in another one, removed at the end. It is in use as long as the lock beside it is held."""
    from filelock import FileLock

    hidden = folder / f"{_HIDDEN}{uuid.uuid4().hex}"
    lock = FileLock(f"{hidden}{_LOCK}", timeout=0)
    with suppress(NotImplementedError):  # a file system without locks, on which nothing is ever cleared
        lock.acquire()
    try:
        hidden.mkdir(mode=0o700)
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Remove what exports that were killed left in a folder; those that go on hold their locks."""
    from filelock import FileLock, Timeout

    left = {path.name.removesuffix(_LOCK) for path in folder.glob(f"{_HIDDEN}*") if not path.is_symlink()}
    for hidden in (folder / name for name in sorted(left)):
        lock = Path(f"{hidden}{_LOCK}")
        with suppress(Timeout, NotImplementedError, OSError), FileLock(lock, timeout=0):
            shutil.rmtree(hidden, ignore_errors=True)
            lock.unlink(missing_ok=True)
