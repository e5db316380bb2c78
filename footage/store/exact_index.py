"""Exact nearest-neighbour search in memory, over a vector table as it was at one version."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from footage.store.conditions import Row, Wanted

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_RELOAD_PATIENCE = 20  # of a table that is being written to, loading takes a twentieth of the time at most


def matrix_of(table: pa.Table) -> np.ndarray:
    """The column "vector" of an Arrow table, float32 (rows, dimension)."""
    import numpy as np

    column = table.column("vector")
    matrix = np.empty((table.num_rows, column.type.list_size), np.float32)
    start = 0
    for chunk in column.chunks:  # one after the other: never twice in memory
        matrix[start : start + len(chunk)] = np.asarray(chunk.flatten()).reshape(len(chunk), -1)
        start += len(chunk)
    return matrix


def measured(found: pa.Table, query: np.ndarray | str) -> tuple[list[Row], np.ndarray | None]:
    """Rows that an index found, nearest first by their exact "_distance", and their vectors.

    Those that were found by words are left as they are.
    """
    import numpy as np

    if isinstance(query, str) or "vector" not in found.schema.names:
        return found.to_pylist(), None
    rows, vectors = found.drop_columns("vector").to_pylist(), matrix_of(found)
    distances = 1.0 - vectors @ query  # the index only knows them roughly
    for row, distance in zip(rows, distances.tolist(), strict=True):
        row["_distance"] = distance
    order = np.argsort(distances, kind="stable")
    return [rows[place] for place in order.tolist()], vectors[order]


class Nearest:
    """The rows of a vector table, and their vectors as one matrix."""

    def __init__(self, table: pa.Table) -> None:
        """Take over an Arrow table with a column "vector" of unit vectors."""
        self._matrix = matrix_of(table)
        self._rows = table.drop_columns("vector").combine_chunks()  # rows of many pieces are slow to take
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._codes: dict[str, tuple[np.ndarray, dict[Any, int]]] = {}

    def search(
        self,
        query: np.ndarray,
        *,
        limit: int,
        wanted: Wanted,
        without: Wanted,
    ) -> tuple[list[Row], np.ndarray]:
        """As ``Tables.search`` with a vector: rows with "_distance", and their vectors."""
        import numpy as np

        places = self._places(wanted, without)
        distances = 1.0 - self._cosines(query)[places]
        count = min(limit, len(distances))
        best = np.argpartition(distances, count - 1)[:count] if count else np.zeros(0, int)
        best = best[np.argsort(distances[best], kind="stable")]
        rows = self._rows.take(places[best]).to_pylist()
        for row, distance in zip(rows, distances[best].tolist(), strict=True):
            row["_distance"] = distance
        return rows, self._matrix[places[best]]

    def _cosines(self, query: np.ndarray) -> np.ndarray:
        """The cosine of every row; those of the last query are kept, as a search asks more than once."""
        import numpy as np

        last = self._last
        if last is None or not np.array_equal(last[0], query):
            last = self._last = (query.copy(), self._matrix @ query)
        return last[1]

    def among(self, wanted: Wanted) -> tuple[list[Row], np.ndarray]:
        """Every row that matches, in the table's order, and their vectors."""
        places = self._places(wanted, {})
        return self._rows.take(places).to_pylist(), self._matrix[places]

    def _places(self, wanted: Wanted, without: Wanted) -> np.ndarray:
        """The rows that match."""
        import numpy as np

        chosen = np.ones(len(self._matrix), bool)
        for column, values in wanted.items():
            chosen &= self._among(column, values)
        for column, values in without.items():
            if values:
                chosen &= ~self._among(column, values)
        return np.flatnonzero(chosen)

    def _among(self, column: str, values: Collection[Any]) -> np.ndarray:
        """Which rows have one of the values in a column."""
        import numpy as np

        if column not in self._codes:
            encoded = self._rows.column(column).combine_chunks().dictionary_encode()
            names = {name: code for code, name in enumerate(encoded.dictionary.to_pylist())}
            self._codes[column] = (np.asarray(encoded.indices), names)
        codes, names = self._codes[column]
        wanted = [names[value] for value in values if value in names]
        if len(wanted) == 1:
            among: np.ndarray = codes == wanted[0]
            return among
        chosen = np.zeros(len(names), bool)
        chosen[wanted] = True
        return chosen[codes] if len(names) else np.zeros(len(codes), bool)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A vector table in memory."""

    version: int
    nearest: Nearest
    loaded_at: float
    took_seconds: float


class VectorMemory:
    """Vector tables in memory: those that are small enough, and not written to all the time."""

    def __init__(self) -> None:
        self._loaded: dict[str, _Loaded] = {}
        self._too_large: dict[str, int] = {}  # the version at which a table was found to be

    def get(
        self, name: str, version: int, *, fits: Callable[[], bool], load: Callable[[], pa.Table]
    ) -> Nearest | None:
        """A table at its latest version; None where it is too large, or was loaded a moment ago.

        Args:
            name: Name of the table.
            version: Its latest version.
            fits: Says whether it is small enough.
            load: Reads all of it.
        """
        held = self._loaded.get(name)
        if held is not None and held.version == version:
            return held.nearest
        if held is not None and time.monotonic() - held.loaded_at < _RELOAD_PATIENCE * held.took_seconds:
            return None
        if self._too_large.get(name) == version:
            return None
        if not fits():
            self._too_large[name] = version
            self._loaded.pop(name, None)
            return None
        began = time.monotonic()
        nearest = Nearest(load())
        now = time.monotonic()
        self._loaded[name] = _Loaded(version, nearest, now, now - began)
        return nearest

    def clear(self) -> None:
        """Drop every table."""
        self._loaded.clear()
        self._too_large.clear()
