"""A table too large to be compared row by row: its indexes, with limits so low that a small one is."""

from __future__ import annotations

import hashlib
import shutil
import threading

import numpy as np
import pytest

from footage.core.errors import StoreError
from footage.core.types import Caption, File, Provenance, Span, Video, Window, WindowRecord
from footage.store import Store, VectorRow
from footage.store.limits import Limits
from footage.store.schema import vector_table

EMBEDDER = "e"
DIMENSION = 32
VIDEOS, EVENTS = 40, 60
TABLE = vector_table(EMBEDDER)


LARGE = Limits(in_memory_rows=500, scalar_index_rows=500, partition_rows=100, probes=8, few_videos=2)
"""Every limit is lower, and the index may miss something."""


def drawn(rng, number):
    """Unit vectors about a few topics, as those of sentences are."""
    topics = np.random.default_rng(7).normal(size=(12, DIMENSION))
    vectors = topics[rng.integers(12, size=number)] + 0.8 * rng.normal(size=(number, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def put(store, name, vectors):
    """Index a video of one window, each of whose events has one of the vectors."""
    content_id = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    store.files.put([File(f"/{name}", content_id, state="indexed", duration_seconds=30.0)])
    store.videos.put([Video(content_id, 30.0, 64, 48, 25.0, "h264")])
    window = Window(content_id, 0, Span(0, 30))
    store.windows.add([WindowRecord(window, Caption("", (), "", "stop"), Provenance("m", "1", "1", "b"))])
    rows = [
        VectorRow("event", f"{name}/{n}", content_id, (0,), Span(0, 30), f"a thing {n}", vector)
        for n, vector in enumerate(vectors)
    ]
    rows.append(VectorRow("video", content_id, content_id, (0,), Span(0, 30), "", vectors.mean(axis=0)))
    store.vectors.put(EMBEDDER, rows, new=True)
    return content_id


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An index that is too large for memory, before it is tidied, with what it holds by owner id."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("large") / "index"
    store = Store.open(path, create=True, limits=LARGE)
    held = {f"v{n}": drawn(rng, EVENTS) for n in range(VIDEOS)}
    contents = {name: put(store, name, vectors) for name, vectors in held.items()}
    return path, held, contents


@pytest.fixture
def filled(made, tmp_path):
    """A copy of that index, which a test may change."""
    path, held, contents = made
    copy = shutil.copytree(path, tmp_path / "index")
    return Store.open(copy, limits=LARGE), held, contents


def nearest(held, query, limit, names=None):
    """Owner ids of the nearest events, by comparing every vector."""
    ids = [f"{name}/{n}" for name, vectors in held.items() for n in range(len(vectors))]
    cosines = np.concatenate(list(held.values())) @ query
    order = [ids[place] for place in np.argsort(-cosines)]
    return [each for each in order if names is None or each.split("/")[0] in names][:limit]


def found(store, query, limit, **wanted):
    return [hit.owner_id for hit in store.vectors.search(EMBEDDER, query, limit=limit, **wanted)]


def columns(store):
    return {column for index in store._tables.table(TABLE).list_indices() for column in index.columns}


def test_a_small_table_gets_no_index(tmp_path):
    store = Store.open(tmp_path / "index", create=True, limits=LARGE)
    put(store, "v", drawn(np.random.default_rng(0), EVENTS))
    store.tidy()
    assert columns(store) == set()


def test_tidying_a_large_table_makes_its_indexes_and_finds_nearly_the_same(filled):
    store, held, _ = filled
    queries = drawn(np.random.default_rng(1), 30)
    assert [found(store, query, 10) for query in queries] == [nearest(held, query, 10) for query in queries]
    store.tidy()
    assert columns(store) == {"content_id", "owner_kind", "vector"}
    shares = [len({*found(store, query, 10)} & {*nearest(held, query, 10)}) / 10 for query in queries]
    assert np.mean(shares) >= 0.95


def test_the_scores_of_an_index_are_exact_and_in_order(filled):
    store, held, _ = filled
    store.tidy()
    query = drawn(np.random.default_rng(2), 1)[0]
    hits, vectors = store.vectors.nearest(EMBEDDER, query, limit=50)
    scores = [hit.score for hit in hits]
    assert len(hits) == 50 and scores == sorted(scores, reverse=True)
    for hit, vector in zip(hits, vectors, strict=True):
        name, number = hit.owner_id.split("/")
        assert np.array_equal(vector, held[name][int(number)])
        assert hit.score == pytest.approx(float(vector @ query), abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_filter_brings_as_many_as_are_asked_for_and_none_beside_it(filled, count):
    store, held, contents = filled
    store.tidy()
    chosen = [f"v{n}" for n in range(count)]
    for query in drawn(np.random.default_rng(3), 10):
        wanted = {"content_ids": [contents[name] for name in chosen], "owner_kinds": ["event"]}
        assert found(store, query, EVENTS * count, **wanted) == nearest(held, query, EVENTS * count, chosen)
        if count <= LARGE.few_videos:  # these are compared one by one
            assert found(store, query, 10, **wanted) == nearest(held, query, 10, chosen)


def test_rows_are_found_before_and_after_the_index_takes_them_in_and_not_once_they_are_gone(filled):
    store, _, _ = filled
    store.tidy()
    new = drawn(np.random.default_rng(4), EVENTS)
    content_id = put(store, "new", new)
    assert store._tables.table(TABLE).index_stats("vector_idx").num_unindexed_rows == EVENTS + 1
    assert all(found(store, vector, 1) == [f"new/{n}"] for n, vector in enumerate(new))
    store.tidy()
    assert store._tables.table(TABLE).index_stats("vector_idx").num_unindexed_rows == 0
    assert all(found(store, vector, 1) == [f"new/{n}"] for n, vector in enumerate(new))
    store.files.remove(["/new"])
    assert not any(hit.startswith("new/") for vector in new for hit in found(store, vector, 10))
    store.files.put([File("/new", content_id, state="indexed", duration_seconds=30.0)])
    assert store.contents.forget(content_id) == 1
    assert not any(hit.startswith("new/") for vector in new for hit in found(store, vector, 10))
    assert columns(store) == {"content_id", "owner_kind", "vector"}


def test_an_index_whose_making_was_cut_short_is_made_the_next_time(filled, monkeypatch):
    store, held, _ = filled
    table = store._tables.table(TABLE)
    create = type(table).create_index

    def cut(self, column, **given):
        if column == "vector":
            raise RuntimeError("cut")
        return create(self, column, **given)

    monkeypatch.setattr(type(table), "create_index", cut)
    with pytest.raises(StoreError):
        store.tidy()
    query = drawn(np.random.default_rng(5), 1)[0]
    assert "vector" not in columns(store) and found(store, query, 10) == nearest(held, query, 10)
    monkeypatch.undo()
    again = Store.open(store.path, limits=LARGE)
    again.tidy()
    assert "vector" in columns(again)


def test_what_is_counted_of_windows_counts_overlaps_once(tmp_path):
    store = Store.open(tmp_path / "index", create=True, limits=LARGE)
    spans = [Span(0, 30), Span(25, 55), Span(70, 80), Span(72, 75)]
    store.files.put([File("/v", "v", state="indexed", duration_seconds=100.0)])
    store.videos.put([Video("v", 100.0, 64, 48, 25.0, "h264")])
    store.windows.add(
        WindowRecord(Window("v", n, span), Caption("", (), "", "stop"), Provenance("m", "1", "1", "b"))
        for n, span in enumerate(spans)
    )
    assert store.windows.covered_seconds(["v", "unknown"]) == {"v": (65.0, 100.0)}
    assert (store.status().windows, store.status().seconds_indexed) == (4, 65.0)


KINDS = (("event", "scene"), ("passage",))


def with_passages(store, contents, rng):
    """Give every video ten passages; their vectors by owner id."""
    passages = {name: drawn(rng, 10) for name in contents}
    rows = [
        VectorRow("passage", f"{name}/p{n}", contents[name], (0,), Span(0, 30), f"things {n}", vector)
        for name, vectors in passages.items()
        for n, vector in enumerate(vectors)
    ]
    store.vectors.put(EMBEDDER, rows, new=True)


def at_once(store, query, limit, content_ids=None):
    found = store.vectors.nearest_of(EMBEDDER, query, KINDS, limit=limit, content_ids=content_ids)
    for hits, vectors in found:
        assert [hit.score for hit in hits] == pytest.approx((vectors @ query).tolist(), abs=1e-6)
    return [[hit.owner_id for hit in hits] for hits, _ in found]


def one_by_one(store, query, limit, content_ids=None):
    return [found(store, query, limit, owner_kinds=kinds, content_ids=content_ids) for kinds in KINDS]


@pytest.mark.parametrize("half", [False, True])
def test_several_kinds_at_once_bring_what_one_search_each_brings(filled, half):
    store, _, contents = filled
    with_passages(store, contents, np.random.default_rng(5))
    store.tidy()
    chosen = frozenset(contents[f"v{n}"] for n in range(0, VIDEOS, 2)) if half else None
    queries = drawn(np.random.default_rng(6), 20)
    shares = []
    for query in queries:
        for got, wanted in zip(
            at_once(store, query, 5, chosen), one_by_one(store, query, 5, chosen), strict=True
        ):
            assert len(got) == 5
            shares.append(len({*got} & {*wanted}) / 5)
    assert np.mean(shares) >= 0.97

    # What is written later is found at once, what no file holds is not.
    new = put(store, "new", queries[:1])
    assert at_once(store, queries[0], 5)[0][0] == "new/0"
    assert "new/0" not in at_once(store, queries[0], 5, chosen or frozenset(contents.values()))[0]
    store.files.remove([path for path in store.files.paths_of(new)])
    assert "new/0" not in at_once(store, queries[0], 5)[0]


def test_a_search_of_several_kinds_survives_a_writer_that_moves_rows(filled):
    store, _, contents = filled
    with_passages(store, contents, np.random.default_rng(5))
    store.tidy()
    writer = Store.open(store.path, limits=LARGE)
    query = drawn(np.random.default_rng(8), 1)[0]
    wanted = at_once(store, query, 5)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            put(writer, f"w{number}", -query[None].repeat(3, axis=0))
            writer.tidy()
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(40):
            got = at_once(store, query, 5)
            assert [len(each) for each in got] == [5, 5]
            assert len({*got[0]} & {*wanted[0]}) >= 4
    finally:
        stop.set()
        thread.join()
