"""The operations that commands, the HTTP API and MCP share: a request in, JSON records out.

Every surface runs the same ``Operation`` and so gives equal answers; it adds nothing but its form. The table
of all operations is loaded when it is first asked for: a command needs the module of its own alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.operations.operation import Operation, Work

if TYPE_CHECKING:
    from service.operations.registry import OPERATIONS

__all__ = ["OPERATIONS", "Operation", "Work"]


def __getattr__(name: str) -> Any:
    """``OPERATIONS``, loaded now."""
    if name == "OPERATIONS":
        from service.operations.registry import OPERATIONS

        return OPERATIONS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
