"""The rows of tokens: name, role and digest; no token itself is ever here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from footage.store.state.database import StateDatabase

TABLES = """
CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    made_at REAL NOT NULL,
    revoked_at REAL NOT NULL DEFAULT 0
)
"""
"""The tables, as an SQL script without semicolons inside of statements."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token."""

    name: str
    """Names it; unique."""
    digest: str
    """SHA-256 of the token, in hexadecimal."""
    role: str
    """What it allows: "view", "edit" or "admin"."""
    made_at: float
    """When it was made, seconds since the epoch."""
    revoked_at: float = 0.0
    """When it was revoked, seconds since the epoch; 0 for never."""


class TokenRows:
    """Adds, lists and revokes tokens."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def all(self) -> list[TokenRow]:
        """Every token, by name."""
        with self._database.transaction() as rows:
            return [TokenRow(*row) for row in rows.execute("SELECT * FROM tokens ORDER BY name")]

    def add(self, row: TokenRow, *, replace: bool = False) -> bool:
        """Add a token.

        Args:
            row: The token.
            replace: Whether it takes the place of the token of that name.

        Returns:
            Whether it was added: False where there is one of that name.
        """
        word = "REPLACE" if replace else "IGNORE"
        with self._database.transaction() as rows:
            added = rows.execute(
                f"INSERT OR {word} INTO tokens VALUES (?, ?, ?, ?, ?)",
                (row.name, row.digest, row.role, row.made_at, row.revoked_at),
            )
            return added.rowcount > 0

    def revoke(self, name: str) -> TokenRow | None:
        """Revoke a token; the token as it is then, or None where there is none of that name."""
        with self._database.transaction() as rows:
            rows.execute(
                "UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at = 0", (time.time(), name)
            )
            found = rows.execute("SELECT * FROM tokens WHERE name = ?", (name,)).fetchone()
            return TokenRow(*found) if found else None
