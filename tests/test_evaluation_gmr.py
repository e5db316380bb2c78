"""Generalised moment retrieval: the benchmark's figures, hand cases, what must hold always, and bad files."""

from __future__ import annotations

import json
import math

import pytest
from command_runner import CommandRunner
from hypothesis import given
from hypothesis import strategies as st

from evaluation.gmr import (
    GMR_RANKS,
    GmrPrediction,
    gmr_metrics,
    plain_iou,
    rejection_counts,
    set_iou,
    set_mean_iou,
)
from evaluation.metrics import ScoredSpan
from evaluation.own_gmr import own_gmr_figures, own_set_ious
from evaluation.own_library import Asked
from evaluation.readers import read_gmr_predictions, read_thresholds
from footage.core.errors import UsageError
from footage.core.types import Match, Span, Video
from ui.cli.main import app

runner = CommandRunner()


def spans(*pairs):
    return tuple(Span(*pair) for pair in pairs)


def guess(*pairs, sure=1.0, answered=None):
    return GmrPrediction(
        tuple(ScoredSpan(Span(*pair), -float(n)) for n, pair in enumerate(pairs)), sure, answered
    )


def metrics(truths, guesses, **more):
    return gmr_metrics(dict(enumerate(guesses)), dict(enumerate(truths)), **more)


# -- the benchmark -------------------------------------------------------------------------------------------


def test_golden_predictions_score_as_the_benchmark_says(test_data):
    goldens = test_data / "goldens"
    official = json.loads((goldens / "gmr_moment_detr_gmr_metrics.json").read_text())
    arguments = ["eval", "grounding", "--format", "gmr"]
    arguments += ["--annotations", str(goldens / "gmr_soccer_standard_test.jsonl")]
    arguments += ["--predictions", str(goldens / "gmr_moment_detr_gmr_submission.jsonl")]
    scores = json.loads(runner.invoke(app, [*arguments, "--json"]).stdout)
    assert scores["metrics"] == official["metrics"]
    assert scores["rejection"] == official["rejection"]
    assert (scores["queries"], scores["present"], scores["ignored"]) == (1036, 544, 35)
    assert "64.01" in runner.invoke(app, arguments).stdout


# -- hand cases ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("predicted", "true", "score"),
    [
        ((), (), 1.0),
        (((0, 10),), (), 0.0),
        ((), ((0, 10),), 0.0),
        (((0, 10),), ((0, 10),), 1.0),
        (((0, 5),), ((0, 10),), 0.5),
        (((0, 10), (20, 30)), ((0, 10),), 0.5),  # the second is left over: 1 / (2 + 1 - 1)
        (((20, 30), (0, 10)), ((0, 10),), 0.0),  # the first takes the only true span, though it misses
        (((0, 10), (20, 30)), ((20, 30), (0, 10)), 1.0),
        (((0, 10),), ((0, 10), (20, 30)), 0.5),
    ],
)
def test_sets_agree(predicted, true, score):
    assert set_iou(spans(*predicted), spans(*true)) == score


def test_an_answer_is_a_set_that_a_low_score_empties():
    sure, unsure = guess((0, 10), (5, 5), (20, 30), sure=0.41), guess((0, 10), sure=0.4)
    assert sure.answer(0.4) == spans((0, 10), (20, 30))  # what is empty is no moment
    assert unsure.answer(0.4) == () and unsure.is_rejection(0.4) and not sure.is_rejection(0.4)
    many = guess(*((n, n + 1) for n in range(12)))
    assert len(many.answer(0.4)) == 10
    decided = guess((0, 10), sure=0.1, answered=spans((0, 10)))
    assert decided.answer(0.4) == spans((0, 10)) and not decided.is_rejection(0.4)


