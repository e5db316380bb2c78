"""Image vectors, stills and reused captions are checked, repaired, copied and forgotten as captions are."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from killing import fresh_copy, kill_at, steps_of
from standin_model import StandinEmbedder
from stored_images import (
    EMBEDDER,
    content_of,
    image_rows,
    image_window,
    put_images,
    put_video,
    unit_vectors,
)
from test_store_checking import data_files
from test_store_forgetting import naming

from footage.core.errors import UsageError
from footage.core.types import Caption, Provenance, Span, Window, WindowRecord
from footage.store import Store
from footage.store.backup import backup, restore
from footage.store.checking import check
from footage.store.records import ImageVectorRow, StillRow, window_id
from footage.store.schema import image_table
from footage.store.tables import Tables
from indexer.import_export import export_captions, import_captions
from indexer.repairing import repair

KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
TABLE = image_table(EMBEDDER)
TRACK = f"image:{EMBEDDER}"
A, B, OTHER = content_of("a"), content_of("b"), "org/other-model"
FIRST = Provenance("m", "1", "1", "b")


def caption(content_id: str, index: int, reused_from: str = "") -> WindowRecord:
    window = Window(content_id, index, Span(index * 30.0, (index + 1) * 30.0))
    return WindowRecord(window, Caption("A yard.", (), "A yard.", "stop"), FIRST, reused_from=reused_from)


def standin(name: str) -> StandinEmbedder:
    return StandinEmbedder(name)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sound index: two videos with captions, of which two are reused, and vectors of two embedders."""
    path = tmp_path_factory.mktemp("made") / "index"
    store = Store.open(path, create=True)
    for name in "ab":
        put_video(store, name)
        put_images(store, content_of(name), seed=ord(name))
    put_images(store, A, embedder=OTHER)
    store.stills.put([StillRow(A, 0, np.full((3, 4, 3), 100, np.uint8))])
    lines = [
        json.dumps({"type": "window", "path": None, **row})
        for row in (
            _line(caption(A, 0)),
            _line(caption(A, 1, window_id(A, 0))),
            _line(caption(B, 0, window_id(A, 0))),
            _line(caption(B, 1)),
        )
    ]
    import_captions(lines, store=store, embedder=StandinEmbedder())
    store.stills.put([StillRow(A, 0, np.full((3, 4, 3), 100, np.uint8))])
    assert check(path).findings == []
    return path


def _line(record: WindowRecord) -> dict:
    window, span = record.window, record.window.span
    return {
        "content_id": window.content_id,
        "window_index": window.index,
        "start_seconds": span.start_seconds,
        "end_seconds": span.end_seconds,
        "scene": record.caption.scene,
        "reused_from": record.reused_from,
    }


@pytest.fixture
def path(made, tmp_path):
    return fresh_copy(made, tmp_path / "copy")


def images(path, embedder=EMBEDDER):
    store = Store.open(path)
    return {
        (row.content_id, row.window_index, row.at_seconds): row.vector.tobytes()
        for content_id in (A, B)
        for row in store.images.of(embedder, content_id)
    }


def captions(path):
    return [(record, record.reused_from) for each in (A, B) for record in Store.open(path).windows.of(each)]


def stills(path):
    return [(each.content_id, each.levels.tobytes()) for each in Store.open(path).stills.of([A, B])]


def states(path):
    return {file.content_id: file.state for file in Store.open(path).files.all()}


# -- check and repair ----------------------------------------------------------------------------------------


def harm_row(path, **values):
    """Overwrite a row of the first window of the first video as only a fault would."""
    tables = Tables.connect(path)
    rows = tables.read(TABLE, {"content_id": [A], "window_index": [0]})
    tables.upsert(TABLE, [{**min(rows, key=lambda row: row["at_seconds"]), **values}])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"vector": [0.5] * 32}, "not of length 1"),
        ({"end_seconds": -1.0}, "not a valid span"),
        ({"start_seconds": 2.0}, "its frame lies outside"),
        ({"end_seconds": 31.0}, "do not fit"),
        ({"end_seconds": 5.0}, "are missing"),
    ],
)
def test_a_row_that_is_wrong_is_found_and_its_window_alone_is_taken_back(path, values, said):
    before, said_before = images(path), captions(path)
    harm_row(path, **values)
    assert said in " ".join(each.sentence for each in check(path).findings)
    report = repair(path, load=standin)
    assert report.after.findings == []
    assert images(path) == {key: vector for key, vector in before.items() if key[:2] != (A, 0)}
    assert Store.open(path).windows.covered(track=TRACK)[A][0] == {1}
    assert captions(path) == said_before and stills(path) and states(path) == {A: "waiting", B: "indexed"}
    assert report.repaired.checked.reread == {A: {TRACK: (0,)}}


