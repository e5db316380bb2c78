"""A disk that runs full under an index: one sentence, nothing half-written, and the next run makes it whole.

Rehearsed on a small file system of its own, which only root may mount.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from standin_model import StandinEmbedder, StandinModel, write_levels
from test_indexer_pipeline import content_of

from footage.core.errors import StoreFullError
from footage.core.types import Span
from footage.store import Mark, Store
from indexer.pipeline import index

SIZE = "6m"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 6 MB."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root may mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "footage-test", disk])
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    for number in range(4):
        write_levels(folder / f"{number}.mp4", [40 * number, 200, 40 * number, 220, 30, 30, 30, 200])
    return folder


def run(library: Path, store: Store, model: StandinModel | None = None):
    return index(
        [library], store=store, model=model or StandinModel(), embedder=StandinEmbedder(), batch_size=1
    )


def fill_up(disk: Path, *, leaving: int) -> Path:
    """Put a file there that leaves so many bytes free."""
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    ballast.write_bytes(b"\0" * max(0, free - leaving))
    return ballast


@pytest.mark.parametrize("leaving", [0, 20_000, 60_000, 120_000, 250_000])
def test_a_full_disk_ends_a_run_in_a_sentence_and_the_next_run_makes_it_whole(
    small_disk, library, tmp_path, leaving
):
    whole = Store.open(tmp_path / "whole", create=True)
    run(library, whole)

    store = Store.open(small_disk / "index", create=True)
    ballast = fill_up(small_disk, leaving=leaving)
    with pytest.raises(StoreFullError, match="disk is full") as result:
        run(library, store)
    assert "\n" not in str(result.value) and result.value.hint

    # What was there can still be read, and searched, while the disk is full.
    store = Store.open(small_disk / "index")
    captioned = sum(len(spans) for spans in store.windows.spans().values())
    store.status(), store.texts.search("bright"), store.coverage()

    ballast.unlink()
    model = StandinModel()
    run(library, store, model)
    assert content_of(store) == content_of(whole)
    assert len(model.log) == sum(map(len, whole.windows.spans().values())) - captioned


def test_a_mark_that_finds_no_room_is_refused_and_the_others_stay(small_disk):
    store = Store.open(small_disk / "index", create=True)
    mark = Mark("1", "review", "c", Span(0, 1), "flagged")
    store.annotations.marks.put([mark])
    ballast = fill_up(small_disk, leaving=0)
    with pytest.raises(StoreFullError):
        store.annotations.marks.put([Mark("2", "review", "c", Span(1, 2), "flagged")])
    assert Store.open(store.path).annotations.marks.all() == [mark]
    ballast.unlink()
    store.annotations.marks.put([Mark("2", "review", "c", Span(1, 2), "flagged")])
    assert len(store.annotations.marks.all()) == 2


def test_a_full_disk_leaves_no_half_made_index(small_disk):
    ballast = fill_up(small_disk, leaving=8_000)
    with pytest.raises(StoreFullError, match="full"):
        Store.open(small_disk / "index", create=True)
    ballast.unlink()
    assert Store.open(small_disk / "index", create=True).status().videos == 0
