"""Scores of verdicts and of all occurrences: hand cases, and laws that must hold for any input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import Counts, boundary_errors, matched_spans, occurrence_counts
from evaluation.verdicts import (
    Judged,
    auroc,
    calibration_error,
    found_counts,
    fpr_at_recall,
    precision_at_prevalence,
    recall_at_precision,
    reliability,
)
from footage.core.types import Span
from search.grounding.reliability import ReliabilityBin

confidences = st.integers(0, 20).map(lambda twentieth: twentieth / 20)
sets = st.tuples(
    st.lists(confidences, min_size=1, max_size=12), st.lists(confidences, min_size=1, max_size=12)
).map(lambda both: judged(*both))
seconds = st.integers(0, 40).map(lambda half: half / 2)
spans = st.lists(st.tuples(seconds, seconds).map(lambda pair: Span(min(pair), max(pair))), max_size=6)


def judged(present, absent):
    return [Judged(c, True) for c in present] + [Judged(c, False) for c in absent]


def test_auroc_is_how_often_a_present_query_comes_first():
    assert auroc(judged([0.9, 0.8], [0.1, 0.7])) == 1.0
    assert auroc(judged([0.1], [0.9])) == 0.0
    assert auroc(judged([0.5, 0.5], [0.5])) == 0.5
    assert auroc(judged([0.9, 0.4], [0.5, 0.4])) == pytest.approx((1 + 1 + 0 + 0.5) / 4)


@given(sets)
def test_auroc_is_the_mean_over_all_pairs(answers):
    pairs = [(p, a) for p in answers if p.present for a in answers if not a.present]
    wins = [(p.confidence > a.confidence) + 0.5 * (p.confidence == a.confidence) for p, a in pairs]
    assert auroc(answers) == pytest.approx(sum(wins) / len(pairs))


@given(sets)
def test_auroc_of_the_opposite_opinion_is_the_rest(answers):
    opposite = [Judged(1 - answer.confidence, answer.present) for answer in answers]
    assert auroc(opposite) == pytest.approx(1 - auroc(answers))


def test_false_alarms_at_recall():
    ten = [n / 10 for n in range(1, 11)]
    assert fpr_at_recall(judged(ten, [0.1, 0.15, 0.2, 0.9])) == 0.5  # 9 of 10 need a threshold of 0.2
    assert fpr_at_recall(judged(ten, [0.1, 0.15, 0.2, 0.9]), recall=1.0) == 1.0
    assert fpr_at_recall(judged([0.8], [0.8, 0.7])) == 0.5  # a tie with the threshold is a false alarm
    assert fpr_at_recall(judged([0.9, 0.9], [0.1])) == 0.0


@given(sets, st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_the_threshold_is_the_highest_that_reaches_the_recall(answers, recall):
    def at(threshold, kind):
        return [a.confidence >= threshold for a in answers if a.present is kind]

    def share(flags):
        return sum(flags) / len(flags)

    reaching = [t / 20 for t in range(21) if share(at(t / 20, True)) >= recall]
    assert fpr_at_recall(answers, recall) == pytest.approx(share(at(max(reaching), False)))


def test_the_reliability_curve_and_its_error():
    answers = [*judged([0.95, 1.0, 0.25], [0.91, 0.0, 0.21])]
    assert reliability(answers) == [
        ReliabilityBin(0.0, 0.1, 1, 0.0, 0.0),
        ReliabilityBin(0.2, 0.3, 2, pytest.approx(0.23), 0.5),
        ReliabilityBin(0.9, 1.0, 3, pytest.approx(2.86 / 3), pytest.approx(2 / 3)),
    ]
    gaps = 2 * (0.5 - 0.23) + 3 * (2.86 / 3 - 2 / 3)
    assert calibration_error(answers) == pytest.approx(gaps / 6)
    assert calibration_error(judged([1.0, 1.0], [0.0])) == 0.0
    assert calibration_error(judged([0.0], [1.0])) == 1.0
    with pytest.raises(ValueError, match="no answers"):
        calibration_error([])


@given(st.lists(st.builds(Judged, confidences, st.booleans()), min_size=1))
def test_every_answer_lies_in_one_bin_that_holds_its_confidence(answers):
    rows = reliability(answers)
    assert sum(row.count for row in rows) == len(answers)
    assert all(row.low <= row.confidence + 1e-9 and row.confidence <= row.high + 1e-9 for row in rows)
    assert [row.low for row in rows] == sorted({row.low for row in rows})
    assert 0 <= calibration_error(answers) <= 1


def test_precision_and_recall_of_found():
    answers = judged([0.9, 0.8, 0.3], [0.8, 0.1])
    counts = found_counts(answers, threshold=0.8)
    assert (counts.precision, counts.recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    silent = found_counts(answers, threshold=1.0)
    assert (silent.precision, silent.recall) == (1.0, 0.0)


def test_precision_at_another_prevalence():
    answers = judged([0.9, 0.8, 0.3, 0.9], [0.8, 0.1])  # claims 3 of 4 present, 1 of 2 absent
    assert precision_at_prevalence(answers, threshold=0.8) == pytest.approx(0.075 / (0.075 + 0.45))
    assert precision_at_prevalence(answers, threshold=0.8, prevalence=4 / 6) == pytest.approx(
        found_counts(answers, threshold=0.8).precision
    )
    assert precision_at_prevalence(answers, threshold=0.95) == 1.0
    assert precision_at_prevalence(answers, threshold=0.0, prevalence=0.0) == 0.0


@given(sets, confidences)
def test_precision_at_the_prevalence_there_is_is_precision(answers, threshold):
    own = sum(answer.present for answer in answers) / len(answers)
    assert precision_at_prevalence(answers, threshold=threshold, prevalence=own) == pytest.approx(
        found_counts(answers, threshold=threshold).precision
    )


@pytest.mark.parametrize("answers", [judged([], [0.5]), judged([0.5, 0.5], []), []])
def test_one_kind_of_query_is_not_enough(answers):
    with pytest.raises(ValueError, match="both needed"):
        fpr_at_recall(answers)
    assert math.isnan(auroc(answers))
    assert sum(row.count for row in reliability(answers)) == len(answers)
    assert {row.present for row in reliability(answers)} <= {float(answer.present) for answer in answers}


def rank_sum_auroc(answers):
    """The AUROC by its definition over sorted confidences, without scikit-learn."""
    present = np.array([answer.confidence for answer in answers if answer.present])
    absent = np.sort([answer.confidence for answer in answers if not answer.present])
    below = np.searchsorted(absent, present, side="left")
    not_above = np.searchsorted(absent, present, side="right")
    return float(np.mean(below + not_above) / 2 / len(absent))


def tenths(answers):
    """The reliability curve by tenths of confidence, without scikit-learn."""
    bins = {}
    for answer in answers:
        bins.setdefault(min(int(answer.confidence * 10), 9), []).append(answer)
    return [
        (
            number / 10,
            len(held),
            np.mean([each.confidence for each in held]),
            np.mean([each.present for each in held]),
        )
        for number, held in sorted(bins.items())
    ]


@pytest.mark.parametrize("seed", range(20))
def test_figures_are_those_of_the_definitions(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 400))
    confident = rng.beta(0.5, 0.5, count).round(4 if seed % 2 else 2)  # with two digits, many ties
    confident[np.isin(confident, np.arange(1, 10) / 10)] += 0.001  # edges have a test of their own
    present = rng.random(count) < confident
    answers = [Judged(float(c), bool(p)) for c, p in zip(confident, present, strict=True)]
    answers += judged([0.0, 1.0], [0.0, 1.0])
    assert auroc(answers) == pytest.approx(rank_sum_auroc(answers), abs=1e-12)
    rows = [(row.low, row.count, row.confidence, row.present) for row in reliability(answers)]
    assert rows == [pytest.approx(row, abs=1e-12) for row in tenths(answers)]


def test_a_confidence_on_an_edge_lies_in_the_bin_that_ends_there():
    assert [row.low for row in reliability(judged([0.0, 0.5, 1.0], []))] == [0.0, 0.4, 0.9]


def test_what_is_no_share_is_refused():
    for confidence in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Judged(confidence, True)
    with pytest.raises(ValueError, match="above 0"):
        fpr_at_recall(judged([1], [0]), recall=0)
    with pytest.raises(ValueError, match="prevalence"):
        precision_at_prevalence(judged([1], [0]), threshold=0.5, prevalence=1.5)


def test_every_occurrence_counts_once():
    true = [Span(0, 10), Span(20, 30)]
    assert occurrence_counts([Span(0, 5)], true) == Counts(1, 1, 2)  # IoU exactly 0.5
    assert occurrence_counts([Span(0, 4.9)], true) == Counts(0, 1, 2)
    assert occurrence_counts([Span(0, 10), Span(1, 10)], true) == Counts(1, 2, 2)
    assert occurrence_counts([Span(20, 30), Span(0, 10)], true) == Counts(2, 2, 2)


def test_the_best_fitting_pair_goes_first():
    predicted, true = [Span(2, 12), Span(0, 11)], [Span(0, 10)]
    assert matched_spans(predicted, true) == [(Span(0, 11), Span(0, 10))]


def test_nothing_predicted_and_nothing_true_are_defined():
    nothing = occurrence_counts([], [])
    assert (nothing.precision, nothing.recall) == (1.0, 1.0)
    missed = occurrence_counts([], [Span(0, 1)])
    assert (missed.precision, missed.recall) == (1.0, 0.0)
    made_up = occurrence_counts([Span(0, 1)], [])
    assert (made_up.precision, made_up.recall) == (0.0, 1.0)


@given(spans, spans, st.sampled_from([0.3, 0.5, 0.7]))
def test_pairs_are_one_to_one_and_both_sides_count_alike(predicted, true, least):
    counts = occurrence_counts(predicted, true, min_iou=least)
    assert counts.matched <= min(len(predicted), len(true))
    assert 0 <= counts.precision <= 1 and 0 <= counts.recall <= 1
    looser = occurrence_counts(predicted, true, min_iou=least / 2)
    assert looser.matched >= counts.matched
    assert occurrence_counts(true, predicted, min_iou=least).matched == counts.matched


@given(spans)
def test_the_truth_matches_itself(true):
    lasting = [span for span in true if span.duration_seconds]
    assert occurrence_counts(lasting, lasting) == Counts(len(lasting), len(lasting), len(lasting))
    assert all(errors == (0, 0) for errors in boundary_errors(matched_spans(lasting, lasting)))


def test_errors_of_start_and_end_are_in_seconds():
    assert boundary_errors([(Span(1, 5), Span(2, 4.5)), (Span(3, 9), Span(3, 10))]) == [(1, 0.5), (0, 1)]


def test_recall_at_a_precision_is_the_best_that_any_threshold_gives():
    result = judged([0.9, 0.8, 0.6, 0.2], [0.7, 0.1, 0.1, 0.1])
    assert recall_at_precision(result, 1.0) == 0.5
    assert recall_at_precision(result, 0.8) == 1.0  # four of five claims are right
    assert recall_at_precision(result, 0.85) == 0.5
    assert recall_at_precision(result, 0.75, prevalence=0.1) == 0.5
    assert recall_at_precision(judged([0.2], [0.9]), 0.95) == 0.0


@given(sets)
def test_recall_at_a_precision_falls_with_what_is_asked(answers):
    at = [recall_at_precision(answers, wanted) for wanted in (0.0, 0.5, 0.9, 1.0)]
    assert at[0] == 1.0 and at == sorted(at, reverse=True)
