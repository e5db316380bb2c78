"""Which rows are wanted: columns and the values they may have, and their form as a filter for LanceDB."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache, reduce
from typing import Any

Row = dict[str, Any]
Wanted = Mapping[str, Collection[Any]]
"""Columns and the values they may have; a row matches when every named column does."""


def given(**wanted: Collection[Any] | None) -> dict[str, Collection[Any]]:
    """The restrictions that were given at all."""
    return {name: values for name, values in wanted.items() if values is not None}


def matching(wanted: Wanted) -> Any:
    """A filter for LanceDB. Values go in as typed literals and are never spliced into SQL."""
    return reduce(lambda a, b: a & b, (_any_of(name, frozenset(values)) for name, values in wanted.items()))


@lru_cache(maxsize=16)  # one question asks several times for the same thousands of videos
def _any_of(name: str, values: frozenset[Any]) -> Any:
    """A filter: a column has one of some values."""
    from lancedb.expr import col, lit

    if len(values) == 1:
        return col(name) == lit(next(iter(values)))
    return col(name).isin(sorted(values))
