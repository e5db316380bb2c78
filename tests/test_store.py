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
from footage.core.track_events import track_caption
from footage.core.track_projection import track_events
from footage.core.types import (
    Caption,
    CaptionEvent,
    File,
    Provenance,
    Span,
    SpokenWord,
    Video,
    Window,
    WindowRecord,
)
from footage.store import SCHEMA_VERSION, Store, VectorRow
from footage.store.errors import translate
from footage.store.records import window_checksum, window_to_row
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
    store.files.put([a_file(path or f"/films/{content_id}.mp4", content_id, state="indexed")])
    store.videos.put([a_video(content_id)])
    store.windows.commit(records)
    return store.texts.put(content_id, merge_events(content_id, records))


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
    assert (
        store.texts.search("anything") == [] and store.events.all() == [] and not store.windows.provenances()
    )


def test_no_index_is_made_unasked(tmp_path):
    with pytest.raises(StoreMissingError, match="no index found at"):
        Store.open(tmp_path / "index")
    assert not (tmp_path / "index").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreMissingError):
        Store.open(tmp_path / "empty")


def test_an_index_opens_again_with_all_it_held(store):
    fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    again = Store.open(store.path, create=True)
    assert [event.text for event in again.events.all()] == ["A dog jumps."]


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
        Store.open(store.path).windows.of("c")
    assert "backup" in caught.value.hint and ".rs:" not in str(caught.value)


def test_a_lost_table_is_named(store):
    fill(store, "c", a_record())
    shutil.rmtree(store.path / "windows.lance")
    with pytest.raises(StoreCorruptError, match="lost its table 'windows'"):
        Store.open(store.path)
    store = Store.open(store.path.with_name("other"), create=True)
    fill(store, "c", a_record())
    shutil.rmtree(store.path / "meta.lance")
    with pytest.raises(StoreCorruptError, match="version number"):
        Store.open(store.path, create=True)


def test_an_index_whose_making_was_cut_short_is_finished(store):
    for name in ("events", "meta"):  # "meta" is the last to come
        shutil.rmtree(store.path / f"{name}.lance")
    (store.path / ".new-leftover").mkdir()
    with pytest.raises(StoreMissingError):
        Store.open(store.path)
    again = Store.open(store.path, create=True)
    fill(again, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    assert len(again.texts.search("dogs", owner_kinds=["event"])) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreFullError, match="cannot create an index"):
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
store.windows.commit([WindowRecord(Window("c", 0, Span(0, 3)), small, p)])
try:
    store.windows.commit([WindowRecord(Window("c", 1, Span(0, 3)), large, p)])
