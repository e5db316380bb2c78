"""Image vectors in an index: what is written is found, and no reader ever sees a window half."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from killing import kill_at, steps_of
from stored_images import (
    EMBEDDER,
    content_of,
    image_rows,
    image_window,
    put_images,
    put_video,
    unit_vectors,
)
from test_store_migrations import unpacked

from footage.core.errors import SchemaMismatchError, UsageError
from footage.store import Store
from footage.store.limits import Limits
from footage.store.schema import image_table, vector_table

KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
LARGE = Limits(in_memory_rows=500, scalar_index_rows=500, partition_rows=100, probes=8, few_images=120)
"""Every limit is lower, and the index may miss something."""
HOSTILE = [
    "google/siglip2-base-patch16-224",
    "../../etc/passwd",
    "..",
    "Bild-Einbetter ä 图像 \N{GRINNING FACE}",
    'it\'s "quoted"; DROP TABLE meta --',
    "x" * 300,
    "/models/" + "deep/" * 60,
    "image:nested",
]


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index", create=True)


def stored(vectors):
    """As they come back: 16 bits a number."""
    return vectors.astype(np.float16).astype(np.float32)


def test_vectors_come_back_in_order_once_their_windows_are_committed(store):
    content_id = put_video(store, "a")
    vectors = unit_vectors(3)
    store.images.put(EMBEDDER, image_rows(content_id, 0, vectors))
    assert store.images.of(EMBEDDER, content_id) == [] and store.images.nearest(EMBEDDER, vectors[0])[0] == []
    store.windows.commit([image_window(content_id, 0)])
    held = store.images.of(EMBEDDER, content_id)
    assert [row.at_seconds for row in held] == [0.0, 10.0, 20.0]
    assert np.array_equal(np.stack([row.vector for row in held]), stored(vectors))
    hits, near = store.images.nearest(EMBEDDER, vectors[1], limit=1)
    assert (hits[0].at_seconds, hits[0].similarity) == (10.0, pytest.approx(1, abs=1e-3))
    assert near.dtype == np.float32 and np.array_equal(near, stored(vectors[1:2]))
    store.files.remove(["/a"])
    assert store.images.nearest(EMBEDDER, vectors[1])[0] == []


def test_only_the_videos_that_are_asked_for_are_searched(store):
    contents = [put_video(store, name) for name in "abc"]
    vectors = [put_images(store, content, seed=n) for n, content in enumerate(contents)]
    hits, _ = store.images.nearest(EMBEDDER, vectors[0][0], limit=50, content_ids=contents[1:])
    assert {hit.content_id for hit in hits} == {*contents[1:]} and len(hits) == 20
    assert store.images.nearest(EMBEDDER, vectors[0][0], content_ids=[])[0] == []
    assert store.images.count(EMBEDDER) == 30
    names, sample = store.images.sample(EMBEDDER, 9)
    assert sample.shape == (9, 32) and len(names) == 9 and {*names} == {*contents}


def test_writing_a_window_again_replaces_all_of_it_and_takes_its_commit_back(store):
    content_id = put_video(store, "a")
    put_images(store, content_id, pictures=5)
    new = unit_vectors(2, seed=9)
    store.images.put(EMBEDDER, image_rows(content_id, 0, new))
    assert {row.window_index for row in store.images.of(EMBEDDER, content_id)} == {1}
    store.windows.commit([image_window(content_id, 0)])
    held = store.images.of(EMBEDDER, content_id)
    assert [row.window_index for row in held] == [0, 0, 1, 1, 1, 1, 1]
    store.images.remove(EMBEDDER, content_id, [1])
    assert store.windows.covered(track=f"image:{EMBEDDER}")[content_id][0] == {0}
    assert store.images.count(EMBEDDER) == 2


def test_what_another_process_wrote_meanwhile_is_replaced_too(store):
    """A second opening of the index stands for the other process: both remember what they know of a table."""
    content_id, other = put_video(store, "a"), Store.open(store.path)
    put_images(store, content_id, windows=1)
    other.images.put(EMBEDDER, image_rows(content_id, 1, unit_vectors(4, seed=1)))
    other.images.put(EMBEDDER, image_rows(content_id, 0, unit_vectors(4, seed=2)))
    store.images.put(EMBEDDER, image_rows(content_id, 1, unit_vectors(3, seed=3)))
    assert other.images.count(EMBEDDER) == store.images.count(EMBEDDER) == 4 + 3
    assert other.images.embedders() == (EMBEDDER,)


def test_rows_that_do_not_fit_together_are_refused(store):
    content_id = put_video(store, "a")
    rows = image_rows(content_id, 0, unit_vectors(2))
    with pytest.raises(ValueError, match="one length"):
        store.images.put(EMBEDDER, [rows[0], replace(rows[1], vector=np.ones(3))])
    with pytest.raises(ValueError, match="same frame"):
        store.images.put(EMBEDDER, [rows[0], rows[0]])
    store.images.put(EMBEDDER, [])
    assert store.images.embedders() == () and store.images.count(EMBEDDER) == 0


def test_another_length_or_an_unknown_embedder_is_a_sentence_that_says_what_to_do(store):
    content_id = put_video(store, "a")
    put_images(store, content_id)
    with pytest.raises(SchemaMismatchError, match="dimension 32 for 'demo-clip', not 7") as wrong:
        store.images.put(EMBEDDER, image_rows(content_id, 3, unit_vectors(2, 7)))
    assert "Use the image embedder of the index" in wrong.value.hint
    with pytest.raises(SchemaMismatchError, match="not 7"):
        store.images.nearest(EMBEDDER, np.ones(7))
    with pytest.raises(SchemaMismatchError, match="no image vectors of 'other'") as unknown:
        store.images.sample("other", 5)
    assert "--tracks image" in unknown.value.hint
    assert store.images.of("other", content_id) == [] and len(store.images.of(EMBEDDER, content_id)) == 10


@settings(max_examples=50)
@given(st.lists(st.text(min_size=1, max_size=80), min_size=2, max_size=2, unique=True))
def test_names_of_tables_are_safe_and_no_two_embedders_share_one(names):
    tables = [image_table(name) for name in names]
    assert all(re.fullmatch(r"images_[a-z0-9_]{1,60}", table) for table in tables)
    assert tables[0] != tables[1]
    assert image_table(tables[0].removeprefix("images_")) != tables[0], "a name may be made to look like one"


def test_many_embedders_with_any_names_have_vectors_of_their_own(store):
    content_id = put_video(store, "a")
    for number, name in enumerate(HOSTILE):
        put_images(store, content_id, pictures=2, seed=number, embedder=name)
    fresh = Store.open(store.path)
    assert fresh.images.embedders() == tuple(sorted(HOSTILE))
    for number, name in enumerate(HOSTILE):
        held = np.stack([row.vector for row in fresh.images.of(name, content_id)])
        assert np.array_equal(held, stored(unit_vectors(4, seed=number))), name
        assert fresh.images.nearest(name, held[0], limit=1)[0][0].similarity > 0.99
    assert {entry.name for entry in store.path.iterdir() if entry.name.startswith("images_")} == {
        f"{image_table(name)}.lance" for name in HOSTILE
    }
    assert vector_table(EMBEDDER) not in fresh.images.tables()


def test_a_name_that_is_no_text_is_refused_before_anything_is_written(store):
    content_id = put_video(store, "a")
    with pytest.raises(UsageError, match="cannot store"):
        store.images.put("folder\udcff", image_rows(content_id, 0, unit_vectors(2)))
    assert not list(store.path.glob("images_*"))


def test_vectors_of_pictures_leave_searches_of_texts_alone(store):
    put_images(store, put_video(store, "a"))
    assert store.windows.tracks() == () and store.windows.image_tracks() == (f"image:{EMBEDDER}",)
    assert not store.texts.among_others(("caption",)) and store.embedders.names() == ()


# -- many of them --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """An index too large for memory, and its vectors by content id."""
    store = Store.open(tmp_path_factory.mktemp("large") / "index", create=True, limits=LARGE)
    topics = unit_vectors(10, seed=77)
    held = {}
    for number in range(12):
        content_id = put_video(store, f"v{number}")
        drawn = topics[np.arange(60) % 10] + 0.7 * unit_vectors(60, seed=number)
        held[content_id] = stored(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
        store.images.put(EMBEDDER, image_rows(content_id, 0, held[content_id]))
        store.windows.commit([image_window(content_id, 0)])
    store.tidy()
    return store, held


def test_a_large_table_gets_indexes_and_finds_nearly_the_same(large):
    store, held = large
    [name] = store.images.tables()
    indexes = store._tables.table(name).list_indices()
    assert {column for index in indexes for column in index.columns} == {"content_id", "vector"}
    matrix, ids = np.concatenate(list(held.values())), [c for c in held for _ in range(60)]
    shares = []
    for query in unit_vectors(20, seed=5):
        hits, vectors = store.images.nearest(EMBEDDER, query, limit=10)
        assert [hit.similarity for hit in hits] == pytest.approx((vectors @ query).tolist(), abs=1e-5)
        places = np.argsort(-(matrix @ query))[:10]
        true = {(ids[place], place % 60) for place in places.tolist()}
        found = {(hit.content_id, round(hit.at_seconds * 2)) for hit in hits}
        shares.append(len(true & found) / 10)
    assert np.mean(shares) >= 0.9


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_filter_of_a_large_table_brings_as_many_as_are_asked_for(large, count):
    store, held = large
    chosen = list(held)[:count]
    query = unit_vectors(1, seed=8)[0]
    hits, _ = store.images.nearest(EMBEDDER, query, limit=60 * count, content_ids=chosen)
    assert len(hits) == 60 * count and {hit.content_id for hit in hits} == {*chosen}
    best = max(float((held[each] @ query).max()) for each in chosen)
    assert hits[0].similarity == pytest.approx(best, abs=1e-5)


def test_wide_vectors_are_kept_in_memory_up_to_a_number_of_bytes(tmp_path):
    limits = Limits(in_memory_numbers=32 * 15)
    assert (limits.rows_in_memory(32), limits.rows_in_memory(4)) == (15, 120)
    assert (Limits().rows_in_memory(384), Limits().rows_in_memory(768)) == (100_000, 50_000)
    store = Store.open(tmp_path / "index", create=True, limits=limits)
    put_images(store, put_video(store, "a"))
    [name] = store.images.tables()
    assert store._tables.in_memory(name) is not None
    put_images(store, put_video(store, "b"), seed=1)
    assert Store.open(store.path, limits=limits)._tables.in_memory(name) is None
    store.tidy()
    assert any(index.columns == ["vector"] for index in store._tables.table(name).list_indices())


# -- at once, and killed -------------------------------------------------------------------------------------


def test_readers_see_windows_whole_or_not_at_all_while_they_are_replaced(store):
    content_id = put_video(store, "a", windows=3)
    sizes = {0: {4, 7}, 1: {4, 7}, 2: {4, 7}}
    put_images(store, content_id, windows=3, pictures=4)
    done, seen, wrong = threading.Event(), [0], []

    def look():
        reader = Store.open(store.path)
        while not done.is_set():
            held = [row.window_index for row in reader.images.of(EMBEDDER, content_id)]
            counts = {index: held.count(index) for index in {*held}}
            wrong.extend((index, n) for index, n in counts.items() if n not in sizes[index])
            hits, _ = reader.images.nearest(EMBEDDER, unit_vectors(1)[0], limit=30)
            wrong.extend(hit for hit in hits if hit.content_id != content_id)
            seen[0] += 1

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for turn in range(12):
            for index in range(3):
                vectors = unit_vectors((7, 4)[turn % 2], seed=turn)
                store.images.put(EMBEDDER, image_rows(content_id, index, vectors))
                store.windows.commit([image_window(content_id, index)])
    finally:
        done.set()
        reader.join()
    assert seen[0] > 2 and wrong == []


def replace_all(path: Path) -> None:
    """Body of the process that is killed: every window gets other vectors."""
    store = Store.open(path)
    with store.writing():
        put_images(store, content_of("a"), pictures=3, seed=4)


def test_a_kill_while_vectors_are_replaced_leaves_no_window_without_its_own(tmp_path):
    store = Store.open(tmp_path / "made" / "index", create=True)
    before, after = put_images(store, put_video(store, "a")), unit_vectors(6, seed=4)
    expected = [np.split(stored(before), 2), np.split(stored(after), 2)]
    steps = steps_of(replace_all, store.path, copies=tmp_path / "copies")
    for step in np.linspace(0, steps, KILLS + 2).astype(int).tolist()[1:-1]:
        killed = Store.open(kill_at(step, replace_all, store.path, copies=tmp_path / "copies"))
        committed = killed.windows.spans(track=f"image:{EMBEDDER}").get(content_of("a"), {})
        held = killed.images.of(EMBEDDER, content_of("a"))
        for index in committed:
            vectors = np.stack([row.vector for row in held if row.window_index == index])
            assert any(np.array_equal(vectors, each[index]) for each in expected), f"window {index}, {step}"
        replace_all(killed.path)
        again = Store.open(killed.path).images.of(EMBEDDER, content_of("a"))
        assert np.array_equal(np.stack([row.vector for row in again]), stored(after))


def test_an_index_of_before_there_were_pictures_is_read_as_it_is(tmp_path):
    store = Store.open(unpacked(12, tmp_path))
    [content_id, *_] = sorted(store.videos.all())
    assert store.images.embedders() == () and store.images.of(EMBEDDER, content_id) == []
    assert store.stills.of([content_id]) == []
    assert {record.reused_from for record in store.windows.of(content_id)} == {""}
    assert not (store.path / "stills.lance").exists()
