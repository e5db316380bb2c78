"""Keeps a value that was made from tables for as long as none of these tables is written to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from footage.store.tables import Tables

Value = TypeVar("Value")


class VersionedCache(Generic[Value]):
    """One value, made from some tables at some version of each."""

    def __init__(self, *names: str) -> None:
        """Name the tables that the value is made from."""
        self._names = names
        self._held: tuple[tuple[int, ...], Value] | None = None

    def get(self, tables: Tables, build: Callable[[], Value]) -> Value:
        """The value: the same object until a table was written to, then built again.

        The versions are read before the value is built, so that a write in between is seen by the next call.
        """
        versions = tuple(tables.version(name) for name in self._names)
        held = self._held
        if held is None or held[0] != versions:
            held = self._held = (versions, build())
        return held[1]
