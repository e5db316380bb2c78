"""Says whether a place holds an index that this program can read, and makes the tables of a new one."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from footage.core.errors import SchemaMismatchError, StoreCorruptError, StoreMissingError
from footage.store import maintenance, rewriting
from footage.store.errors import RESTORE, mapped
from footage.store.limits import Limits
from footage.store.location import IndexLocation
from footage.store.records import IMAGE_TABLES, SCHEMA_VERSION, VECTOR_TABLES
from footage.store.state.database import FILE_NAME as STATE_FILE
from footage.store.tables import Tables

OLDEST_VERSION = 8
"""Oldest version of the tables that can be read and upgraded."""
VERSION_KEY, PROGRAM_KEY = "schema_version", "program_version"
"""Keys of ``meta``: the version of the tables, and the program that brought them to it."""
EMBEDDER_KEY, TIMELINE_KEY = "embedder/", "timeline_embedder"
"""Keys of ``meta``: before the name of an embedder, its table; and the embedder the events were made with."""
IMAGE_EMBEDDER_KEY = "image_embedder/"
"""A key of ``meta``: before the name of an image embedder, its table."""

RESTORING = ".restoring"
"""An object that is beside the tables on object storage while they are put there."""

logger = logging.getLogger(__name__)


def open_tables(location: IndexLocation, *, create: bool, limits: Limits) -> Tables:
    """Open the tables of an index, or make them; arguments and errors as ``Store.open``."""
    names = location.names()
    if RESTORING in names:
        raise StoreCorruptError(
            f"the index {location} is not complete: its restoration was cut short",
            hint="Run `footage db restore` with the same copy again.",
        )
    if not names:
        if not create:
            raise StoreMissingError(
                f"no index found at {location}",
                hint="Create one with `footage index FOLDER`, or name another with --db.",
            )
        location.prepare()
    tables = Tables.connect(location, limits=limits)
    tables.version_found = require_whole(tables, set(tables.names()), create=create)
    return tables


def program_version() -> str:
    """Version of this program."""
    return installed_version("footage")


def version_rows() -> list[dict[str, str]]:
    """The rows of ``meta`` that say what the tables are."""
    return [
        {"key": PROGRAM_KEY, "value": program_version()},
        {"key": VERSION_KEY, "value": str(SCHEMA_VERSION)},
    ]


def version_of(tables: Tables) -> int | None:
    """Version of the tables of an index; None where it does not say.

    Raises:
        SchemaMismatchError: this program cannot read that version.
        StoreCorruptError: ``meta`` cannot be read, or holds no number.
    """
    said = {row["key"]: row["value"] for row in tables.read("meta", {"key": [VERSION_KEY, PROGRAM_KEY]})}
    if VERSION_KEY not in said:
        return None
    if not said[VERSION_KEY].isdecimal():
        raise StoreCorruptError(
            f"the index {tables.path} has an unreadable version number: {said[VERSION_KEY]!r}", hint=RESTORE
        )
    version = int(said[VERSION_KEY])
    reads = f"this program, footage {program_version()}, reads versions {OLDEST_VERSION} to {SCHEMA_VERSION}"
    what = f"the index {tables.path} has tables of version {version}"
    if version > SCHEMA_VERSION:
        newer = said.get(PROGRAM_KEY)
        by = f", written by footage {newer}" if newer else ""
        raise SchemaMismatchError(
            f"{what}{by}; {reads}",
            hint=f"Use footage {newer or 'of a later version'} or newer, or name another index with --db.",
        )
    if version < OLDEST_VERSION:
        raise SchemaMismatchError(
            f"{what}; {reads}",
            hint="Run `footage captions export` of the program version that wrote it, then "
            "`footage captions import` of this one into a new index.",
        )
    return version


def version_by_shape(tables: Tables) -> int:
    """Version of tables that do not say it."""
    windows = tables.table("windows").schema.names
    if "checksum" not in windows:
        return 9 if "gaps" in tables.table("videos").schema.names else 8
    if "track" not in windows:
        return 10
    if "confidence" not in tables.table("events").schema.names:
        return 11
    if "reused_from" not in windows or "stills" not in tables.names():
        return 12
    return SCHEMA_VERSION if "ruling" in tables.table("audits").schema.names else 13


def require_whole(tables: Tables, present: Collection[str], *, create: bool) -> int:
    """Make sure that every table is there and of a version that can be read; finish an index half made.

    Returns:
        Version of the tables.

    Raises:
        StoreMissingError: the index is empty, and ``create`` is not set.
        StoreCorruptError: the folder holds something else, or has lost a table.
        SchemaMismatchError: as ``version_of``.
    """
    from footage.store.schema import SINCE, TABLES

    version = version_of(tables) if "meta" in present else None
    if version is None:
        _refuse_foreign(tables, present)
        if not create:
            raise StoreMissingError(
                f"the index at {tables.path} is empty", hint="Fill it with `footage index FOLDER`."
            )
        if isinstance(tables.path, Path):
            _create(tables, tables.path, TABLES, present)
        else:
            _create_in_place(tables, TABLES)
        return SCHEMA_VERSION
    if TABLES.keys() - set(present) and isinstance(tables.path, Path):
        rewriting.finish(tables.path)  # a kill may have come between an old table and its new one
        present = tables.names()
    for name in TABLES:
        if name not in present and version >= SINCE.get(name, 0):  # else the upgrade makes it
            raise StoreCorruptError(f"the index {tables.path} has lost its table {name!r}", hint=RESTORE)
        if name in present and tables.location.is_folder:  # elsewhere that is four requests each
            tables.table(name)
    if version < SCHEMA_VERSION:
        logger.warning(
            "The index %s has tables of version %d, not %d. It is readable without an upgrade. `footage db "
            "upgrade` upgrades it, as does the first command that writes to it.",
            tables.path,
            version,
            SCHEMA_VERSION,
        )
    return version


def _refuse_foreign(tables: Tables, present: Collection[str]) -> None:
    from footage.store.schema import TABLES

    foreign = [name for name in tables.location.names() if not is_ours(name, TABLES)]
    if foreign:
        raise StoreCorruptError(
            f"{tables.path} is not an index: it holds {foreign[0]!r}",
            hint="With --db, name an index or a place where nothing is yet.",
        )
    if any(tables.count(name) for name in set(present) - {"meta"}):
        raise StoreCorruptError(
            f"the index {tables.path} has lost the table with its version number", hint=RESTORE
        )


def _create(tables: Tables, place: Path, schemas: Mapping[str, Any], present: Collection[str]) -> None:
    """Make the tables in a draft folder, then move each in whole, "meta" last: none is ever half made."""
    with mapped(place), TemporaryDirectory(prefix=".new-", dir=place) as folder:
        draft = Tables.connect(Path(folder))
        for name, schema in schemas.items():
            draft.make(name, schema)
        maintenance.index_words(draft)
        draft.upsert("meta", version_rows())
        for name in schemas:
            if name not in present:
                Path(folder, f"{name}.lance").rename(place / f"{name}.lance")


def _create_in_place(tables: Tables, schemas: Mapping[str, Any]) -> None:
    """Make the tables on object storage, where nothing can be moved, and say last which version they are of.

    What a killed run has made is kept: a table is there with its first version or not at all, and until
    ``meta`` names the version of all tables there is no index.
    """
    with tables.writing():
        if "meta" in tables.names() and version_of(tables) is not None:
            return  # another process has made them since
        for name, schema in schemas.items():
            tables.make(name, schema)
        maintenance.index_words(tables)
        tables.upsert("meta", version_rows())


def is_ours(name: str, tables: Collection[str]) -> bool:
    """Whether something of this name, beside the tables, can belong to an index."""
    table = name.removesuffix(".lance")
    return name.startswith((".", STATE_FILE)) or (
        name != table and (table in tables or table.startswith((VECTOR_TABLES, IMAGE_TABLES)))
    )