def test_rejections_are_counted_by_hand():
    truths = [spans((0, 10)), spans((0, 10)), (), (), ()]
    guesses = [guess(sure=score) for score in (0.9, 0.3, 0.9, 0.1, 0.4)]
    counts = rejection_counts(dict(enumerate(guesses)), dict(enumerate(truths)), threshold=0.4)
    assert (counts.true_positives, counts.false_negatives) == (1, 1)
    assert (counts.false_positives, counts.true_negatives) == (1, 2)
    assert counts.precision == counts.recall == counts.f1 == pytest.approx(2 / 3)
    assert counts.accuracy == 0.6
    figures = metrics(truths, guesses, thresholds=(0.4,))
    assert figures["AUROC"] == pytest.approx((3 + 0 - 0.5 + 1) / 6)
    rare = counts.at_prevalence(0.1)
    assert rare.accuracy == pytest.approx(0.1 * 0.5 + 0.9 * 2 / 3)
    assert rare.precision == pytest.approx(0.6 / (0.6 + 0.05))


def test_moments_are_counted_by_hand():
    truths = [spans((0, 10), (20, 30)), spans((0, 10))]
    guesses = [guess((20, 30), (0, 6)), guess((50, 60), (0, 10), sure=0.0)]
    figures = metrics(truths, guesses)
    # First query: IoU 1, then 0.6, which reaches three of the ten thresholds.
    assert figures["mR@1"] == pytest.approx((0.5 + 0) / 2)
    assert figures["mR@3"] == pytest.approx(((10 + 3) / 20 + 1) / 2)
    assert figures["mR+@1"] == 0 and figures["mR+@3"] == pytest.approx(0.3)
    assert figures["mIoU@1"] == pytest.approx((1 + 0) / 2)
    assert figures["mIoU@3"] == pytest.approx((0.8 + 0) / 2)  # the only true span went to the first miss
    assert figures["mIoU+@3"] == pytest.approx(0.6)
    assert figures["G-mIoU@3"] == pytest.approx(0.8 / 2)  # the second one is rejected, wrongly
    assert math.isnan(figures["AUROC"])  # nothing is absent


def test_an_iou_is_not_rounded_as_the_benchmark_does_not():
    assert plain_iou(Span(58, 66), Span(59.6, 65.6)) < 0.75 == pytest.approx(6 / 8)
    assert plain_iou(Span(5, 5), Span(5, 5)) == 0


def test_figures_need_a_present_query_and_a_prediction_for_each():
    with pytest.raises(ValueError, match="present"):
        metrics([()], [guess()])
    with pytest.raises(ValueError, match="same queries"):
        gmr_metrics({"a": guess()}, {"b": spans((0, 1))})


# -- what must hold always -----------------------------------------------------------------------------------

span = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: Span(pair[0], sum(pair)))
some = st.lists(span, max_size=4)
score = st.sampled_from([0.0, 0.2, 0.4, 0.41, 0.6, 1.0])
query = st.tuples(some, some, score)


def both(queries):
    truths = {n: tuple(true) for n, (true, _, _) in enumerate(queries)}
    guesses = {
        n: guess(*((s.start_seconds, s.end_seconds) for s in said), sure=sure)
        for n, (_, said, sure) in enumerate(queries)
    }
    return guesses, truths


