"""Upgrades the tables of an older index, one version after the other; removes no caption.

An index is read as it is, and upgraded when it is first opened for writing or by `footage db upgrade`. Each
step is one numbered migration, goes through these stages, and may be killed at any point of them:

1. The tables that it rewrites are kept (``snapshots``), inside the index folder, as hard links.
2. It runs. One that was cut short is gone through again: each may be.
3. What it rewrote is compared with what was kept, row by row. Where a row is missing or says something else,
   the tables are put back as they were, and the upgrade fails.
4. The new version is written down, and what was kept is removed.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from footage.core.errors import StoreError
from footage.core.tracks import CAPTION_TRACK
from footage.store import maintenance
from footage.store import records as layout
from footage.store.errors import mapped
from footage.store.opening import OLDEST_VERSION, PROGRAM_KEY, VERSION_KEY, program_version, version_of
from footage.store.records import ANNOTATION_TABLES, SCHEMA_VERSION, VECTOR_TABLES
from footage.store.snapshots import Snapshot
from footage.store.tables import Tables

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many rows are done, and how many there are."""

logger = logging.getLogger(__name__)
_ROWS_AT_ONCE = 20_000  # each commit looks through the whole table for the rows it replaces


@dataclass(frozen=True, slots=True)
class Migration:
    """One step, from a version to the next."""

    what: str
    """What it does, in words."""
    rewrites: tuple[str, ...]
    """Names of the tables that it rewrites."""
    run: Callable[[Tables, Callable[[int, int], None]], None]
    """Does it, and may do it again; is given a function to call with rows done and rows in all."""
    rewrites_vectors: bool = False
    """Whether it rewrites every vector table, too."""

    def tables(self, tables: Tables) -> tuple[str, ...]:
        """Names of the tables of an index that it rewrites."""
        vectors = _vector_tables(tables) if self.rewrites_vectors else ()
        return (*self.rewrites, *vectors)


def upgrade(
    tables: Tables,
    on_progress: Progress | None = None,
    *,
    migrations: Mapping[int, Migration] | None = None,
) -> list[str]:
    """Take an index, locked for writing, to ``SCHEMA_VERSION``; nothing where it is there already.

    Args:
        tables: The index.
        on_progress: Called as rows are done.
        migrations: By version, the step to the next one; ``MIGRATIONS`` unless given.

    Returns:
        What was done, in words, a line for each migration.

    Raises:
        UsageError: the index is on object storage, where tables cannot be kept as they were.
        StoreError: it cannot be written, or a migration failed its check and everything is as it was before.
    """
    index = _folder(tables)
    for version in range(OLDEST_VERSION, SCHEMA_VERSION):
        kept = Snapshot(index, str(version))
        if kept.cut_short and kept.put_back():
            tables.reopen()
    found = version_of(tables) or SCHEMA_VERSION
    done = []
    for version in range(found, SCHEMA_VERSION):
        migration = (migrations or MIGRATIONS)[version]
        logger.info("upgrading %s to version %d: %s", tables.path, version + 1, migration.what)
        with _kept_from_people(tables, migration):
            _take(tables, version, migration, on_progress or _silent)
        done.append(f"{version} to {version + 1}: {migration.what}")
    for version in range(OLDEST_VERSION, SCHEMA_VERSION):  # of an upgrade killed after its last commit
        Snapshot(index, str(version)).drop()
    return done


def _folder(tables: Tables) -> Path:
    return tables.location.folder(
        "an upgrade of the tables",
        instead="Copy the index into a folder with `footage db backup`, upgrade that with `footage db "
        "upgrade`, and put it at another address with `footage db restore`.",
    )


def _take(tables: Tables, version: int, migration: Migration, on_progress: Progress) -> None:
    """Take one step."""
    kept = Snapshot(_folder(tables), str(version))
    names = migration.tables(tables)
    if kept.is_whole and _added(tables, kept, names):
        kept.drop()  # an older program wrote to the index after an upgrade was cut short
    kept.take(names)
    migration.run(tables, lambda done, total: on_progress(migration.what, done, total))
    changed = _changed(tables, kept, names)
    if changed:
        kept.put_back()
        tables.reopen()
        raise StoreError(
            f"the index {tables.path} could not be upgraded to version {version + 1}: {changed}",
            hint="The tables are unchanged; check them with `footage db check`. The failed result is in "
            f"{kept.failed}.",
        )
    said = [
        {"key": PROGRAM_KEY, "value": program_version()},
        {"key": VERSION_KEY, "value": str(version + 1)},
    ]
    tables.upsert("meta", said)
    kept.drop()


def _kept_from_people(tables: Tables, migration: Migration) -> AbstractContextManager[None]:
    """Keep annotations from being written while a migration rewrites a table of them."""
    if set(migration.rewrites).isdisjoint(ANNOTATION_TABLES):
        return nullcontext()
    return tables.writing_annotations()


def _changed(tables: Tables, kept: Snapshot, names: Sequence[str]) -> str:
    """The difference between the rows of some tables before and now; empty if there is none."""
    for name, was, now in _compared(tables, kept, names):
        if was != now:
            lost, new = sum((was - now).values()), sum((now - was).values())
            return f"in the table {name!r} {lost} rows would be lost and {new} new ones would come"
    return ""


