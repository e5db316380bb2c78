"""Promised thresholds of "found": exact arithmetic, refusals, and that promises hold as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.grounding.calibration import Promise
from search.grounding.promise import (
    LEAST_THRESHOLD,
    LabelledConfidence,
    NoPromise,
    binomial_tail,
    choose_threshold,
    least_found,
    wrong_share,
)


def labels_of(rng, count, *, present=0.5, signal=2.0, stratified=False, digits=4):
    """Queries whose confidence tells present from absent ones more or less, as of a fitted model."""
    there = np.arange(count) < round(count * present) if stratified else rng.random(count) < present
    odds = rng.normal(np.where(there, signal, -signal), 2.0)
    sure = np.round(1 / (1 + np.exp(-odds)), digits)
    return [LabelledConfidence(float(c), bool(p)) for c, p in zip(sure, there, strict=True)]


def precision_above(population, threshold):
    found = [each.present for each in population if each.confidence >= threshold]
    return sum(found) / len(found) if found else 1.0


@pytest.mark.parametrize(("wrong", "found"), [(0, 22), (1, 38), (2, 52), (3, 65)])
def test_the_fewest_queries_for_nine_in_ten_with_nine_in_ten(wrong, found):
    # 0.9 ** 22 = 0.0985 and 0.9 ** 21 = 0.109; the others from tables of the binomial distribution.
    assert least_found(wrong, 0.1, 0.1) == found
    assert binomial_tail(wrong, found, 0.1) <= 0.1 < binomial_tail(wrong, found - 1, 0.1)


def test_clean_labels_are_promised_down_to_the_last_present_one():
    labels = [LabelledConfidence(0.5 + n / 100, True) for n in range(40)]
    labels += [LabelledConfidence(0.01 * n, False) for n in range(10)]
    made = choose_threshold(labels, precision=0.9, confidence=0.9, date="2026-01-31")
    assert isinstance(made, Promise) and made.wrong == 0 and 22 <= made.found <= 40
    assert made.found_from == sorted((each.confidence for each in labels), reverse=True)[made.found - 1]
    assert made.present_share == 0.8 and made.queries == 50 and made.date == "2026-01-31"
    assert "at least 90% are present, with 90% confidence, where 80%" in made.sentence


def test_too_few_labels_are_counted_up():
    labels = [LabelledConfidence(0.9, True)] * 10 + [LabelledConfidence(0.1, False)] * 10
    refused = choose_threshold(labels, precision=0.9, confidence=0.9)
    assert isinstance(refused, NoPromise) and refused.more == pytest.approx(24, abs=3)  # 22 of 44 present
    assert f"about {refused.more} more are needed" in refused.sentence
    again = choose_threshold(labels * 3, precision=0.9, confidence=0.9)
    assert isinstance(again, Promise)


def test_answers_that_are_wrong_at_the_top_are_not_promised_with_any_number_of_labels():
    labels = [LabelledConfidence(0.9, n % 2 == 0) for n in range(200)]
    refused = choose_threshold(labels, precision=0.9, confidence=0.9)
    assert isinstance(refused, NoPromise) and refused.more is None and "hardly help" in refused.sentence


def test_what_is_called_not_found_is_never_promised():
    labels = [LabelledConfidence(LEAST_THRESHOLD / 2, True)] * 200 + [LabelledConfidence(0.0, False)] * 200
    assert isinstance(choose_threshold(labels, precision=0.9, confidence=0.9), NoPromise)


def test_ties_are_found_together():
    labels = [LabelledConfidence(1.0, n % 10 != 0) for n in range(60)] + [LabelledConfidence(0.0, False)] * 60
    made = choose_threshold(labels, precision=0.7, confidence=0.9)
    assert isinstance(made, Promise) and (made.found, made.wrong) == (60, 6)


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": 1.0},
        {"precision": 0.0},
        {"confidence": 1.0},
        {"present_share": 0.0},
        {"present_share": 1},
    ],
)
def test_numbers_out_of_range_are_refused(changes):
    labels = [LabelledConfidence(0.9, True), LabelledConfidence(0.1, False)]
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        choose_threshold(labels, **{"precision": 0.9, "confidence": 0.9, **changes})


@pytest.mark.parametrize("present", [True, False])
def test_labels_of_one_kind_are_refused(present):
    with pytest.raises(ValueError, match="both needed"):
        choose_threshold([LabelledConfidence(0.9, present)] * 50, precision=0.9, confidence=0.9)


@given(
    precision=st.floats(0.5, 0.99),
    held=st.floats(0.1, 0.9),
    asked=st.floats(0.05, 0.95),
    recall=st.floats(0.1, 1.0),
)
def test_another_share_of_present_queries_is_the_same_as_weighing_them(precision, held, asked, recall):
    most = wrong_share(precision, held=held, asked=asked)
    assert 0 < most < 1
    # Found absent queries, so that exactly this share of the found labelled ones is wrong.
    false = most / (1 - most) * held * recall / (1 - held)
    assert asked * recall / (asked * recall + (1 - asked) * false) == pytest.approx(precision, rel=1e-6)
    assert wrong_share(precision, held=held, asked=held) == pytest.approx(1 - precision)


@given(seed=st.integers(0, 10_000), count=st.integers(10, 300), precision=st.sampled_from([0.7, 0.9, 0.95]))
def test_a_promise_says_what_it_rests_on(seed, count, precision):
    labels = labels_of(np.random.default_rng(seed), count)
    if len({each.present for each in labels}) < 2:
        return
    made = choose_threshold(labels, precision=precision, confidence=0.9)
    if isinstance(made, NoPromise):
        assert made.more is None or made.more >= 1
        return
    found = [each.present for each in labels if each.confidence >= made.found_from]
    assert (len(found), found.count(False)) == (made.found, made.wrong)
    assert binomial_tail(made.wrong, made.found, 1 - precision) <= 0.1
    assert made.found_from >= LEAST_THRESHOLD


@pytest.mark.parametrize("signal", [0.6, 1.0, 1.6])
@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("digits", [1, 4])
def test_promises_that_do_not_hold_are_as_rare_as_stated(signal, stratified, digits):
    """For thousands of sets of labels, against the precision in a very large population.

    The bound on the rate is the stated one and three standard errors of the simulation.
    """
    rng = np.random.default_rng([7, round(10 * signal), stratified, digits])
    population = labels_of(rng, 50_000, signal=signal, digits=digits)
    sets, level = 500, 0.2
    exact: dict[float, float] = {}
    broken = 0
    for _ in range(sets):
        labels = labels_of(rng, 120, signal=signal, stratified=stratified, digits=digits)
        made = choose_threshold(labels, precision=0.85, confidence=1 - level)
        if isinstance(made, Promise):
            at = round(made.found_from, digits)
            if at not in exact:
                exact[at] = precision_above(population, at)
            broken += exact[at] < 0.85
    assert broken / sets <= level + 3 * math.sqrt(level * (1 - level) / sets)


def test_a_useless_confidence_is_promised_no_more_often_than_stated():
    rng = np.random.default_rng(11)
    made = 0
    for _ in range(600):  # the precision is 0.5 at every threshold
        labels = [LabelledConfidence(float(rng.uniform(0.2, 1)), bool(rng.random() < 0.5)) for _ in range(60)]
        made += isinstance(choose_threshold(labels, precision=0.55, confidence=0.9), Promise)
    assert made / 600 <= 0.1 + 3 * math.sqrt(0.09 / 600)