@given(st.lists(query, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_figures_are_shares_and_the_order_of_queries_does_not_matter(queries, random):
    queries = [*queries, ([Span(0, 10)], [Span(0, 5)], 0.5)]
    guesses, truths = both(queries)
    figures = gmr_metrics(guesses, truths)
    assert all(math.isnan(value) or 0 <= value <= 1 for value in figures.values())
    order = list(truths)
    random.shuffle(order)
    again = gmr_metrics({n: guesses[n] for n in order}, {n: truths[n] for n in order})
    assert again == pytest.approx(figures, nan_ok=True)


@given(st.lists(some, min_size=1, max_size=6))
def test_the_truth_itself_scores_all(sets):
    sets = [*sets, [Span(0, 10)]]
    distinct = [list(dict.fromkeys(true)) for true in sets]
    guesses, truths = both([(true, true, float(bool(true))) for true in distinct])
    figures = gmr_metrics(guesses, truths, thresholds=(0.4,))
    assert figures["G-mIoU@5"] == figures["Acc@0.4"] == figures["mR@5"] == figures["mIoU@5"] == 1
    assert figures["mAP"] == pytest.approx(1)
    if any(len(true) > 1 for true in distinct):
        assert figures["mR+@5"] == 1


@given(some, some)
def test_the_iou_of_sets_is_a_share_and_does_not_depend_on_the_order_of_the_truth(predicted, true):
    value = set_iou(predicted, true)
    assert 0 <= value <= 1
    assert (value == 1) or predicted != true
    ious = [plain_iou(one, other) for one in predicted for other in true]
    if len(set(ious)) == len(ious):  # of equally fitting spans the first is taken
        assert set_iou(predicted, true[::-1]) == pytest.approx(value)


@given(st.lists(query, min_size=2, max_size=8))
def test_at_their_own_prevalence_the_figures_are_those_of_the_queries(queries):
    guesses, truths = both([*queries, ([Span(0, 1)], [], 0.5), ([], [], 0.2)])
    present = sum(map(bool, truths.values())) / len(truths)
    counts = rejection_counts(guesses, truths, threshold=0.4)
    restated = counts.at_prevalence(present)
    assert restated.f1 == pytest.approx(counts.f1) and restated.accuracy == pytest.approx(counts.accuracy)
    assert set_mean_iou(guesses, truths, k=3, present=present) == pytest.approx(
        set_mean_iou(guesses, truths, k=3)
    )


# -- the answers of a search ---------------------------------------------------------------------------------


def match(video="a", start=0.0, end=10.0, *, sure=0.9, verdict="found"):
    known = Video(video, 60, 64, 48, 25, "h264")
    return Match(known, f"/{video}.mp4", Span(start, end), "", 0.5, True, verdict, confidence=sure)


def asked(truths, *matches):
    return Asked("a dog runs", truths, matches, 1.0, matches)


def test_a_moment_in_another_video_is_another_moment():
    right = asked({"a": spans((0, 10)), "b": spans((0, 10))}, match("a"), match("b"))
    wrong = asked({"a": spans((0, 10))}, match("b"))
    assert own_set_ious(right) == (0.5, 1.0, 1.0)
    assert own_set_ious(wrong) == (0.0, 0.0, 0.0)


def test_the_set_is_what_is_found_and_rejections_are_restated_at_nine_to_one():
    unsure = match(verdict="uncertain", sure=0.6)
    answers = [asked({"a": spans((0, 10))}, match()), asked({"a": spans((0, 10))}, unsure)]
    answers += [asked({}, unsure), asked({}), asked({}, match(sure=0.8))]
    figures = own_gmr_figures(answers)
    assert figures["gmr_G-mIoU@1"] == pytest.approx(3 / 5) and figures["gmr_mIoU@1"] == 1
    assert figures["gmr_Acc"] == pytest.approx(3 / 5)
    assert figures["gmr_Acc@1in10"] == pytest.approx(0.1 / 2 + 0.9 * 2 / 3)
    assert figures["gmr_G-mIoU@1@1in10"] == figures["gmr_Acc@1in10"]
    assert figures["gmr_AUROC"] == pytest.approx((3 + 1.5) / 6)
    alone = own_gmr_figures(answers[:1])
    assert "gmr_AUROC" not in alone and not [name for name in alone if "1in10" in name]
    assert all(f"gmr_G-mIoU@{k}" in alone for k in GMR_RANKS)


# -- bad files -----------------------------------------------------------------------------------------------

TRUTH = '{"qid": 1, "vid": "v", "query": "a goal", "duration": 60, "relevant_windows": [[0, 10]]}\n'
GOOD = '{"qid": 1, "pred_relevant_windows": [[0, 10, 0.5]], "pred_exist_score": 0.9}\n'


def scored(tmp_path, truth, guesses, *more):
    (tmp_path / "truth.jsonl").write_text(truth)
    (tmp_path / "guess.jsonl").write_text(guesses)
    arguments = ["eval", "grounding", "--format", "gmr", "--annotations", str(tmp_path / "truth.jsonl")]
    return runner.invoke(app, [*arguments, "--predictions", str(tmp_path / "guess.jsonl"), *more])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (GOOD * 2, "line 2: query 1 has predictions already"),
        (GOOD.replace("[0, 10, 0.5]", "[10, 0, 0.5]"), "expected [start, end]"),
        (GOOD.replace("[0, 10, 0.5]", "[-1, 10, 0.5]"), "expected [start, end]"),
        (GOOD.replace("[0, 10, 0.5]", "[0, 10]"), "must be [start, end, score]"),
        (GOOD.replace("[0, 10, 0.5]", '[0, 10, "high"]'), "expected a number"),
        (GOOD.replace("[0, 10, 0.5]", "[0, NaN, 0.5]"), "expected a finite number"),
        (GOOD.replace("[0, 10, 0.5]", "[0, 1e999, 0.5]"), "expected a finite number"),
        (GOOD.replace("[[0, 10, 0.5]]", "null"), "expected a list"),
        (GOOD.replace("0.9", '"0.9"'), "expected a number"),
        (GOOD.replace("0.9", "null"), "expected a number"),
        (GOOD.replace("0.9", "NaN"), "expected a finite number"),
        (GOOD.replace("0.9", "4.2"), "between 0 and 1"),
        (GOOD.replace('"qid": 1', '"qid": [1]'), "qid must be"),
        (GOOD.replace('"qid": 1', '"id": 1'), '"qid" is missing'),
        (GOOD.replace("}", ""), "not valid JSON"),
        ("[1]\n", "expected a JSON object"),
        (GOOD.replace('"qid": 1', '"qid": 2'), "1 of 1 queries have no prediction"),
        ("", "1 of 1 queries have no prediction"),
    ],
)
def test_a_bad_prediction_is_one_sentence(tmp_path, line, why):
    result = scored(tmp_path, TRUTH, line)
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in " ".join(result.stderr.split()) and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (TRUTH * 2, "query 1 occurs twice"),
        (TRUTH.replace("[[0, 10]]", "[[10, 0]]"), "expected [start, end]"),
        (TRUTH.replace("[[0, 10]]", "[]"), "No query of the annotations has a true moment"),
        (TRUTH.replace("60", "Infinity"), "expected a finite number"),
        ("", "No query of the annotations has a true moment"),
    ],
)
def test_a_bad_annotation_is_one_sentence(tmp_path, line, why):
    result = scored(tmp_path, line, GOOD)
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in " ".join(result.stderr.split()) and "Traceback" not in result.stderr


