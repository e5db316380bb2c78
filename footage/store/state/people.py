"""The rows of people: until when each has seen a place of the app, and where each was last; knows no page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from footage.store.state.database import StateDatabase

TABLES = """
CREATE TABLE people_visits (
    person TEXT NOT NULL,
    place TEXT NOT NULL,
    since REAL NOT NULL,
    seen_at REAL NOT NULL,
    PRIMARY KEY (person, place)
) WITHOUT ROWID;
CREATE TABLE people_places (
    person TEXT PRIMARY KEY,
    search_id TEXT NOT NULL,
    state TEXT NOT NULL,
    item TEXT NOT NULL
) WITHOUT ROWID
"""
"""The tables, as an SQL script without semicolons inside of statements."""


@dataclass(frozen=True, slots=True)
class Visit:
    """When a person saw a place, such as the items of a saved search."""

    since: float
    """End of the visit before this one, seconds since the epoch: what came later is new to the person."""
    seen_at: float
    """When they last saw it."""


@dataclass(frozen=True, slots=True)
class ReviewPlace:
    """Where a person was in the queue."""

    search_id: str
    """The saved search."""
    state: str
    """Which items were listed; not interpreted here."""
    item: str
    """The item that was shown; empty for none."""


class PeopleRepository:
    """What is kept for each person who reviews; a person is a name, folded by the caller."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def visits(self, person: str) -> dict[str, Visit]:
        """The places that a person has seen, by name."""
        with self._database.transaction() as rows:
            found = rows.execute(
                "SELECT place, since, seen_at FROM people_visits WHERE person = ?", (person,)
            ).fetchall()
        return {row["place"]: Visit(row["since"], row["seen_at"]) for row in found}

    def visit(self, person: str, place: str, visit: Visit) -> None:
        """Keep when a person saw a place."""
        with self._database.transaction() as rows:
            rows.execute(
                "REPLACE INTO people_visits VALUES (?, ?, ?, ?)", (person, place, visit.since, visit.seen_at)
            )

    def place(self, person: str) -> ReviewPlace | None:
        """Where a person was last; None for one who was nowhere yet."""
        with self._database.transaction() as rows:
            query = "SELECT search_id, state, item FROM people_places WHERE person = ?"
            row = rows.execute(query, (person,)).fetchone()
        return ReviewPlace(*row) if row else None

    def stay(self, person: str, place: ReviewPlace) -> None:
        """Keep where a person is."""
        with self._database.transaction() as rows:
            rows.execute(
                "REPLACE INTO people_places VALUES (?, ?, ?, ?)",
                (person, place.search_id, place.state, place.item),
            )
