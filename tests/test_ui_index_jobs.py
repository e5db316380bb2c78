"""Index runs beside the app: they outlive it, say how they go, and end when they are asked to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from standin_model import StandinEmbedder
from standin_truth import SAMPLES
from waiting import wait_until

from footage.core.config import load_settings
from footage.core.errors import FileError, FootageError, StoreBusyError, UsageError
from footage.core.types import File, Run, Video
from footage.store import Store
from footage.store import records as layout
from indexer.import_export import import_captions
from ui.web import index_jobs


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of an index that is not there yet; the demo model."""
    for name, value in {
        "DB": tmp_path / "index.lancedb",
        "CACHE_DIR": tmp_path / "cache",
        "MODEL": "demo",
        "DEVICE": "cpu",
        "BATCH_SIZE": 1,
        "LIBRARY_ROOTS": tmp_path,
    }.items():
        monkeypatch.setenv(f"FOOTAGE_{name}", str(value))
    monkeypatch.delenv("FOOTAGE_CONFIG", raising=False)
    return load_settings()


@pytest.fixture
def clips(tmp_path) -> Path:
    folder = tmp_path / "-clips"  # a name that an option parser must not take for an option
    folder.mkdir()
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder / "cam1_2026-03-01_12-00-00.mp4")
    return folder


def ended(settings, seconds=200.0) -> index_jobs.IndexJob:
    def has_ended():
        run = index_jobs.last(settings)
        return run is not None and run.state not in ("running", "stopping")

    wait_until(has_ended, seconds=seconds, failure="the run does not end")
    return index_jobs.last(settings)


def test_a_run_is_started_followed_and_done(settings, clips):
    assert index_jobs.last(settings) is None
    index_jobs.start(settings, [clips], camera_from="{camera}_*")
    going = index_jobs.last(settings)
    assert going.state == "running" and going.paths == (str(clips),)
    with pytest.raises(UsageError, match="is active"):
        index_jobs.start(settings, [clips])
    run = ended(settings)
    assert (run.state, run.error, run.summary["indexed"]) == ("done", None, 1)
    assert run.progress.stage == "done" and run.progress.windows_done == run.progress.windows_total > 0
    [file] = Store.open(settings.db).files.all()
    assert (file.state, file.camera) == ("indexed", "cam1")


def test_a_run_stops_when_asked_and_says_so(settings, clips):
    for number in range(3):
        clip = clips / f"more{number}.mp4"
        clip.write_bytes((SAMPLES / "yard_day.mp4").read_bytes() + bytes([number]))
    index_jobs.start(settings, [clips])
    wait_until(lambda: index_jobs.last(settings).progress.windows_done >= 2, seconds=200)
    index_jobs.stop(settings)
    assert index_jobs.last(settings).state in ("stopping", "stopped")
    run = ended(settings)
    assert run.state == "stopped" and run.error is None
    assert 0 < run.progress.windows_done < run.progress.windows_total


