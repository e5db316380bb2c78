"""Brings the tables of an older index up to date, one version after the other; takes no caption away.

An index is read as it is and migrated when it is first opened for writing. Each step can be done again: one
that was cut short is gone through anew, and the version is written last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from footage.store.faults import mapped
from footage.store.rows import SCHEMA_VERSION

if TYPE_CHECKING:
    from footage.store.tables import Tables

OLDEST_VERSION = 8
"""Oldest version of the tables that can be read and migrated."""


def migrate(tables: Tables) -> None:
    """Take an index, locked for writing, to ``SCHEMA_VERSION``; nothing where it is there already.

    Raises:
        StoreError: It cannot be written.
    """
    [row] = tables.read("meta", {"key": ["schema_version"]})
    for version in range(int(row["value"]), SCHEMA_VERSION):
        _STEPS[version](tables)
        tables.upsert("meta", [{"key": "schema_version", "value": str(version + 1)}])


def _add_gaps(tables: Tables) -> None:
    """8 to 9: videos say where they have no frames. Adds an empty column, and rewrites no row."""
    from footage.store.schema import TABLES

    table = tables.table("videos")
    if "gaps" not in table.schema.names:
        with mapped(tables.path):
            table.add_columns([TABLES["videos"].field("gaps")])


_STEPS: dict[int, Callable[[Tables], None]] = {8: _add_gaps}
"""By version, the step to the next one."""
