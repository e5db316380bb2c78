"""`footage calibrate`: a stand-in answers a truth file, what is right is fitted, searches use the fit."""

from __future__ import annotations

import json

import pytest
from command_runner import CommandRunner
from standin_finder import PROFILE, StandinFinder, TestVideo, index_videos
from test_evaluation_own_library import event, written
from test_ui_commands import bare_environment, lines  # noqa: F401

from footage.embed.text_embedder import load_embedder
from search.grounding import calibration
from search.grounding.calibration import read_calibration
from search.grounding.fitting import LEAST_EXAMPLES
from service.session import Loaders
from ui.cli.main import app

DOERS = [
    "A dog",
    "A red car",
    "A woman in a hat",
    "A small boy",
    "A black horse",
    "An old man",
    "A white bird",
]
DEEDS = ["crosses the yard", "stops at the gate", "turns around"]
ABSENT = [
    *("somebody plays a piano", "a plane lands", "a chef cuts an onion", "two men fight", "a boat sinks"),
    *(
        "a clown juggles",
        "snow falls on a church",
        "a girl eats ice cream",
        "a tractor ploughs",
        "a whale dives",
    ),
]
VIDEOS = [
    TestVideo(
        f"yard{n}",
        20 + 30 * n,
        40,
        {f"{doer} {deed}.": [(3 + 12 * m, 9 + 12 * m)] for m, deed in enumerate(DEEDS)},
    )
    for n, doer in enumerate(DOERS)
]
QUERY = "A dog stops at the gate"

