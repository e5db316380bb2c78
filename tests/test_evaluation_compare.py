"""Saved runs compared query by query: figures, intervals, changed queries, cost; and what is refused."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import documented
import numpy as np
import pytest
from command_runner import CommandRunner
from hypothesis import given
from hypothesis import strategies as st
from standin_finder import StandinFinder, index_videos
from test_evaluation_own_library import HALL, YARD, event, written
from test_ui_commands import bare_environment, lines, needs_demo_model  # noqa: F401

from evaluation.comparing import COSTS, compare_runs, mcnemar, read_figures
from evaluation.intervals import bootstrap, bootstrap_all
from evaluation.metrics import Counts
from evaluation.query_scores import AT_LEAST, AT_MOST, QueryScore, figures_of_scores
from evaluation.saved_runs import RunAnswer, SavedRun, read_run
from evaluation.score_table import ScoreTable
from footage.core.errors import FileError, UsageError
from service.session import Loaders
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how-to" / "compare-models.md"
runner = CommandRunner()


def score(
    number: int, *, right=True, present=True, iou=None, sure=0.9, seconds=1.0, found=None
) -> QueryScore:
    hit = right and present
    found = (right == present) if found is None else found
    counts = Counts(int(hit and found), int(found), 1) if present else Counts(0, 0, 0)
    return QueryScore(
        text=f"query {number}",
        present=present,
        right=right,
        iou=(0.8 if hit else 0.1) if iou is None else iou,
        video_rank=1 if hit else None,
        text_video_rank=None,
        set_ious=(float(right),) * 3,
        text_right=False,
        occurrences=counts,
        errors=((0.5, 1.0),) if hit else (),
        found=found,
        confidence=sure,
        seconds=seconds,
    )


def run_of(scores, name="run.jsonl", *, windows=3, calls=6, tokens=600, truth="t") -> SavedRun:
    answers = {each.text: RunAnswer(each, truth, windows, calls, tokens) for each in scores}
    return SavedRun(name, answers, "captioner", "finder", 60.0, 12.5, 4)


def figure(comparison, name):
    return next(each for each in comparison.figures if each.name == name)


scores_lists = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.floats(0, 1), st.floats(0.01, 9)),
    min_size=1,
    max_size=12,
).map(
    lambda rows: [
        score(n, right=right, present=present or n == 0, iou=sure, sure=sure, seconds=seconds, found=found)
        for n, (right, present, found, sure, seconds) in enumerate(rows)
    ]
)


# --- Figures and intervals ----------------------------------------------------------------------------------


def test_a_run_against_itself_has_no_difference():
    run = run_of([score(n, right=n % 3 > 0, present=n % 4 > 0) for n in range(20)])
    comparison = compare_runs(run, run, draws=100)
    assert {each.name for each in comparison.figures} >= {*AT_LEAST, *AT_MOST, *COSTS}
    for each in comparison.figures:
        assert (each.interval.value, each.interval.low, each.interval.high) == (0, 0, 0)
        assert each.before == each.after and each.direction == ""
    assert not comparison.changed and comparison.p_value == 1


def test_a_better_run_is_better_in_every_figure_it_is_better_in():
    before = run_of(
        [score(n, right=n % 2 > 0, present=n < 30, sure=0.5, seconds=2) for n in range(40)], "a", calls=9
    )
    after = run_of([score(n, present=n < 30, sure=0.99 if n < 30 else 0.01) for n in range(40)], "b")
    comparison = compare_runs(before, after, draws=200)
    for name in ("span_R@1@0.5", "mIoU", "found_recall", "verdict_AUROC", "ece", "latency_p50_seconds"):
        assert figure(comparison, name).direction == "better", name
    for name in ("seconds_per_query", "calls_per_query"):
        assert figure(comparison, name).direction == "better"
    assert figure(comparison, "windows_per_query").direction == ""
    assert figure(comparison, "span_R@1@0.5").interval.value == pytest.approx(0.5)
    assert (comparison.better, comparison.worse) == (20, 0)
    assert comparison.p_value == pytest.approx(2 * 0.5**20)
    back = compare_runs(after, before, draws=200)
    assert figure(back, "ece").direction == "worse" and back.worse == 20


@given(scores_lists, st.randoms())
def test_the_other_way_round_every_difference_has_the_other_sign(scores, random):
    other = [score(n, right=random.random() < 0.5, present=each.present) for n, each in enumerate(scores)]
    there = compare_runs(run_of(scores), run_of(other), draws=20)
    back = compare_runs(run_of(other), run_of(scores), draws=20)
    for one in there.figures:
        two = figure(back, one.name)
        assert (one.before, one.after) == (two.after, two.before)
        if one.interval is None:
            assert two.interval is None
            continue
        assert one.interval.value == pytest.approx(-two.interval.value, abs=1e-9)
        assert one.interval.low == pytest.approx(-two.interval.high, abs=1e-9, nan_ok=True)
        assert {one.direction, two.direction} in ({""}, {"better", "worse"})
    assert (there.better, there.worse, there.p_value) == (back.worse, back.better, back.p_value)


def test_the_interval_is_of_paired_differences():
    """Hard and easy queries are common to both runs: paired intervals are far narrower than unpaired ones."""
    rng = np.random.default_rng(5)
    hard = rng.random(60)
    before = run_of([score(n, iou=float(hard[n])) for n in range(60)])
    after = run_of([score(n, iou=float(min(1, hard[n] + 0.05))) for n in range(60)])
    held = figure(compare_runs(before, after), "mIoU").interval
    alone = bootstrap(list(before.answers.values()), lambda some: float(np.mean([a.score.iou for a in some])))
    assert held.low > 0.03 and held.high - held.low < 0.25 * (alone.high - alone.low)


def test_the_interval_of_a_difference_covers_the_true_one_as_often_as_it_says():
    """Of 100 experiments with a true difference of 0.2, at least 88 have it in their interval (P > 0.998)."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(100):
        before = [score(n, right=bool(rng.random() < 0.5)) for n in range(60)]
        after = [
            score(n, right=bool(rng.random() < (0.9 if each.right else 0.5))) for n, each in enumerate(before)
        ]
        held = figure(compare_runs(run_of(before), run_of(after), draws=200), "span_R@1@0.5").interval
        covered += 0.2 in held
    assert covered >= 88