def test_a_number_that_is_none_in_a_vector_is_found(path):
    vector = np.asarray(min(images(path).items())[1]).tobytes()
    sound = np.frombuffer(vector, np.float32).astype(np.float16).tobytes()
    harmed = np.float16(np.nan).tobytes() + sound[2:]
    for data in data_files(path, TABLE):  # LanceDB itself refuses to write it
        data.write_bytes(data.read_bytes().replace(sound, harmed))
    assert any("invalid numbers" in each.sentence for each in check(path).findings)
    assert repair(path, load=standin).after.findings == []


def test_lost_vectors_of_one_embedder_are_made_again_and_those_of_the_other_stay(path):
    said_before, other = captions(path), images(path, OTHER)
    for data in data_files(path, TABLE)[:2]:
        data.unlink()
    kinds = {(each.kind, each.table) for each in check(path).findings}
    assert kinds == {("damaged", TABLE), ("images", TABLE)}
    report = repair(path, load=standin)
    assert report.after.findings == [] and TABLE in report.repaired.rebuilt
    assert captions(path) == said_before and images(path, OTHER) == other
    store = Store.open(path)
    for content_id, tracks in report.repaired.checked.reread.items():  # as the next index run does
        for index in tracks[TRACK]:
            store.images.put(EMBEDDER, image_rows(content_id, index, unit_vectors(5, seed=index)))
            store.windows.commit([image_window(content_id, index)])
    assert check(path).findings == [] and len(images(path)) == 20


@pytest.mark.parametrize("lost", ["the table", "the row in meta", "both"])
def test_a_lost_table_and_a_lost_row_of_meta_are_found_and_repaired(path, lost):
    before, said_before = images(path), captions(path)
    if lost != "the row in meta":
        shutil.rmtree(path / f"{TABLE}.lance")
    if lost != "the table":
        Tables.connect(path).delete("meta", {"key": [f"image_embedder/{EMBEDDER}"]})
    assert not {each.kind for each in check(path).findings} <= {"behind"}
    assert repair(path, load=standin).after.findings == []
    store = Store.open(path)
    assert captions(path) == said_before and store.images.embedders() in ((EMBEDDER, OTHER), (OTHER,))
    if lost == "the row in meta":
        assert images(path) == before
    else:
        assert TRACK not in store.windows.image_tracks() and states(path) == {A: "waiting", B: "waiting"}


def test_a_table_that_nothing_names_any_more_is_moved_aside(path):
    tables = Tables.connect(path)
    tables.delete("meta", {"key": [f"image_embedder/{EMBEDDER}"]})
    tables.delete("windows", {"track": [TRACK]})
    assert any("names no embedder" in each.sentence for each in check(path).findings)
    report = repair(path, load=standin)
    assert report.after.findings == [] and (report.repaired.quarantine / f"{TABLE}.lance").is_dir()


def test_a_lost_table_of_texts_is_found_too(path):
    shutil.rmtree(path / "vectors_standin.lance")
    assert any("'standin' is not there" in each.sentence for each in check(path).findings)
    assert repair(path, load=standin).after.findings == []


def test_vectors_without_a_window_are_no_damage_and_go_with_the_next_repair_or_pruning(path):
    before = images(path)
    for clear_up in (lambda: repair(path, load=standin), lambda: Store.open(path).contents.prune()):
        Store.open(path).images.put(EMBEDDER, image_rows(A, 7, unit_vectors(3)))
        [finding] = check(path).findings
        assert (finding.kind, finding.content_id) == ("behind", A) and "not committed" in finding.sentence
        clear_up()
        assert check(path).findings == [] and images(path) == before
        assert Store.open(path).images.count(EMBEDDER) == 20 and states(path)[A] == "indexed"


def test_a_window_with_a_note_may_have_holes_and_one_without_may_not(path):
    store = Store.open(path)
    row = image_rows(A, 2, unit_vectors(3))[0]
    record = image_window(A, 2)
    noted = replace(record, caption=replace(record.caption, notes=("some of it cannot be decoded",)))
    store.images.put(EMBEDDER, [row])
    store.windows.commit([noted])
    assert check(path).findings == []
    store.windows.commit([record])
    assert [each.kind for each in check(path).findings] == ["images"]


@pytest.mark.parametrize("harm", ["levels", "id", "file"])
def test_damaged_still_pictures_just_go(path, harm):
    said_before, before = captions(path), images(path)
    tables = Tables.connect(path)
    if harm == "file":
        data_files(path, "stills")[0].unlink()
    else:
        row = tables.read("stills")[0]
        tables.delete("stills", {"id": [row["id"]]})
        tables.insert("stills", [{**row, "levels": b"123"} if harm == "levels" else {**row, "id": "x"}])
    assert {(each.kind, each.table) for each in check(path).findings} == {("damaged", "stills")}
    assert repair(path, load=standin).after.findings == []
    assert stills(path) == [] and captions(path) == said_before and images(path) == before
    assert states(path) == {A: "indexed", B: "indexed"}


