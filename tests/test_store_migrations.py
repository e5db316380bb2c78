"""Older indexes are upgraded, whatever interrupts that, and answer afterwards as they did before."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from killing import kill_at, steps_of

from footage.core.errors import SchemaMismatchError, StoreError
from footage.core.tracks import CAPTION_TRACK
from footage.store import SCHEMA_VERSION, Store
from footage.store.backup import backup, restore
from footage.store.checking import check
from footage.store.migrations import MIGRATIONS, Migration, upgrade
from footage.store.records import window_checksum
from footage.store.snapshots import Snapshot
from footage.store.writing import locked
from indexer.import_export import export_captions

SAMPLES = Path(__file__).parent / "data"
OLDER = [8, 9, 10, 11, 12, 13]
KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "2"))


@pytest.fixture(params=OLDER, ids=lambda version: f"schema {version}")
def older(request, tmp_path):
    return unpacked(request.param, tmp_path)


def unpacked(version: int, folder: Path) -> Path:
    """A real index of an older schema, made by `footage index` of that time (tests/data/make_index.sh)."""
    with tarfile.open(SAMPLES / f"index-schema-{version}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "index"


def answers(path: Path):
    """What an index says, in every way that it is asked."""
    store = Store.open(path)
    contents = sorted(store.videos.all())
    query = next(iter(store.vectors.of("minilm", contents[0]).values())).vector
    return {
        "captions": list(export_captions(store)),
        "events": store.events.all(),
        "texts": sorted(map(repr, store.texts.all())),
        "vectors": {
            owner: (row.text, np.asarray(row.vector).tobytes())
            for content in contents
            for owner, row in store.vectors.of("minilm", content).items()
        },
        "by words": ranked(store.texts.search("a blue car drives")),
        "by meaning": ranked(store.vectors.search("minilm", query)),
        "files": store.files.all(),
        "runs": store.runs.all(),
        "searches": store.annotations.searches.saved(),
        "corrections": store.annotations.corrections.all(),
        "audits": store.annotations.audits.all(),
        "coverage": store.coverage(),
        "images": {
            name: [repr(row) for content in contents for row in store.images.of(name, content)]
            for name in store.images.embedders()
        },
        "stills": [(still.window_index, still.levels.tobytes()) for still in store.stills.of(contents)],
    }


def ranked(hits):
    """Hits with their scores; those that score the same may come in any order."""
    return sorted((round(-hit.score, 5), hit.owner_id) for hit in hits)


def version_in(path: Path) -> str:
    [row] = Store.open(path)._tables.read("meta", {"key": ["schema_version"]})
    return row["value"]


def upgrade_index(path: Path) -> None:
    """Body of the process that is killed."""
    with Store.open(path).writing():
        pass


def test_there_is_a_sample_of_every_schema_and_of_the_present_one():
    assert sorted(MIGRATIONS) == OLDER
    for version in [*OLDER, SCHEMA_VERSION]:
        sample = SAMPLES / f"index-schema-{version}.tar.xz"
        assert sample.stat().st_size < 200_000, "tests/data/make_index.sh makes them"


def test_the_sample_of_the_present_schema_needs_no_upgrade(tmp_path):
    path = unpacked(SCHEMA_VERSION, tmp_path)
    before = answers(path)
    assert before["captions"] and before["by words"] and before["corrections"] and before["stills"]
    assert before["images"]["demo-clip"] and any(each.get("reused_from") for each in before["captions"])
    assert {each["track"] for each in before["captions"] if each["type"] == "window"} > {CAPTION_TRACK}
    with Store.open(path).writing(lambda what, done, total: pytest.fail(what)):
        pass
    assert answers(path) == before


def test_an_older_index_is_upgraded_and_answers_as_before(older, tmp_path):
    before, version = answers(older), version_in(older)
    assert before["captions"] and before["by words"] and before["by meaning"] and before["corrections"]
    result = []
    with Store.open(older).writing(lambda *progress: result.append(progress)):
        pass
    assert version_in(older) == str(SCHEMA_VERSION)
    assert answers(older) == before
    steps = [MIGRATIONS[step].what for step in range(int(version), SCHEMA_VERSION)]
    assert steps and list(dict.fromkeys(what for what, _, _ in result)) == steps
    if version < "10":
        assert ("every captioned window gets a checksum", 5, 5) in result
    store = Store.open(older)
    tables = store._tables
    for row in tables.read("windows"):
        assert row["checksum"] == window_checksum(row)
        assert row["reused_from"] is None or int(version) >= 13
    for name in ("windows", "events", "passages", *store.embedders.tables()):
        rows = tables.read(name, columns=["track"])
        kinds = {row["track"] for row in rows}
        assert CAPTION_TRACK in kinds and (len(kinds) == 1 or int(version) >= 13)
    assert all(audit.judges == () and not audit.is_contradicted for audit in before["audits"])
    assert version != "13" or len(before["audits"]) == 6, "made with `footage audit` of that time"
    assert check(older).findings == []
    assert [entry.name for entry in older.iterdir() if entry.name.startswith(".upgrade")] == []
    with store.writing(lambda what, done, total: pytest.fail(f"{what} is done twice")):
        pass


def test_an_upgrade_killed_at_any_step_is_finished_by_the_next(older, tmp_path):
    before = answers(older)
    steps = steps_of(upgrade_index, older, copies=tmp_path / "copies")
    assert steps > 100
    for step in np.linspace(1, steps - 1, KILLS).astype(int).tolist():
        path = kill_at(step, upgrade_index, older, copies=tmp_path / "copies")
        assert answers(path) == before, f"read after a kill at step {step}"
        upgrade_index(path)
        assert version_in(path) == str(SCHEMA_VERSION)
        assert answers(path) == before, f"upgraded after a kill at step {step}"
        assert not list(path.glob(".upgrade*"))


def test_an_older_index_is_read_exported_and_copied_as_it_is_and_says_what_to_do(older, tmp_path, caplog):
    version = older_version = version_in(older)
    caplog.clear()
    store = Store.open(older)
    assert f"has tables of version {version}, not {SCHEMA_VERSION}" in caplog.text
    assert "footage db upgrade" in caplog.text
    windows = [row for row in export_captions(store) if row["type"] == "window"]
    assert len(windows) == (5 if int(version) < 13 else 13)
    backup(store, tmp_path / "copy")
    assert version_in(older) == older_version == version_in(tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "back")
    assert answers(tmp_path / "back") == answers(older)


def test_a_newer_index_is_refused_with_the_program_that_reads_it(tmp_path):
    store = Store.open(tmp_path / "index", create=True)
    store._tables.upsert(
        "meta", [{"key": "schema_version", "value": "99"}, {"key": "program_version", "value": "7.1"}]
    )
    with pytest.raises(
        SchemaMismatchError, match=r"version 99, written by footage 7\.1; this program"
    ) as result:
        Store.open(tmp_path / "index")
    assert "footage 7.1 or newer" in result.value.hint and "remove" not in result.value.hint


def test_an_index_too_old_to_be_upgraded_is_to_be_exported_not_removed(tmp_path):
    store = Store.open(tmp_path / "index", create=True)
    store._tables.upsert("meta", [{"key": "schema_version", "value": "3"}])
    with pytest.raises(SchemaMismatchError, match="version 3") as result:
        Store.open(tmp_path / "index")
    assert "captions export" in result.value.hint and "remove" not in result.value.hint


def test_a_migration_that_would_lose_a_row_is_undone(tmp_path):
    path = unpacked(9, tmp_path)
    before = answers(path)

    def lose_a_row(tables, on_progress):
        MIGRATIONS[9].run(tables, on_progress)
        tables.delete("windows", {"window_index": [1]})

    losing = Migration("loses a window", ("windows",), lose_a_row)
    tables = Store.open(path)._tables
    with locked(tables), pytest.raises(StoreError, match="2 rows would be lost") as result:
        upgrade(tables, migrations={9: losing})
    assert "The tables are unchanged" in result.value.hint
    assert answers(path) == before and version_in(path) == "9"


def test_what_an_older_program_wrote_between_two_tries_is_kept(tmp_path):
    path = unpacked(9, tmp_path)
    store = Store.open(path)
    tables = store._tables
    Snapshot(path, "9").take(["windows"])  # as a killed upgrade leaves it
    content = sorted(store.videos.all())[0]
    row = {**tables.read("windows", {"content_id": [content]}, limit=1)[0], "window_index": 7}
    tables.insert("windows", [{**row, "id": f"{content}/7"}])
    with locked(tables):
        assert upgrade(tables)[0] == "9 to 10: every captioned window gets a checksum"
    assert [record.window.index for record in Store.open(path).windows.of(content)][-1] == 7
