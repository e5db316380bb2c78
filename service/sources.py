"""Makes sure that a file may be shown and is still the one that was indexed, before and after it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from footage.core.errors import VideoError
from footage.core.types import File
from footage.objects.paths import ObjectPath, absolute, media_path, real_path
from indexer import library
from indexer.growing_files import is_provisional

_Stamp = tuple[int, int, int, int]
"""Size, modification and change time in nanoseconds, and inode: what distinguishes two states of a file."""


class ShownSources:
    """The folders whose files may be shown, links and ".." followed."""

    def __init__(self, roots: Callable[[], Collection[str]]) -> None:
        """Know nothing yet; ``roots`` gives the folders' real paths, and is asked where one is missing."""
        self._roots = roots
        self._known: Collection[str] = ()

    def holds(self, path: str, file: File | None) -> bool:
        """Whether a file lies in one of them; also behind a link there, if a run has read it behind that."""
        places = [real_path(path)]
        if file is not None and file.size_bytes and file.fingerprint:  # else nobody ever read it
            places.append(str(absolute(path)))
        if self._hold(places):
            return True
        self._known = tuple(self._roots())
        return self._hold(places)

    def _hold(self, places: Collection[str]) -> bool:
        return any(library.is_under(place, tuple(self._known)) for place in places)


_shown: list[ShownSources] = []


def show_only(shown: ShownSources | None) -> None:
    """Have this process read files of some folders alone: a row of an index may come from a stranger.

    None lifts that again.
    """
    _shown[:] = [shown] if shown else []


def identity(path: str, file: File | None) -> str:
    """The sampled bytes of a file, as the index has them or else as it lies there; empty when neither.

    Args:
        path: The file.
        file: As the index knows it; None when it does not.
    """
    if file is not None and file.fingerprint:
        return file.fingerprint
    try:
        return _fingerprint(path, _stamp(path))
    except (OSError, VideoError):
        return ""


@contextmanager
def unchanged(path: str, file: File | None) -> Iterator[None]:
    """Read a file, sure that it is the one that was indexed, and that it stays so meanwhile.

    Size, modification time and sampled bytes are compared with those of the index. Where the time alone
    differs, as after ``touch``, all bytes are hashed, once. A file that is not there is left to whoever reads
    it; of one that is still being written nothing can be known.

    Args:
        path: The file.
        file: As the index knows it; None to see only that it does not change while it is read.

    Raises:
        VideoError: it is another file than the one that was indexed, changed while it was read, or lies
            where this process may show nothing (``show_only``).
    """
    if not all(each.holds(path, file) for each in _shown):
        raise VideoError(
            f"{Path(path).name} is not in a folder that the app may show",
            hint="Start the app with --library-root FOLDER, or index the folder with `footage index`.",
        )
    try:
        before = _stamp(path)
    except OSError:
        yield
        return
    if file is not None and not is_provisional(file.content_id) and not _is_same(path, before, file):
        raise VideoError(
            f"{Path(path).name} differs from the indexed file: it was replaced or changed",
            hint="Run `footage index` on it, and repeat the search.",
        )
    yield
    try:
        after = _stamp(path)
    except OSError:
        after = before  # it went away when it was read
    if after != before and not (file is not None and is_provisional(file.content_id)):
        raise VideoError(f"{Path(path).name} changed while it was read", hint="Try again.")


def _is_same(path: str, stamp: _Stamp, file: File) -> bool:
    if not file.size_bytes:
        return True  # the index knows captions of it, and never saw the file
    if stamp[0] != file.size_bytes:
        return False
    same_time = stamp[1] == round(file.modified_at * 1_000_000) * 1000
    if isinstance(media_path(path), ObjectPath) and same_time:
        return True  # its time stands for its version: nothing need be fetched
    if file.fingerprint and _fingerprint(path, stamp) != file.fingerprint:
        return False
    return media_path(path).stat().st_mtime == file.modified_at or _content_id(path, stamp) == file.content_id


def _stamp(path: str) -> _Stamp:
    status = media_path(path).stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


@lru_cache(maxsize=4096)
def _fingerprint(path: str, stamp: _Stamp) -> str:
    return library.fingerprint(path)


@lru_cache(maxsize=4096)
def _content_id(path: str, stamp: _Stamp) -> str:
    return library.content_id(path)
