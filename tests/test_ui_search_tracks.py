"""`footage search` on an index with speech, subtitles and text on screen, with captions and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_runner import CommandRunner
from standin_finder import StandinFinder, TestVideo, write_grey_video
from tiny_tracks import add_video, sign, speech, subtitle

from footage.core.config import load_settings
from footage.core.errors import ModelUnavailableError
from footage.core.types import CaptionEvent, Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from search.engine import Engine
from service.saved import ReviewRequest, SaveRequest, review, save
from service.session import Loaders, Service
from service.similar import SimilarRequest, similar
from ui.cli.main import app

runner = CommandRunner()
POINTS = "A man in a white suit points at a mirror."
LAB = TestVideo("lab", 60, 60, {POINTS: [(1, 8), (40, 46)]}, "A laboratory.")
SAID = "The mirrors of the telescope are made of gold."


def no_model(settings):
    raise ModelUnavailableError("the weights are not here", hint="Fetch them.")


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory, embedder):
    """An index of words alone."""
    store = Store.open(tmp_path_factory.mktemp("spoken") / "index.lancedb", create=True)
    words = [speech(2, 6, SAID), speech(20, 24, "Now we go for lunch together.")]
    add_video(store, embedder, "talk", seconds=60, tracks={"speech": words})
    add_video(
        store,
        embedder,
        "road",
        seconds=60,
        tracks={
            "screen-text": [sign(41, 58, "EXIT 12")],
            "subtitles": [subtitle(1, 3, "Wer da?", language="de")],
        },
    )
    return store


@pytest.fixture(scope="module")
def both(tmp_path_factory, embedder):
    """An index of captions and words, with a video for the stand-in."""
    folder = tmp_path_factory.mktemp("both")
    store = Store.open(folder / "index.lancedb", create=True)
    path = write_grey_video(folder / "lab.mp4", grey=60, seconds=60)
    captions = [CaptionEvent(Span(1, 8), POINTS), CaptionEvent(Span(40, 46), POINTS)]
    words = [
        speech(2, 6, "A man in a white suit points at a mirror"),
        speech(25, 28, "The sky is blue today"),
    ]
    add_video(store, embedder, "lab", seconds=60, tracks={"caption": captions, "speech": words}, path=path)
    return store


def run(store, *arguments):
    return runner.invoke(app, ["search", *arguments, "--db", str(store.path)])


def lines(result):
    assert result.exit_code == 0, result.stderr
    *matches, coverage = [json.loads(line) for line in result.stdout.splitlines()]
    return matches, coverage


def test_words_are_quoted_and_no_model_is_asked_for(spoken, monkeypatch):
    monkeypatch.setattr(runner, "loaders", Loaders(no_model))
    shown = run(spoken, 'said:"telescope are made"')
    assert shown.exit_code == 0, shown.stderr
    assert "said: “The mirrors of the telescope are made of gold.”" in " ".join(shown.stdout.split())
    assert "found" in shown.stdout and "calibrat" not in shown.stderr
    [match], coverage = lines(run(spoken, "shows:exit", "--json"))
    assert (match["track"], match["marks"], match["verdict"]) == ("screen-text", [[0, 4]], "found")
    assert match["boxes"][0]["at_seconds"] == 41 and (match["start_seconds"], match["end_seconds"]) == (
        41,
        58,
    )
    assert coverage["outcome"] == "found" and coverage["tracks"]["screen-text"] == {
        "videos": 1,
        "seconds": 60,
    }
    [match], _ = lines(run(spoken, 'said:"wer da"', "--json"))
    assert (match["track"], match["language"]) == ("subtitles", "de")


def test_absent_words_are_not_found_in_what_was_heard(spoken):
    shown = run(spoken, 'said:"submarine"')
    assert (shown.exit_code, shown.stdout) == (0, "Nothing found.\n")
    assert "Not found: speech and subtitles of 1:00.0 of 2:00.0 were searched" in " ".join(
        shown.stderr.split()
    )
    _, coverage = lines(run(spoken, 'said:"submarine"', "--json"))
    assert coverage["outcome"] == "not found"


def test_an_index_without_captions_answers_a_plain_query_from_its_words(spoken, monkeypatch):
    monkeypatch.setattr(runner, "loaders", Loaders(no_model))
    matches, coverage = lines(run(spoken, SAID, "--json"))
    assert (matches[0]["track"], matches[0]["verdict"]) == ("speech", "found")
    assert coverage["notes"] == ["The pictures were not looked at: no captions are indexed."]
    matches, _ = lines(run(spoken, "what the telescope's mirrors consist of", "--json"))
    assert (matches[0]["text"], matches[0]["verdict"]) == (SAID, "not checked")
    assert any("similar in meaning" in line for line in matches[0]["evidence"])
    matches, coverage = lines(run(spoken, "a purple elephant dances", "--json"))
    assert not [match for match in matches if match["verdict"] == "found"]


def test_without_its_model_an_index_of_captions_and_words_says_that_nobody_looked(both, monkeypatch):
    monkeypatch.setattr(runner, "loaders", Loaders(no_model))
    _, coverage = lines(run(both, "the sky is blue today", "--model", "demo", "--json"))
    assert coverage["outcome"] == "found"


def test_what_is_seen_and_said_support_each_other(both, embedder):
    result = Engine(both, embedder, StandinFinder([LAB])).search(POINTS.casefold())
    seen = [match for match in result.matches if match.track == "caption" and match.verdict == "found"]
    [said] = [match for match in result.matches if match.track == "speech" and match.verdict == "found"]
    assert "It is seen there, too." in said.evidence
    at_once, alone = sorted(seen, key=lambda match: match.span)
    assert any("It is said, too, at" in line for line in at_once.evidence)
    assert dict(at_once.measures)["spoken"] > 0.9 and "spoken" not in dict(alone.measures)
    assert at_once.confidence > alone.confidence


def test_what_is_said_and_not_seen_says_so(both, embedder):
    engine = Engine(both, embedder, StandinFinder([LAB]))
    result = engine.search("the sky is blue today")
    said = result.matches[0]
    assert (said.track, said.verdict) == ("speech", "found")
    assert any("It is said" in line and "seen" in line for line in said.evidence)
    assert not [match for match in result.matches if match.track == "caption" and match.verdict == "found"]


def test_unrelated_words_change_no_answer_about_pictures(both, embedder, tmp_path):
    captions = {"caption": [CaptionEvent(Span(1, 8), POINTS), CaptionEvent(Span(20, 25), "A dog runs.")]}
    words = [speech(n, n + 1, f"Add {n} spoons of salt and stir the soup") for n in range(50)]
    answers = []
    for name, tracks in (("without", captions), ("with", {**captions, "speech": words})):
        store = Store.open(tmp_path / f"{name}.lancedb", create=True)
        add_video(store, embedder, "lab", seconds=60, tracks=tracks)
        matches = Engine(store, embedder).search("a man points at a mirror", ground=False).matches
        answers.append([replace_nothing(match) for match in matches])
    assert answers[0] == answers[1]


def replace_nothing(match):
    return match.span, match.text, match.score, match.verdict, match.confidence, match.evidence, match.track


def test_more_like_a_moment_stays_in_its_track(spoken):
    service = Service(load_settings(db=Path(spoken.path)))
    result = similar(service, SimilarRequest(moment="talk.mp4@3", track="speech"))
    assert [match.text for match in result.matches] == ["Now we go for lunch together."]
    assert {match.track for match in result.matches} == {"speech"}
    assert similar(service, SimilarRequest(moment="talk.mp4@3")).matches == result.matches


def test_a_saved_search_for_words_needs_no_model(spoken):
    service = Service(load_settings(db=Path(spoken.path)), loaders=Loaders(no_model))
    save(service, SaveRequest(name="gold", query='said:"made of gold"', closely=True))
    [item] = review(service, ReviewRequest(name="gold"))
    assert item.new and item.match.track == "speech"


def test_clips_of_what_is_said_are_chosen_like_others(both, tmp_path):
    result = runner.invoke(
        app,
        [
            "export",
            'said:"sky is blue"',
            "--db",
            str(both.path),
            "--out",
            str(tmp_path / "cut"),
            "--format",
            "csv",
        ],
    )
    assert result.exit_code == 0, result.stderr
    assert "The sky is blue today" in next((tmp_path / "cut").glob("*.csv")).read_text()