runner = CommandRunner()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder with some videos, their index, and a truth file of all that happens in them."""
    folder = tmp_path_factory.mktemp("library")
    index_videos(folder, VIDEOS, load_embedder())
    videos = {
        f"{video.name}.mp4": {
            "events": [event(text.rstrip("."), *spans) for text, spans in video.events.items()]
        }
        for video in VIDEOS
    }
    written(folder / "truth.json", videos, ABSENT)
    return folder


@pytest.fixture(autouse=True)
def at_home(bare_environment, monkeypatch, tmp_path, library):  # noqa: F811
    """The stand-in in place of a model, the index by the setting, and no fit of anybody."""
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: StandinFinder(VIDEOS)))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")  # its weights are here
    monkeypatch.setenv("FOOTAGE_DB", str(library / "index.lancedb"))
    monkeypatch.setattr(calibration, "OWN_CARDS", tmp_path / "own")
    monkeypatch.setattr(calibration, "CARDS", tmp_path / "none")


def calibrate(library, *arguments):
    return runner.invoke(app, ["calibrate", "--truth", str(library / "truth.json"), *arguments])


def searched():
    result = runner.invoke(app, ["search", QUERY, "--json"])
    assert result.exit_code == 0, result.output
    return next(line for line in lines(result.stdout) if line["type"] == "match" and line["grounded"])


def test_a_fit_is_written_told_and_used(library, tmp_path, monkeypatch):
    out = tmp_path / "fits" / "mine.json"
    before = searched()
    result = calibrate(library, "--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    [response] = lines(result.stdout)
    made = read_calibration(out)
    assert response == {"out": str(out), **json.loads(made.model_dump_json()), "refused": None, "more": None}
    assert made.model == PROFILE.name and made.card is not None
    count, absent = len(VIDEOS) * len(DEEDS) + len(ABSENT), len(ABSENT)
    assert made.card.data == f"{count} queries of truth.json, {absent} of them absent"
    assert made.card.examples >= LEAST_EXAMPLES and made.card.positives == len(VIDEOS) * len(DEEDS)
    assert made.card.auroc > 0.9  # the stand-in is right wherever it is sure
    assert sum(matches for _, matches, _ in made.card.reliability) == made.card.examples

    assert searched()["calibrated"] is before["calibrated"] is False  # nobody looks there yet
    monkeypatch.setenv("FOOTAGE_CALIBRATION", str(out))
    after = searched()
    assert after["calibrated"] is True and after["confidence"] != before["confidence"]


def test_without_a_place_it_is_written_where_searches_look(library, tmp_path):
    assert searched()["calibrated"] is False
    result = calibrate(library)
    place = tmp_path / "own" / f"{PROFILE.name}.json"
    card = read_calibration(place).card
    assert result.exit_code == 0 and card is not None
    assert f"Written to {place}." in result.stdout.replace("\n", "")
    assert f"{card.examples} matches, {card.positives} of them right" in result.stdout
    assert "similarity" in result.stdout
    assert searched()["calibrated"] is True


def test_too_few_labels_are_told_and_nothing_is_written(library, tmp_path):
    [(text, at), *_] = VIDEOS[0].events.items()
    videos = {str(library / "yard0.mp4"): {"events": [event(text.rstrip("."), *at)]}}
    truth = written(tmp_path / "few.json", videos, [])
    out = tmp_path / "fit.json"
    result = runner.invoke(app, ["calibrate", "--truth", str(truth), "--out", str(out), "--json"])
    error = json.loads(result.stderr)
    assert result.exit_code == 2 and result.stdout == "" and not out.exists()
    assert "are too few" in error["error"] and "Label more queries" in error["hint"]


def test_a_promise_is_made_stored_shown_and_used_unless_the_setting_is_set(library, tmp_path, monkeypatch):
    out = tmp_path / "fit.json"
    result = calibrate(library, "--out", str(out), "--promise", "0.7", "--confidence", "0.8")
    promise = read_calibration(out).promise
    assert result.exit_code == 0, result.output
    assert promise is not None and (promise.precision, promise.confidence) == (0.7, 0.8)
    said = " ".join(result.stdout.split())
    assert promise.sentence in said and f"{promise.found} labelled queries that are found" in said
    monkeypatch.setenv("FOOTAGE_CALIBRATION", str(out))
    match = searched()
    assert (match["verdict"] == "found") == (match["confidence"] >= promise.found_from)
    assert any(line.startswith("Promised: at least 70%") for line in match["evidence"]) == (
        match["verdict"] == "found"
    )
    monkeypatch.setenv("FOOTAGE_FOUND_FROM", "0.9999")
    assert searched()["verdict"] != "found" or searched()["confidence"] >= 0.9999
    status = runner.invoke(app, ["status"])
    assert status.exit_code == 0 and "Promised: of the queries" in " ".join(status.stdout.split())


def test_what_cannot_be_promised_is_told_with_the_labels_it_takes_and_the_fit_is_written(library, tmp_path):
    out = tmp_path / "fit.json"
    result = calibrate(library, "--out", str(out), "--promise", "0.99", "--confidence", "0.99", "--json")
    [response] = lines(result.stdout)
    assert result.exit_code == 1 and read_calibration(out).promise is None
    assert response["promise"] is None and response["more"] > 100
    assert f"about {response['more']} more are needed" in response["refused"]


@pytest.mark.parametrize(
    "arguments",
    [["--promise", "1"], ["--promise", "0"], ["--promise", "0.9", "--confidence", "1.5"]],
)
def test_shares_out_of_range_are_refused_before_anything_is_asked(library, tmp_path, arguments):
    result = calibrate(library, "--out", str(tmp_path / "fit.json"), *arguments, "--json")
    error = json.loads(result.stderr)
    assert result.exit_code == 2 and "must lie between 0 and 1" in error["error"] and "0.9" in error["hint"]
    assert not (tmp_path / "fit.json").exists()


def test_a_promise_needs_queries_that_nothing_answers(library, tmp_path):
    [(text, at), *_] = VIDEOS[0].events.items()
    truth = written(
        tmp_path / "present.json",
        {str(library / "yard0.mp4"): {"events": [event(text.rstrip("."), *at)]}},
        [],
    )
    result = runner.invoke(app, ["calibrate", "--truth", str(truth), "--promise", "0.9", "--json"])
    assert (
        result.exit_code == 2 and "needs queries that nothing answers" in json.loads(result.stderr)["error"]
    )


def test_a_truth_file_of_other_videos_is_told(library, tmp_path):
    truth = written(tmp_path / "other.json", {"/x/other.mp4": {"events": [event("a dog", (1, 2))]}})
    result = runner.invoke(app, ["calibrate", "--truth", str(truth)])
    assert result.exit_code == 2 and "which is not in the index" in result.stderr.replace("\n", " ")
    assert not (tmp_path / "own").exists()