def test_what_goes_wrong_is_told_in_the_words_of_the_run(settings, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    index_jobs.start(settings, [empty])
    run = ended(settings)
    assert run.state == "failed" and "no video file" in str(run.error) and run.error.hint


def test_nothing_is_started_while_another_writes(settings, clips):
    code = (
        "import sys\nfrom footage.store import Store\n"
        "with Store.open(sys.argv[1]).writing():\n    print(1, flush=True)\n    sys.stdin.read()"
    )
    Store.open(settings.db, create=True)
    root = Path(index_jobs.__file__).resolve().parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(settings.db)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        other.stdout.readline()
        with pytest.raises(StoreBusyError, match="another run is writing"):
            index_jobs.start(settings, [clips])
        other.kill()
    assert index_jobs.last(settings) is None


def test_a_killed_run_is_told_from_one_that_goes_on(settings, clips):
    index_jobs.start(settings, [clips])
    folder = index_jobs._folder(settings)
    pid = json.loads((folder / "run.json").read_text())["pid"]
    subprocess.run(["kill", "-9", str(pid)], check=True)
    run = ended(settings, 20)
    assert run.state == "failed" and "without an error message" in str(run.error)
    index_jobs.stop(settings)  # nobody else is stopped in its place


def test_a_cache_that_cannot_be_written_gets_a_sentence(settings, clips, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(FootageError, match="cannot be started"):
        index_jobs.start(settings, [clips])
    assert index_jobs.last(settings) is None


@pytest.mark.parametrize(
    "content", ["", "{", "[1]\n", '{"message": "progress", "stage": "done", "new": 1}\n']
)
def test_whatever_lies_in_the_files_a_page_can_be_drawn(settings, content):
    folder = index_jobs._folder(settings)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"pid": 1, "started_at": 1.0, "paths": ["/x"]}')
    for name in ("out.jsonl", "log.jsonl", "err.txt"):
        (folder / name).write_text(content)
    assert index_jobs.last(settings).state == "failed"


@pytest.mark.parametrize(
    ("address", "setting", "may"),
    [
        ("localhost", None, True),
        ("127.0.0.1", None, True),
        ("127.9.9.9", None, True),
        ("::1", None, True),
        ("0.0.0.0", None, False),
        ("192.168.1.5", None, False),
        ("example.org", None, False),
        ("localhost.example.org", None, False),
        (None, None, False),
        ("", None, False),
        ("0.0.0.0", True, True),
        ("localhost", False, False),
    ],
)
def test_runs_are_for_this_machine_alone_unless_a_setting_says_otherwise(settings, address, setting, may):
    assert (
        index_jobs.allowed(settings.model_copy(update={"allow_indexing_from_app": setting}), address) is may
    )


def test_a_folder_is_a_folder_that_can_be_read(settings, tmp_path):
    (tmp_path / "file").write_text("")
    assert index_jobs.checked_folder(f"  {tmp_path}  ", settings) == tmp_path
    for text, error, message in (
        ("", UsageError, "no folder"),
        (f"{tmp_path}\0", UsageError, "no folder"),
        (str(tmp_path / "none"), FileError, "does not exist"),
        (str(tmp_path / "file"), FileError, "is not a folder"),
    ):
        with pytest.raises(error, match=message):
            index_jobs.checked_folder(text, settings)


def test_only_folders_below_the_library_roots_are_indexed_from_the_app(settings, clips, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "deep", outside):
        folder.mkdir(parents=True)
    (inside / "way-out").symlink_to(outside)
    (tmp_path / "way-in").symlink_to(inside)
    narrow = settings.model_copy(update={"library_roots": (inside,)})
    for allowed in (inside, inside / "deep", tmp_path / "way-in" / "deep", outside / ".." / "inside"):
        assert index_jobs.checked_folder(str(allowed), narrow)
    for refused in (
        outside,
        tmp_path,
        inside / ".." / "outside",
        inside / "way-out",
        tmp_path / "inside-out",  # does not exist, which is not said of what is none of the app's business
        Path("/"),
        Path("/etc"),
    ):
        with pytest.raises(UsageError, match="not in a folder that the app may index"):
            index_jobs.checked_folder(str(refused), narrow)
        with pytest.raises(UsageError, match="not in a folder that the app may index"):
            index_jobs.start(narrow, [refused])
    assert index_jobs.last(narrow) is None


def test_a_link_put_in_place_after_the_check_leads_no_run_elsewhere(settings, clips, tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    shutil.move(clips, inside)
    shutil.copytree(inside, outside)
    narrow = settings.model_copy(update={"library_roots": (inside.parent / "inside",)})
    index_jobs.start(narrow, [inside])
    shutil.rmtree(inside)  # while the run is still loading its libraries
    inside.symlink_to(outside)
    run = ended(narrow)
    assert run.state == "failed" and "points outside" in str(run.error)
    assert not Path(settings.db).exists() or Store.open(settings.db).files.all() == []


def test_what_is_indexed_already_may_be_indexed_again(settings, clips, tmp_path):
    none = settings.model_copy(update={"library_roots": ()})
    store = Store.open(settings.db, create=True)
    with pytest.raises(UsageError) as refused:
        index_jobs.check_roots(none, [clips])
    assert "--library-root" in refused.value.hint
    store.files.put([File(str(clips / "a.mp4"), "a", root=str(clips)), File("/single/b.mp4", "b")])
    store.runs.put(Run("1", 1.0, paths=(str(clips), "/single/b.mp4")))
    index_jobs.check_roots(none, [clips, clips / "new", "/single/b.mp4"])
    for other in (tmp_path, "/single", "/single/c.mp4", f"{clips}-more"):
        with pytest.raises(UsageError, match="may index"):
            index_jobs.check_roots(none, [other])


def test_imported_captions_open_no_folder_to_the_app(settings, clips, tmp_path):
    """A row of a file may come from a stranger's export: neither its root nor its path was indexed here."""
    none = settings.model_copy(update={"library_roots": ()})
    store = Store.open(settings.db, create=True)
    store.runs.put(Run("1", 1.0, paths=(str(clips),)))
    video = layout.video_to_row(Video("a", 8.0, 320, 240, 25.0, "h264", "mov"))
    lines = [
        {"type": "video", **video},
        {"type": "file", **layout.file_to_row(File("/far/a.mp4", "a", root="/", state="indexed"))},
        {"type": "file", **layout.file_to_row(File("/etc", "a", state="indexed"))},
        {"type": "file", **layout.file_to_row(File(str(clips / "a.mp4"), "a", root=str(tmp_path)))},
        {"type": "file", **layout.file_to_row(File(str(clips / "b.mp4"), "a", root=f"{clips}/.."))},
    ]
    import_captions(map(json.dumps, lines), store=store, embedder=StandinEmbedder())
    assert len(store.files.all()) == 4
    for outside in ("/", "/etc", "/far/a.mp4", tmp_path):
        with pytest.raises(UsageError, match="may index"):
            index_jobs.check_roots(none, [outside])


def test_what_was_imported_opens_no_folder_to_be_shown(settings, clips, tmp_path):
    narrow = settings.model_copy(update={"library_roots": (tmp_path / "roots",)})
    assert index_jobs.shown_roots(narrow) == {str(tmp_path / "roots")}
    store = Store.open(settings.db, create=True)
    store.files.put([File("/far/a.mp4", "a", root="/", state="indexed")])
    store.runs.put(Run("1", 1.0, paths=(str(clips), "/single/b.mp4")))
    assert index_jobs.shown_roots(narrow) == {
        str(tmp_path / "roots"),
        os.path.realpath(clips),
        "/single/b.mp4",
    }


def test_a_run_executes_no_code_of_the_current_folder(settings, tmp_path, monkeypatch):
    """The app may be started in a folder of downloads: Python files there are no modules of the run."""
    work, trace, empty = tmp_path / "work", tmp_path / "executed", tmp_path / "empty"
    (work / "ui").mkdir(parents=True)
    empty.mkdir()
    for module in ("json.py", "typer.py", "numpy.py", "ui/__init__.py"):
        (work / module).write_text(f"open({str(trace)!r}, 'a').write(__name__)\n")
    monkeypatch.chdir(work)
    index_jobs.start(settings, [empty])
    assert "no video file" in str(ended(settings).error)
    assert not trace.exists()
