"""Says whether a folder is an index that this program can read, and makes the tables of a new one."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from footage.core.errors import SchemaMismatchError, StoreCorruptError, StoreFullError, StoreMissingError
from footage.store import maintenance, rewriting
from footage.store.errors import RESTORE, mapped
from footage.store.location import IndexLocation
from footage.store.records import IMAGE_TABLES, SCHEMA_VERSION, VECTOR_TABLES
from footage.store.state.database import FILE_NAME as STATE_FILE
from footage.store.tables import Limits, Tables

OLDEST_VERSION = 8
"""Oldest version of the tables that can be read and upgraded."""
VERSION_KEY, PROGRAM_KEY = "schema_version", "program_version"
"""Keys of ``meta``: the version of the tables, and the program that brought them to it."""
EMBEDDER_KEY, TIMELINE_KEY = "embedder/", "timeline_embedder"
"""Keys of ``meta``: before the name of an embedder, its table; and the embedder the events were made with."""
IMAGE_EMBEDDER_KEY = "image_embedder/"
"""A key of ``meta``: before the name of an image embedder, its table."""

logger = logging.getLogger(__name__)


def open_tables(location: IndexLocation, *, create: bool, limits: Limits) -> Tables:
    """Open the tables of an index, or make them; arguments and errors as ``Store.open``."""
    path = location.path
    if not holds_anything(path):
        if not create:
            raise StoreMissingError(
                f"no index found at {path}",
                hint="Create one with `footage index FOLDER`, or name another with --db.",
            )
        made_folder(path)
    tables = Tables.connect(location, limits=limits)
    tables.version_found = require_whole(tables, set(tables.names()), create=create)
    return tables


def made_folder(path: Path) -> Path:
    """The folder of an index, made for its owner alone if there is none, or nothing in it.

    Raises:
        StoreCorruptError: it is not a folder.
        StoreFullError: it cannot be made, or may not be entered.
    """
    if not holds_anything(path):
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
        except OSError as error:
            raise StoreFullError(
                f"cannot create an index at {path}: {error.strerror}",
                hint="Choose another folder with --db.",
            ) from error
    return path


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
    return SCHEMA_VERSION if "reused_from" in windows and "stills" in tables.names() else 12


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
        _create(tables, TABLES, present)
        return SCHEMA_VERSION
    if TABLES.keys() - set(present):
        rewriting.finish(tables.path)  # a kill may have come between an old table and its new one
        present = tables.names()
    for name in TABLES:
        if name not in present and version >= SINCE.get(name, 0):  # else the upgrade makes it
            raise StoreCorruptError(f"the index {tables.path} has lost its table {name!r}", hint=RESTORE)
        if name in present:
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

    foreign = sorted(entry.name for entry in tables.path.iterdir() if not is_ours(entry.name, TABLES))
    if foreign:
        raise StoreCorruptError(
            f"{tables.path} is not an index: it holds {foreign[0]!r}",
            hint="With --db, name an index or a folder that does not exist yet.",
        )
    if any(tables.count(name) for name in set(present) - {"meta"}):
        raise StoreCorruptError(
            f"the index {tables.path} has lost the table with its version number", hint=RESTORE
        )


def _create(tables: Tables, schemas: Mapping[str, Any], present: Collection[str]) -> None:
    """Make the tables in a draft folder, then move each in whole, "meta" last: none is ever half made."""
    with mapped(tables.path), TemporaryDirectory(prefix=".new-", dir=tables.path) as folder:
        draft = Tables.connect(Path(folder))
        for name, schema in schemas.items():
            draft.make(name, schema)
        maintenance.index_words(draft)
        draft.upsert("meta", version_rows())
        for name in schemas:
            if name not in present:
                (draft.path / f"{name}.lance").rename(tables.path / f"{name}.lance")


def holds_anything(path: Path) -> bool:
    """Whether there is something at ``path``: a folder with entries.

    Raises:
        StoreCorruptError: it is not a folder.
        StoreFullError: it may not be entered.
    """
    try:
        return any(path.iterdir())
    except FileNotFoundError:
        return False
    except NotADirectoryError as error:
        raise StoreCorruptError(
            f"{path} is not an index: it is not a folder", hint="Name a folder for the index with --db."
        ) from error
    except OSError as error:
        raise StoreFullError(
            f"the index {path} cannot be opened: {error.strerror}",
            hint="Check the permissions of that folder.",
        ) from error


def is_ours(name: str, tables: Collection[str]) -> bool:
    """Whether a folder entry can belong to an index."""
    table = name.removesuffix(".lance")
    return name.startswith((".", STATE_FILE)) or (
        name != table and (table in tables or table.startswith((VECTOR_TABLES, IMAGE_TABLES)))
    )
