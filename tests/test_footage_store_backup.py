"""Copies of an index: whole, verified, and never over something that is there."""

from __future__ import annotations

import pytest
from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.errors import StoreError, StoreMissingError, UsageError
from footage.store import Store
from footage.store.backup import backup, restore
from indexer.pipeline import index


@pytest.fixture
def store(tmp_path):
    write_levels(tmp_path / "library" / "a.mp4", [20, 220, 220, 20])
    store = Store.open(tmp_path / "index.lancedb", create=True)
    index([tmp_path / "library"], store=store, model=StandinModel(), embedder=StandinEmbedder())
    return store


def everything(store):
    contents = sorted(store.videos())
    return (
        store.files(),
        [store.windows(c) for c in contents],
        store.events(),
        sorted(map(repr, store.texts())),
    )


def test_a_copy_is_whole_and_goes_back(store, tmp_path):
    counts = backup(store, tmp_path / "safe" / "copy")
    assert counts["windows"] == len(store.windows(store.files()[0].content_id))
    assert everything(Store.open(tmp_path / "safe" / "copy")) == everything(store)
    (tmp_path / "empty").mkdir()
    assert restore(tmp_path / "safe" / "copy", tmp_path / "empty") == counts
    back = Store.open(tmp_path / "empty")
    assert everything(back) == everything(store)
    assert back.search_text("bright") and (tmp_path / "empty").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "safe").iterdir()] == ["copy"]


def test_nothing_is_overwritten(store, tmp_path):
    target = tmp_path / "taken"
    target.mkdir()
    (target / "letter.txt").write_text("dear")
    for copy in (lambda: backup(store, target), lambda: restore(store.path, target)):
        with pytest.raises(UsageError, match="is there already"):
            copy()
    assert (target / "letter.txt").read_text() == "dear"
    with pytest.raises(UsageError, match="lies in"):
        backup(store, store.path / "copy")


def test_what_is_no_copy_is_not_restored(store, tmp_path):
    with pytest.raises(StoreMissingError):
        restore(tmp_path / "nowhere", tmp_path / "new")
    backup(store, tmp_path / "copy")
    (tmp_path / "copy" / "windows.lance").rename(tmp_path / "lost")
    with pytest.raises(StoreError, match="lost its table"):
        restore(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()