@given(scores_lists, st.data())
def test_the_figures_of_a_draw_are_those_of_its_queries(scores, data):
    rows = data.draw(st.lists(st.integers(0, len(scores) - 1), min_size=1, max_size=20))
    figures = ScoreTable(scores).figures(rows)
    if not any(scores[row].present for row in rows):
        assert figures == {}
        return
    assert figures == pytest.approx(figures_of_scores([scores[row] for row in rows]), abs=6e-5)


def test_several_figures_share_the_draws_of_one():
    values = [1.0, 4.0, 2.0, 8.0]
    statistics = {"mean": lambda some: float(np.mean(some)), "max": lambda some: float(max(some))}
    together = bootstrap_all(values, lambda some: {name: each(some) for name, each in statistics.items()})
    assert together == {name: bootstrap(values, each) for name, each in statistics.items()}


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(0, 0, 1), (1, 6, 0.125), (6, 1, 0.125), (5, 5, 1), (10, 0, 0.001953125)]
)
def test_mcnemar_by_hand(better, worse, p):
    assert mcnemar(better, worse) == pytest.approx(p)


def test_a_figure_that_one_run_lacks_has_no_difference():
    quiet = run_of([score(n, right=False, found=False) for n in range(4)])
    sure = run_of([score(n) for n in range(4)])
    comparison = compare_runs(quiet, sure, draws=50)
    precision = figure(comparison, "occurrence_precision")
    assert (precision.before, precision.after, precision.interval, precision.direction) == (None, 1, None, "")


def test_work_that_one_model_does_not_count_is_left_out():
    scores = [score(n) for n in range(4)]
    names = {each.name for each in compare_runs(run_of(scores), run_of(scores, calls=None), draws=5).figures}
    assert "windows_per_query" in names and names.isdisjoint({"calls_per_query", "tokens_per_query"})


def test_queries_with_another_result_are_listed_worse_first():
    before = run_of([score(0), score(1, right=False), score(2), score(3, present=False)])
    after = run_of([score(0), score(1), score(2, right=False), score(3, present=False, right=False)])
    changed = compare_runs(before, after, draws=5).changed
    assert [(each.text[-1], each.direction) for each in changed] == [
        ("2", "worse"),
        ("3", "worse"),
        ("1", "better"),
    ]
    assert changed[0].iou_before == 0.8 and changed[0].iou_after == 0.1


# --- What is refused ----------------------------------------------------------------------------------------


def test_runs_of_other_queries_or_truths_are_refused():
    scores = [score(n) for n in range(3)]
    with pytest.raises(UsageError, match=r'"query 2" is only in a \(1 of 3\)'):
        compare_runs(run_of(scores, "a"), run_of(scores[:2], "b"))
    with pytest.raises(UsageError, match=r'"query 2" is only in b \(1 of 3\)') as caught:
        compare_runs(run_of(scores[:2], "a"), run_of(scores, "b"))
    assert "same truth file" in caught.value.hint
    with pytest.raises(UsageError, match='a and b have different truths about "query 0"'):
        compare_runs(run_of(scores, "a", truth="1"), run_of(scores, "b", truth="2"))


