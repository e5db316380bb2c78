"""Keeps what was made from the rows of a table; makes anew only what belongs to rows that came or went."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from footage.store.conditions import matching
from footage.store.errors import mapped
from footage.store.tables import Tables

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Value = TypeVar("Value")

_FRAGMENT_BITS = 32  # a row id is the number of its file, which only grows, and the place of the row in it
_MOST_CHANGED = 4  # of a quarter of the keys or more, all rows are read: that takes as long
_FEW = 50


class KeyedCache(Generic[Value]):
    """Values by a column of a table, each made from the rows that share it.

    After a write, the rows of the keys that it touched are read, however large the table is. After a tidy-up,
    which moves rows, all are.
    """

    def __init__(
        self, name: str, key: str, columns: Sequence[str], build: Callable[[pa.Table], dict[str, Value]]
    ) -> None:
        """Name what to follow.

        Args:
            name: Name of the table.
            key: The column whose values are the keys.
            columns: Columns that values are made from; those that an older table lacks are left out.
            build: Makes the values of some rows: all rows of each key that occurs among them.
        """
        self._name, self._key = name, key
        self._columns = list(dict.fromkeys([key, *columns]))
        self._build = build
        self._lock = threading.Lock()
        self._version: int | None = None
        self._values: dict[str, Value] = {}
        self._rows = _Rows()

    def get(self, tables: Tables) -> dict[str, Value]:
        """The values: the same object until the table was written to.

        The version is read before the rows, so that a write in between is seen by the next call.
        """
        version = tables.version(self._name)
        with self._lock:
            if self._version != version:
                changed = self._changed(tables)
                if changed is None:
                    self._rows = _Rows()
                    found = self._read(tables)
                    self._rows.add(found.column("_rowid"), found.column(self._key))
                    self._values = self._build(found.drop_columns("_rowid"))
                elif changed:
                    found = self._read(tables, matching({self._key: changed}))
                    kept = {key: value for key, value in self._values.items() if key not in changed}
                    self._values = {**kept, **self._build(found.drop_columns("_rowid"))}
                self._version = version
            return self._values

    def _changed(self, tables: Tables) -> set[str] | None:
        """The keys of the rows that came or went since the rows were read last; None where all are due."""
        import numpy as np

        if self._version is None or tables.version(self._name) < self._version:
            return None
        # 1. What was written since lies in files of higher numbers.
        new = self._read(tables, f"_rowid >= {self._rows.next_id}", [self._key])
        if len(new) * _MOST_CHANGED > len(self._rows.ids) + _FEW * _MOST_CHANGED:
            return None
        self._rows.add(new.column("_rowid"), new.column(self._key))
        changed = set(new.column(self._key).to_pylist())

        # 2. Where the number of rows says that some were deleted, or replaced, look for these.
        if tables.count(self._name) != len(self._rows.ids):
            there = self._read(tables, None, []).column("_rowid").to_numpy()
            changed |= self._rows.keep(np.isin(self._rows.ids, there))
        return None if len(changed) * _MOST_CHANGED > len(self._values) + _FEW * _MOST_CHANGED else changed

    def _read(self, tables: Tables, where: object = None, columns: Collection[str] | None = None) -> pa.Table:
        """Some columns of rows, and their ids in "_rowid"."""
        with mapped(tables.path):
            table = tables.table(self._name)
            wanted = self._columns if columns is None else columns
            held = [column for column in wanted if column in table.schema.names]
            builder = table.search().select([*held, "_rowid"])
            if where is not None:
                builder = builder.where(where)
            return builder.limit(None).to_arrow()


class _Rows:
    """The ids of the rows of a table as last read, and the key of each."""

    def __init__(self) -> None:
        import numpy as np

        self.ids: np.ndarray = np.zeros(0, np.uint64)
        self._codes: np.ndarray = np.zeros(0, np.int32)
        self._names: list[str] = []
        self._code_of: dict[str, int] = {}

    @property
    def next_id(self) -> int:
        """Least id that a row may have that is written later."""
        return ((int(self.ids.max()) >> _FRAGMENT_BITS) + 1) << _FRAGMENT_BITS if len(self.ids) else 0

    def add(self, ids: pa.ChunkedArray, keys: pa.ChunkedArray) -> None:
        """Take in rows."""
        import numpy as np

        encoded = keys.combine_chunks().dictionary_encode()
        for name in encoded.dictionary.to_pylist():
            if name not in self._code_of:
                self._code_of[name] = len(self._names)
                self._names.append(name)
        codes = np.array([self._code_of[name] for name in encoded.dictionary.to_pylist()], np.int32)
        self.ids = np.concatenate([self.ids, ids.to_numpy().astype(np.uint64)])
        self._codes = np.concatenate([self._codes, codes[encoded.indices.to_numpy()]])

    def keep(self, chosen: np.ndarray) -> set[str]:
        """Drop the rows that are not chosen, and return their keys."""
        gone = {self._names[code] for code in set(self._codes[~chosen].tolist())}
        self.ids, self._codes = self.ids[chosen], self._codes[chosen]
        return gone
