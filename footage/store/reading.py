"""Reads one table of an index completely and lists unreadable and invalid rows; changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from footage.core.errors import StoreError
from footage.core.timeline import event_id
from footage.store import records as layout
from footage.store.records import IMAGE_TABLES, VECTOR_TABLES
from footage.store.tables import Row, Tables

if TYPE_CHECKING:
    import pyarrow as pa

UNIT_TOLERANCE = 1e-2
"""By how much the length of a vector may differ from 1: embedders normalise in float32, some in float16."""


@dataclass(slots=True)
class Readout:
    """The result of reading one table completely."""

    name: str
    """Name of the table."""
    rows: int = 0
    """Rows that can be read and are valid."""
    why: str = ""
    """Why not all of it can be read, one clause; empty when all of it can."""
    doubted: list[tuple[Row, str]] = field(default_factory=list)
    """Rows that can be read but are invalid, each with the reason."""

    @property
    def is_sound(self) -> bool:
        """Whether every row can be read and is valid."""
        return not self.why and not self.doubted


def read_whole(tables: Tables, name: str, on_rows: Callable[[int], None] = lambda rows: None) -> Readout:
    """Read every column of every row of a table.

    Args:
        tables: The index.
        name: Name of the table.
        on_rows: Called with the rows read so far.
    """
    readout = Readout(name)
    try:
        for _ in believable(tables, name, readout):
            on_rows(readout.rows)
        if (read := readout.rows + len(readout.doubted)) != (held := tables.count(name)):
            raise StoreError(f"{read} rows came, and it holds {held}")
    except StoreError as error:
        readout.why = _clause(error)
        readout.rows, readout.doubted = 0, []
        for _ in believable(tables, name, readout, salvage=True):
            on_rows(readout.rows)
    return readout


def believable(tables: Tables, name: str, readout: Readout, *, salvage: bool = False) -> Iterator[list[Row]]:
    """The readable and valid rows of a table; the others are noted in ``readout``.

    Args:
        tables: The index.
        name: Name of the table.
        readout: Is filled in.
        salvage: Go on behind what cannot be read.

    Raises:
        StoreError: something cannot be read, and ``salvage`` is not set.
    """
    seen: set[str] = set()
    key = ""
    for rows, problems in _salvaged(tables, name) if salvage else _checked(tables, name):
        kept = []
        for row, problem in zip(rows, problems, strict=True):
            key = key or next(iter(row))
            value = str(row[key])
            problem = problem or row_problem(name, row)
            if not problem and value in seen:
                problem = "its key occurs twice"
            if problem:
                readout.doubted.append((row, problem))
            else:
                seen.add(value)
                kept.append(row)
        readout.rows += len(kept)
        yield kept


class TableRows:
    """Rows of tables, of which some can be read in part only; those are kept in memory."""

    def __init__(self, tables: Tables, readouts: Mapping[str, Readout]) -> None:
        self._tables, self._readouts = tables, readouts
        self._kept: dict[str, dict[str, list[Row]]] = {}

    def track_column(self, name: str) -> list[str]:
        """The column "track", where a table has it."""
        return ["track"] if self._tables.has_column(name, "track") else []

    def all(self, name: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Every valid row."""
        if self._readouts[name].is_sound:
            yield from itertools.chain.from_iterable(self._tables.batches(name, columns))
        else:
            yield from itertools.chain.from_iterable(self._salvaged(name).values())

    def grouped(self, name: str, content_ids: Collection[str]) -> dict[str, list[Row]]:
        """The rows of some contents, without their vectors."""
        found: dict[str, list[Row]] = {}
        if not self._readouts[name].is_sound:
            kept = self._salvaged(name)
            return {each: list(kept[each]) for each in content_ids if each in kept}
        columns = [each for each in self._tables.table(name).schema.names if each != "vector"]
        for row in self._tables.read(name, {"content_id": content_ids}, columns=columns):
            found.setdefault(row["content_id"], []).append(row)
        return found

    def _salvaged(self, name: str) -> dict[str, list[Row]]:
        if name not in self._kept:
            kept = self._kept[name] = {}
            for rows in believable(self._tables, name, Readout(name), salvage=True):
                for row in rows:
                    row.pop("vector", None)
                    kept.setdefault(row.get("content_id", ""), []).append(row)
        return self._kept[name]


