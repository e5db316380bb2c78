"""Every operation by name; does nothing itself."""

from __future__ import annotations

from service.operations import (
    alerts,
    asking,
    correcting,
    database,
    exporting,
    indexing,
    jobs,
    library,
    models,
    removing,
    reviewing,
    searching,
    tokens,
)
from service.operations.operation import Operation

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for module in (
        *(searching, asking, library, reviewing, correcting),
        *(exporting, indexing, removing, database, models, jobs, tokens, alerts),
    )
    for operation in module.ALL
}
"""Every operation by name; the name is that of the command where that does one thing."""
