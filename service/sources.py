"""Makes sure that a file is still the one that was indexed, before and after pictures are cut from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from footage.core.errors import VideoError
from footage.core.types import File
from indexer import library
from indexer.growing_files import is_provisional

_Stamp = tuple[int, int, int, int]
"""Size, modification and change time in nanoseconds, and inode: what distinguishes two states of a file."""


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
        VideoError: it is another file than the one that was indexed, or changed while it was read.
    """
    try:
        before = _stamp(path)
    except OSError:
        yield
        return
    if file is not None and not is_provisional(file.content_id) and not _is_same(path, before, file):
        raise VideoError(
            f"{Path(path).name} is not the file that was indexed: it was replaced or changed since",
            hint="Run `footage index` on it, and search again.",
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
    if file.fingerprint and _fingerprint(path, stamp) != file.fingerprint:
        return False
    return os.stat(path).st_mtime == file.modified_at or _content_id(path, stamp) == file.content_id


def _stamp(path: str) -> _Stamp:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


@lru_cache(maxsize=4096)
def _fingerprint(path: str, stamp: _Stamp) -> str:
    return library.fingerprint(path)


@lru_cache(maxsize=4096)
def _content_id(path: str, stamp: _Stamp) -> str:
    return library.content_id(path)
