"""Auditing captions: the model is asked for what they say, judges look, and what comes of it is kept."""

from __future__ import annotations

import json

import pytest
from command_runner import CommandRunner
from standin_finder import StandinFinder, TestVideo, index_videos
from standin_judge import StandinJudge, check_whole

from footage.core.claim_errors import ClaimError
from footage.core.errors import UsageError
from footage.core.types import Answer, Provenance, Span
from footage.embed.text_embedder import load_embedder
from footage.store.audits import Audit
from indexer.correcting import correct, undo
from search.audit import EVENTS_AT_ONCE, agreement_rate, audit
from search.grounding.window_queries import EventFinder
from service.audit import corrected_by, suggested
from service.session import Loaders
from ui.cli.main import app

DOG, BALL = "A dog runs.", "A ball bounces."
HONEST = TestVideo("honest", 60, 60, {DOG: [(5, 10)], BALL: [(40, 44)]})
LIAR = TestVideo("liar", 160, 40, {DOG: [(20, 25)]}, captioned={DOG: [(2, 7)]})
WOLF = "A wolf runs."


@pytest.fixture
def store(tmp_path):
    return index_videos(tmp_path, [HONEST, LIAR], load_embedder("minilm"))


def checked(store, *judges, finder=None, **options):
    finder = finder or StandinFinder([HONEST, LIAR])
    return audit(store, EventFinder(finder), judges, check=check_whole, **options)


def test_captions_that_the_model_disagrees_with_come_first(store):
    finder, response = StandinFinder([HONEST, LIAR]), []
    audits = audit(store, EventFinder(finder), on_progress=lambda *done: response.append(done)).audits
    assert [each.agreement for each in audits] == [0.0, 1.0, 1.0]
    assert (audits[0].content_id, audits[0].span, audits[0].found) == (
        "content-liar",
        Span(2, 7),
        Span(20, 25),
    )
    assert agreement_rate(audits) == pytest.approx(2 / 3) and agreement_rate([]) == 0
    assert tuple(store.annotations.audits.all()) == audits
    assert tuple(store.annotations.audits.all(["content-honest"])) == audits[1:]
    assert response[-1] == (3, 3)
    audit(store, EventFinder(finder), sample=2)
    assert len(store.annotations.audits.all()) == 3  # audited again, not twice


def test_an_audit_that_was_broken_off_asks_on(store):
    finder = StandinFinder([HONEST, LIAR])
    audit(store, EventFinder(finder, annotations=store.annotations), sample=2)
    audit(store, EventFinder(finder, annotations=store.annotations))
    assert len(finder.asked) == 3


def test_files_that_cannot_be_reached_are_listed_and_forgetting_forgets(store, tmp_path):
    (tmp_path / "liar.mp4").unlink()
    run = audit(store, EventFinder(StandinFinder([HONEST, LIAR])))
    assert {each.content_id for each in run.audits} == {"content-honest"}
    [problem] = run.problems
    assert problem.path.endswith("liar.mp4") and "cannot be reached" in problem.reason and problem.events == 1
    store.contents.forget("content-honest")
    assert store.annotations.audits.all() == []


def test_what_most_judges_contradict_is_kept_with_its_votes(store):
    one, two = StandinJudge({BALL: "A cube falls."}, "one"), StandinJudge({BALL: "A cube falls."}, "two")
    three = StandinJudge({DOG: WOLF}, "three")
    run = checked(store, one, two, three)
    ball, *dogs = run.audits
    assert (ball.text, ball.ruling, ball.judges) == (BALL, "contradicted", ("one", "two", "three"))
    [error] = ball.errors
    assert (error.kind, error.severity, error.votes_for, error.votes) == ("object", "major", 2, 3)
    assert error.suggestion == "A cube falls." and error.frames == (40.0,) and error.span == Span(0, 1)
    assert ball.support == pytest.approx(1 / 3, abs=1e-4)
    for dog in dogs:  # one of three is no majority
        assert dog.ruling == "supported" and len(dog.errors) == 1 and not dog.wrong
    assert store.annotations.audits.all() == list(run.audits)
    assert list(store.annotations.audits.contradicted()) == [ball.event_id]


