"""The rows of checked items: what the model's check of an item of a saved search came to; asks no model."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from footage.store.state.database import StateDatabase

TABLES = """
CREATE TABLE item_checks (
    item_id TEXT PRIMARY KEY,
    content_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    confidence REAL NOT NULL,
    checked_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX item_checks_of ON item_checks (content_id)
"""
"""The tables, as an SQL script without semicolons inside of statements."""


@dataclass(frozen=True, slots=True)
class ItemCheck:
    """What the last check of an item with the model came to."""

    item_id: str
    """The item."""
    content_id: str
    """Its video."""
    verdict: str
    """As of a match: "found", "uncertain" or "not found"."""
    confidence: float
    """How sure the evidence makes, 0 to 1."""
    checked_at: float
    """When, seconds since the epoch."""


class ItemCheckRepository:
    """The checks of items; the latest one of each is kept."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def put(self, checks: Iterable[ItemCheck]) -> None:
        """Keep some checks."""
        with self._database.transaction() as rows:
            rows.executemany("REPLACE INTO item_checks VALUES (?, ?, ?, ?, ?)", map(astuple, checks))

    def of(self, ids: Collection[str]) -> dict[str, ItemCheck]:
        """The checks of some items, by item, as far as there are any."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT * FROM item_checks WHERE item_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
        return {row["item_id"]: ItemCheck(*row) for row in found}

    def forget(self, content_ids: Iterable[str]) -> None:
        """Remove the checks of some videos."""
        with self._database.transaction() as rows:
            rows.executemany(
                "DELETE FROM item_checks WHERE content_id = ?", [(each,) for each in content_ids]
            )
