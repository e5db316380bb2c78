"""The operations that commands, the HTTP API and MCP share: a request in, JSON records out.

Every surface runs the same ``Operation`` and so gives equal answers; it adds nothing but its form.
"""

from __future__ import annotations

from service.operations.alerts import ALERT_OPERATIONS
from service.operations.operation import Operation, Work
from service.operations.searching import FIND, SEARCH

OPERATIONS: dict[str, Operation] = {
    operation.name: operation for operation in (SEARCH, FIND, *ALERT_OPERATIONS)
}
"""Every operation by name; the name is that of the command."""

__all__ = ["OPERATIONS", "Operation", "Work"]
