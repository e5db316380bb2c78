"""Consensus and agreement, against the published examples and by definition."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.judging.agreement import consensus, krippendorff_alpha, pairwise_agreement

verdicts = st.sampled_from(["yes", "no", "unclear"])
units = st.lists(st.lists(verdicts | st.none(), max_size=5), max_size=12)


def units_of(*judges: str) -> list[list[str | None]]:
    """Verdicts by unit from one row for each judge; "." for a missing one."""
    return [[None if each == "." else each for each in unit] for unit in zip(*judges, strict=True)]


@pytest.mark.parametrize(
    ("judges", "alpha"),
    [
        # Krippendorff (2011): two observers and binary data, two and nominal data, four with missing data.
        (("0100000010", "1110010000"), 0.095),
        (("aabbdcccedda", "babbbccceddd"), 0.692),
        (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),
    ],
)
def test_alpha_of_the_published_examples(judges, alpha):
    assert krippendorff_alpha(units_of(*judges)) == pytest.approx(alpha, abs=0.0005)


@given(units)
def test_alpha_is_that_of_the_coincidence_matrix(judged):
    """By the definition with observed and expected disagreement, written out pair by pair."""
    pairs, weights, values = [], [], []
    for unit in judged:
        given_verdicts = [each for each in unit if each is not None]
        if len(given_verdicts) < 2:
            continue
        values += given_verdicts
        for one, other in permutations(range(len(given_verdicts)), 2):
            pairs.append(given_verdicts[one] != given_verdicts[other])
            weights.append(1 / (len(given_verdicts) - 1))
    expected = [a != b for a, b in permutations(values, 2)]
    if not any(expected):
        assert math.isnan(krippendorff_alpha(judged))
        return
    observed = sum(w for w, unlike in zip(weights, pairs, strict=True) if unlike) / len(values)
    chance = sum(expected) / len(expected)
    assert krippendorff_alpha(judged) == pytest.approx(1 - observed / chance)


@given(units, st.randoms())
def test_agreement_does_not_depend_on_the_order(judged, random):
    mixed = [random.sample(unit, len(unit)) for unit in random.sample(judged, len(judged))]
    for measure in (krippendorff_alpha, pairwise_agreement):
        assert measure(mixed) == pytest.approx(measure(judged), nan_ok=True)


@given(st.lists(verdicts, min_size=2, max_size=9), st.integers(2, 5))
def test_equal_judges_agree_fully(values, judges):
    judged = [[value] * judges for value in values]
    assert pairwise_agreement(judged) == 1
    assert krippendorff_alpha(judged) == pytest.approx(1 if len(set(values)) > 1 else math.nan, nan_ok=True)


def test_the_agreement_of_pairs_is_counted_by_hand():
    assert pairwise_agreement([["a", "a", "b"], ["a", None], ["b", "b"]]) == pytest.approx(2 / 4)
    assert math.isnan(pairwise_agreement([["a"], []]))


def test_a_majority_decides_and_a_tie_is_stated():
    most = consensus(["yes", "no", None, "yes"])
    assert (most.value, most.votes, most.voters, most.tied) == ("yes", 2, 3, ()) and not most.is_unanimous
    tie = consensus(["no", "yes", "no", "yes", "unclear"])
    assert (tie.value, tie.votes, tie.voters, tie.tied) == (None, 2, 5, ("no", "yes"))
    none = consensus([None, None])
    assert (none.value, none.votes, none.voters) == (None, 0, 0) and not none.is_unanimous
    assert consensus(["yes", None]).is_unanimous


@given(st.lists(verdicts | st.none()))
def test_a_consensus_has_at_least_as_many_votes_as_any_verdict(votes):
    found = consensus(votes)
    counted = {each: votes.count(each) for each in votes if each is not None}
    assert found.votes == max(counted.values(), default=0)
    assert (found.value is None) == (not counted or sum(n == found.votes for n in counted.values()) > 1)
