"""The operations that commands, the HTTP API and MCP share: a request in, JSON records out.

Every surface runs the same ``Operation`` and so gives equal answers; it adds nothing but its form.
"""

from __future__ import annotations

from service.operations.operation import Operation, Work
from service.operations.searching import FIND, SEARCH
from service.operations.tokens import CREATE_TOKEN, LIST_TOKENS, REVOKE_TOKEN

OPERATIONS: dict[str, Operation] = {
    operation.name: operation for operation in (SEARCH, FIND, CREATE_TOKEN, LIST_TOKENS, REVOKE_TOKEN)
}
"""Every operation by name; the name is that of the command."""

__all__ = ["OPERATIONS", "Operation", "Work"]
