"""How many jobs and deliveries are in which state; reads the file and never makes one."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from footage.core.errors import StoreError
from footage.store.state.database import FILE_NAME

_TABLES = {"jobs": "jobs", "deliveries": "alert_deliveries"}
_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StateFigures:
    """Numbers of rows by state."""

    jobs: dict[str, int] = field(default_factory=dict)
    """Jobs, such as "queued" or "done"."""
    deliveries: dict[str, int] = field(default_factory=dict)
    """Deliveries of alerts."""


def read_state_figures(folder: Path) -> StateFigures:
    """The figures of the state of an index; none where there is no state yet.

    Args:
        folder: The folder of the index.

    Raises:
        StoreError: the file cannot be read.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return StateFigures()
    try:
        rows = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_SECONDS)
        try:
            there = {name for [name] in rows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return StateFigures(
                **{
                    figure: dict(rows.execute(f"SELECT state, count(*) FROM {table} GROUP BY state"))
                    for figure, table in _TABLES.items()
                    if table in there
                }
            )
        finally:
            rows.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