def test_an_unknown_figure_is_refused():
    assert read_figures(" ece, mIoU ,,ece") == ("ece", "mIoU")
    with pytest.raises(UsageError, match="no figure 'speed'"):
        read_figures("speed")


# --- The commands -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    from footage.embed.text_embedder import load_embedder

    folder = tmp_path_factory.mktemp("library")
    index_videos(folder, [YARD, HALL], load_embedder("minilm"))
    videos = {
        "yard.mp4": {
            "events": [event("a dog runs along the fence", (5, 12)), event("a red car stops", (20, 26))]
        },
        "hall.mp4": {"events": [event("a woman opens the door", ("0:03", "0:08"))]},
    }
    written(folder / "truth.json", videos, ["somebody plays the piano"])
    return folder


@pytest.fixture
def save(library, monkeypatch, tmp_path):
    """Saves a run, with a stand-in for the model that may know other times."""

    def saved(name: str, *videos, truth: Path | None = None) -> Path:
        monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: StandinFinder(list(videos))))
        monkeypatch.setenv("FOOTAGE_MODEL", "demo")
        file = truth or library / "truth.json"
        arguments = ["eval", "run", str(file), "--db", str(library / "index.lancedb"), "--json"]
        result = runner.invoke(app, arguments)
        assert result.exit_code == 0, result.stderr
        (tmp_path / name).write_text(result.stdout, encoding="utf-8")
        return tmp_path / name

    return saved


def lost(run: Path, query: str, name: str) -> Path:
    """A saved run in which one query is answered in a wrong place."""
    rows = lines(run.read_text(encoding="utf-8"))
    wrong = {"right": False, "iou": 0.0, "video_rank": None, "boundary_errors": []}
    changed = [{**row, **wrong} if row.get("query") == query else row for row in rows]
    (run.parent / name).write_text("".join(json.dumps(row) + "\n" for row in changed), encoding="utf-8")
    return run.parent / name


def test_a_saved_run_has_the_figures_that_it_printed(save):
    path = save("run.jsonl", YARD, HALL)
    *queries, printed = lines(path.read_text())
    run = read_run(path)
    again = figures_of_scores([answer.score for answer in run.answers.values()])
    assert len(again) > 10
    for name, value in again.items():
        assert printed[name] == pytest.approx(value, abs=1e-4), name
    assert list(run.answers) == [query["query"] for query in queries]
    assert run.find_model == printed["find_model"] != ""
    assert printed["truth"] == "truth.json" and not run.counts_work
    assert sum(answer.windows for answer in run.answers.values()) > 0


def test_two_runs_are_compared_in_tables_and_lines(save):
    before = save("before.jsonl", YARD, HALL)
    paths = [str(before), str(lost(before, "a red car stops", "after.jsonl"))]
    shown = runner.invoke(app, ["eval", "compare", *paths])
    assert shown.exit_code == 0, shown.stderr
    for words in (
        "4 queries",
        "span_R@1@0.5",
        "worse now",
        "a red car stops",
        "windows asked",
        "not counted",
    ):
        assert words in shown.stdout, words
    assert "Right: 4 before, 3 after, of 4; 0 better, 1 worse (McNemar's exact test: p = 1)" in shown.stdout
    result = runner.invoke(app, ["eval", "compare", *paths, "--json"])
    *others, last = lines(result.stdout)
    assert {line["type"] for line in others} == {"figure", "changed"}
    assert (last["better"], last["worse"], last["queries"]) == (0, 1, 4)
    spans = next(line for line in others if line.get("figure") == "span_R@1@0.5")
    assert spans["difference"] == pytest.approx(-1 / 3, abs=1e-4) and spans["low"] <= spans["difference"] <= 0
    assert not any(
        isinstance(value, float) and math.isnan(value) for line in others for value in line.values()
    )


def test_several_runs_are_compared_with_the_first(save):
    first = save("a.jsonl", YARD, HALL)
    other = lost(first, "a red car stops", "b.jsonl")
    result = runner.invoke(app, ["eval", "compare", str(first), str(first), str(other), "--json"])
    last = [line for line in lines(result.stdout) if line["type"] == "comparison"]
    assert [(line["before"]["run"], line["after"]["run"]) for line in last] == [
        ("a.jsonl", "a.jsonl"),
        ("a.jsonl", "b.jsonl"),
    ]


