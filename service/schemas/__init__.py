"""The lines of JSON that surfaces print: a pydantic model for each kind, and the lines of each command.

``--json`` prints them, and docs/reference/json.md, which ``tools/reference.py`` writes, describes them. The
table of commands is loaded when it is first asked for, as it loads every model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.schemas.commands import COMMANDS

__all__ = ["COMMANDS", "SCHEMA_VERSION"]

SCHEMA_VERSION = 1
"""Grows when a key goes away or changes its meaning; new keys may come without."""


def __getattr__(name: str) -> Any:
    """``COMMANDS``, loaded now."""
    if name == "COMMANDS":
        from service.schemas.commands import COMMANDS

        return COMMANDS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
