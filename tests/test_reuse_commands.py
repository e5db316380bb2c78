"""Reused captions where people see them: reports, status, search, exports, and how they are undone."""

from __future__ import annotations

import json
import shutil

import pytest
from command_runner import CommandRunner
from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.core.errors import ModelError
from footage.core.types import Run
from footage.store import Store
from service.session import Loaders
from ui.cli.main import app

WINDOWS = {"window_seconds": 2.0, "overlap_seconds": 0.5}


class Counting(StandinModel):
    """Counts the windows that it captions, in every model made."""

    captioned = 0

    def run(self, requests):
        Counting.captioned += len(requests)
        return super().run(requests)


def cli(*arguments, model=Counting, **options):
    runner = CommandRunner()
    runner.loaders = Loaders(
        model=lambda settings: model(**WINDOWS, **options), embedder=lambda settings: StandinEmbedder()
    )
    Counting.captioned = 0
    return runner.invoke(app, [str(each) for each in arguments])


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def reused(db):
    store = Store.open(db)
    return {content_id: set(indexes) for content_id, indexes in store.windows.reused().items()}


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    folder = tmp_path_factory.mktemp("camera")
    write_levels(folder / "1.mp4", [20] * 8 + [220] * 6)
    write_levels(folder / "2.mp4", [20] * 5)
    return folder


@pytest.fixture(scope="module")
def made(camera, tmp_path_factory):
    """An index with reused windows, and what the run printed."""
    db = tmp_path_factory.mktemp("made") / "index.lancedb"
    result = cli("index", camera, "--db", db, "--tracks", "caption", "--model", "demo")
    assert result.exit_code == 0, result.output
    return db, result.stdout


@pytest.fixture
def db(made, tmp_path):
    return shutil.copytree(made[0], tmp_path / "index.lancedb")


def test_a_run_and_the_status_say_what_was_reused(made):
    db, said = made
    windows = sum(map(len, reused(db).values()))
    assert windows >= 6
    assert f" {windows} of " in said and "windows reused: nothing changes" in said
    (status,) = (line for line in lines(cli("status", "--db", db, "--json")) if line["type"] == "status")
    assert status["windows_reused"] == windows and status["windows"] > windows
    assert 0 < status["seconds_reused"] < status["seconds_indexed"]
    assert f"{windows} of them reused" in cli("status", "--db", db).stdout


def test_the_time_saved_goes_by_how_long_the_model_took_before(db):
    windows = sum(map(len, reused(db).values()))
    store = Store.open(db)
    before = sum(run.windows_captioned for run in store.runs.all())
    with store.writing():
        store.runs.put(Run("slow", 1.0, windows_captioned=before, stage_seconds=(("caption", 60.0),)))
    (status,) = (line for line in lines(cli("status", "--db", db, "--json")) if line["type"] == "status")
    assert status["seconds_saved"] == pytest.approx(windows * 60 / (2 * before), rel=0.1)


def test_without_reuse_the_model_captions_every_window(made, camera, tmp_path):
    result = cli(
        "index",
        camera,
        "--db",
        tmp_path / "index",
        "--no-reuse",
        "--tracks",
        "caption",
        "--model",
        "demo",
        "--json",
    )
    summary = lines(result)[-1]
    assert (summary["windows_reused"], summary["windows_captioned"]) == (0, Counting.captioned)
    assert reused(tmp_path / "index") == {}


def test_a_run_without_reuse_says_what_is_reused_and_how_to_undo_it(db, camera):
    said = " ".join(
        cli(
            "index", camera, "--db", db, "--no-reuse", "--tracks", "caption", "--model", "demo"
        ).stdout.split()
    )
    assert "`footage db recaption --reused` captions them again." in said
    assert Counting.captioned == 0


def test_recaption_gives_every_reused_window_a_caption_of_its_own(db):
    before = {content_id: len(indexes) for content_id, indexes in reused(db).items()}
    result = cli("db", "recaption", "--reused", "--model", "demo", "--db", db, "--json")
    assert result.exit_code == 0, result.output
    (line,) = lines(result)
    assert line == {"windows": sum(before.values()), "left": 0, "out_of_reach": [], "failures": {}}
    assert Counting.captioned == sum(before.values())
    assert reused(db) == {}
    again = cli("db", "recaption", "--reused", "--model", "demo", "--db", db)
    assert "No window carries over a caption." in again.stdout and Counting.captioned == 0


def test_recaption_of_one_file_leaves_the_others(db, camera):
    before = reused(db)
    result = cli("db", "recaption", "--reused", "--model", "demo", camera / "2.mp4", "--db", db, "--json")
    store = Store.open(db)
    (second,) = (file.content_id for file in store.files.all() if file.path.endswith("2.mp4"))
    assert lines(result)[0]["windows"] == len(before[second])
    assert reused(db) == {each: indexes for each, indexes in before.items() if each != second}


def test_a_recaption_that_breaks_off_keeps_every_caption_and_goes_on(db):
    before = reused(db)
    captions = captions_of(db)
    broken = cli(
        "db",
        "recaption",
        "--reused",
        "--model",
        "demo",
        "--db",
        db,
        "--batch-size",
        "1",
        stop_at=2,
        stop_with=ModelError,
    )
    assert broken.exit_code == 1
    assert captions_of(db).keys() == captions.keys()
    left = sum(map(len, reused(db).values()))
    assert left == sum(map(len, before.values())) - 2
    cli("db", "recaption", "--reused", "--model", "demo", "--db", db)
    assert Counting.captioned == left and reused(db) == {}


def captions_of(db):
    store = Store.open(db)
    return {
        (content_id, record.window.index): record
        for content_id in store.windows.spans()
        for record in store.windows.of(content_id)
    }


def test_recaption_names_files_that_are_not_there(db, camera, tmp_path):
    away = tmp_path / "away"
    camera.rename(away)
    try:
        result = cli("db", "recaption", "--reused", "--model", "demo", "--db", db, "--json")
    finally:
        away.rename(camera)
    assert result.exit_code == 3
    (line,) = lines(result)
    assert line["windows"] == 0 and line["left"] > 0
    assert line["out_of_reach"] == [str(camera / "1.mp4"), str(camera / "2.mp4")]


def test_recaption_asks_which_windows_and_knows_its_files(db, tmp_path):
    assert "Add --reused" in cli("db", "recaption", "--db", db).output
    other = cli("db", "recaption", "--reused", "--model", "demo", tmp_path / "x.mp4", "--db", db)
    assert other.exit_code == 2 and "is not in the index" in other.output


def test_a_search_says_where_a_caption_was_carried_over_from(db, camera):
    result = cli("search", "The picture is dark.", "--no-ground", "--model", "demo", "--db", db, "--json")
    matches = {
        match["video"].rpartition("/")[2]: match for match in lines(result) if match["type"] == "match"
    }
    match = matches["2.mp4"]
    assert match["carried_over_from"] == "1.mp4 at 0:00.0"
    assert match["evidence"][-1] == (
        "This caption was carried over from 1.mp4 at 0:00.0: the picture is the same."
    )


def test_exported_captions_keep_the_mark(db, tmp_path):
    out, other = tmp_path / "captions.jsonl", tmp_path / "other"
    assert cli("captions", "export", "--out", out, "--db", db).exit_code == 0
    assert cli("captions", "import", out, "--db", other).exit_code == 0
    assert reused(other) == reused(db) != {}
