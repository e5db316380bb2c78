"""`footage save`, `review` and `correct`: what they print, keep and refuse."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from standin_truth import SAMPLES, TruthModel
from test_ui_commands import bare_environment  # noqa: F401
from typer.testing import CliRunner

from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from ui.cli.main import app

runner = CliRunner()


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder)
    store = Store.open(folder / "index.lancedb", create=True)
    index([folder], store=store, model=TruthModel(), embedder=load_embedder())
    return folder


@pytest.fixture
def footage(first, tmp_path):
    """Runs a command on a copy of the index; gives what it printed as JSON, or the error."""
    shutil.copytree(first / "index.lancedb", tmp_path / "index.lancedb")

    def run(*arguments: str, code: int = 0) -> list[dict]:
        result = runner.invoke(app, [*arguments, "--db", str(tmp_path / "index.lancedb"), "--json"])
        assert result.exit_code == code, result.output
        response = result.stdout if code == 0 else result.stderr.splitlines()[-1]
        return [json.loads(line) for line in response.splitlines()]

    return run


def test_a_search_is_saved_reviewed_marked_and_forgotten(footage):
    [saved] = footage("save", "green cars", "a green car drives", "--author", "Ann")
    assert (saved["name"], saved["query"], saved["author"]) == ("green cars", "a green car drives", "Ann")
    [item] = footage("review", "Green Cars")
    assert (item["new"], item["state"], item["start_seconds"], item["verdict"]) == (
        True,
        "open",
        11.5,
        "not checked",
    )
    assert footage("review", "green cars") == []
    footage("review", "--mark", item["id"][:8], "flagged", "--note", "a plate", "--author", "Bo")
    [flagged] = footage("review", "green cars", "--state", "flagged")
    assert (flagged["id"], flagged["note"], flagged["author"]) == (item["id"], "a plate", "Bo")
    [listed] = footage("review")
    assert (listed["open"], listed["flagged"], listed["reviewed"]) == (0, 1, 0)
    footage("save", "green cars", "--remove")
    assert footage("review") == []


def test_an_event_is_corrected_found_and_taken_back(footage):
    words = "an orange tractor pulls a plough"
    [response] = footage("correct", "beach_dusk.mp4@0:12", words, "--to", "0:13", "--author", "Ann")
    assert response["searchable"] and response["original_text"] == "A green car drives from left to right."
    [found, _] = footage("search", "orange tractor", "--no-ground", "-n", "1")
    assert (found["text"], found["start_seconds"], found["end_seconds"]) == (words, 11.5, 13.0)
    [undone] = footage("correct", "beach_dusk.mp4@0:12", "--undo")
    assert undone["undone"] and undone["id"] == response["id"]
    [found, _] = footage("search", "green car", "--no-ground", "-n", "1")
    assert found["text"] == response["original_text"]


def test_a_correction_is_printed_with_its_words_and_times(first, tmp_path):
    shutil.copytree(first / "index.lancedb", tmp_path / "index.lancedb")

    def printed(*arguments: str) -> str:
        done = runner.invoke(
            app, ["correct", "beach_dusk.mp4@0:12", *arguments, "--db", str(tmp_path / "index.lancedb")]
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    green = "“A green car drives from left to right.”, 0:11.5-0:13.5"
    assert printed("a tractor", "--to", "0:13") == f"Corrected: {green} → “a tractor”, 0:11.5-0:13.0.\n"
    assert printed("--undo") == "Undone: “a tractor”, 0:11.5-0:13.0.\n"
    assert printed("--remove") == f"Removed: {green}.\n"
    listed = runner.invoke(
        app, ["corrections", "--db", str(tmp_path / "index.lancedb")], env={"COLUMNS": "200"}
    )
    assert "(removed)" in listed.stdout
    assert printed("--undo") == f"Undone: {green} is there again.\n"


def test_a_removed_event_is_found_no_more(footage):
    green = "A green car drives from left to right."
    [removed] = footage("correct", "beach_dusk.mp4@0:12", "--remove", "--author", "Ann")
    assert (removed["removed"], removed["text"], removed["original_text"]) == (True, "", green)
    *found, _ = footage("search", "green car", "--no-ground", "-n", "9")
    assert green not in {each["text"] for each in found}
    [undone] = footage("correct", "beach_dusk.mp4@0:12", "--undo")
    assert undone["undone"] and undone["event"] == removed["event"]
    [found, _] = footage("search", "green car", "--no-ground", "-n", "1")
    assert found["text"] == green


@pytest.mark.parametrize("words", ["a bear walks", "zebras walk"])  # by its words before and after the other
def test_of_two_events_that_share_a_span_the_corrected_one_is_taken_back(footage, words):
    footage("correct", "beach_dusk.mp4@0:16", words, "--from", "11.5", "--to", "13.5")
    [undone] = footage("correct", "beach_dusk.mp4@0:12", "--undo")
    assert (undone["text"], undone["original_start_seconds"]) == (words, 14.5) and undone["undone"]


def test_of_two_events_that_share_a_span_the_id_chooses(footage):
    footage("correct", "beach_dusk.mp4@0:16", "a bear walks", "--from", "11.5", "--to", "13.5")
    [error] = footage("correct", "beach_dusk.mp4@0:12", "an orange tractor", code=2)
    assert error["error"] == "2 events match"
    ids = {words: name for name, words in re.findall(r'([0-9a-f]{8}): "(.+?)" \(0:11.5', error["hint"])}
    green = "A green car drives from left to right."
    assert set(ids) == {"a bear walks", green}
    [response] = footage("correct", "beach_dusk.mp4@0:12", "an orange tractor", "--event", ids[green])
    assert response["original_text"] == green
    [error] = footage("correct", "beach_dusk.mp4@0:12", "--undo", code=2)
    assert error["error"] == "2 events match" and response["event"][:8] in error["hint"]
    [undone] = footage("correct", "beach_dusk.mp4@0:12", "--undo", "--event", ids["a bear walks"].upper())
    assert undone["text"] == "a bear walks"
    [error] = footage("correct", "beach_dusk.mp4@0:12", "--undo", "--event", "xyz", code=2)
    assert error["error"] == "no event at that time has the id 'xyz'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["save", "x"], "Give a query"),
        (["save", "x", "a dog", "--remove"], "Give a query"),
        (["save", "x", "--remove"], "no saved search"),
        (["review", "nothing"], "no saved search"),
        (["review", "--mark", "abc", "reviewed"], "no item"),
        (["review", "--mark", "abc", "lost"], "unknown state 'lost'"),
        (["correct", "beach_dusk.mp4@0:12", "--undo"], "was never corrected"),
        (["correct", "beach_dusk.mp4@0:12", "a dog", "--undo"], "excludes a new text"),
        (["correct", "beach_dusk.mp4@0:12", "a dog", "--remove"], "--remove excludes a new text"),
        (["correct", "beach_dusk.mp4@0:12", "--remove", "--undo"], "excludes --remove"),
        (["correct", "beach_dusk.mp4@9:00", "--remove"], "no event at"),
        (["correct", "beach_dusk.mp4@0:12"], "nothing was changed"),
        (["correct", "beach_dusk.mp4@0:12", "a dog", "--from", "0:14"], "end before it starts"),
        (["correct", "beach_dusk.mp4@0:12", "a dog", "--to", "9:00"], "not a valid segment"),
        (["correct", "beach_dusk.mp4@9:00", "a dog"], "no event at"),
        (["correct", "other.mp4@0:12", "a dog"], "has no video"),
    ],
)
def test_what_makes_no_sense_gets_one_sentence(footage, arguments, message):
    [error] = footage(*arguments, code=2)
    assert message in error["error"]