def test_events_are_not_audited_twice_by_the_same_judges(store):
    judge = StandinJudge({})
    first = checked(store, judge)
    assert (len(judge.asked), first.skipped) == (3, 0)
    second = checked(store, judge)
    assert (len(judge.asked), second.skipped, second.audits) == (3, 3, first.audits)
    checked(store, judge, again=True)
    assert len(judge.asked) == 6
    other = checked(store, StandinJudge({}, "another judge"))
    assert other.skipped == 0 and {each.judges for each in other.audits} == {("another judge",)}


def test_a_corrected_caption_is_audited_anew_and_its_old_audit_does_not_count(store):
    judge, embedder = StandinJudge({BALL: "A cube falls."}), load_embedder("minilm")
    checked(store, judge)
    [ball] = [event for event in store.events.all() if event.text == BALL]
    kept = correct(store, ball, text="A cube falls.", span=ball.span, embedders=lambda: [embedder])
    assert BALL not in {each.text for each in store.annotations.audits.standing(store.events)}
    run = checked(store, judge)
    assert (judge.asked[3:], run.skipped) == (["A cube falls."], 2)
    assert not [each for each in store.annotations.audits.standing(store.events) if each.is_contradicted]
    undo(store, kept.correction, embedders=lambda: [embedder])
    [wrong] = [each for each in store.annotations.audits.standing(store.events) if each.is_contradicted]
    assert wrong.text == BALL


def test_a_cancelled_audit_keeps_what_was_done_and_goes_on_there(store):
    judge = StandinJudge({})

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checked(store, judge, on_progress=stop)
    assert len(store.annotations.audits.all()) == 2
    assert checked(store, judge).skipped == 2 and len(judge.asked) == 3


def test_one_bad_file_does_not_stop_the_others(store):
    run = checked(store, StandinJudge({}, broken=frozenset({"content-honest"})))
    assert {each.content_id for each in run.audits} == {"content-liar"}
    [problem] = run.problems
    assert problem.path.endswith("honest.mp4") and "cannot be decoded" in problem.reason
    assert problem.events == 2


def test_a_caption_that_no_judge_can_see_is_listed_and_asked_about_again(store):
    judge = StandinJudge({}, silent=frozenset({BALL}))
    run = checked(store, judge)
    assert [(each.reason, each.events) for each in run.problems] == [("It is too dark.", 1)]
    [ball] = [each for each in run.audits if each.text == BALL]
    assert (ball.judges, ball.ruling, ball.agreement) == ((), "", 1.0)
    assert checked(store, judge).skipped == 2


def test_a_kept_caption_stays_kept_when_it_is_audited_again(store):
    judge, audits = StandinJudge({BALL: "A cube falls."}), store.annotations.audits
    [ball, *_] = checked(store, judge).audits
    audits.decide(ball.event_id, "kept", author="Ann", at=5.0)
    assert not audits.contradicted()
    [kept] = [each for each in checked(store, judge, again=True).audits if each.text == BALL]
    assert (kept.decision, kept.decided_by, kept.decided_at) == ("kept", "Ann", 5.0)
    assert not kept.is_contradicted and not audits.contradicted()
    audits.decide(ball.event_id, "")
    assert list(audits.contradicted()) == [ball.event_id]
    assert audits.decide("nothing", "kept") is None


def test_a_long_video_is_kept_in_steps(tmp_path):
    events = {f"Event {n}.": [(3 * n, 3 * n + 2)] for n in range(EVENTS_AT_ONCE + 3)}
    video, steps = TestVideo("long", 60, 3 * len(events), events), []
    store = index_videos(tmp_path, [video], load_embedder("minilm"))
    run = checked(
        store, StandinJudge({}), finder=StandinFinder([video]), on_progress=lambda *done: steps.append(done)
    )
    total = len(run.audits)
    assert total >= EVENTS_AT_ONCE + 3
    assert [done for done, _ in steps] == [*range(0, total, EVENTS_AT_ONCE), total]


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