except StoreFullError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_disk_that_takes_no_more_loses_nothing(tmp_path):
    command = [sys.executable, "-c", FILL_DISK, str(tmp_path / "index")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "could not be written" in done.stdout
    store = Store.open(tmp_path / "index")
    assert [record.window.index for record in store.windows.of("c")] == [0]
    store.windows.commit([a_record("c", 1)])
    assert len(store.windows.of("c")) == 2


def test_one_writer_at_a_time(store):
    with store.writing():
        with pytest.raises(StoreError, match="another run is writing"), Store.open(store.path).writing():
            pass
        assert Store.open(store.path).status().videos == 0  # readers are not kept out
    with Store.open(store.path).writing():
        pass


# -- tracks --------------------------------------------------------------------------------------------------


def test_another_track_stands_beside_the_captions_of_the_same_window(store):
    caption = a_record("c", 0, (1, 2, "A car drives by."))
    fill(store, "c", caption)
    before = store.texts.of("c"), store.windows.spans(), store.status()
    word = SpokenWord(Span(1, 1.5), "A", 0.9)
    line = CaptionEvent(Span(1, 2), "A car drives by.", 0.8, "en", (word,))
    speech = replace(caption, caption=track_caption([line], notes=("one voice",)), track="speech")
    store.windows.add([speech])
    [event] = track_events("c", [speech], track="speech", merge=lambda content_id, events, cuts: events)
    heard = store.texts.put("c", [event], track="speech")
    assert store.windows.of("c") == [caption] and store.windows.of("c", track="speech") == [speech]
    assert {(text.owner_kind, text.track) for text in heard} == {("event", "speech"), ("video", "speech")}
    assert store.texts.of("c") == before[0] and set(store.texts.of("c", track="speech")) == set(heard)
    assert store.events.of("c", track="speech") == [event]
    assert (event.confidence, event.language) == (0.8, "en")
    assert store.windows.spans() == before[1] and store.windows.spans(track="speech") == before[1]
    assert (store.status().windows, store.status().models) == (before[2].windows, before[2].models)
    assert store.status().tracks["speech"].events == 1 and store.windows.tracks() == ("caption", "speech")
    assert {hit.track for hit in store.texts.search("a car")} == {"caption"}
    [hit] = store.texts.search("a car", tracks=["speech"])
    assert (hit.track, hit.confidence, hit.language) == ("speech", 0.8, "en")
    store.texts.put("c", [], track="speech")
    assert store.texts.of("c") == before[0] and not store.events.of("c", track="speech")


def test_a_checksum_covers_the_track_and_is_for_captions_what_it_was():
    row = window_to_row(a_record("c", 0, (1, 2, "A car.")))
    assert row["checksum"] == window_checksum({name: row[name] for name in row if name != "track"})
    assert window_checksum({**row, "track": "speech"}) != row["checksum"]


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
    store.files.put([file])
    store.videos.put([video])
    store.windows.commit([record])
    assert store.files.all() == [file] and store.files.at("/a.mp4") == file
    assert store.videos.all() == {"c": video} == store.videos.of(["c", "d"])
    assert store.windows.of("c") == [record] and list(store.windows.provenances()) == [PROVENANCE]
    assert store.windows.spans() == {"c": {0: Span(0, 30)}} and store.windows.spans([]) == {}


def test_rows_with_the_same_key_are_replaced(store):
    store.files.put([a_file(state="new"), a_file(state="indexed"), a_file("/b.mp4", state="failed")])
    assert [f.state for f in store.files.all()] == ["failed", "indexed"]
    assert [f.path for f in store.files.all(state="indexed")] == ["/films/a.mp4"]
    store.windows.commit([a_record("c", 1), a_record("c", 0)])
    store.windows.commit([a_record("c", 1, scene="Another scene.")])
    assert [r.caption.scene for r in store.windows.of("c")] == ["A quiet street.", "Another scene."]
    store.windows.remove("c", [0])
    store.windows.remove("c", [])
    assert [r.window.index for r in store.windows.of("c")] == [1]


@pytest.mark.parametrize("text", ODD, ids=repr)
def test_no_value_is_ever_read_as_part_of_a_filter(store, text):
    store.files.put([a_file(path, f"id of {path}") for path in ODD])
    assert store.files.at(text) == a_file(text, f"id of {text}")
    assert store.files.paths_of(f"id of {text}") == [text]
    content = f"id of {text}"
    store.windows.commit([a_record(content, 0, (1, 2, "A dog jumps."))])
    store.videos.put([a_video(content)])
    store.texts.put(content, merge_events(content, store.windows.of(content)))
    assert {hit.content_id for hit in store.texts.search("dog", content_ids=[content, "other"])} == {content}
    store.texts.put(content, [])
    assert store.events.of(content) == []
    store.files.remove([text])
    assert {f.path for f in store.files.all()} == set(ODD) - {text}


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(words, min_size=1, max_size=4, unique=True))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_names_its_own_row_only(store, texts):
    store.files.remove([f.path for f in store.files.all()])
    store.files.put([a_file(text, text) for text in texts])
    for text in texts:
        assert store.files.at(text) == a_file(text, text)
        assert store.files.paths_of(text) == [text]
    store.files.remove(texts[:1])
    assert {f.path for f in store.files.all()} == set(texts[1:])


def test_under_what_windows_were_captioned_is_counted(store):
    other = Provenance("other", "x", "1", "small", "30 s, 5 s shared")
    store.windows.commit([a_record(index=0), a_record(index=1), replace(a_record(index=2), provenance=other)])
    assert list(store.windows.provenances().items()) == [(PROVENANCE, 2), (other, 1)]
    assert store.windows.provenance_by_index() == {"c": {0: PROVENANCE, 1: PROVENANCE, 2: other}}


def test_a_projection_is_replaced_as_a_whole(store):
    fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps."), (5, 6, "A cat sleeps.")))
    fill(store, "d", a_record("d", 0, (1, 4, "A dog jumps.")))
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    assert (
        [event.text for event in store.events.of("c")]
        == ["A dog jumps."]
        == [e.text for e in store.events.of("d")]
    )
    assert sorted(store.texts.of("c"), key=repr) == sorted(texts, key=repr)
    assert {text.owner_kind for text in texts} == {"event", "passage", "scene", "video"}
    (whole,) = [text for text in texts if text.owner_kind == "video"]
    assert whole.text == "" and whole.window_indexes == (0,)
    (passage,) = [text for text in texts if text.owner_kind == "passage"]
    assert passage.text == "A quiet street. A dog jumps." and passage.span == Span(0, 30)


