"""Streams an index of many millions of events: a drawn part, repeated under new ids with vectors turned anew.

``PART_EVENTS`` events are drawn as in ``tests.benchmarks.million``, and repeated until there are enough.
Every repetition has other contents, files and ids, and vectors that are turned in other random directions:
no two are equal. A table is written in one commit for each repetition, as a stream, so that memory holds one
part without its vectors. Checksums of windows are those of the part: such an index is for searches alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footage.store import Store
from footage.store.records import file_to_row, text_to_row, video_to_row, window_to_row
from footage.store.schema import TABLES, vector_schema
from tests.benchmarks import million

PART_EVENTS = 250_000
_VIDEOS_AT_ONCE = 100
_IDS = ("content_id", "owner_id", "id")


@dataclass(frozen=True)
class Piece:
    """Texts of some videos of the part, for the vector table."""

    texts: pa.Table
    """Every column of the vector table but the vectors."""
    sources: np.ndarray
    """The sentences of its events, int (events,)."""
    inside: Sequence[Sequence[int]]
    """Of each text, the events whose vectors' mean it has."""


@dataclass(frozen=True)
class Part:
    """What is repeated."""

    tables: dict[str, pa.Table]
    """Rows of all tables but the vectors, by name."""
    pieces: Sequence[Piece]
    """Rows of the vector table."""
    events: int
    """How many events there are."""


def draw_part(corpus: million.Corpus, events: int) -> Part:
    """Draw the videos that are repeated."""
    names = ("files", "videos", "windows", "events", "passages")
    rows: dict[str, list[pa.Table]] = {name: [] for name in names}
    pieces: list[Piece] = []
    held: list[million.Drawn] = []
    count = 0
    for drawn in million.draw(corpus, events):
        held.append(drawn)
        count += len(drawn.sources)
        if len(held) == _VIDEOS_AT_ONCE:
            pieces.append(_piece(held, rows))
            held = []
    if held:
        pieces.append(_piece(held, rows))
    return Part({name: pa.concat_tables(each) for name, each in rows.items()}, pieces, count)


def _piece(videos: Sequence[million.Drawn], rows: dict[str, list[pa.Table]]) -> Piece:
    texts = [text for each in videos for text in each.texts]
    cells = {
        "files": [file_to_row(each.file) for each in videos],
        "videos": [video_to_row(each.video) for each in videos],
        "windows": [window_to_row(record) for each in videos for record in each.records],
        "events": [text_to_row(text) for text in texts if text.owner_kind != "passage"],
        "passages": [text_to_row(text) for text in texts if text.owner_kind == "passage"],
    }
    for name, each in cells.items():
        rows[name].append(pa.Table.from_pylist(each, schema=TABLES[name]))
    inside, before = [], 0
    for video in videos:
        inside += [[before + place for place in each] for each in video.inside]
        before += len(video.sources)
    schema = vector_schema(videos[0].vectors.shape[1])
    schema = schema.remove(len(schema) - 1)
    columns = pa.Table.from_pylist([text_to_row(text) for text in texts], schema=schema)
    return Piece(columns, np.concatenate([each.sources for each in videos]), inside)


def fill(
    store: Store,
    corpus: million.Corpus,
    events: int,
    embedder: str,
    *,
    on_progress: Callable[[int], None] = lambda events: None,
) -> int:
    """Insert about so many events; one that was cut short goes on after its last whole repetition.

    Returns:
        How many events were inserted by this call.
    """
    tables = store._tables
    part = draw_part(corpus, min(events, PART_EVENTS))
    vectors = store.embedders.table(embedder, dimension=corpus.vectors.shape[1], create=True)
    texts = sum(len(piece.texts) for piece in part.pieces)
    done = tables.count(vectors) // texts
    for number in range(done, math.ceil(events / part.events)):
        for name, rows in part.tables.items():
            if tables.count(name) < (number + 1) * len(rows):  # the vectors are the last
                tables.table(name).add(_renamed(rows, number))
        schema = tables.table(vectors).schema
        stream = pa.RecordBatchReader.from_batches(schema, _turned(part, corpus, number, schema))
        tables.table(vectors).add(stream)
        on_progress((number + 1) * part.events)
    return max(0, math.ceil(events / part.events) - done) * part.events


def _turned(part: Part, corpus: million.Corpus, number: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of the vector table of one repetition."""
    rng = np.random.default_rng([number, 1])
    for piece in part.pieces:
        vectors = million.text_vectors(million.turned(corpus, piece.sources, rng), piece.inside)
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        rows = _renamed(piece.texts, number).append_column(schema.field("vector"), column)
        yield from rows.cast(schema).combine_chunks().to_batches()


def _renamed(rows: pa.Table, number: int) -> pa.Table:
    """Rows under the ids and paths of one repetition: the first two characters of every id are its number."""
    for place, name in enumerate(rows.column_names):
        if name in _IDS:
            rest = pc.utf8_slice_codeunits(rows.column(name), 2)
            named = pc.binary_join_element_wise(pa.scalar(f"{number:02x}"), rest, "")
        elif name == "path":
            named = pc.binary_join_element_wise(pa.scalar(f"/{number:02x}"), rows.column(name), "")
        else:
            continue
        rows = rows.set_column(place, rows.schema.field(place), named)
    return rows