def test_wrong_captions_are_listed_and_kept_by_command(store):
    [ball, *_] = checked(store, StandinJudge({BALL: "A cube falls."})).audits
    runner, db = CommandRunner(), ["--db", str(store.path)]
    assert "A cube falls." in runner.invoke(app, ["audit", *db, "--list"]).stdout
    [listed] = map(json.loads, runner.invoke(app, ["audit", *db, "--list", "--json"]).stdout.splitlines())
    assert listed["event_id"] == ball.event_id and listed["errors"][0]["suggestion"] == "A cube falls."
    status = json.loads(runner.invoke(app, ["status", *db, "--json"]).stdout.splitlines()[0])
    assert (status["audit"]["judged"], status["audit"]["wrong"]) == (3, 1)
    kept = runner.invoke(app, ["audit", *db, "--keep", ball.event_id[:8], "--author", "Ann", "--json"])
    assert json.loads(kept.stdout)["decision"] == "kept"
    assert "No caption to check" in runner.invoke(app, ["audit", *db, "--list"]).stdout
    [listed] = map(
        json.loads,
        runner.invoke(app, ["audit", *db, "--list", "--state", "kept", "--json"]).stdout.splitlines(),
    )
    assert listed["decided_by"] == "Ann"
    runner.invoke(app, ["audit", *db, "--reopen", ball.event_id])
    assert BALL in runner.invoke(app, ["audit", *db, "--list"]).stdout
    unknown = runner.invoke(app, ["audit", *db, "--keep", "xyz"])
    assert unknown.exit_code and "No audited event has the id 'xyz'" in unknown.stderr
    both = runner.invoke(app, ["audit", *db, "--list", "--keep", "xyz"])
    assert isinstance(both.exception, UsageError) or "exclude one another" in both.stderr
    odd = runner.invoke(app, ["audit", *db, "--list", "--state", "odd"])
    assert odd.exit_code and "Traceback" not in odd.stderr


def test_only_a_suggestion_for_the_whole_caption_can_be_accepted():
    def suggestion(kind, words):
        error = ClaimError(kind, "major", "It is otherwise.", 1, 1, None, words)
        found = Audit("e", "c", Span(2, 5), "A red car stops.", None, 0, "m", "1", errors=(error,))
        good = suggested(found)
        return corrected_by(good, found) if good else None

    assert suggestion("attribute", "A blue car stops.") == ("A blue car stops.", Span(2, 5))
    assert suggestion("time", "0:12.0-1:16.5") == ("A red car stops.", Span(12, 76.5))
    for kind, words in [("object", "a van"), ("object", ""), ("time", "later"), ("time", "0:05-0:04")]:
        assert suggestion(kind, words) is None


class AskedModel(StandinFinder):
    """Answers every question about claims with one ruling."""

    def __init__(self, ruling: str) -> None:
        super().__init__([HONEST, LIAR])
        self._ruling = ruling

    @property
    def provenance(self):
        return Provenance("judge", "7", "test", "test")

    def run(self, requests):
        votes = [{"number": number, "ruling": self._ruling, "instead": "cat"} for number in range(1, 13)]
        return [Answer(json.dumps(votes), "stop") for _ in requests]


def test_a_further_model_judges_beside_the_find_model(store, monkeypatch):
    runner, address = CommandRunner(), "http://127.0.0.1:9/v1#judge"
    made = {"demo": StandinFinder([HONEST, LIAR]), address: AskedModel("contradicted")}
    runner.loaders = Loaders(lambda settings: made[settings.model])
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")
    done = runner.invoke(app, ["audit", "--db", str(store.path), "--judge", address, "--json"])
    assert not done.exit_code, done.stderr
    *rows, summary = map(json.loads, done.stdout.splitlines())
    finds, judge = summary["judges"]
    assert finds.startswith("standin@1") and judge.startswith("judge@7")
    assert all(row["judges"] == [finds, judge] for row in rows)
    errors = [error for row in rows for error in row["errors"]]
    assert errors and all(error["votes_for"] >= 1 for error in errors)
    again = runner.invoke(app, ["audit", "--db", str(store.path), "--judge", address])
    assert "3 events had been checked before" in again.stdout


def test_a_judge_that_answers_no_questions_is_refused_before_anything_is_checked(store, monkeypatch):
    runner = CommandRunner()
    runner.loaders = Loaders(lambda settings: StandinFinder([HONEST, LIAR]))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")
    refused = runner.invoke(app, ["audit", "--db", str(store.path), "--judge", "timelens-8b"])
    assert refused.exit_code and "cannot ask" in refused.stderr
    assert store.annotations.audits.all() == []


def test_a_fault_in_one_video_does_not_stop_the_others(store, caplog):
    class FaultyJudge(StandinJudge):
        def check(self, video, path, claims):
            if video.content_id == "content-honest":
                raise IndexError("out of range")
            return super().check(video, path, claims)

    run = checked(store, FaultyJudge({}))
    assert {each.content_id for each in run.audits} == {"content-liar"}
    [problem] = run.problems
    assert problem.events == 2 and "IndexError" in problem.reason and "honest.mp4" in caplog.text
