"""Which embedders have a vector table, and which one the timelines were made with; kept in ``meta``."""

from __future__ import annotations

from footage.core.errors import SchemaMismatchError
from footage.store.opening import EMBEDDER_KEY, TIMELINE_KEY
from footage.store.tables import Tables


class EmbedderRepository:
    """The embedders of an index; got from ``Store.embedders``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._known: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """Names of the embedders that have a vector table, sorted."""
        keys = [row["key"] for row in self._tables.read("meta", columns=["key"])]
        return tuple(sorted(key.removeprefix(EMBEDDER_KEY) for key in keys if key.startswith(EMBEDDER_KEY)))

    def timeline(self) -> str:
        """Name of the embedder that decides whether two captions say the same; empty before the first."""
        return self._meta(TIMELINE_KEY) or ""

    def claim_timeline(self, embedder: str) -> None:
        """Make ``embedder`` the one that decides whether two captions say the same, unless there is one.

        Raises:
            SchemaMismatchError: there is another one.
        """
        held = self.timeline()
        if not held:
            self._tables.upsert("meta", [{"key": TIMELINE_KEY, "value": embedder}])
        elif held != embedder:
            raise SchemaMismatchError(
                f"the index {self._tables.path} was made with the embedder {held!r}, not with {embedder!r}",
                hint=f"Run with --embedder {held}, then `footage db reembed --embedder {embedder}`.",
            )

    def has_table(self, embedder: str) -> bool:
        """Whether an embedder has a vector table."""
        if embedder not in self._known and self._meta(EMBEDDER_KEY + embedder) is not None:
            self._known.add(embedder)  # no table is ever taken away
        return embedder in self._known

    def table(self, embedder: str, *, dimension: int | None = None, create: bool = False) -> str:
        """Name of an embedder's vector table, checked for ``dimension``; made first if ``create`` is set.

        Raises:
            SchemaMismatchError: there is none, or its vectors have another length.
        """
        from footage.store.schema import vector_schema, vector_table

        name = vector_table(embedder)
        if not self.has_table(embedder):
            if not create or dimension is None:
                raise SchemaMismatchError(
                    f"the index {self._tables.path} has no vectors of the embedder {embedder!r}",
                    hint="Create them with `footage db reembed`, or search with the embedder of the index.",
                )
            self._tables.make(name, vector_schema(dimension))
            self._tables.upsert("meta", [{"key": EMBEDDER_KEY + embedder, "value": name}])
        held = self._tables.dimension(name)
        if dimension is not None and held != dimension:
            raise SchemaMismatchError(
                f"the index {self._tables.path} has vectors of dimension {held} for the "
                f"embedder {embedder!r}, not {dimension}",
                hint="Use the embedder of the index, or another name for this one.",
            )
        return name

    def tables(self) -> list[str]:
        """Names of all vector tables."""
        return [self.table(embedder) for embedder in self.names()]

    def _meta(self, key: str) -> str | None:
        found = self._tables.read("meta", {"key": [key]})
        return found[0]["value"] if found else None
