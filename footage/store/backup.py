"""Copies an index to another folder and back, whole or not at all; knows nothing of what is in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from footage.errors import StoreFullError, UsageError
from footage.store.database import Store
from footage.store.faults import translate


def backup(store: Store, target: Path) -> dict[str, int]:
    """Copy an index while nobody writes to it, and make sure that the copy is whole.

    Args:
        store: The index.
        target: Folder of the copy; must not exist yet, or be empty.

    Returns:
        Number of rows by table.

    Raises:
        UsageError: the target holds something, or lies inside the index.
        StoreError: somebody is writing to the index, or it cannot be read.
        StoreFullError: the copy cannot be written.
    """
    with store.unchanging():
        return _copy(store.path, target)


def restore(source: Path, target: Path) -> dict[str, int]:
    """Put a copy made by ``backup`` in the place of an index that is not there (any more).

    Args:
        source: The copy.
        target: Where the index is to be; must not exist yet, or be empty.

    Returns:
        Number of rows by table.

    Raises:
        UsageError: the target holds something.
        StoreError: the copy is no index, or cannot be read.
        StoreFullError: the index cannot be written.
    """
    Store.open(source)  # tells what is wrong with it
    return _copy(source, target)


def _copy(source: Path, target: Path) -> dict[str, int]:
    """Copy beside the target, compare, then move into place in one step."""
    source, target = source.resolve(), target.expanduser().resolve()
    if target.is_relative_to(source):
        raise UsageError(f"{target} lies in {source} itself", hint="Name a folder outside of it.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already", hint="Name a folder that does not exist, or is empty.")
    with _draft_beside(target) as draft:
        try:
            shutil.copytree(source, draft, ignore=shutil.ignore_patterns(".lock*", ".new-*"))
            draft.chmod(0o700)
        except (shutil.Error, OSError) as error:
            raise translate(error if isinstance(error, OSError) else OSError(str(error)), target) from error
        counts, copied = Store.open(source).row_counts(), Store.open(draft).row_counts()
        if counts != copied:
            raise StoreFullError(
                f"the copy in {target} is not whole: {copied} rows, not {counts}",
                hint="Look at the disk, and try again.",
            )
        if target.exists():
            target.rmdir()
        draft.rename(target)
    return counts


@contextmanager
def _draft_beside(target: Path) -> Iterator[Path]:
    """A folder that does not exist yet, on the disk of the target; removed unless it was moved away."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            yield Path(folder) / "index"
    except OSError as error:
        raise translate(error, target) from error
