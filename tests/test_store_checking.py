"""An index is read whole and said to be sound or not; a repair loses no caption that can be read."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from killing import fresh_copy, kill_at, steps_of
from standin_model import StandinEmbedder, StandinModel, write_levels
from test_store_migrations import unpacked
from typer.testing import CliRunner

from footage.core.errors import StoreError, StoreMissingError
from footage.core.types import Span
from footage.embed.text_embedder import load_embedder
from footage.store import Mark, Store
from footage.store.checking import check
from footage.store.reading import read_whole
from footage.store.tables import Tables
from indexer.import_export import import_captions
from indexer.pipeline import index
from indexer.repairing import repair
from ui.cli.main import app

FLIPS = int(os.environ.get("FOOTAGE_TEST_FLIPS", "30"))
KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "2"))
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))
DERIVED = ["events", "passages", "vectors_standin"]
KEPT = ["files", "videos", "meta", "marks", "runs"]


def standin(name: str) -> StandinEmbedder:
    return StandinEmbedder(name)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    write_levels(folder / "a.mp4", [20, 220, 220, 20, 20, 220, 30, 30, 220, 20])
    write_levels(folder / "b.mp4", [220, 20, 220, 20, 220])
    return folder


@pytest.fixture(scope="module")
def made(library, tmp_path_factory):
    """A sound index whose windows lie in a data file each."""
    path = tmp_path_factory.mktemp("made") / "index"
    store = Store.open(path, create=True)
    run(library, store)
    for content_id in store.videos.all():
        for record in store.windows.of(content_id):
            store.windows.commit([record])
    store.annotations.marks.put([Mark("1", "review", sorted(store.videos.all())[0], Span(0, 1), "flagged")])
    return path


@pytest.fixture
def path(made, tmp_path):
    return fresh_copy(made, tmp_path / "copy")


def run(library: Path, store: Store, model: StandinModel | None = None):
    return index([library], store=store, model=model or StandinModel(), embedder=StandinEmbedder())


def everything(path: Path):
    """What an index says, apart from when it was written."""
    store = Store.open(path)
    contents = sorted(store.videos.all())
    return {
        "files": [replace(file, tried_at=0.0) for file in store.files.all()],
        "videos": store.videos.all(),
        "windows": {content: store.windows.of(content) for content in contents},
        "events": store.events.all(),
        "texts": sorted(map(repr, store.texts.all())),
        "vectors": {
            owner: (row.text, np.round(row.vector, 5).tolist())
            for content in contents
            for owner, row in store.vectors.of("standin", content).items()
        },
        "marks": store.annotations.marks.all(),
        "words": sorted(hit.owner_id for hit in store.texts.search("bright")),
    }


def data_files(path: Path, table: str) -> list[Path]:
    """The data files that the latest version of a table is made of."""
    files = []
    for file in sorted((path / f"{table}.lance" / "data").glob("*.lance")):
        aside = file.rename(file.with_suffix(".aside"))
        tables = Tables.connect(path)
        if read_whole(tables, table).why:
            files.append(file)
        aside.rename(file)
    return files


# -- checking ------------------------------------------------------------------------------------------------


def test_a_sound_index_has_no_findings_whatever_its_schema(path, tmp_path):
    checked = check(path)
    assert checked.findings == [] and checked.recaption == {} and not checked.is_damaged
    assert checked.readouts["windows"].rows == sum(map(len, Store.open(path).windows.spans().values())) == 5
    for version in (8, 9, 10):
        assert check(unpacked(version, tmp_path / str(version))).findings == []
    with pytest.raises(StoreMissingError):
        check(tmp_path / "nowhere")


def test_a_flipped_bit_anywhere_in_the_captions_is_found(tmp_path):
    """In 7.6 kB of windows data every flip is found, or is one that changes nothing that is read."""
    path = unpacked(10, tmp_path)
    truth = rows_of(path)
    [data] = data_files(path, "windows")
    sound = data.read_bytes()
    outcomes: Counter[str] = Counter()
    rng = random.Random(SEED)
    for position in rng.sample(range(len(sound)), FLIPS):
        harmed = bytearray(sound)
        harmed[position] ^= 1 << rng.randrange(8)
        data.write_bytes(harmed)
        readout = read_whole(Tables.connect(path), "windows")
        if readout.why:
            outcomes["unreadable"] += 1
        elif readout.doubted:
            outcomes["checksum"] += 1
        else:
            assert rows_of(path) == truth, f"a flip at byte {position} goes unseen"
            outcomes["changes nothing"] += 1
    assert outcomes["checksum"] and outcomes["unreadable"], outcomes


def rows_of(path: Path) -> list[str]:
    return sorted(repr(row) for rows in Tables.connect(path).batches("windows") for row in rows)


@pytest.mark.parametrize("table", ["windows", *DERIVED, *KEPT])
def test_a_data_file_that_is_gone_or_cut_is_found_in_any_table(path, table):
    for harm in (lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes()[:-200])):
        copy = fresh_copy(path, path.parent.with_name("harmed"))
        harm(data_files(copy, table)[0])
        found = check(copy).findings
        assert any(each.kind == "damaged" and each.table == table for each in found), found


def harm_rows(path: Path, table: str, **values) -> None:
    """Overwrite one row as only a fault would."""
    tables = Tables.connect(path)
    wanted = {"owner_kind": ["event"]} if table in DERIVED and table != "passages" else None
    row = tables.read(table, wanted, limit=1)[0]
    tables.upsert(table, [{**row, **values}])


@pytest.mark.parametrize(
    ("table", "values", "kind"),
    [
        ("windows", {"scene": "Something else."}, "damaged"),
        ("windows", {"checksum": None}, "damaged"),
        ("events", {"text": "Something else."}, "damaged"),
        ("events", {"window_indexes": [3]}, "derived"),
        ("passages", {"text": "Something else."}, "derived"),
        ("vectors_standin", {"vector": [0.5] * 16}, "damaged"),
        ("vectors_standin", {"window_indexes": [3]}, "derived"),
    ],
)
def test_a_row_that_says_something_else_is_found_and_repaired(path, table, values, kind):
    before = everything(path)
    harm_rows(path, table, **values)
    named = "events" if table == "passages" else table  # they are compared with the events
    assert (named, kind) in {(each.table, each.kind) for each in check(path).findings}
    report = repair(path, load=standin)
    assert report.after.findings == []
    if table != "windows":
        assert everything(path) == before


@pytest.mark.parametrize("number", [np.nan, np.inf, -3e38])
def test_a_vector_that_holds_no_number_is_found_and_made_again(path, number):
    before = everything(path)
    vector = Tables.connect(path).read("vectors_standin", limit=1)[0]["vector"]
    sound = np.asarray(vector, np.float32).tobytes()
    harmed = np.asarray([number, *vector[1:]], np.float32).tobytes()
    for data in data_files(path, "vectors_standin"):  # LanceDB itself refuses to write it
        data.write_bytes(data.read_bytes().replace(sound, harmed))
    assert {(each.table, each.kind) for each in check(path).findings} >= {("vectors_standin", "damaged")}
    assert repair(path, load=standin).after.findings == [] and everything(path) == before


def test_a_key_that_occurs_twice_is_found_and_repaired(path):
    before = everything(path)
    tables = Tables.connect(path)
    tables.insert("files", tables.read("files", limit=1))
    assert ["its key occurs twice" in each.sentence for each in check(path).findings] == [True]
    assert repair(path, load=standin).after.findings == [] and everything(path) == before


def test_an_index_of_words_that_cannot_be_read_or_finds_nothing_is_found_and_repaired(path):
    before = everything(path)
    for file in (path / "events.lance" / "_indices").rglob("*.lance"):
        file.write_bytes(b"")
    assert {(each.table, each.kind) for each in check(path).findings} == {("events", "index")}
    assert repair(path, load=standin).after.findings == [] and everything(path) == before


def test_files_whose_states_do_not_fit_are_found(path):
    store = Store.open(path)
    content_id = sorted(store.videos.all())[0]
    store.windows.remove(content_id, [1])
    checked = check(path)
    assert checked.recaption == {content_id: (1,)}
    assert any(each.kind == "files" and "lacks windows 1" in each.sentence for each in checked.findings)


def test_a_projection_that_a_kill_left_behind_is_no_damage(path):
    store = Store.open(path)
    record = store.windows.of(sorted(store.videos.all())[0])[0]
    store.windows.commit([replace(record, window=replace(record.window, index=40))])
    kinds = {each.kind for each in check(path).findings}
    assert kinds == {"behind"} and not check(path).is_damaged


# -- repairing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [*DERIVED, "runs", "marks"])
def test_what_is_derived_is_made_again_and_nothing_else_changes(path, table):
    before = everything(path)
    for file in data_files(path, table):
        file.unlink()
    report = repair(path, load=standin)
    assert report.after.findings == [] and table in report.repaired.rebuilt
    after = everything(path)
    lost = {"marks"} if table == "marks" else set()  # they are derived from nothing
    assert {name: rows for name, rows in after.items() if name not in lost} == {
        name: rows for name, rows in before.items() if name not in lost
    }
    assert (report.repaired.quarantine / f"{table}.lance").is_dir()


def test_a_lost_caption_is_the_only_one_that_is_captioned_again(path, library):
    before, store = everything(path), Store.open(path)
    data_files(path, "windows")[2].unlink()
    with pytest.raises(StoreError):
        everything(path)
    report = repair(path, load=standin)
    assert report.after.findings == []
    assert [len(lost) for lost in report.repaired.checked.recaption.values()] == [1]
    [marked] = report.repaired.marked
    assert Store.open(path).files.at(marked).state == "waiting"
    assert Store.open(path).texts.search("bright"), "the rest goes on working"
    left = sum(map(len, Store.open(path).windows.spans().values()))
    assert left == sum(map(len, before["windows"].values())) - 1

    model = StandinModel()
    run(library, Store.open(path), model)
    assert len(model.log) == 1 and everything(path) == before and store.path == path


@pytest.mark.parametrize("table", ["files", "videos"])
def test_lost_files_and_videos_come_back_with_the_next_run_without_a_caption(path, library, table):
    before = everything(path)
    for file in data_files(path, table):
        file.unlink()
    repair(path, load=standin)
    model = StandinModel()
    run(library, Store.open(path), model)
    assert model.log == [] and everything(path) == before and check(path).findings == []


def test_an_index_that_lost_what_says_which_version_it_is_is_repaired(path):
    before = everything(path)
    shutil.rmtree(path / "meta.lance")
    with pytest.raises(StoreError, match="version number"):
        Store.open(path)
    assert repair(path, load=standin).after.findings == [] and everything(path) == before


def test_a_table_whose_latest_version_is_broken_goes_back_to_the_one_before(path):
    before = everything(path)
    newest = sorted((path / "windows.lance" / "_versions").glob("*.manifest"))[0]
    newest.write_bytes(b"garbage")
    report = repair(path, load=standin)
    assert report.after.findings == []
    after = everything(path)
    lost = sum(len(before["windows"][each]) - len(after["windows"][each]) for each in before["windows"])
    assert lost == sum(map(len, report.repaired.checked.recaption.values()))
    assert (report.repaired.quarantine / "windows.versions" / newest.name).is_file()


def test_a_caption_that_is_doubted_can_be_taken_back_in(path):
    before = everything(path)
    tables = Tables.connect(path)
    row = tables.read("windows", limit=1)[0]
    tables.upsert("windows", [{**row, "checksum": "another"}])
    report = repair(path, load=standin)
    lines = (report.repaired.quarantine / "windows.jsonl").read_text().splitlines()
    store = Store.open(path)
    assert import_captions(lines, store=store, embedder=StandinEmbedder()).windows == 1
    assert everything(path)["windows"] == before["windows"]


def test_vectors_of_an_embedder_that_cannot_be_had_are_said_to_be_missing(path):
    data_files(path, "vectors_standin")[0].unlink()
    report = repair(path, load=load_embedder)
    assert "standin" in report.missing


def harm_and_repair(path: Path) -> None:
    """Body of the process that is killed."""
    repair(path, load=standin)


def test_a_repair_killed_at_any_step_is_finished_by_the_next(path, tmp_path):
    for table in ("events", "windows"):
        data_files(path, table)[0].unlink()
    copies = tmp_path / "killed"
    steps = steps_of(harm_and_repair, path, copies=copies)
    expected = everything(copies / path.name)
    for step in sorted(random.Random(SEED).sample(range(1, steps), KILLS)):
        killed = kill_at(step, harm_and_repair, path, copies=copies)
        assert repair(killed, load=standin).after.findings == []
        assert everything(killed) == expected, f"after a kill at step {step} of {steps}"


# -- the command ---------------------------------------------------------------------------------------------


def test_the_command_says_what_is_wrong_and_ends_with_1(tmp_path):
    path = unpacked(10, tmp_path)
    run_command = CliRunner().invoke
    sound = run_command(app, ["db", "check", "--db", str(path)])
    assert sound.exit_code == 0 and "no problems found" in sound.stdout
    for file in data_files(path, "events"):
        file.unlink()
    broken = run_command(app, ["db", "check", "--db", str(path)])
    assert broken.exit_code == 1 and "'events' cannot be read completely" in broken.stdout
    repaired = run_command(app, ["db", "check", "--repair", "--db", str(path), "--json"])
    assert repaired.exit_code == 0 and '"rebuilt": {"events": 0}' in repaired.stdout
    assert run_command(app, ["db", "check", "--db", str(path)]).exit_code == 0