def _checked(tables: Tables, name: str) -> Iterator[tuple[list[Row], list[str]]]:
    for batch in tables.arrow_batches(name):
        problems = [""] * batch.num_rows
        if "vector" in batch.schema.names:
            problems = _vector_problems(batch, zero=not name.startswith(IMAGE_TABLES))
            batch = batch.drop_columns(["vector"])  # as a list of numbers it takes fifty times as long
        yield batch.to_pylist(), problems


def _salvaged(tables: Tables, name: str) -> Iterator[tuple[list[Row], list[str]]]:
    import pyarrow as pa

    for rows in tables.readable(name):
        if not rows or not name.startswith((VECTOR_TABLES, IMAGE_TABLES)):
            yield rows, [""] * len(rows)
            continue
        batch = pa.RecordBatch.from_pylist(rows, schema=tables.table(name).schema)
        yield rows, _vector_problems(batch, zero=not name.startswith(IMAGE_TABLES))


def _vector_problems(batch: pa.RecordBatch, *, zero: bool) -> list[str]:
    """What is wrong with each vector of a batch: it is to be finite and of length 1, or 0 with ``zero``."""
    import numpy as np

    column = batch.column("vector")
    matrix = np.asarray(column.flatten(), dtype=np.float32).reshape(batch.num_rows, column.type.list_size)
    finite = np.isfinite(matrix).all(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(matrix, axis=1)
        unit = (np.abs(lengths - 1) <= UNIT_TOLERANCE) | (zero & (lengths == 0))
    problems = np.full(len(matrix), "", dtype=object)
    problems[~unit] = "its vector is not of length 1"
    problems[~finite] = "its vector contains invalid numbers"
    return list(problems)


def row_problem(name: str, row: Row) -> str:
    """Why a row by itself is invalid; empty if it is valid."""
    if name == "windows" and "checksum" in row:
        if row["checksum"] != layout.window_checksum(row):
            return "it does not match its checksum"
        if row["id"] != layout.window_id(row["content_id"], row["window_index"], layout.track_of(row)):
            return "its id is not that of its video and number"
        try:
            layout.window_from_row(row)
        except ValueError as error:
            return str(error)
    elif name.startswith(IMAGE_TABLES) or name == "stills":
        return _picture_problem(name, row)
    elif (name == "events" or name.startswith(VECTOR_TABLES)) and row["owner_kind"] == "event":
        try:
            text = layout.text_from_row(row)
        except ValueError:  # an end before its start
            return "its times are not a valid span"
        if text.owner_id != event_id(text.content_id, text.span, text.text, text.track):
            return "it does not match its id"
    return ""


def _picture_problem(name: str, row: Row) -> str:
    """Why a row of an image table, or of ``stills``, is invalid; empty if it is valid."""
    if name == "stills":
        if row["id"] != layout.window_id(row["content_id"], row["window_index"]):
            return "its id is not that of its video and number"
        try:
            layout.still_from_row(row)
        except ValueError:
            return "its levels are not as many as its rows and columns say"
        return ""
    try:
        span = layout.span_from_row(row)
    except ValueError:
        return "its times are not a valid span"
    if row["id"] != layout.image_id(row["content_id"], row["window_index"], row["at_seconds"]):
        return "its id is not that of its video, window and frame"
    inside = span.start_seconds <= row["at_seconds"] <= span.end_seconds
    return "" if inside else "its frame lies outside the time that it stands for"


def _clause(error: BaseException) -> str:
    text = str(error)
    return text.rpartition("cannot be read: ")[2]
