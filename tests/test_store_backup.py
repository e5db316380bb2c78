"""Copies of an index: whole, verified, and never over something that is there."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from killing import kill_at, steps_of
from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.core.errors import StoreError, StoreMissingError, UsageError
from footage.store import Store
from footage.store.backup import backup, restore
from indexer.pipeline import index

KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))


@pytest.fixture
def store(tmp_path):
    write_levels(tmp_path / "library" / "a.mp4", [20, 220, 220, 20])
    store = Store.open(tmp_path / "index.lancedb", create=True)
    index([tmp_path / "library"], store=store, model=StandinModel(), embedder=StandinEmbedder())
    return store


def everything(store):
    contents = sorted(store.videos.all())
    return (
        store.files.all(),
        [store.windows.of(c) for c in contents],
        store.events.all(),
        sorted(map(repr, store.texts.all())),
    )


def test_a_copy_is_whole_and_goes_back(store, tmp_path):
    counts = backup(store, tmp_path / "safe" / "copy").rows
    assert counts["windows"] == len(store.windows.of(store.files.all()[0].content_id))
    assert everything(Store.open(tmp_path / "safe" / "copy")) == everything(store)
    (tmp_path / "empty").mkdir()
    assert restore(tmp_path / "safe" / "copy", tmp_path / "empty").rows == counts
    back = Store.open(tmp_path / "empty")
    assert everything(back) == everything(store)
    assert back.texts.search("bright") and (tmp_path / "empty").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "safe").iterdir()] == ["copy"]


def test_nothing_is_overwritten(store, tmp_path):
    target = tmp_path / "taken"
    target.mkdir()
    (target / "letter.txt").write_text("dear")
    for copy in (lambda: backup(store, target), lambda: restore(store.path, target)):
        with pytest.raises(UsageError, match="already exists"):
            copy()
    assert (target / "letter.txt").read_text() == "dear"
    with pytest.raises(UsageError, match="is inside"):
        backup(store, store.path / "copy")


def test_what_is_no_copy_is_not_restored(store, tmp_path):
    with pytest.raises(StoreMissingError):
        restore(tmp_path / "nowhere", tmp_path / "new")
    backup(store, tmp_path / "copy")
    (tmp_path / "copy" / "windows.lance").rename(tmp_path / "lost")
    with pytest.raises(StoreError, match=r"does not match its manifest: windows\.lance/.* missing"):
        restore(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def data_of(path: Path, table: str = "windows") -> Path:
    return max((path / f"{table}.lance" / "data").iterdir(), key=lambda file: file.stat().st_size)


@pytest.mark.parametrize("table", ["windows", "events", "videos", "vectors_standin", "runs"])
@pytest.mark.parametrize("harm", ["deleted", "cut"])
def test_neither_vouches_for_what_is_broken(store, tmp_path, table, harm):
    backup(store, tmp_path / "copy")
    for folder in (store.path, tmp_path / "copy"):
        for data in (folder / f"{table}.lance" / "data").iterdir():
            if harm == "deleted":
                data.unlink()
            else:
                data.write_bytes(data.read_bytes()[:-100])
    with pytest.raises(
        StoreError, match=f"is damaged: the table '{table}' cannot be read completely"
    ) as result:
        backup(store, tmp_path / "other")
    assert "db check --repair" in result.value.hint
    with pytest.raises(StoreError, match="does not match its manifest"):
        restore(tmp_path / "copy", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "index.lancedb", "library"]


def test_a_flipped_bit_anywhere_in_a_copy_is_found_before_anything_is_put_in_place(store, tmp_path):
    backup(store, tmp_path / "copy")
    rng = random.Random(1)
    for path in rng.sample([path for path in (tmp_path / "copy").rglob("*.*") if path.is_file()], 15):
        sound = path.read_bytes()
        if path.name == ".backup.json" or not sound:
            continue
        harmed = bytearray(sound)
        harmed[rng.randrange(len(sound))] ^= 1 << rng.randrange(8)
        path.write_bytes(harmed)
        with pytest.raises(StoreError, match=r"does not match its manifest.*changed"):
            restore(tmp_path / "copy", tmp_path / "new")
        path.write_bytes(sound)
    assert restore(tmp_path / "copy", tmp_path / "new").rows["windows"]


def test_a_caption_that_no_longer_matches_its_checksum_is_not_copied(store, tmp_path):
    [row] = store._tables.read("windows", limit=1)
    store._tables.upsert("windows", [{**row, "scene": "Something else."}])
    with pytest.raises(StoreError, match="does not match its checksum"):
        backup(store, tmp_path / "copy")


def test_an_incremental_backup_copies_what_is_new_alone(store, tmp_path):
    copy = tmp_path / "copy"
    first = backup(store, copy, incremental=True)
    assert first.new_files == first.files
    again = backup(store, copy, incremental=True)
    assert again.new_files == 0 and again.files == first.files
    kept = data_of(copy).stat().st_ino

    write_levels(tmp_path / "library" / "b.mp4", [220, 20, 220])
    index([tmp_path / "library" / "b.mp4"], store=store, model=StandinModel(), embedder=StandinEmbedder())
    store.annotations.marks.put([])
    more = backup(store, copy, incremental=True)
    assert 0 < more.new_files < more.files and more.new_bytes < sum(
        path.stat().st_size for path in copy.rglob("*") if path.is_file()
    )
    assert kept not in {path.stat().st_ino for path in store.path.rglob("*")}, "a copy shares no file with it"
    restore(copy, tmp_path / "back")
    assert everything(Store.open(tmp_path / "back")) == everything(store)
    with pytest.raises(UsageError, match="already exists") as result:
        backup(store, copy)
    assert "--incremental" in result.value.hint


def test_an_incremental_backup_mends_what_was_lost_of_the_copy_before(store, tmp_path):
    copy = tmp_path / "copy"
    backup(store, copy)
    data_of(copy).write_bytes(b"rotten")
    data_of(copy, "events").unlink()
    mended = backup(store, copy, incremental=True)
    assert mended.new_files == 2 and everything(Store.open(copy)) == everything(store)


def test_a_manifest_names_no_file_outside_of_the_copy(store, tmp_path):
    backup(store, tmp_path / "copy")
    manifest = tmp_path / "copy" / ".backup.json"
    manifest.write_text(manifest.read_text().replace("windows.lance/data", "../windows.lance/data"))
    with pytest.raises(StoreError, match="is not a table file"):
        restore(tmp_path / "copy", tmp_path / "new")


def test_a_copy_without_a_manifest_is_read_whole(store, tmp_path):
    backup(store, tmp_path / "copy")
    (tmp_path / "copy" / ".backup.json").unlink()
    assert restore(tmp_path / "copy", tmp_path / "new").rows["windows"]
    data_of(tmp_path / "copy").unlink()
    with pytest.raises(StoreError, match="cannot be read completely"):
        restore(tmp_path / "copy", tmp_path / "newer")


def copy_of(path: Path, incremental: bool) -> None:
    """Body of the process that is killed: the folder holds an index and, if incremental, a copy."""
    backup(Store.open(path / "index"), path / "copy", incremental=incremental)


def back(path: Path) -> None:
    restore(path / "copy", path / "back")


@pytest.mark.parametrize("incremental", [False, True])
def test_a_backup_killed_at_any_step_leaves_the_copy_before_and_is_cleared_by_the_next(
    store, tmp_path, incremental
):
    place = tmp_path / "place"
    shutil.copytree(store.path, place / "index")
    before = everything(store)
    if incremental:
        backup(Store.open(place / "index"), place / "copy")
        Store.open(place / "index").files.put([replace(store.files.all()[0], path="/another.mp4")])
    copies = tmp_path / "killed"
    steps = steps_of(copy_of, place, incremental, copies=copies)
    after = everything(Store.open(place / "index"))
    moments = [*random.Random(SEED).sample(range(1, steps), KILLS), steps - 6]
    for step in moments:
        killed = kill_at(step, copy_of, place, incremental, copies=copies)
        if incremental:  # restores what was copied last, old or new, never nothing
            restore(killed / "copy", killed / "back")
            assert everything(Store.open(killed / "back")) in (before, after), step
            shutil.rmtree(killed / "back")
        copy_of(killed, True)
        assert everything(Store.open(killed / "copy")) == after
        assert sorted(path.name for path in killed.iterdir()) == ["copy", "index"], step


def test_a_restoration_killed_at_any_step_leaves_nothing_half_done(store, tmp_path):
    place = tmp_path / "place"
    backup(store, place / "copy")
    copies = tmp_path / "killed"
    steps = steps_of(back, place, copies=copies)
    for step in random.Random(SEED).sample(range(1, steps), KILLS):
        killed = kill_at(step, back, place, copies=copies)
        if not (killed / "back").exists():
            back(killed)
        assert everything(Store.open(killed / "back")) == everything(store)
        assert everything(Store.open(killed / "copy")) == everything(store)
