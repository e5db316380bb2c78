"""`footage search` on an index whose truth is known: several events, pages, groups, more of the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_runner import CommandRunner
from standin_finder import StandinFinder, index_videos
from test_search_composite import CAR, DOG, VIDEOS

from footage.embed.text_embedder import load_embedder
from service.session import Loaders
from ui.cli import console
from ui.cli.main import app

runner = CommandRunner()
TEXT = "a red car drives by THEN a white dog runs"


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return str(index_videos(tmp_path_factory.mktemp("search"), VIDEOS, load_embedder()).path)


def search(db, *arguments):
    result = runner.invoke(app, ["search", *arguments, "--db", db, "--no-ground", "--json"])
    assert result.exit_code == 0, result.stderr
    *matches, coverage = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(match["type"] == "match" for match in matches) and coverage["type"] == "coverage"
    return matches, coverage


def test_every_part_of_an_answer_is_told(db):
    matches, coverage = search(db, f"{TEXT} within 10s")
    assert coverage["understood"] == ["THEN", "within 10s"] and coverage["videos"] == len(VIDEOS)
    [match] = matches
    assert (match["rank"], match["relation"], match["start_seconds"], match["end_seconds"]) == (
        1,
        "then",
        2,
        12,
    )
    assert [(part["query"], part["text"], part["start_seconds"]) for part in match["parts"]] == [
        ("a red car drives by", CAR, 2),
        ("a white dog runs", DOG, 8),
    ]
    shown = runner.invoke(app, ["search", TEXT, "--db", db, "--no-ground"])
    assert "a white dog runs" in shown.stdout.splitlines()[0] and "0:08.0 - 0:12.0" in shown.stdout
    assert "Understood: THEN" in shown.stderr
    nothing = runner.invoke(app, ["search", "a giraffe THEN a submarine", "--db", db, "--no-ground"])
    assert (nothing.exit_code, nothing.stdout) == (0, "Nothing found.\n")
    without, _ = search(db, "a red car drives by WITHOUT a white dog runs")
    assert without and {len(match["parts"]) for match in without} == {1}


def test_the_model_is_asked_about_every_part(db, monkeypatch):
    finder = StandinFinder(VIDEOS)
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: finder))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")  # its weights are here
    result = runner.invoke(app, ["search", TEXT, "--db", db, "--json"])
    first = json.loads(result.stdout.splitlines()[0])
    assert (first["verdict"], first["grounded"], Path(first["video"]).stem) == ("found", True, "order")
    assert {event for _, _, event in finder.asked} == {"a red car drives by", "a white dog runs"}


class FinderWithABug(StandinFinder):
    """Fails on one video in a way that no caller foresees."""

    def prepare(self, frames):
        prepared = super().prepare(frames)
        if prepared.payload.name == "together":
            raise ZeroDivisionError("half a frame")
        return prepared


@pytest.mark.parametrize("query", ["a white dog runs", TEXT])
def test_a_search_in_which_one_video_fails_answers_for_the_rest_with_exit_code_3(db, monkeypatch, query):
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: FinderWithABug(VIDEOS)))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")  # its weights are here
    result = runner.invoke(app, ["search", query, "--db", db, "--json", "--fresh"])
    assert result.exit_code == console.EXIT_PARTLY == 3
    *matches, coverage = [json.loads(line) for line in result.stdout.splitlines()]
    [failed] = coverage["not_checked"]
    assert Path(failed["video"]).stem == "together"
    assert failed["reason"] == "It could not be checked: ZeroDivisionError: half a frame."
    assert "order" in {Path(match["video"]).stem for match in matches if match["verdict"] == "found"}
    said = runner.invoke(app, ["search", query, "--db", db, "--fresh"])
    assert said.exit_code == 3 and "ZeroDivisionError: half a frame" in said.stderr


def test_pages_follow_each_other(db):
    whole = [
        (match["rank"], match["video"], match["start_seconds"]) for match in search(db, DOG, "-n", "4")[0]
    ]
    pages = [
        (match["rank"], match["video"], match["start_seconds"])
        for page in ("1", "2")
        for match in search(db, DOG, "-n", "2", "--page", page)[0]
    ]
    assert pages == whole and len(whole) == 4
    assert search(db, DOG, "--page", "20")[0] == []


def test_groups_are_told_by_their_best(db):
    by_text = search(db, DOG, "--group", "event", "-n", "50")[0]
    assert len({match["text"] for match in by_text}) == len(by_text)
    assert (by_text[0]["text"], by_text[0]["others"]) == (DOG, 3)
    by_video = search(db, DOG, "--group", "video", "-n", "50")[0]
    assert len({match["video"] for match in by_video}) == len(by_video) == len(VIDEOS)
    shown = runner.invoke(app, ["search", DOG, "--group", "event", "--db", db, "--no-ground"])
    assert "(and 3 more)" in shown.stdout


def test_more_of_the_same_needs_neither_model_nor_embedder(db, monkeypatch):
    def never(*arguments):
        raise AssertionError("nobody asked for an embedder or a model")

    monkeypatch.setattr(runner, "loaders", Loaders(never, never, never))
    matches, coverage = search(db, "--like", "order.mp4@0:09")
    assert coverage["query"] == DOG and coverage["videos"] == len(VIDEOS)
    assert [match["text"] for match in matches[:3]] == [DOG] * 3
    assert "order" not in {Path(match["video"]).stem for match in matches[:3]}
    nowhere = runner.invoke(app, ["search", "--like", "order.mp4@0:24", "--db", db])
    assert nowhere.exit_code == 2 and "no event at 0:24.0" in nowhere.stderr
