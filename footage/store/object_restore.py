"""Puts the files of a copy on object storage; may be killed at any point, and be run again.

Storage has no folder that could be moved into place whole. So an object beside the tables says that they are
not complete; an index with that object is not opened. It is there before the first file, and goes after the
check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from footage.core.errors import UsageError
from footage.core.index_place import state_folder
from footage.core.private_files import private_folder
from footage.store.errors import mapped
from footage.store.index_files import IndexFile
from footage.store.object_location import ObjectLocation
from footage.store.opening import RESTORING
from footage.store.state.database import FILE_NAME as STATE_FILE
from footage.store.state.database import copy_state


def upload(
    files: Mapping[str, IndexFile], target: ObjectLocation, *, on_progress: Callable[[int, int], None]
) -> None:
    """Put files where nothing is, or what an earlier run has left of a restoration.

    Args:
        files: By their names inside the index, in order.
        target: Where the index is to be.
        on_progress: Called with files done and files in all.

    Raises:
        UsageError: the target holds something else, or this machine has jobs, alerts or tokens of it.
        StoreBusyError: another process is writing to it.
        StoreError: the storage does not do its part.
    """
    import obstore

    state = state_folder(target.place) / STATE_FILE
    if STATE_FILE in files and state.exists():
        raise UsageError(
            f"there are jobs, alerts and tokens of an earlier index at {target}",
            hint=f"Move {state} away, and restore again.",
        )
    lock = target.write_lock()
    with lock.hold():
        _require_free(target)
        client = target.client()
        with mapped(target):
            obstore.put(client, target.key(RESTORING), b"")
            for each in [each for each in target.objects() if not each.name.startswith(".")]:
                obstore.delete(client, target.key(each.name))
        for number, (name, file) in enumerate(files.items()):
            on_progress(number, len(files))
            if name != STATE_FILE:
                lock.check()
                with mapped(target):
                    obstore.put(client, target.key(name), file.blocks())


def _require_free(target: ObjectLocation) -> None:
    names = target.names()
    taken = [name for name in names if not name.startswith(".")]
    if taken and RESTORING not in names:
        raise UsageError(
            f"{target} already exists: it holds {taken[0]!r}",
            hint="Name an address below which nothing is.",
        )


@contextmanager
def finishing(target: ObjectLocation) -> Iterator[None]:
    """Run the last checks; if they pass, the index is complete."""
    import obstore

    with target.write_lock().hold():
        yield
        with mapped(target):
            obstore.delete(target.client(), target.key(RESTORING))


def put_state(source: Path, target: ObjectLocation) -> None:
    """Copy the state of the service in a copy into the folder for it on this machine.

    Raises:
        StoreError: it cannot be written.
    """
    folder = state_folder(target.place)
    private_folder(folder)
    copy_state(source, folder)
