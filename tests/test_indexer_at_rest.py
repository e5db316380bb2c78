"""Runs with little or nothing to do: what is loaded, opened and written, and what is noticed all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from standin_model import StandinEmbedder, StandinModel, write_levels
from waiting import wait_until

from footage.core.config import Settings
from footage.core.errors import ModelUnavailableError, SchemaMismatchError
from footage.embed.deferred import DeferredEmbedder
from footage.store import Store
from footage.vlm.deferred import DeferredModel
from indexer.pipeline import index
from indexer.prefetch import MOST_BYTES, Prefetcher
from service.index import IndexRequest
from service.index import index as index_by_service
from service.session import Service

opened_paths: list[str] | None = None


def _note_opening(event, arguments):
    if opened_paths is not None and event in ("open", "os.listxattr") and isinstance(arguments[0], str):
        opened_paths.append(arguments[0])


sys.addaudithook(_note_opening)


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "library"
    for name, levels in (("a.mp4", [20] * 3 + [220] * 3), ("deep/b.mp4", [200] * 3)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_levels(folder / name, levels)
    return folder


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


class Run:
    """Runs with a model and an embedder that are loaded when they are needed."""

    def __init__(self, store, library):
        self.store, self.library = store, library
        self.loaded: list[str] = []

    def __call__(self, *, revision="1", fails=False, **options):
        model = StandinModel(revision=revision)

        def load():
            self.loaded.append("model")
            if fails:
                raise ModelUnavailableError("the weights are away")
            return model

        def embedder():
            self.loaded.append("embedder")
            return StandinEmbedder()

        self.loaded.clear()
        self.model = model
        return index(
            [self.library],
            store=self.store,
            model=DeferredModel(model.profile, model.provenance, load),
            embedder=DeferredEmbedder("standin", embedder),
            **options,
        )


@pytest.fixture
def run(store, library):
    return Run(store, library)


def versions(store):
    return {name: store._tables.version(name) for name in store._tables.names()}


def test_a_run_with_nothing_new_loads_opens_and_writes_nothing(run, store, library, monkeypatch):
    first = run()
    assert (first.indexed, run.loaded.count("model")) == (2, 1)
    before = versions(store)
    opened = []
    monkeypatch.setattr(sys.modules[__name__], "opened_paths", opened)
    second = run()
    monkeypatch.undo()
    assert (second.unchanged, second.indexed, run.loaded) == (2, 0, [])
    assert [path for path in opened if str(library) in path and path.endswith(".mp4")] == []
    after = versions(store)
    assert {name for name in after if after[name] != before[name]} == {"runs"}
    assert [file.state for file in second.files] == ["indexed", "indexed"]


def test_what_is_new_changed_in_place_or_away_is_noticed_by_the_next_run(run, library):
    run()
    clip, other = library / "a.mp4", library / "deep" / "b.mp4"
    status = clip.stat()
    data = bytearray(clip.read_bytes())
    data[-1] ^= 1  # the same size and modification time, another time of change
    clip.write_bytes(bytes(data))
    os.utime(clip, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.unlink()
    write_levels(library / "c.mp4", [30] * 3)
    report = run()
    assert (report.indexed, report.unchanged, report.gone) == (2, 0, 1)
    assert run.loaded.count("model") == 1
    write_levels(other, [200] * 3)  # the same bytes as before: known again, nothing to caption
    report = run()
    assert (report.unchanged, report.gone, run.model.log) == (3, 0, [])


def test_other_settings_are_refused_before_the_model_is_loaded(run):
    run()
    with pytest.raises(SchemaMismatchError, match="revision 1, not with revision 2"):
        run(revision="2")
    assert run.loaded == []
    report = run(revision="2", mix="replace")
    assert (report.indexed, run.loaded.count("model")) == (2, 1)


def test_a_model_that_cannot_be_loaded_ends_the_run_before_a_window_is_captioned(run, store, library):
    run()
    write_levels(library / "c.mp4", [30] * 3)
    with pytest.raises(ModelUnavailableError, match="the weights are away"):
        run(fails=True)
    assert store.runs.all()[0].outcome == "the weights are away"
    assert run().indexed == 1


def test_a_row_that_differs_is_written_without_the_model(run, store, library):
    run()
    [file, *_] = store.files.all()
    store.files.put([replace(file, camera="gate", collection="other")])
    report = run(collection="third")
    assert (report.unchanged, run.loaded) == (2, [])
    assert {each.collection for each in store.files.all()} == {"third"}


def test_a_command_with_nothing_new_imports_no_torch(tmp_path):
    clip = tmp_path / "library" / "clip.mp4"
    clip.parent.mkdir()
    shutil.copy(sorted((Path(__file__).parents[1] / "data" / "footage").glob("*.mp4"))[0], clip)
    db = tmp_path / "index"
    settings = Settings(db=db, model="demo", device="cpu", tracks=("captions",))
    report = index_by_service(Service(settings), IndexRequest(paths=(clip.parent,))).report
    assert report.indexed == 1
    code = (
        "import sys; from ui.cli.main import app\n"
        f"app(['index', {str(clip.parent)!r}, '--db', {str(db)!r}, '--model', 'demo', '--device', 'cpu', "
        "'--tracks', 'captions'], standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers', 'torchcodec'} & {*sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "1 already indexed" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_a_usable_model_no_empty_index_is_left_behind(tmp_path):
    clip = tmp_path / "library" / "clip.mp4"
    clip.parent.mkdir()
    write_levels(clip, [20] * 3)
    (tmp_path / "weights").mkdir()
    settings = Settings(
        db=tmp_path / "index", model="demo", model_path=tmp_path / "weights", tracks=("captions",)
    )
    with pytest.raises(Exception, match="config"):
        index_by_service(Service(settings), IndexRequest(paths=(clip.parent,)))
    assert not (tmp_path / "index").exists()


def test_what_waits_is_bounded_by_its_memory_and_one_that_is_larger_comes_alone():
    made, large = [], MOST_BYTES // 2 + 1

    def things():
        for size in (large, large, large, 3 * MOST_BYTES, large):
            made.append(size)
            yield size

    with Prefetcher(things(), most=4, size_bytes=lambda size: size) as waiting:
        wait_until(lambda: len(made) == 2)
        received = []
        for size in waiting:
            received.append(size)
            assert len(made) <= len(received) + 2  # one waits, one is made and has no room
    assert received == made
