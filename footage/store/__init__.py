"""The index on disk: what was captioned, where it lies, how it is searched; knows no model.

LanceDB commits one table at a time, so one row is the truth: the windows row (raw answer, parsed events,
provenance) is the single commit. Events and vectors are projections of it with deterministic ids, rebuilt
idempotently, and readers ignore what no committed window owns.
"""

from footage.store.annotations import Annotations, Grounding, Mark, MarkKind, Search, grounding_key
from footage.store.database import Store
from footage.store.index_status import IndexStatus
from footage.store.location import IndexLocation
from footage.store.records import SCHEMA_VERSION, TextRow, VectorRow, text_rows

__all__ = [
    "SCHEMA_VERSION",
    "Annotations",
    "Grounding",
    "IndexLocation",
    "IndexStatus",
    "Mark",
    "MarkKind",
    "Search",
    "Store",
    "TextRow",
    "VectorRow",
    "grounding_key",
    "text_rows",
]
