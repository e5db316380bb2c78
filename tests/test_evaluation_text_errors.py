"""Error rates of words and letters."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.text_errors import edit_distance, equal_places, spoken_words, written_letters

SOME = st.lists(st.sampled_from("abc"), max_size=7)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Platform twelve, please!", "platform 12 please"),
        ("up by seven percent", "Up by 7%."),
        ("twenty five and thirty", "25 and 30"),
        ("twenty-five", "25"),
        ("twenty twelve", "20 12"),
        ("It's nine o'clock", "its 9 oclock"),
    ],
)
def test_what_is_said_alike_is_equal(one: str, other: str) -> None:
    assert spoken_words(one) == spoken_words(other)


def test_words_that_differ_stay_apart() -> None:
    assert spoken_words("gate twelve") != spoken_words("gate two")
    assert spoken_words("five twenty") == ["5", "20"]
    assert written_letters("Sale 20% OFF") == "sale20%off"


@given(SOME, SOME, SOME)
def test_edit_distance_is_a_distance(one: list[str], other: list[str], third: list[str]) -> None:
    assert edit_distance(one, other) == edit_distance(other, one)
    assert (edit_distance(one, other) == 0) == (one == other)
    assert edit_distance(one, third) <= edit_distance(one, other) + edit_distance(other, third)
    assert abs(len(one) - len(other)) <= edit_distance(one, other) <= max(len(one), len(other))


@given(SOME, SOME)
def test_equal_places_pair_equal_elements_in_order(one: list[str], other: list[str]) -> None:
    pairs = sorted(equal_places(one, other).items())
    assert all(one[a] == other[b] for a, b in pairs)
    assert all(b < after for (_, b), (_, after) in pairwise(pairs))
    distance = edit_distance(one, other)
    assert max(len(one), len(other)) - len(pairs) <= distance <= len(one) + len(other) - 2 * len(pairs)