def test_a_worse_run_fails_a_gate(tmp_path, save):
    """Twenty queries of which one run gets none right: no interval contains 0."""
    *_, last = lines(save("run.jsonl", YARD, HALL).read_text())
    row = lines((tmp_path / "run.jsonl").read_text())[0]
    good = [{**row, "query": f"query {n}"} for n in range(20)]
    bad = [{**each, "right": False, "iou": 0.0, "seconds": 1.0} for each in good]
    paths = []
    for name, rows in (("good", good), ("bad", bad)):
        paths.append(tmp_path / name)
        paths[-1].write_text("".join(json.dumps(each) + "\n" for each in [*rows, last]))
    command = ["eval", "compare", *map(str, paths), "--fail-if-worse"]
    failed = runner.invoke(app, [*command, "mIoU,video_R@1"])
    assert failed.exit_code == 1 and "Worse than in good: mIoU." in failed.stderr
    assert runner.invoke(app, [*command, "video_R@1"]).exit_code == 0
    assert runner.invoke(app, [*command, "nonsense"]).exit_code == 2
    turned = runner.invoke(app, ["eval", "compare", *map(str, paths[::-1]), "--fail-if-worse", "mIoU"])
    assert turned.exit_code == 0 and "better" in turned.stdout


def test_files_that_are_no_whole_run_are_refused(save, tmp_path, library):
    whole = save("run.jsonl", YARD, HALL)
    text = whole.read_text()
    rows = text.splitlines(keepends=True)
    old = json.dumps({k: v for k, v in json.loads(rows[0]).items() if k != "truth_id"}) + "\n"
    unsure = json.dumps({**json.loads(rows[0]), "confidence": 7}) + "\n"
    for name, content, words in [
        ("cut", "".join(rows[:-1]), "has no figures at its end"),
        ("half", text[: len(text) // 2], "line 3: it is no JSON"),
        ("twice", text + text, "a run ends with its figures"),
        ("doubled", rows[0] + text, "comes twice"),
        ("old", old + "".join(rows[1:]), "line 1: truth_id is missing; the run was made by another version"),
        ("unsure", unsure + "".join(rows[1:]), "line 1: confidence: "),
        ("truth", (library / "truth.json").read_text(), "line 1: "),
        ("absent", "".join(rows[3:]), "no query that something answers"),
        ("empty", "", "has no figures"),
    ]:
        (tmp_path / name).write_text(content)
        with pytest.raises(FileError) as caught:
            read_run(tmp_path / name)
        assert words in str(caught.value), (name, str(caught.value))
        assert "--json > run.jsonl" in caught.value.hint
        result = runner.invoke(app, ["eval", "compare", str(whole), str(tmp_path / name)])
        assert result.exit_code == 1 and result.stdout == ""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x01" * 9)
    for path in (tmp_path / "nowhere", tmp_path / "binary", tmp_path):
        with pytest.raises(FileError, match=r"cannot be read|it is no JSON"):
            read_run(path)
    assert runner.invoke(app, ["eval", "compare", str(whole)]).exit_code == 2


def test_a_changed_truth_file_is_noticed(save, library, tmp_path):
    before = save("before.jsonl", YARD, HALL)
    truth = json.loads((library / "truth.json").read_text())
    truth["videos"]["hall.mp4"]["events"][0]["spans"] = [[3, 9]]
    (library / "moved.json").write_text(json.dumps(truth))
    after = save("after.jsonl", YARD, HALL, truth=library / "moved.json")
    result = runner.invoke(app, ["eval", "compare", str(before), str(after)])
    assert result.exit_code == 2 and 'different truths about "a woman opens the door"' in result.stderr


@needs_demo_model
def test_the_page_compares_two_models(tmp_path, monkeypatch):
    """The commands of the page, on a library of one clip in the place of the sample clips."""
    samples = ROOT / "data" / "footage"
    folder = tmp_path / "data" / "footage"
    folder.mkdir(parents=True)
    shutil.copy(samples / "beach_dusk.mp4", folder)
    truth = json.loads((samples / "ground_truth.json").read_text())
    truth["videos"] = {"beach_dusk.mp4": truth["videos"]["beach_dusk.mp4"]}
    truth["negative_queries"] = truth["negative_queries"][:2]
    (folder / "ground_truth.json").write_text(json.dumps(truth))
    monkeypatch.chdir(tmp_path)
    environment = {"FOOTAGE_TRACKS": "caption"}
    steps = [
        (line, output)
        for block in documented.blocks(PAGE)
        if block.marker == "run by" and block.reason == "tests/test_evaluation_compare.py"
        for line, output in block.steps()
    ]
    assert [line.split()[1:3] for line, _ in steps].count(["eval", "compare"]) >= 2
    for line, _ in steps:
        result = documented.run(line, environment)
        assert result.exit_code == 0, f"{line}: {result.output}"
    assert "model calls" in result.stdout and "demo-find" in result.stdout
    run = read_run(tmp_path / "demo-find.jsonl")
    assert run.counts_work and all(answer.calls for answer in run.answers.values() if answer.windows)