def _added(tables: Tables, kept: Snapshot, names: Sequence[str]) -> bool:
    """Whether rows came to some tables since they were kept, and none went."""
    compared = _compared(tables, kept, names)
    return any(was != now for _, was, now in compared) and all(was <= now for _, was, now in compared)


def _compared(
    tables: Tables, kept: Snapshot, names: Sequence[str]
) -> list[tuple[str, Counter[bytes], Counter[bytes]]]:
    """Of each table, its name and the digests of its rows, as it was kept and as it is now."""
    before = Tables.connect(kept.path)
    columns = {name: before.table(name).schema.names for name in names}
    return [
        (name, _digests(before, name, columns[name]), _digests(tables, name, columns[name])) for name in names
    ]


def _digests(tables: Tables, name: str, columns: Sequence[str]) -> Counter[bytes]:
    """A digest of every row, and how often it occurs."""
    return Counter(
        hashlib.blake2b(repr([row[column] for column in columns]).encode(), digest_size=16).digest()
        for batch in tables.batches(name, columns)
        for row in batch
    )


def _silent(what: str, done: int, total: int) -> None:
    """For callers that show no progress."""


def _add_gaps(tables: Tables, on_progress: Callable[[int, int], None]) -> None:
    """8 to 9. An empty column; no row is rewritten."""
    _add_column(tables, "videos", "gaps")
    on_progress(1, 1)


def _add_checksums(tables: Tables, on_progress: Callable[[int, int], None]) -> None:
    """9 to 10. A column, and its value for every row that has none yet."""
    _add_column(tables, "windows", "checksum")
    rows = tables.batches("windows", ["id", "checksum"])
    unsigned = [row["id"] for batch in rows for row in batch if not row["checksum"]]
    for start in range(0, len(unsigned), _ROWS_AT_ONCE):
        ids = unsigned[start : start + _ROWS_AT_ONCE]
        found = tables.read("windows", {"id": ids})
        signed = [{**row, "checksum": layout.window_checksum(row)} for row in found]
        tables.upsert("windows", signed)
        on_progress(start + len(ids), len(unsigned))
    maintenance.tidy(tables, ["windows"])


def _add_tracks(tables: Tables, on_progress: Callable[[int, int], None]) -> None:
    """10 to 11. A column that says "caption" in every row; checksums and ids of captions stay as they are."""
    names = ("windows", "events", "passages", *_vector_tables(tables))
    for done, name in enumerate(names, start=1):
        if "track" not in tables.table(name).schema.names:
            with mapped(tables.path):
                tables.table(name).add_columns({"track": f"cast('{CAPTION_TRACK}' as string)"})
        on_progress(done, len(names))


def _add_heard(tables: Tables, on_progress: Callable[[int, int], None]) -> None:
    """11 to 12. Two empty columns of derived texts; no row is rewritten."""
    from footage.store.schema import TABLES

    names = ("events", "passages", *_vector_tables(tables))
    fields = [TABLES["events"].field(column) for column in ("confidence", "language")]
    for done, name in enumerate(names, start=1):
        held = tables.table(name).schema.names
        with mapped(tables.path):
            if new := [field for field in fields if field.name not in held]:
                tables.table(name).add_columns(new)
        on_progress(done, len(names))


def _add_reuse(tables: Tables, on_progress: Callable[[int, int], None]) -> None:
    """12 to 13. An empty column and an empty table; no row is rewritten."""
    from footage.store.schema import TABLES

    _add_column(tables, "windows", "reused_from")
    tables.make("stills", TABLES["stills"])
    on_progress(1, 1)


def _add_rulings(tables: Tables, on_progress: Callable[[int, int], None]) -> None:
    """13 to 14. Empty columns of audits; no row is rewritten."""
    from footage.store.schema import TABLES

    held = tables.table("audits").schema.names
    new = [field for field in TABLES["audits"] if field.name not in held]
    if new:
        with mapped(tables.path):
            tables.table("audits").add_columns(new)
    on_progress(1, 1)


def _vector_tables(tables: Tables) -> tuple[str, ...]:
    return tuple(sorted(name for name in tables.names() if name.startswith(VECTOR_TABLES)))


def _add_column(tables: Tables, name: str, column: str) -> None:
    from footage.store.schema import TABLES

    table = tables.table(name)
    if column not in table.schema.names:
        with mapped(tables.path):
            table.add_columns([TABLES[name].field(column)])


MIGRATIONS: dict[int, Migration] = {
    8: Migration("videos store their gaps without frames", ("videos",), _add_gaps),
    9: Migration("every captioned window gets a checksum", ("windows",), _add_checksums),
    10: Migration(
        "windows, events and vectors store their track",
        ("windows", "events", "passages"),
        _add_tracks,
        rewrites_vectors=True,
    ),
    11: Migration(
        "events and vectors store confidence and language",
        ("events", "passages"),
        _add_heard,
        rewrites_vectors=True,
    ),
    12: Migration("windows store whose caption they reuse", ("windows",), _add_reuse),
    13: Migration("audits of captions store the rulings of judges", ("audits",), _add_rulings),
}
"""By version, the step to the next one."""
