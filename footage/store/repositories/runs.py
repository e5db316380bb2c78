"""Rows of ``runs``: what the indexer did, and how long it took."""

from __future__ import annotations

from footage.core.types import Run
from footage.store import records as layout
from footage.store.tables import Tables


class RunRepository:
    """The runs of the indexer; got from ``Store.runs``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, run: Run) -> None:
        """Insert a run, or replace the one with the same id."""
        self._tables.upsert("runs", [layout.run_to_row(run)])

    def all(self) -> list[Run]:
        """All runs, latest first."""
        found = [layout.run_from_row(row) for row in self._tables.read("runs")]
        return sorted(found, key=lambda run: run.id, reverse=True)