def test_other_queries_are_ignored_and_thresholds_can_be_given(tmp_path):
    other = GOOD.replace('"qid": 1', '"qid": "x"')
    result = scored(tmp_path, TRUTH, GOOD + other, "--json", "--thresholds", "0.95,0.5")
    scores = json.loads(result.stdout)
    assert (scores["ignored"], scores["queries"]) == (1, 1)
    assert scores["metrics"]["G-mIoU@1"] == 0 and scores["metrics"]["AUROC"] is None
    assert set(scores["rejection"]) == {"0.5", "0.95"} and scores["rejection"]["0.95"]["FN"] == 1
    assert scored(tmp_path, TRUTH, GOOD, "--thresholds", "0.5").exit_code == 0
    wrong = scored(tmp_path, TRUTH, GOOD, "--thresholds", "0.5,high")
    assert wrong.exit_code == 2 and "'high'" in wrong.stderr
    plain = ["eval", "grounding", "--annotations", str(tmp_path / "truth.jsonl"), "--thresholds", "0.5"]
    refused = runner.invoke(app, [*plain, "--predictions", str(tmp_path / "guess.jsonl")])
    assert refused.exit_code == 2 and "--format gmr" in refused.stderr


def test_without_an_existence_score_the_surest_window_stands_for_it(tmp_path):
    file = tmp_path / "guess.jsonl"
    file.write_text(
        '{"qid": 1, "pred_relevant_windows": [[0, 10, 0.2], [3, 4, 0.7]]}\n'
        '{"qid": "b", "pred_relevant_windows": []}\n'
    )
    predictions = read_gmr_predictions(file)
    assert (predictions["1"].existence, predictions["b"].existence) == (0.7, 0.0)


@given(st.text(max_size=12))
def test_thresholds_are_numbers_or_an_error(text):
    try:
        levels = read_thresholds(text)
    except UsageError:
        return
    assert levels and all(0 <= level <= 1 for level in levels) and len(set(levels)) == len(levels)
