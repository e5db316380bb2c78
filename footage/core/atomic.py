"""Writes files that appear under their name only when they are whole; does not know what is in them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from footage.core.errors import FootageError
from footage.core.private_files import close_to_others, private_folder


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A place to write to that takes the name ``out`` at the end, and leaves nothing behind on failure.

    The file, and folders that are made for it, are for their owner alone.

    Raises:
        FootageError: Nothing can be written there.
    """
    partial = out.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    with writing(out):
        private_folder(out.parent)
        try:
            yield partial
            close_to_others(partial)
            os.replace(partial, out)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Word what the system says when ``out`` cannot be written.

    Raises:
        FootageError: Instead of any OSError.
    """
    try:
        yield
    except OSError as exc:
        why = (exc.strerror or str(exc) or type(exc).__name__).strip().splitlines()[0]
        raise FootageError(
            f"{out.name} cannot be written: {why}",
            hint=f"check the free space and the permissions of {out.parent}",
        ) from exc
