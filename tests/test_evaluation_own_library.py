"""Measuring on people's own footage: the template, the figures, the bounds; a stand-in knows the truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_runner import CommandRunner
from standin_finder import StandinFinder, TestVideo, index_videos
from test_ui_commands import bare_environment, lines, needs_demo_model  # noqa: F401

from evaluation.own_library import (
    AT_LEAST,
    AT_MOST,
    NEED_ABSENT,
    Asked,
    TruthFile,
    ask_own,
    confidence_of,
    figures_of,
    missed,
    read_bounds,
    read_truth,
    worst,
)
from evaluation.readers import read_ground_truth
from evaluation.suites.scoring import TruthQuery
from evaluation.truth_template import WrittenTemplate, proposals, write_template
from footage.core.errors import FileError, UsageError
from footage.core.types import File, Match, Span, Video
from footage.embed.text_embedder import load_embedder
from footage.store import Mark, Store
from search.engine import Engine
from service.session import Loaders
from ui.cli.main import app

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "footage"
YARD = TestVideo("yard", 60, 40, {"A dog runs along the fence.": [(5, 12)], "A red car stops.": [(20, 26)]})
HALL = TestVideo("hall", 160, 20, {"A woman opens the door.": [(3, 8)]})

runner = CommandRunner()


def match(video="a", start=0.0, end=10.0, *, sure=0.9, verdict="found"):
    known = Video(video, 60, 64, 48, 25, "h264")
    return Match(known, f"/{video}.mp4", Span(start, end), "", 0.5, True, verdict, confidence=sure)


def asked(truths, *matches, seconds=1.0):
    return Asked("a dog runs", truths, matches, seconds, matches)


def written(path, videos, negatives=()):
    path.write_text(json.dumps({"videos": videos, "negative_queries": list(negatives)}), encoding="utf-8")
    return path


def event(query, *spans, **more):
    return {"query": query, "spans": [list(span) for span in spans], **more}


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def library(tmp_path_factory, embedder):
    """A folder with two videos and, beside them, their index."""
    folder = tmp_path_factory.mktemp("library")
    index_videos(folder, [YARD, HALL], embedder)
    return folder


@pytest.fixture
def finder(monkeypatch):
    """The stand-in takes the place of whatever model the commands would load."""
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: StandinFinder([YARD, HALL])))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")  # its weights are here


# -- the figures ---------------------------------------------------------------------------------------------


def test_answers_that_are_right_score_one_and_absent_ones_complete_the_figures():
    right = asked({"a": (Span(0, 10),)}, match())
    nothing = asked({}, match(sure=0.1, verdict="uncertain"))
    figures = figures_of([right, nothing])
    assert set(figures) == {*AT_LEAST, *AT_MOST}
    assert [figures[name] for name in AT_LEAST] == [1.0] * len(AT_LEAST)
    assert figures["ece"] == pytest.approx(0.1) and figures["fpr_at_90_recall"] == 0
    assert figures["start_error_seconds"] == figures["end_error_seconds"] == 0
    assert set(figures_of([right])) == {*AT_LEAST, *AT_MOST} - set(NEED_ABSENT)


def test_the_first_match_counts_for_the_span_and_five_videos_for_the_list():
    late = asked({"b": (Span(0, 10),)}, match("a"), match("a", 20, 30), match("b"))
    figures = figures_of([late, asked({"b": (Span(0, 8),)}, match("b", 0, 4))])  # IoU exactly 0.5
    assert (figures["video_R@1"], figures["video_R@5"]) == (0.5, 1.0)
    assert (figures["span_R@1@0.5"], figures["mIoU"]) == (0.5, 0.25)
    far = asked({"z": (Span(0, 10),)}, *(match(name) for name in "abcdez"))
    assert figures_of([far])["video_R@5"] == 0


def test_every_time_it_happens_counts_and_only_what_is_said_to_be_found():
    twice = {"a": (Span(0, 10), Span(30, 40)), "b": (Span(5, 8),)}
    one = asked(twice, match("a"), match("a", 0, 9), match("a", 30, 40, verdict="uncertain"), match("c"))
    figures = figures_of([one])
    assert figures["occurrence_precision"] == pytest.approx(1 / 3, abs=1e-4)  # of a, a again, c
    assert figures["occurrence_recall"] == pytest.approx(1 / 3, abs=1e-4)


def test_where_nothing_is_found_a_bound_on_its_precision_does_not_hold():
    silent = figures_of([asked({"a": (Span(0, 10),)}, match(verdict="uncertain")), asked({})])
    assert (silent["occurrence_recall"], silent["found_recall"], silent["span_R@1@0.5"]) == (0, 0, 1)
    precisions = ["occurrence_precision", "found_precision", "found_precision@1in10"]
    assert missed(silent, dict.fromkeys(precisions, 0.5)) == precisions


def test_errors_are_medians_over_right_spans_wherever_they_are_listed():
    answers = [
        asked({"a": (Span(10, 20),)}, match("b"), match("a", 11, 20.5)),
        asked({"a": (Span(10, 20),)}, match("a", 13, 20), match("a", 50, 60)),
    ]
    figures = figures_of(answers)
    assert (figures["start_error_seconds"], figures["end_error_seconds"]) == (2.0, 0.25)
    assert "start_error_seconds" not in figures_of([asked({"a": (Span(10, 20),)}, match("b"))])


def test_false_alarms_and_confidence():
    found = asked({"a": (Span(0, 10),)}, match(sure=0.6))
    alarm = asked({}, match(sure=0.8))
    quiet = asked({}, match(sure=0.3, verdict="uncertain"))
    figures = figures_of([found, alarm, quiet, quiet])
    assert (figures["found_precision"], figures["found_recall"]) == (0.5, 1.0)
    assert figures["found_precision@1in10"] == pytest.approx(0.1 / (0.1 + 0.9 / 3), abs=1e-4)
    assert figures["verdict_AUROC"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["fpr_at_90_recall"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["ece"] == pytest.approx((0.4 + 0.8 + 2 * 0.3) / 4)
    assert confidence_of([match(sure=0.2), match(sure=0.6), match(sure=None)]) == 0.6
    assert confidence_of([match(sure=None)]) == confidence_of([]) == 0


def test_latency_is_that_of_every_query():
    figures = figures_of([asked({"a": (Span(0, 10),)}, match(), seconds=s) for s in (1.0, 2.0, 3.0)])
    assert (figures["latency_p50_seconds"], figures["latency_p95_seconds"]) == (2.0, pytest.approx(2.9))


def test_the_worst_come_first_and_the_right_ones_not_at_all():
    right, near = asked({"a": (Span(0, 10),)}, match()), asked({"a": (Span(0, 10),)}, match("a", 7, 10))
    lost, alarm = asked({"a": (Span(0, 10),)}), asked({}, match())
    quiet = asked({}, match(verdict="uncertain"))
    assert worst([right, near, quiet, lost, alarm]) == [alarm, lost, near]


# -- bounds --------------------------------------------------------------------------------------------------

BOTH = TruthFile((TruthQuery("a dog runs", {"/a.mp4": (Span(0, 1),)}), TruthQuery("a cat", {})), 0)


def test_a_figure_misses_its_bound_on_the_side_that_is_worse():
    bounds = read_bounds(" span_R@1@0.5=0.6, ece=0.2,found_precision=0.9 ", BOTH)
    assert bounds == {"span_R@1@0.5": 0.6, "ece": 0.2, "found_precision": 0.9}
    assert missed({"span_R@1@0.5": 0.6, "ece": 0.2, "found_precision": 0.9}, bounds) == []
    assert missed({"span_R@1@0.5": 0.59, "ece": 0.21, "found_precision": 1.0}, bounds) == [
        "span_R@1@0.5",
        "ece",
    ]
    assert missed({}, {"start_error_seconds": 1.0}) == ["start_error_seconds"]  # no right span to measure at
    assert read_bounds("", BOTH) == {}


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("span=0.6", "no figure 'span'"),
        ("mIoU", "must be a number, got ''"),
        ("mIoU=high", "must be a number, got 'high'"),
        ("mIoU=nan", "must be a number, got 'nan'"),
    ],
)
def test_a_bound_that_is_none_is_told(text, response):
    with pytest.raises(UsageError, match=response) as caught:
        read_bounds(text, BOTH)
    assert "mIoU" in caught.value.hint


def test_a_bound_on_false_alarms_needs_absent_queries():
    for name in NEED_ABSENT:
        with pytest.raises(UsageError, match="needs queries that nothing answers"):
            read_bounds(f"{name}=0.5", TruthFile(BOTH.questions[:1], 0))


# -- the truth file ------------------------------------------------------------------------------------------


def test_what_is_still_to_be_checked_is_not_asked(tmp_path):
    videos = {
        "a.mp4": {"events": [event("a dog runs", (1, 2)), event("a cat sits", (3, 4), to_check=True)]},
        "b.mp4": {"events": [event("a dog runs", ("0:05", 6)), event("a cat sits", (7, 8))]},
    }
    truth = read_truth(written(tmp_path / "truth.json", videos, ["a plane", "a boat", "a plane"]))
    assert [question.text for question in truth.questions] == ["a dog runs", "a plane", "a boat"]
    assert (truth.present, truth.absent, truth.to_check) == (1, 2, 1)
    assert truth.questions[0].truths == {
        str((tmp_path / "a.mp4").resolve()): (Span(1, 2),),
        str((tmp_path / "b.mp4").resolve()): (Span(5, 6),),
    }


def test_a_file_that_asks_for_nothing_there_or_in_no_words_is_told(tmp_path):
    path = written(tmp_path / "t.json", {"a.mp4": {"events": []}}, ["a plane"])
    with pytest.raises(UsageError, match="asks for nothing"):
        read_truth(path)
    written(path, {"a.mp4": {"events": [event("camera:door", (1, 2))]}})
    with pytest.raises(UsageError, match=r't\.json, query "camera:door": The query has only filters'):
        read_truth(path)


def test_videos_are_compared_by_what_they_hold(tmp_path, embedder):
    store = index_videos(tmp_path, [YARD], embedder)
    copy = str(tmp_path / "copy of yard.mp4")
    store.files.put([File(copy, "content-yard", state="indexed"), File("/x/bad.mp4", "", state="failed")])
    questions = [
        TruthQuery("A dog runs along the fence", {copy: (Span(5, 12),)}),
        TruthQuery("A red car stops", {"/x/bad.mp4": (Span(0, 1),)}),
    ]
    response = []
    engine = Engine(store, embedder, StandinFinder([YARD]))
    right, missing = ask_own(engine, store, questions, on_progress=lambda *done: response.append(done))
    assert right.truths == {"content-yard": (Span(5, 12),)} and right.right
    assert not missing.right and missing.iou == 0  # a file that could not be read is a miss, no error
    assert response[-1] == ("asking", 2, 2) and right.seconds > 0

    unknown = [TruthQuery("a dog", {"/x/other.mp4": (Span(0, 1),), "/x/more.mp4": (Span(0, 1),)})]
    with pytest.raises(
        UsageError, match=r"names /x/more\.mp4, which is not in the index .* \(nor are 1 more"
    ):
        ask_own(engine, store, unknown, on_progress=lambda *done: None)


# -- the template --------------------------------------------------------------------------------------------


def test_a_template_of_an_index_can_be_read_and_proposes_its_captions(library, tmp_path):
    out = tmp_path / "truth.json"
    assert write_template(library / "index.lancedb", out, db=tmp_path / "none") == WrittenTemplate(2, 0, 0, 3)
    truth = read_ground_truth(out)
    paths = {str((tmp_path / video.name).resolve()) for video in truth.videos}
    assert paths == {str((library / f"{name}.mp4").resolve()) for name in ("yard", "hall")}
    events = {event.query: event for video in truth.videos for event in video.events}
    assert set(events) == {text.rstrip(".") for video in (YARD, HALL) for text in video.events}
    assert all(event.to_check for event in events.values())
    assert events["A red car stops"].spans == (Span(20, 26),)
    with pytest.raises(UsageError, match="asks for nothing"):
        read_truth(out)
    out.write_text(out.read_text(encoding="utf-8").replace(', "to_check": true', ""), encoding="utf-8")
    assert read_truth(out).present == 3


def test_a_template_of_a_folder_needs_no_index_and_leaves_the_folder_alone(library, tmp_path):
    folder = tmp_path / "Fußball"
    folder.mkdir()
    shutil.copy(library / "yard.mp4", folder / 'a "b".mp4')
    assert write_template(folder, tmp_path / "truth.json", db=tmp_path / "none") == WrittenTemplate(
        1, 0, 0, 0
    )
    [video] = read_ground_truth(tmp_path / "truth.json").videos
    assert video.name == 'Fußball/a "b".mp4' and video.duration_seconds is None
    assert video.events[0].to_check
    assert "Fußball" in (tmp_path / "truth.json").read_text(encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == ['a "b".mp4']
    assert not (tmp_path / "none").exists()


def label(query, state, content_id, start=0.0, end=1.0, *, at=0.0):
    name = f"label/{query}/{content_id}/{start}"
    return Mark(name, "label", content_id, Span(start, end), state, query=query, made_at=at)


def test_what_was_accepted_is_asked_and_what_was_only_rejected_is_absent(tmp_path, embedder):
    store = index_videos(tmp_path, [YARD, HALL], embedder)
    store.annotations.marks.put(
        [
            label("a dog runs", "present", "content-yard", 5.04, 11),
            label("a dog runs", "present", "content-yard", 6, 12.96),  # the same moment, a bit later
            label("a dog runs", "absent", "content-hall", 3, 8),  # another answer to the same
            label("a red car stops", "present", "content-yard", 20, 26),  # also what a caption says
            label("a woman opens the door", "absent", "content-hall", 3, 8),
            label("a horse", "absent", "content-yard", at=2.0),
            label("a cat", "absent", "content-yard", at=1.0),
            label("a cat", "absent", "content-hall", at=3.0),
            label("", "present", "content-hall"),  # an answer to no words, but to a picture
            label("a fox", "present", "content-gone"),
            label("an owl", "absent", "content-gone"),
        ]
    )
    out = tmp_path / "truth.json"
    assert write_template(store.path, out, db=tmp_path / "none") == WrittenTemplate(2, 2, 3, 1)
    truth = read_ground_truth(out)
    assert truth.negative_queries == ("a woman opens the door", "a cat", "a horse")
    events = {(event.query, event.to_check): event.spans for video in truth.videos for event in video.events}
    assert events == {
        ("a dog runs", False): (Span(5.04, 12.96),),
        ("a red car stops", False): (Span(20, 26),),
        ("A dog runs along the fence", True): (Span(5, 12),),
    }
    asked = read_truth(out)
    assert (asked.present, asked.absent, asked.to_check) == (2, 3, 1)


def test_a_folder_takes_what_was_said_of_its_videos_alone(tmp_path, embedder):
    store = index_videos(tmp_path, [YARD, HALL], embedder)
    marks = [label("a dog", "present", "content-yard"), label("a cat", "absent", "content-yard")]
    store.annotations.marks.put([*marks, label("a door", "present", "content-hall")])
    folder = tmp_path / "only"
    folder.mkdir()
    (folder / "hall.mp4").symlink_to(tmp_path / "hall.mp4")
    out = tmp_path / "truth.json"
    response = runner.invoke(app, ["eval", "init", str(folder), "--out", str(out), "--db", str(store.path)])
    assert "1 video; queries accepted: 1, rejected: 0" in response.stdout, response.output
    [video] = read_ground_truth(out).videos
    assert [event.query for event in video.events if not event.to_check] == ["a door"]


def test_the_proposals_are_the_captions_least_like_the_others(tmp_path, embedder):
    common = {f"A red car drives past number {n}.": [(2 * n, 2 * n + 1)] for n in range(6)}
    pancake = {"A chef flips a pancake.": [(20, 22), (25, 27)], "…": [(23, 24)]}
    busy = TestVideo("busy", 30, 28, common | pancake)
    other = TestVideo("other", 200, 12, {"A red car drives past number 9.": [(1, 2)]})
    store = index_videos(tmp_path, [busy, other], embedder)
    found = proposals(store, {"content-busy"}, most=1)
    assert found == {"content-busy": {"A chef flips a pancake.": (Span(20, 22), Span(25, 27))}}
    two = proposals(store, {"content-busy", "content-other"}, most=2)
    assert set(two) == {"content-busy", "content-other"}  # one of each video before a second of any
    assert proposals(Store.open(tmp_path / "empty", create=True), {"x"}) == {}


def test_what_cannot_be_a_template_is_told(library, tmp_path):
    out = tmp_path / "truth.json"
    out.write_text("mine")
    with pytest.raises(UsageError, match="already exists"):
        write_template(library, out, db=tmp_path / "none")
    assert out.read_text() == "mine"
    with pytest.raises(FileError, match="cannot be written"):
        write_template(library, tmp_path / "no folder" / "truth.json", db=tmp_path / "none")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileError, match="no video"):
        write_template(empty, tmp_path / "new.json", db=tmp_path / "none")


# -- the commands --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("finder")
def test_run_shows_the_figures_and_fails_under_a_bound(library):
    videos = {
        "yard.mp4": {
            "events": [event("a dog runs along the fence", (5, 12)), event("a red car stops", (35, 39))]
        },
        "hall.mp4": {"events": [event("a woman opens the door", ("0:03", "0:08"))]},
    }
    truth = written(library / "truth.json", videos, ["somebody plays the piano"])
    arguments = ["eval", "run", str(truth), "--db", str(library / "index.lancedb")]
    result = runner.invoke(app, [*arguments, "--json", "--fail-under", "video_R@1=1,mIoU=0.9"])
    assert result.exit_code == 1, result.stderr
    *queries, figures = lines(result.stdout)
    assert [query["right"] for query in queries] == [True, False, True, True]
    assert queries[2]["true"] == {str(library / "hall.mp4"): [[3, 8]]}
    assert (figures["video_R@1"], figures["span_R@1@0.5"]) == (1.0, pytest.approx(2 / 3, abs=1e-3))
    assert "Worse than the bound: mIoU." in result.stderr
    assert figures["missed"] == ["mIoU"] and figures["found_precision"] == 1.0
    assert (figures["queries_present"], figures["queries_absent"], figures["to_check"]) == (3, 1, 0)
    assert sum(row["count"] for row in figures["reliability"]) == 4

    held = runner.invoke(app, [*arguments, "--fail-under", "video_R@1=1,start_error_seconds=1"])
    assert held.exit_code == 0, held.stderr
    assert "a red car stops" in held.stdout and "yard.mp4 0:35.0-0:39.0" in held.stdout
    assert "at most 1" in held.stdout and "3 positive, 1 negative" in held.stdout


@pytest.mark.usefixtures("finder")
def test_without_absent_queries_their_figures_are_left_out_and_that_is_said(library):
    truth = written(library / "few.json", {"yard.mp4": {"events": [event("a red car stops", (20, 26))]}})
    arguments = ["eval", "run", str(truth), "--db", str(library / "index.lancedb")]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert "need negative_queries" in result.stdout and "verdict_AUROC" not in result.stdout
    refused = runner.invoke(app, [*arguments, "--fail-under", "ece=0.1"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "ece needs queries that nothing answers" in refused.stderr


def test_a_wrong_path_is_told_before_anything_is_loaded(library, tmp_path, monkeypatch):
    def never(settings):
        raise AssertionError("nothing was to be loaded")

    monkeypatch.setattr(runner, "loaders", Loaders(never, never, never))
    truth = written(
        tmp_path / "truth.json", {"nowhere.mp4": {"events": [event("a red car stops", (20, 26))]}}
    )
    result = runner.invoke(app, ["eval", "run", str(truth), "--db", str(library / "index.lancedb")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere.mp4, which is not in the index" in result.stderr


def test_init_says_what_it_wrote_and_never_overwrites(library, tmp_path):
    out = tmp_path / "truth.json"
    arguments = ["eval", "init", str(library / "index.lancedb"), "--out", str(out)]
    [response] = lines(runner.invoke(app, [*arguments, "--json"]).stdout)
    assert response == {"out": str(out), "videos": 2, "accepted": 0, "rejected": 0, "proposed": 3}
    again = runner.invoke(app, arguments)
    assert again.exit_code == 2 and "already exists" in again.stderr


def test_an_index_is_kept_only_of_a_library(tmp_path):
    result = runner.invoke(app, ["eval", "run", "truth.json", "--keep", str(tmp_path)])
    assert result.exit_code == 2 and "--keep needs --library" in result.stderr


@needs_demo_model
def test_a_library_is_indexed_and_measured_with_the_demo_model(tmp_path):
    folder = tmp_path / "library"
    folder.mkdir()
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder)
    videos = {"beach_dusk.mp4": {"events": [event("A blue car drives from right to left", (2, "0:08.5"))]}}
    truth = written(folder / "truth.json", videos, ["A horse gallops along the shore"])
    arguments = ["eval", "run", str(truth), "--library", str(folder), "--model", "demo"]
    kept = tmp_path / "kept"
    result = runner.invoke(app, [*arguments, "--keep", str(kept), "--json", "--fail-under", "mIoU=0.8"])
    assert result.exit_code == 0, result.stderr
    assert lines(result.stdout)[-1]["verdict_AUROC"] == 1.0
    assert Store.open(kept / "index.lancedb").status().videos == 1


@pytest.mark.usefixtures("finder")
def test_paths_are_relative_to_the_truth_file_or_else_to_the_library(library, tmp_path):
    asked_of = {"yard.mp4": {"events": [event("A red car stops", (20, 26))]}}
    truth = written(tmp_path / "truth.json", asked_of)
    [question] = read_truth(truth, library=library).questions
    assert list(question.truths) == [str((library / "yard.mp4").resolve())]
    shutil.copy(library / "yard.mp4", tmp_path)
    [question] = read_truth(truth, library=library).questions
    assert list(question.truths) == [str((tmp_path / "yard.mp4").resolve())]
    arguments = ["eval", "run", str(truth), "--library", str(library)]
    result = runner.invoke(app, arguments)  # not a video of the library: refused before anything is indexed
    assert result.exit_code == 2 and "is not in" in result.stderr
