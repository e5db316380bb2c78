"""Turns what LanceDB and the disk raise into the project's own errors, in this one place."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from footage.core.errors import StoreCorruptError, StoreError, StoreFullError

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file exceeds the size limit of the disk",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}
RESTORE = "`footage db check --repair` recovers all readable data; or restore the index from a backup."
"""Hint for a broken index."""
_RUST_NOISE = re.compile(r"^lance error: LanceError\(\w+\): |, /\S+\.rs:\d+:\d+")
_PANICS = ("PanicException", "RustPanic")  # of pyo3 and of its runtime for asynchronous calls
_OPEN_FILES = (errno.EMFILE, errno.ENFILE)


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Run calls of LanceDB on the index at ``path``; their exceptions become a ``StoreError``.

    LanceDB reports errors of the operating system as text ("... (os error 28)") in a ``RuntimeError``, and a
    broken file as ``RuntimeError``, ``ValueError``, ``OSError`` or a panic of its Rust core.

    Raises:
        StoreFullError: the disk is full, over quota or may not be written.
        StoreCorruptError: the files there cannot be read as an index.
        StoreError: the system's limit of open files is reached.
    """
    try:
        yield
    except StoreError:
        raise
    except (RuntimeError, ValueError, OSError) as error:
        raise translate(error, path) from error
    except BaseException as error:
        kind = type(error)  # these cannot be imported to be named here, or only slowly
        if kind.__name__ not in _PANICS and not kind.__module__.startswith("pyarrow"):
            raise
        raise translate(error, path) from error


def translate(error: BaseException, path: Path) -> StoreError:
    """The error of this project for a foreign one, for the index at ``path``."""
    text = str(error)
    number = getattr(error, "errno", None)
    for code, why in _FULL.items():
        if number == code or f"(os error {code})" in text:
            return StoreFullError(
                f"the index {path} could not be written: {why}",
                hint="Free some space, or choose another folder with --db. Then run the same command again; "
                "no captions are lost.",
            )
    if any(number == code or f"(os error {code})" in text for code in _OPEN_FILES):
        return StoreError(
            f"the index {path} could not be read: too many files are open",
            hint="Raise the limit with `ulimit -n 4096` and run the same command again.",
        )
    first_line = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    reason = _RUST_NOISE.sub("", first_line)[:200]
    return StoreCorruptError(
        f"the index {path} cannot be read: {reason}",
        hint=RESTORE,
    )
