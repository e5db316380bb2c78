"""The index on disk, with a real LanceDB in a temporary folder."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footage.core.errors import (
    SchemaMismatchError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreMissingError,
)
from footage.core.timeline import merge_events
from footage.core.types import Caption, CaptionEvent, File, Provenance, Span, Video, Window, WindowRecord
from footage.store import SCHEMA_VERSION, Store, VectorRow
from footage.store.errors import translate
from footage.store.schema import vector_table

PROVENANCE = Provenance("org/model", "abc", "1", "small")
ODD = [
    "/films/it's here.mp4",
    '/films/"quoted".mp4',
    "/films/back\\slash\\'.mp4",
    "/films/100%_done?.mp4",
    "/films/Grüße 漢字 🎬.mp4",
    "/films/new\nline\ttab.mp4",
    "/films/'; DROP TABLE files; --",
    "/films/x' OR '1'='1",
    "/films/`tick` ${HOME} {brace} [1]",
    "/films/null\0byte",
    "",
]


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index", create=True)


def a_file(path="/films/a.mp4", content_id="c", **changes):
    return File(path, content_id, **changes)


def a_video(content_id="c", seconds=100.0, **changes):
    return Video(content_id, seconds, 640, 360, 25.0, "h264", **changes)


def a_record(content_id="c", index=0, *lines, scene="A quiet street."):
    span = Span(25.0 * index, 25.0 * index + 30)
    events = tuple(
        CaptionEvent(Span(span.start_seconds + a, span.start_seconds + b), text) for a, b, text in lines
    )
    return WindowRecord(
        Window(content_id, index, span), Caption(scene, events, "Scene: raw", "stop"), PROVENANCE
    )


def fill(store, content_id="c", *records, path=None):
    """A file, its video, its windows and their projection, without vectors."""
    store.put_files([a_file(path or f"/films/{content_id}.mp4", content_id, state="indexed")])
    store.put_video(a_video(content_id))
    store.commit_windows(records)
    return store.put_events(content_id, merge_events(content_id, records))


def unit(*numbers):
    vector = np.array(numbers, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def embedded(texts, vector):
    return [
        VectorRow(t.owner_kind, t.owner_id, t.content_id, t.window_indexes, t.span, t.text, vector)
        for t in texts
    ]


# -- opening -------------------------------------------------------------------------------------------------


def test_a_new_index_is_private_and_empty(store):
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700
    status = store.status()
    assert (status.videos, status.windows, status.events, status.seconds_indexed) == (0, 0, 0, 0)
    assert status.schema_version == SCHEMA_VERSION and status.model is None and status.embedders == ()
    assert store.search_text("anything") == [] and store.events() == [] and not store.provenances()


def test_no_index_is_made_unasked(tmp_path):
    with pytest.raises(StoreMissingError, match="there is no index at"):
        Store.open(tmp_path / "index")
    assert not (tmp_path / "index").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreMissingError):
        Store.open(tmp_path / "empty")


def test_an_index_opens_again_with_all_it_held(store):
    fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    again = Store.open(store.path, create=True)
    assert [event.text for event in again.events()] == ["A dog jumps."]


def test_another_schema_version_is_refused_and_both_are_named(store):
    store._tables.upsert("meta", [{"key": "schema_version", "value": "99"}])
    with pytest.raises(SchemaMismatchError, match=f"version 99.*reads versions 8 to {SCHEMA_VERSION}"):
        Store.open(store.path, create=True)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").touch()
    with pytest.raises(StoreCorruptError, match=r"is not an index: it holds 'holiday\.jpg'"):
        Store.open(tmp_path / "photos", create=True)
    (tmp_path / "file").touch()
    with pytest.raises(StoreCorruptError, match="not a folder"):
        Store.open(tmp_path / "file", create=True)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("what", ["_versions", "data"])
@pytest.mark.parametrize("harm", ["garbage", "empty", "removed"])
def test_a_broken_table_is_named_as_such(store, what, harm):
    fill(store, "c", a_record())
    for path in (store.path / "windows.lance" / what).iterdir():
        if harm == "removed":
            path.unlink()
        else:
            path.write_bytes(b"garbage" if harm == "garbage" else b"")
    with pytest.raises(StoreCorruptError, match="cannot be read") as caught:
        Store.open(store.path).windows("c")
    assert "backup" in caught.value.hint and ".rs:" not in str(caught.value)


def test_a_lost_table_is_named(store):
    fill(store, "c", a_record())
    shutil.rmtree(store.path / "windows.lance")
    with pytest.raises(StoreCorruptError, match="lost its table 'windows'"):
        Store.open(store.path)
    store = Store.open(store.path.with_name("other"), create=True)
    fill(store, "c", a_record())
    shutil.rmtree(store.path / "meta.lance")
    with pytest.raises(StoreCorruptError, match="which version"):
        Store.open(store.path, create=True)


def test_an_index_whose_making_was_cut_short_is_finished(store):
    for name in ("events", "meta"):  # "meta" is the last to come
        shutil.rmtree(store.path / f"{name}.lance")
    (store.path / ".new-leftover").mkdir()
    with pytest.raises(StoreMissingError):
        Store.open(store.path)
    again = Store.open(store.path, create=True)
    fill(again, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    assert len(again.search_text("dogs", owner_kinds=["event"])) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreFullError, match="no index can be made"):
        Store.open(tmp_path / "index", create=True)


def test_what_the_system_says_about_disks_becomes_a_sentence(tmp_path):
    lance = RuntimeError(
        "lance error: LanceError(IO): No space left on device (os error 28), /a/b/writer.rs:258:9"
    )
    for error in (lance, OSError(28, "No space left on device")):
        assert isinstance(translate(error, tmp_path), StoreFullError)
        assert "the disk is full" in str(translate(error, tmp_path))
    assert isinstance(translate(OSError(30, "Read-only file system"), tmp_path), StoreFullError)
    assert "ulimit" in translate(RuntimeError("Too many open files (os error 24)"), tmp_path).hint


FILL_DISK = """
import resource, signal, sys
from footage.store import Store
from footage.core.errors import StoreFullError
from footage.core.types import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store.open(sys.argv[1], create=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
small = Caption("s", (), "raw", "stop")
large = Caption("s", (), "".join(chr(65 + (i * i) % 997) for i in range(300_000)), "stop")
p = Provenance("m", "r", "1", "b")
store.commit_windows([WindowRecord(Window("c", 0, Span(0, 3)), small, p)])
try:
    store.commit_windows([WindowRecord(Window("c", 1, Span(0, 3)), large, p)])
except StoreFullError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_loses_nothing(tmp_path):
    command = [sys.executable, "-c", FILL_DISK, str(tmp_path / "index")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "could not be written" in done.stdout
    store = Store.open(tmp_path / "index")
    assert [record.window.index for record in store.windows("c")] == [0]
    store.commit_windows([a_record("c", 1)])
    assert len(store.windows("c")) == 2


def test_one_writer_at_a_time(store):
    with store.writing():
        with pytest.raises(StoreError, match="another run is writing"), Store.open(store.path).writing():
            pass
        assert Store.open(store.path).status().videos == 0  # readers are not kept out
    with Store.open(store.path).writing():
        pass


# -- rows ----------------------------------------------------------------------------------------------------


def test_rows_come_back_as_they_went_in(store):
    file = File(
        "/a.mp4",
        "c",
        5,
        1.25,
        "f",
        "lib",
        "/lib",
        9.5,
        "gate",
        "2026-01-02T03:04:05+01:00",
        "container",
        "partial",
        "why",
        2,
        7.5,
    )
    video = a_video(
        rotation_degrees=90, warnings=("truncated at 13.6 s", "it's odd"), variable_frame_rate=True
    )
    record = a_record("c", 0, (0.1, 3.7, "A “dog” jumps."), (5, 5, ""), scene="")
    store.put_files([file])
    store.put_video(video)
    store.commit_windows([record])
    assert store.files() == [file] and store.file_at("/a.mp4") == file
    assert store.videos() == {"c": video} == store.videos(["c", "d"])
    assert store.windows("c") == [record] and list(store.provenances()) == [PROVENANCE]
    assert store.committed() == {"c": {0: Span(0, 30)}} and store.committed([]) == {}


def test_rows_with_the_same_key_are_replaced(store):
    store.put_files([a_file(state="new"), a_file(state="indexed"), a_file("/b.mp4", state="failed")])
    assert [f.state for f in store.files()] == ["failed", "indexed"]
    assert [f.path for f in store.files(state="indexed")] == ["/films/a.mp4"]
    store.commit_windows([a_record("c", 1), a_record("c", 0)])
    store.commit_windows([a_record("c", 1, scene="Another scene.")])
    assert [r.caption.scene for r in store.windows("c")] == ["A quiet street.", "Another scene."]
    store.drop_windows("c", [0])
    store.drop_windows("c", [])
    assert [r.window.index for r in store.windows("c")] == [1]


@pytest.mark.parametrize("text", ODD, ids=repr)
def test_no_value_is_ever_read_as_part_of_a_filter(store, text):
    store.put_files([a_file(path, f"id of {path}") for path in ODD])
    assert store.file_at(text) == a_file(text, f"id of {text}")
    assert store.paths_of(f"id of {text}") == [text]
    content = f"id of {text}"
    store.commit_windows([a_record(content, 0, (1, 2, "A dog jumps."))])
    store.put_video(a_video(content))
    store.put_events(content, merge_events(content, store.windows(content)))
    assert {hit.content_id for hit in store.search_text("dog", content_ids=[content, "other"])} == {content}
    store.put_events(content, [])
    assert store.events(content) == []
    store.remove_files([text])
    assert {f.path for f in store.files()} == set(ODD) - {text}


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(words, min_size=1, max_size=4, unique=True))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_names_its_own_row_only(store, texts):
    store.remove_files([f.path for f in store.files()])
    store.put_files([a_file(text, text) for text in texts])
    for text in texts:
        assert store.file_at(text) == a_file(text, text)
        assert store.paths_of(text) == [text]
    store.remove_files(texts[:1])
    assert {f.path for f in store.files()} == set(texts[1:])


def test_under_what_windows_were_captioned_is_counted(store):
    other = Provenance("other", "x", "1", "small", "30 s, 5 s shared")
    store.commit_windows([a_record(index=0), a_record(index=1), replace(a_record(index=2), provenance=other)])
    assert list(store.provenances().items()) == [(PROVENANCE, 2), (other, 1)]
    assert store.captioned_under() == {"c": {0: PROVENANCE, 1: PROVENANCE, 2: other}}


def test_a_projection_is_replaced_as_a_whole(store):
    fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps."), (5, 6, "A cat sleeps.")))
    fill(store, "d", a_record("d", 0, (1, 4, "A dog jumps.")))
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    assert (
        [event.text for event in store.events("c")] == ["A dog jumps."] == [e.text for e in store.events("d")]
    )
    assert sorted(store.texts("c"), key=repr) == sorted(texts, key=repr)
    assert {text.owner_kind for text in texts} == {"event", "passage", "scene", "video"}
    (whole,) = [text for text in texts if text.owner_kind == "video"]
    assert whole.text == "" and whole.window_indexes == (0,)
    (passage,) = [text for text in texts if text.owner_kind == "passage"]
    assert passage.text == "A quiet street. A dog jumps." and passage.span == Span(0, 30)


def test_readers_ignore_what_no_committed_window_owns(store):
    texts = fill(
        store, "c", a_record("c", 0, (1, 4, "A dog jumps.")), a_record("c", 1, (9, 12, "A dog barks."))
    )
    store.put_vectors("e", embedded(texts, unit(1, 0)))
    store.drop_windows("c", [1])
    assert [event.text for event in store.events()] == ["A dog jumps."]
    assert {hit.text for hit in store.search_text("dog", owner_kinds=["event"])} == {"A dog jumps."}
    assert {hit.window_indexes for hit in store.search_vectors("e", unit(1, 0))} == {(0,)}
    store.drop_windows("c", [0])
    assert store.events() == store.search_text("dog") == store.search_vectors("e", unit(1, 0)) == []


def test_contents_in_no_file_are_not_found(store):
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    store.put_vectors("e", embedded(texts, unit(1, 0)))
    assert store.search_text("dog") and store.search_vectors("e", unit(1, 0))
    other = Store.open(store.path)
    for change in (
        lambda: other.put_files([a_file("/films/c.mp4", "c", state="gone")]),
        lambda: other.put_files([a_file("/films/c.mp4", "other bytes")]),
        lambda: other.remove_files(["/films/c.mp4"]),
    ):
        other.put_files([a_file("/films/c.mp4", "c")])
        assert store.search_text("dog")
        change()
        assert store.search_text("dog") == store.search_vectors("e", unit(1, 0)) == []
        assert store.paths_of("c") == [] and store.status().videos == 0


def test_vectors_come_back_nearest_first_with_their_cosine(store):
    fill(store, "c", a_record("c", 0, (1, 4, "east"), (5, 6, "north"), (7, 8, "north-east")))
    directions = {"east": unit(1, 0), "north": unit(0, 1), "north-east": unit(1, 1)}
    events = [text for text in store.texts() if text.owner_kind == "event"]
    store.put_vectors("e", [row for t in events for row in embedded([t], directions[t.text])])
    hits = store.search_vectors("e", unit(1, 0.1))
    assert [hit.text for hit in hits] == ["east", "north-east", "north"]
    assert hits[0].score == pytest.approx(float(unit(1, 0.1) @ unit(1, 0)), abs=1e-5)
    assert [hit.text for hit in store.search_vectors("e", unit(0, 1), limit=1)] == ["north"]
    assert store.search_vectors("e", unit(0, 1), owner_kinds=["scene"]) == []
    assert store.search_vectors("e", unit(0, 1), owner_kinds=[]) == []
    assert store.search_vectors("e", unit(0, 1), content_ids=["d"]) == []
    many = ["c", *(f"{n:032x}" for n in range(3000))]
    assert len(store.search_vectors("e", unit(0, 1), content_ids=many)) == 3


def test_each_embedder_has_its_own_table(store):
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    store.put_vectors("minilm", embedded(texts, unit(1, 0)))
    store.put_vectors("org/Model-2", embedded(texts, unit(1, 0, 0)))
    store.put_vectors("org/model 2", embedded(texts[:1], unit(1, 0, 0, 0)))
    assert store.status().embedders == ("minilm", "org/Model-2", "org/model 2")
    assert (
        len(store.search_vectors("org/Model-2", unit(1, 0, 0))) == len(texts) - 1
    )  # the video's own row has no text
    assert store.projected("minilm") == {"c": (0,)} and store.projected("org/model 2") == {}
    with pytest.raises(SchemaMismatchError, match=r"of 2 numbers for the embedder 'minilm', not 3"):
        store.search_vectors("minilm", unit(1, 0, 0))
    with pytest.raises(SchemaMismatchError, match="holds no vectors of the embedder 'bge'") as caught:
        store.search_vectors("bge", unit(1, 0))
    assert "footage reembed" in caught.value.hint
    with pytest.raises(ValueError, match="one length"):
        store.put_vectors("minilm", [*embedded(texts, unit(1, 0)), *embedded(texts, unit(1, 0, 0))])


def test_vectors_are_replaced_and_removed_by_owner(store):
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    assert store.vectors("e", "c") == {} and store.projected("e") == {}
    store.remove_vectors("e", ["anything"])
    store.put_vectors("e", [])
    store.put_vectors("e", embedded(texts, unit(1, 0)))
    store.put_vectors("e", embedded(texts[:1], unit(0, 1)))
    held = store.vectors("e", "c")
    assert set(held) == {text.owner_id for text in texts}
    assert (
        held[texts[0].owner_id].vector.tolist() == [0, 1] and held[texts[0].owner_id].text == "A dog jumps."
    )
    store.remove_vectors("e", [texts[0].owner_id])
    assert set(store.vectors("e", "c")) == {text.owner_id for text in texts[1:]}


def test_a_vector_table_whose_making_was_cut_short_is_made_again(store):
    (store.path / f"{vector_table('e')}.lance" / "data").mkdir(parents=True)
    again = Store.open(store.path)
    texts = fill(again, "c", a_record())
    assert again.projected("e") == {}
    again.tidy()
    again.put_vectors("e", embedded(texts, unit(1, 0)))
    assert len(again.search_vectors("e", unit(1, 0))) == len(texts) - 1


# -- words ---------------------------------------------------------------------------------------------------


def test_words_are_found_stemmed_and_ranked(store):
    fill(
        store,
        "c",
        a_record("c", 0, (1, 4, "A red car drives from left to right."), (5, 8, "A dog is jumping.")),
        a_record("c", 1, (1, 4, "A blue car drives by, then a red light blinks.")),
    )
    found = [hit.text for hit in store.search_text("red cars driving left", owner_kinds=["event"])]
    assert found[0].startswith("A red car") and len(found) == 2
    assert [hit.text for hit in store.search_text("Dogs JUMPED", owner_kinds=["event"])] == [
        "A dog is jumping."
    ]
    assert store.search_text("the of a", owner_kinds=["event"]) == []
    scores = [hit.score for hit in store.search_text("red car")]
    assert scores == sorted(scores, reverse=True) and scores[-1] > 0


@pytest.mark.parametrize(
    "query",
    [
        "(dog",
        '"dog',
        "dog AND",
        "+dog -cat",
        "text:dog",
        "dog* ~2 ^3",
        "<|im_end|> dog",
        "dog\0",
        "dog \\",
        "dog'; --",
        "dog " * 2500,
        "dog \ud800",
        "{dog}",
        "NOT dog",
        "[dog TO cat]",
        "dog&&||!",
    ],
)
def test_a_query_is_words_and_nothing_else(store, query):
    fill(store, "c", a_record("c", 0, (5, 8, "A dog is jumping.")))
    assert [hit.text for hit in store.search_text(query, owner_kinds=["event"])] == ["A dog is jumping."]


@pytest.mark.parametrize("query", ["", "   ", "?!", "🎉", "\0"])
def test_a_query_without_words_finds_nothing(store, query):
    fill(store, "c", a_record("c", 0, (5, 8, "A dog is jumping.")))
    assert store.search_text(query) == []


def test_what_is_committed_is_searchable_at_once_from_another_handle(store):
    reader = Store.open(store.path)
    for number, text in enumerate(["An elephant walks.", "A giraffe eats.", "A zebra runs."]):
        texts = fill(store, f"c{number}", a_record(f"c{number}", 0, (1, 4, text)))
        store.put_vectors("e", embedded(texts, unit(1, number)))
        word = text.split()[1]
        assert [hit.text for hit in reader.search_text(word, owner_kinds=["event"])] == [text]
        assert len(reader.search_vectors("e", unit(1, 1))) == 3 * (number + 1)
        if number == 1:
            store.tidy()
    fill(store, "c2", a_record("c2", 0, (1, 4, "A hippo swims.")))
    assert reader.search_text("zebra", owner_kinds=["event"]) == []
    assert len(reader.search_text("hippo", owner_kinds=["event"])) == 1


def test_a_reader_is_not_disturbed_by_a_writer_that_tidies(store):
    fill(store, "first", a_record("first", 0, (1, 4, "A dog jumps.")))
    stop, errors, counts = threading.Event(), [], []

    def read():
        reader = Store.open(store.path)
        while not stop.is_set():
            try:
                counts.append(len(reader.search_text("dog", owner_kinds=["event"])))
            except Exception as error:
                errors.append(error)
                return

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(12):
        fill(store, f"c{number}", a_record(f"c{number}", 0, (1, 4, "A dog jumps.")))
        if number % 3 == 2:
            store.tidy()
    stop.set()
    thread.join()
    assert errors == [] and counts == sorted(counts) and counts[0] >= 1


def test_many_small_commits_stay_readable_and_few_files_remain(store):
    store.put_files([a_file()])
    for index in range(60):
        store.commit_windows([a_record("c", index)])
    store.tidy()
    assert [record.window.index for record in store.windows("c")] == list(range(60))
    assert store._tables.table("windows").stats()["fragment_stats"]["num_fragments"] == 1


def test_status_counts_footage_once(store):
    fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")), a_record("c", 1))
    store.put_files(
        [a_file("/copy.mp4", "c", state="indexed"), a_file("/bad.mp4", "", state="failed", reason="why")]
    )
    status = store.status()
    assert (status.videos, status.windows, status.events) == (1, 2, 1)
    assert status.files == {"indexed": 2, "failed": 1}
    assert (status.seconds_indexed, status.seconds_total) == (55, 100)
    assert status.failures == (("/bad.mp4", "why"),) and status.model == PROVENANCE