def test_a_lost_table_of_still_pictures_is_made_again_empty(path):
    shutil.rmtree(path / "stills.lance")
    assert repair(path, load=standin).after.findings == [] and stills(path) == []


def harm_and_repair(path) -> None:
    """Body of the process that is killed."""
    repair(path, load=standin)


def test_a_repair_killed_anywhere_is_finished_by_the_next(path, tmp_path):
    said_before = captions(path)
    harm_row(path, vector=[0.5] * 32)
    steps = steps_of(harm_and_repair, path, copies=tmp_path / "killed")
    for step in np.linspace(0, steps, KILLS + 2).astype(int).tolist()[1:-1]:
        killed = kill_at(step, harm_and_repair, path, copies=tmp_path / "killed")
        assert repair(killed, load=standin).after.findings == [] and captions(killed) == said_before
        assert states(killed) == {A: "waiting", B: "indexed"}


# -- backup, forget, export ----------------------------------------------------------------------------------


def test_a_backup_holds_pictures_stills_and_what_is_reused(path, tmp_path):
    copied = backup(Store.open(path), tmp_path / "backup")
    assert (copied.rows[TABLE], copied.rows["stills"], copied.findings) == (20, 1, ())
    restore(tmp_path / "backup", tmp_path / "back")
    for what in (images, captions, stills):
        assert what(tmp_path / "back") == what(path)


def forget(path) -> None:
    store = Store.open(path)
    with store.writing():
        store.contents.forget(A)


@pytest.mark.parametrize("step", [0, 900])
def test_what_is_forgotten_is_named_by_no_vector_no_still_and_no_reused_caption(path, tmp_path, step):
    kept = {key: vector for key, vector in images(path).items() if key[0] == B}
    assert len(naming(path, A)) > 10
    after = kill_at(step, forget, path, copies=tmp_path / "copies")
    if step:
        with Store.open(after).writing():
            pass
    assert naming(after, A) == [] and images(after) == kept and stills(after) == []
    first, second = Store.open(after).windows.of(B)
    assert (first.reused_from, second.reused_from) == ("forgotten", "") and check(after).findings == []


def test_a_content_that_no_file_holds_is_pruned_with_all_of_its_pictures(path):
    store = Store.open(path)
    store.files.put([replace(file, state="gone") for file in store.files.all() if file.content_id == A])
    assert store.contents.prune() == (1, 1)
    assert {key[0] for key in images(path)} == {B} and stills(path) == []
    assert store.images.count(OTHER) == 0
    assert Store.open(path).windows.of(B)[0].reused_from == window_id(A, 0), "the caption is still true"
    assert check(path).findings == []


def test_an_export_says_what_is_reused_and_holds_no_vectors_and_an_import_keeps_both(path, tmp_path):
    rows = list(export_captions(Store.open(path)))
    assert {row["track"] for row in rows if row["type"] == "window"} == {"caption"}
    other = Store.open(tmp_path / "other", create=True)
    import_captions(map(json.dumps, rows), store=other, embedder=StandinEmbedder())
    assert captions(other.path) == captions(path)
    before = images(path)
    import_captions(map(json.dumps, rows), store=Store.open(path), embedder=StandinEmbedder())
    assert images(path) == before and captions(other.path) == captions(path)
    assert stills(path) == [], "its caption may be another one now"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reused_from": "../x"}, "a content id, '/' and a window number"),
        ({"reused_from": 5}, "reused_from: 5 is not text"),
        ({"reused_from": f"{A}/0", "track": "speech"}, "only a caption can be carried over"),
    ],
)
def test_a_line_that_reuses_nonsense_is_refused_and_nothing_is_imported(path, changed, said):
    line = json.dumps({**_line(caption(A, 0)), **changed})
    said_before = captions(path)
    with pytest.raises(UsageError, match="line 1") as wrong:
        import_captions([line], store=Store.open(path), embedder=StandinEmbedder())
    assert said in str(wrong.value) and captions(path) == said_before


def test_two_rows_of_one_frame_do_not_survive_a_repair(path):
    tables = Tables.connect(path)
    tables.insert(TABLE, tables.read(TABLE, {"content_id": [B], "window_index": [1]}, limit=1))
    assert any("occurs twice" in each.sentence for each in check(path).findings)
    assert repair(path, load=standin).after.findings == []
    row = ImageVectorRow(B, 1, Span(30, 60), 30.0, unit_vectors(1)[0])
    store = Store.open(path)
    store.images.put(EMBEDDER, [row])
    store.windows.commit([image_window(B, 1)])
    assert check(path).findings == []
