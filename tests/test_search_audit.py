"""Auditing captions: the model is asked for what they say, and what comes of it is kept."""

from __future__ import annotations

import json

import pytest
from command_runner import CommandRunner
from standin_finder import StandinFinder, TestVideo, index_videos

from footage.core.types import Span
from footage.embed.text_embedder import load_embedder
from search.audit import agreement_rate, audit
from search.grounding.window_queries import EventFinder
from service.session import Loaders
from ui.cli.main import app

DOG, BALL = "A dog runs.", "A ball bounces."
HONEST = TestVideo("honest", 60, 60, {DOG: [(5, 10)], BALL: [(40, 44)]})
LIAR = TestVideo("liar", 160, 40, {DOG: [(20, 25)]}, captioned={DOG: [(2, 7)]})


@pytest.fixture
def store(tmp_path):
    return index_videos(tmp_path, [HONEST, LIAR], load_embedder("minilm"))


def test_captions_that_the_model_disagrees_with_come_first(store):
    finder, response = StandinFinder([HONEST, LIAR]), []
    audits = audit(store, EventFinder(finder), on_progress=lambda *done: response.append(done))
    assert [each.agreement for each in audits] == [0.0, 1.0, 1.0]
    assert (audits[0].content_id, audits[0].span, audits[0].found) == (
        "content-liar",
        Span(2, 7),
        Span(20, 25),
    )
    assert agreement_rate(audits) == pytest.approx(2 / 3) and agreement_rate([]) == 0
    assert store.annotations.audits.all() == audits
    assert store.annotations.audits.all(["content-honest"]) == audits[1:]
    assert response[-1] == (3, 3)
    audit(store, EventFinder(finder), sample=2)
    assert len(store.annotations.audits.all()) == 3  # audited again, not twice


def test_an_audit_that_was_broken_off_asks_on(store):
    finder = StandinFinder([HONEST, LIAR])
    audit(store, EventFinder(finder, annotations=store.annotations), sample=2)
    audit(store, EventFinder(finder, annotations=store.annotations))
    assert len(finder.asked) == 3


def test_files_that_cannot_be_reached_are_left_out_and_forgetting_forgets(store, tmp_path):
    (tmp_path / "liar.mp4").unlink()
    audits = audit(store, EventFinder(StandinFinder([HONEST, LIAR])))
    assert {each.content_id for each in audits} == {"content-honest"}
    store.contents.forget("content-honest")
    assert store.annotations.audits.all() == []


def test_the_command_lists_the_worst_and_status_shows_the_rate(store, monkeypatch):
    runner = CommandRunner()
    runner.loaders = Loaders(lambda settings: StandinFinder([HONEST, LIAR]))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")
    db = ["--db", str(store.path)]
    assert json.loads(runner.invoke(app, ["status", *db, "--json"]).stdout.splitlines()[0])["audit"] is None
    result = runner.invoke(app, ["audit", *db, "--json", "--worst", "1"])
    worst, summary = map(json.loads, result.stdout.splitlines())
    assert worst["path"].endswith("liar.mp4") and worst["agreement"] == 0
    assert (summary["events"], summary["agreement_rate"]) == (3, 0.6667)
    assert "66.7% of 3 events agree" in runner.invoke(app, ["audit", *db]).stdout
    assert "66.7% of 3 events agree" in runner.invoke(app, ["status", *db]).stdout