def test_readers_ignore_what_no_committed_window_owns(store):
    texts = fill(
        store, "c", a_record("c", 0, (1, 4, "A dog jumps.")), a_record("c", 1, (9, 12, "A dog barks."))
    )
    store.vectors.put("e", embedded(texts, unit(1, 0)))
    store.windows.remove("c", [1])
    assert [event.text for event in store.events.all()] == ["A dog jumps."]
    assert {hit.text for hit in store.texts.search("dog", owner_kinds=["event"])} == {"A dog jumps."}
    assert {hit.window_indexes for hit in store.vectors.search("e", unit(1, 0))} == {(0,)}
    store.windows.remove("c", [0])
    assert store.events.all() == store.texts.search("dog") == store.vectors.search("e", unit(1, 0)) == []


def test_contents_in_no_file_are_not_found(store):
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    store.vectors.put("e", embedded(texts, unit(1, 0)))
    assert store.texts.search("dog") and store.vectors.search("e", unit(1, 0))
    other = Store.open(store.path)
    for change in (
        lambda: other.files.put([a_file("/films/c.mp4", "c", state="gone")]),
        lambda: other.files.put([a_file("/films/c.mp4", "other bytes")]),
        lambda: other.files.remove(["/films/c.mp4"]),
    ):
        other.files.put([a_file("/films/c.mp4", "c")])
        assert store.texts.search("dog")
        change()
        assert store.texts.search("dog") == store.vectors.search("e", unit(1, 0)) == []
        assert store.files.paths_of("c") == [] and store.status().videos == 0


def test_vectors_come_back_nearest_first_with_their_cosine(store):
    fill(store, "c", a_record("c", 0, (1, 4, "east"), (5, 6, "north"), (7, 8, "north-east")))
    directions = {"east": unit(1, 0), "north": unit(0, 1), "north-east": unit(1, 1)}
    events = [text for text in store.texts.all() if text.owner_kind == "event"]
    store.vectors.put("e", [row for t in events for row in embedded([t], directions[t.text])])
    hits = store.vectors.search("e", unit(1, 0.1))
    assert [hit.text for hit in hits] == ["east", "north-east", "north"]
    assert hits[0].score == pytest.approx(float(unit(1, 0.1) @ unit(1, 0)), abs=1e-5)
    assert [hit.text for hit in store.vectors.search("e", unit(0, 1), limit=1)] == ["north"]
    assert store.vectors.search("e", unit(0, 1), owner_kinds=["scene"]) == []
    assert store.vectors.search("e", unit(0, 1), owner_kinds=[]) == []
    assert store.vectors.search("e", unit(0, 1), content_ids=["d"]) == []
    many = ["c", *(f"{n:032x}" for n in range(3000))]
    assert len(store.vectors.search("e", unit(0, 1), content_ids=many)) == 3


def test_each_embedder_has_its_own_table(store):
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    store.vectors.put("minilm", embedded(texts, unit(1, 0)))
    store.vectors.put("org/Model-2", embedded(texts, unit(1, 0, 0)))
    store.vectors.put("org/model 2", embedded(texts[:1], unit(1, 0, 0, 0)))
    assert store.status().embedders == ("minilm", "org/Model-2", "org/model 2")
    assert (
        len(store.vectors.search("org/Model-2", unit(1, 0, 0))) == len(texts) - 1
    )  # the video's own row has no text
    assert store.vectors.projected("minilm") == {"c": (0,)} and store.vectors.projected("org/model 2") == {}
    with pytest.raises(SchemaMismatchError, match=r"of dimension 2 for the embedder 'minilm', not 3"):
        store.vectors.search("minilm", unit(1, 0, 0))
    with pytest.raises(SchemaMismatchError, match="has no vectors of the embedder 'bge'") as caught:
        store.vectors.search("bge", unit(1, 0))
    assert "footage db reembed" in caught.value.hint
    with pytest.raises(ValueError, match="one length"):
        store.vectors.put("minilm", [*embedded(texts, unit(1, 0)), *embedded(texts, unit(1, 0, 0))])


