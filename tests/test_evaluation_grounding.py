"""The rows of `footage eval grounding`: the field's hand cases, and what stands beside the predictions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.grounding import grounding_rows
from evaluation.metrics import ScoredSpan
from evaluation.readers import MomentQuery
from footage.core.types import Span


def rows(truths, guesses, *, precision=False, duration=20.0):
    queries = [
        MomentQuery(str(n), f"v{n}", "a dog runs", tuple(Span(*pair) for pair in spans), duration)
        for n, spans in enumerate(truths)
    ]
    listed = {str(n): [ScoredSpan(Span(*pair), 0.0) for pair in pairs] for n, pairs in enumerate(guesses)}
    return grounding_rows(queries, listed, precision=precision)


@pytest.mark.parametrize(
    ("guess", "iou", "at_half"),
    [
        ([(10, 15)], 0.0, 0.0),  # touches
        ([(5, 10)], 100.0, 100.0),  # equal
        ([], 0.0, 0.0),  # nothing predicted
        ([(5, 5)], 0.0, 0.0),  # a reversed span is read as an empty one
        ([(5, 7.5)], 50.0, 100.0),  # exactly one half counts
        ([(5, 7.4)], 48.0, 0.0),
    ],
)
def test_hand_cases(guess, iou, at_half):
    own = rows([[(5, 10)]], [guess])["predictions"]
    assert (own["mIoU"], own["R@1@0.5"]) == (iou, at_half)


def test_a_missing_query_is_an_error_and_never_dropped():
    with pytest.raises(ValueError, match="same queries"):
        rows([[(5, 10)], [(1, 2)]], [[(5, 10)]])


def test_the_first_listed_counts_and_the_oracle_takes_the_best():
    result = rows([[(5, 10)]], [[(0, 1), (5, 10)]])
    assert result["predictions"]["R@1@0.7"] == 0 and result["predictions"]["R@5@0.5"] == 100
    assert result["oracle"]["R@1@0.7"] == result["oracle"]["mIoU"] == 100


def test_whole_videos_and_random_events_stand_beside():
    result = rows([[(0, 20)], [(0, 5)]], [[], []])
    assert result["whole video"]["R@1@0.5"] == 50 and result["whole video"]["mIoU"] == 62.5
    assert 0 < result["random event"]["mIoU"] < 100
    unknown = rows([[(0, 20)]], [[]], duration=None)
    assert set(unknown["whole video"].values()) == {None}
    assert "mAP" in rows([[(0, 20)]], [[]], precision=True)["predictions"]


spans = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(st.tuples(st.lists(spans, min_size=1, max_size=3), st.lists(spans, max_size=4)), min_size=1))
def test_no_order_of_the_predictions_beats_the_oracle(pairs):
    result = rows(*zip(*pairs, strict=True))
    for name in ("R@1@0.3", "R@1@0.5", "R@1@0.7", "mIoU"):
        assert 0 <= result["predictions"][name] <= result["oracle"][name] <= 100
    assert (
        result["predictions"]["R@1@0.7"]
        <= result["predictions"]["R@1@0.5"]
        <= result["predictions"]["R@1@0.3"]
    )
