"""Shuts out commits of a writer that lost its lease on object storage without noticing; knows no lease.

A commit of LanceDB names the version that it was made from. It goes through if every version since then
agrees with it, and no operation agrees with a ``Restore`` in between. So the new holder of a lease restores
each table to its own latest version, which changes no row: what an earlier holder began before that can
never be committed.

A ``Restore`` itself agrees with everything, and one that is late would undo what others have committed. So
the lease is renewed before each: LanceDB gives up after 30 s when another commit was faster, and the lease
cannot be taken over within that time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from footage.store.errors import mapped
from footage.store.records import ANNOTATION_TABLES

if TYPE_CHECKING:
    from footage.store.location import IndexLock
    from footage.store.tables import Tables


def fence(tables: Tables, *, annotations: bool) -> None:
    """Shut earlier holders out of the tables that people write to, or out of all others."""
    for name in tables.names():
        if (name in ANNOTATION_TABLES) == annotations:
            with mapped(tables.path):
                restore_latest(tables.to_commit(name), tables.lock_of(name))


def restore_latest(table: Any, lock: IndexLock) -> None:
    """Commit the latest version of a table anew, with any commit that arrives at this very moment.

    Raises:
        StoreError: the lock is not held any more.
    """
    table.checkout_latest()
    kept = int(table.version)
    while True:
        table.checkout(kept)
        lock.renew()
        table.restore()
        lock.check()
        restored = int(table.version)
        if restored == kept + 1:
            return
        kept = restored - 1  # a commit came in between, and counts
