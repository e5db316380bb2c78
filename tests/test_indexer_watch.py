"""Watching folders: real changes on disk, the real indexer around a stand-in model."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from standin_model import StandinEmbedder, StandinModel, write_levels
from waiting import wait_until

from footage.store import Store
from indexer.pipeline import index
from indexer.watch import watch


@pytest.fixture
def watched(tmp_path):
    folder = tmp_path / "library"
    write_levels(folder / "a.mp4", [20, 20, 220])
    store = Store.open(tmp_path / "index.lancedb", create=True)
    stop, model, errors = threading.Event(), StandinModel(), []

    def look():
        report = index([folder], store=store, model=model, embedder=StandinEmbedder(), stop=stop.is_set)
        return report.waiting > 0

    def run():
        try:
            watch([folder], look, stop=stop, settle_seconds=0.3, retry_seconds=0.5)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield folder, store
    stop.set()
    thread.join(20)
    assert not thread.is_alive() and errors == []


def becomes(store, wanted, seconds=60.0):
    """Wait until the index knows exactly these files in these states."""

    def found():
        return {Path(file.path).name: file.state for file in store.files.all()}

    wait_until(lambda: found() == wanted, seconds=seconds, failure=lambda: f"{found()}, not {wanted}")


def test_the_index_follows_what_happens_in_the_folder(watched, tmp_path):
    folder, store = watched
    becomes(store, {"a.mp4": "indexed"})
    # added, in a new folder
    write_levels(tmp_path / "b.mp4", [200, 200])
    (folder / "sub").mkdir()
    shutil.copy(tmp_path / "b.mp4", folder / "sub" / "b.mp4")
    becomes(store, {"a.mp4": "indexed", "b.mp4": "indexed"})
    # moved
    (folder / "sub" / "b.mp4").rename(folder / "c.mp4")
    becomes(store, {"a.mp4": "indexed", "b.mp4": "gone", "c.mp4": "indexed"})
    # copied
    shutil.copy(folder / "a.mp4", folder / "d.mp4")
    becomes(store, {"a.mp4": "indexed", "b.mp4": "gone", "c.mp4": "indexed", "d.mp4": "indexed"})
    assert len(store.videos.all()) == 2
    # grows: half of it first
    whole = write_levels(tmp_path / "e.mp4", [20, 220, 20, 220]).read_bytes()
    (folder / "e.mp4").write_bytes(whole[: len(whole) // 2])
    becomes(
        store,
        {"a.mp4": "indexed", "b.mp4": "gone", "c.mp4": "indexed", "d.mp4": "indexed", "e.mp4": "waiting"},
    )
    (folder / "e.mp4").write_bytes(whole)
    becomes(
        store,
        {"a.mp4": "indexed", "b.mp4": "gone", "c.mp4": "indexed", "d.mp4": "indexed", "e.mp4": "indexed"},
    )
    # replaced
    before = store.files.at(str(folder / "c.mp4")).content_id
    write_levels(tmp_path / "other.mp4", [10, 10, 10])
    shutil.copy(tmp_path / "other.mp4", folder / "c.mp4")
    wait_until(lambda: store.files.at(str(folder / "c.mp4")).content_id != before)
    # deleted
    (folder / "a.mp4").unlink()
    becomes(
        store, {"a.mp4": "gone", "b.mp4": "gone", "c.mp4": "indexed", "d.mp4": "indexed", "e.mp4": "indexed"}
    )


def test_a_folder_where_changes_never_end_is_looked_at_all_the_same(tmp_path):
    """As one that a recorder writes to: waiting for it to be quiet would be waiting for ever."""
    stop, looked, errors = threading.Event(), threading.Semaphore(0), []

    def look():
        looked.release()
        return False

    def run():
        try:
            watch([tmp_path], look, stop=stop, settle_seconds=5.0, retry_seconds=0.5)
        except BaseException as error:
            errors.append(error)

    def record():
        with (tmp_path / "recording.ts").open("ab", buffering=0) as file:
            while not stop.wait(0.05):
                file.write(b"more")

    threads = [threading.Thread(target=target) for target in (run, record)]
    for thread in threads:
        thread.start()
    seen = [looked.acquire(timeout=30) for _ in range(3)]
    stop.set()
    for thread in threads:
        thread.join(20)
    assert seen == [True] * 3 and errors == []
