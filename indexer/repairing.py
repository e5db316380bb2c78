"""Repairs an index: writes anew what is broken, then makes events and vectors again from the windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from footage.core.errors import FootageError, StoreMissingError
from footage.core.index_place import IndexPlace
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from footage.store.checking import check_tables
from footage.store.findings import Checked, Progress
from footage.store.location import IndexLocation
from footage.store.repairing import Repaired, repair_tables, repairable
from footage.store.tables import Tables
from footage.store.writing import locked
from indexer.catching_up import catch_up


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did, and what is left."""

    repaired: Repaired
    """The faults, and the repairs."""
    vectors: int
    """Vectors that were made again."""
    missing: dict[str, str]
    """Unavailable embedders, whose vectors were not rebuilt, with the reason."""
    after: Checked
    """What a check finds now."""


def repair(
    place: IndexPlace,
    *,
    load: Callable[[str], TextEmbedder],
    on_progress: Progress = lambda what, done, total: None,
) -> RepairReport:
    """Repair the index at a place; loses nothing that can be read.

    Args:
        place: Folder of the index.
        load: Loads the embedder of a name.
        on_progress: Called with what is being done, how much of it is done, and how much there is.

    Raises:
        UsageError: the index is on object storage.
        StoreMissingError: there is no index.
        StoreBusyError: another run is writing to it.
        StoreError: it cannot be written.
    """
    location = IndexLocation.of(place)
    if not location.names():
        raise StoreMissingError(f"no index found at {location}", hint="Name one with --db.")
    tables = Tables.connect(location)
    repairable(tables)
    with locked(tables, resume=False):
        with tables.writing_annotations():
            repaired = repair_tables(tables, on_progress)
        store = Store.open(location)
    vectors, missing = 0, {}
    with store.writing():
        first = store.embedders.timeline()
        names = sorted(store.status().embedders, key=lambda name: (name != first, name))
        for name in dict.fromkeys([*([first] if first else []), *names]):
            try:
                embedder = load(name)
            except FootageError as error:
                missing[name] = str(error)
                continue
            vectors += catch_up(
                store,
                embedder,
                lambda done, total: on_progress("rebuilding events and vectors", done, total),
            )
        store.tidy()
    return RepairReport(repaired, vectors, missing, check_tables(Tables.connect(location), on_progress))