def test_vectors_are_replaced_and_removed_by_owner(store):
    texts = fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")))
    assert store.vectors.of("e", "c") == {} and store.vectors.projected("e") == {}
    store.vectors.remove("e", ["anything"])
    store.vectors.put("e", [])
    store.vectors.put("e", embedded(texts, unit(1, 0)))
    store.vectors.put("e", embedded(texts[:1], unit(0, 1)))
    held = store.vectors.of("e", "c")
    assert set(held) == {text.owner_id for text in texts}
    assert (
        held[texts[0].owner_id].vector.tolist() == [0, 1] and held[texts[0].owner_id].text == "A dog jumps."
    )
    store.vectors.remove("e", [texts[0].owner_id])
    assert set(store.vectors.of("e", "c")) == {text.owner_id for text in texts[1:]}


def test_a_vector_table_whose_making_was_cut_short_is_made_again(store):
    (store.path / f"{vector_table('e')}.lance" / "data").mkdir(parents=True)
    again = Store.open(store.path)
    texts = fill(again, "c", a_record())
    assert again.vectors.projected("e") == {}
    again.tidy()
    again.vectors.put("e", embedded(texts, unit(1, 0)))
    assert len(again.vectors.search("e", unit(1, 0))) == len(texts) - 1


# -- words ---------------------------------------------------------------------------------------------------


def test_words_are_found_stemmed_and_ranked(store):
    fill(
        store,
        "c",
        a_record("c", 0, (1, 4, "A red car drives from left to right."), (5, 8, "A dog is jumping.")),
        a_record("c", 1, (1, 4, "A blue car drives by, then a red light blinks.")),
    )
    found = [hit.text for hit in store.texts.search("red cars driving left", owner_kinds=["event"])]
    assert found[0].startswith("A red car") and len(found) == 2
    assert [hit.text for hit in store.texts.search("Dogs JUMPED", owner_kinds=["event"])] == [
        "A dog is jumping."
    ]
    assert store.texts.search("the of a", owner_kinds=["event"]) == []
    scores = [hit.score for hit in store.texts.search("red car")]
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
    assert [hit.text for hit in store.texts.search(query, owner_kinds=["event"])] == ["A dog is jumping."]


@pytest.mark.parametrize("query", ["", "   ", "?!", "🎉", "\0"])
def test_a_query_without_words_finds_nothing(store, query):
    fill(store, "c", a_record("c", 0, (5, 8, "A dog is jumping.")))
    assert store.texts.search(query) == []


def test_what_is_committed_is_searchable_at_once_from_another_handle(store):
    reader = Store.open(store.path)
    for number, text in enumerate(["An elephant walks.", "A giraffe eats.", "A zebra runs."]):
        texts = fill(store, f"c{number}", a_record(f"c{number}", 0, (1, 4, text)))
        store.vectors.put("e", embedded(texts, unit(1, number)))
        word = text.split()[1]
        assert [hit.text for hit in reader.texts.search(word, owner_kinds=["event"])] == [text]
        assert len(reader.vectors.search("e", unit(1, 1))) == 3 * (number + 1)
        if number == 1:
            store.tidy()
    fill(store, "c2", a_record("c2", 0, (1, 4, "A hippo swims.")))
    assert reader.texts.search("zebra", owner_kinds=["event"]) == []
    assert len(reader.texts.search("hippo", owner_kinds=["event"])) == 1


@pytest.mark.slow
def test_a_reader_is_not_disturbed_by_a_writer_that_tidies(store):
    fill(store, "first", a_record("first", 0, (1, 4, "A dog jumps.")))
    stop, errors, counts = threading.Event(), [], []

    def read():
        reader = Store.open(store.path)
        while not stop.is_set():
            try:
                counts.append(len(reader.texts.search("dog", owner_kinds=["event"])))
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
    store.files.put([a_file()])
    for index in range(60):
        store.windows.commit([a_record("c", index)])
    store.tidy()
    assert [record.window.index for record in store.windows.of("c")] == list(range(60))
    assert store._tables.table("windows").stats()["fragment_stats"]["num_fragments"] == 1


def test_status_counts_footage_once(store):
    fill(store, "c", a_record("c", 0, (1, 4, "A dog jumps.")), a_record("c", 1))
    store.files.put(
        [a_file("/copy.mp4", "c", state="indexed"), a_file("/bad.mp4", "", state="failed", reason="why")]
    )
    status = store.status()
    assert (status.videos, status.windows, status.events) == (1, 2, 1)
    assert status.files == {"indexed": 2, "failed": 1}
    assert (status.seconds_indexed, status.seconds_total) == (55, 100)
    assert status.failures == (("/bad.mp4", "why"),) and status.model == PROVENANCE
