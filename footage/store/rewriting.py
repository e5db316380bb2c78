"""Puts a table that was written anew in the place of another one; may be killed at any point.

The new one is written in a draft folder of the index, and renamed when it is whole. From then on it takes its
place whatever happens: a process that finds the table missing puts it there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from footage.store.errors import mapped
from footage.store.tables import Row, Tables

if TYPE_CHECKING:
    import pyarrow as pa


_DRAFTS = ".rewritten"
_WHOLE = "whole-"


def rewrite(
    tables: Tables,
    name: str,
    rows: Iterable[list[Row]],
    schema: pa.Schema,
    *,
    drop: Callable[[Path], None],
) -> int:
    """Write a table anew and put it in its place; the write locks are held.

    Args:
        tables: The index; it has to be opened again afterwards (``Tables.reopen``).
        name: Name of the table.
        rows: What it is to hold.
        schema: Its columns.
        drop: Takes the folder of the old table away.

    Returns:
        How many rows it holds.
    """
    index = tables.location.folder("writing a table anew", instead="Use a copy in a folder.")
    place, drafts = index / f"{name}.lance", index / _DRAFTS
    with mapped(index):
        shutil.rmtree(drafts / place.name, ignore_errors=True)
        drafts.mkdir(mode=0o700, exist_ok=True)
    draft = Tables.connect(drafts)
    draft.make(name, schema)
    for some in rows:
        draft.insert(name, some)
    count = draft.count(name)
    with mapped(index):
        (drafts / place.name).rename(drafts / f"{_WHOLE}{place.name}")
    if place.exists():
        drop(place)
    finish(index)
    return count


def finish(index: Path) -> None:
    """Put tables into place that are whole and whose place is empty; leave the others alone.

    Raises:
        StoreFullError: the folder cannot be written.
    """
    with mapped(index):
        for whole in sorted((index / _DRAFTS).glob(f"{_WHOLE}*")):
            place = index / whole.name.removeprefix(_WHOLE)
            if not place.exists():
                with suppress(FileNotFoundError):  # another process was faster
                    whole.rename(place)


def clear(index: Path) -> None:
    """Finish what was cut short, and remove drafts; the write lock is held."""
    finish(index)
    shutil.rmtree(index / _DRAFTS, ignore_errors=True)
