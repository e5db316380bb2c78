"""What the filters of a query can be in this index: names of cameras, days, tracks; searches nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from footage.core.types import File
    from search.query.parser import Query
    from search.query.suggestions import Suggestion
    from service.session import Service


@dataclass(frozen=True, slots=True)
class QueryValues:
    """Values that filters of an index can have."""

    by_filter: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name of the filter, in order: "camera", "collection", "path" (whole paths) and "model"."""
    tracks: tuple[str, ...] = ()
    """The tracks that the index has."""
    first_day: str = ""
    """Day of the earliest recording, ISO 8601, in the zone of the file; empty where no time is known."""
    last_day: str = ""
    """Day of the latest."""
    shortest_seconds: float = 0.0
    """Length of the shortest video."""
    longest_seconds: float = 0.0
    """Length of the longest video."""


_KNOWN: WeakKeyDictionary[Service, tuple[object, QueryValues]] = WeakKeyDictionary()


def query_values(service: Service) -> QueryValues:
    """What filters can be; read once, until a file of the index is written.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    store = service.store()
    files = store.files.by_path()
    known = _KNOWN.get(service)
    if known is None or known[0] is not files:
        models = tuple(sorted({each.model for each in store.windows.provenances()}))
        tracks = (*store.windows.tracks(), *store.windows.image_tracks())
        known = _KNOWN[service] = (files, _values(files.values(), models, tracks))
    return known[1]


def suggested(service: Service, query: Query) -> tuple[Suggestion, ...]:
    """What the filters of a query that cannot be used were probably meant to be, by the names of the index.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    from search.query.suggestions import suggestions

    return suggestions(query, query_values(service).by_filter)


def _values(files: Collection[File], models: tuple[str, ...], tracks: tuple[str, ...]) -> QueryValues:
    there = [file for file in files if file.state != "gone" and file.content_id]
    starts = [(file, datetime.fromisoformat(file.recorded_at)) for file in there if file.recorded_at]
    days = [start.date() for _, start in starts]
    days += [(start + timedelta(seconds=file.duration_seconds)).date() for file, start in starts]
    lengths = [file.duration_seconds for file in there if file.duration_seconds]
    return QueryValues(
        {
            "camera": _names(file.camera for file in there),
            "collection": _names(file.collection for file in there),
            "path": _names(file.path for file in there),
            "model": models,
        },
        tracks,
        min(days).isoformat() if days else "",
        max(days).isoformat() if days else "",
        min(lengths, default=0.0),
        max(lengths, default=0.0),
    )


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))
