"""Exact nearest-neighbour search in memory, over a vector table as it was at one version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

    from footage.store.tables import Row


def matrix_of(table: pa.Table) -> np.ndarray:
    """The column "vector" of an Arrow table, float32 (rows, dimension)."""
    column = table.column("vector")
    flat = np.asarray(column.combine_chunks().flatten(), dtype=np.float32)
    return flat.reshape(table.num_rows, column.type.list_size)


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
        wanted: Mapping[str, Collection[Any]],
        without: Mapping[str, Collection[Any]],
    ) -> tuple[list[Row], np.ndarray]:
        """As ``Tables.search`` with a vector: rows with "_distance", and their vectors."""
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
        last = self._last
        if last is None or not np.array_equal(last[0], query):
            last = self._last = (query.copy(), self._matrix @ query)
        return last[1]

    def among(self, wanted: Mapping[str, Collection[Any]]) -> tuple[list[Row], np.ndarray]:
        """Every row that matches, in the table's order, and their vectors."""
        places = self._places(wanted, {})
        return self._rows.take(places).to_pylist(), self._matrix[places]

    def _places(
        self, wanted: Mapping[str, Collection[Any]], without: Mapping[str, Collection[Any]]
    ) -> np.ndarray:
        """The rows that match."""
        chosen = np.ones(len(self._matrix), bool)
        for column, values in wanted.items():
            chosen &= self._among(column, values)
        for column, values in without.items():
            if values:
                chosen &= ~self._among(column, values)
        return np.flatnonzero(chosen)

    def _among(self, column: str, values: Collection[Any]) -> np.ndarray:
        """Which rows have one of the values in a column."""
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
