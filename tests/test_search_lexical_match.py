"""Whether a text says what a query asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.query.lexical_match import agreed, same_word, unsaid, words_of
from search.query.negation import affirms, take_out

RED = "A red car drives from left to right."


@pytest.mark.parametrize(
    ("query", "text", "left_out"),
    [
        ("a red car drives from left to right", RED, ""),
        ("the red car driving left to right", RED, ""),
        ("red car", RED, ""),
        ("a white car drives from left to right", RED, "white"),
        ("a red car drives from right to left", RED, "right … left"),
        ("somebody in red walks leftwards", "A red person walks from right to left.", "leftwards"),
        ("a dog", "A red person walks.", "dog"),
        ("the", RED, ""),
        ("red", "", "red"),
    ],
)
def test_what_a_text_leaves_unsaid(query, text, left_out):
    assert unsaid(words_of(query), text) == left_out


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("runs", "run", True),
        ("driving", "drives", True),
        ("jumps", "jumped", True),
        ("red", "red", True),
        ("red", "reddish", False),
        ("car", "cart", True),  # too near to tell; the vectors still speak
        ("left", "leftwards", False),
        ("dog", "box", False),
        ("", "a", False),
    ],
)
def test_inflections(one, other, same):
    assert same_word(one, other) is same_word(other, one) is same


@pytest.mark.parametrize(
    ("said", "text", "affirmed"),
    [
        ("hat", "A man wears a hat.", True),
        ("hat", "A man without a hat walks.", False),
        ("hat", "A man without a coat, a hat in his hand.", True),
        ("cars", "A car drives by.", True),
        ("cars", "There are no cars on the street.", False),
        ("street", "There are no cars on the street.", True),
        ("moving", "The car isn't moving.", False),
        ("moving", "The car is not red, it is moving.", True),
        ("moving", "Nothing.", False),
        ("wearing hat", "A woman wearing a red hat.", True),
        ("wearing hat", "A woman wearing a coat.", False),
    ],
)
def test_a_text_says_a_thing_unless_it_negates_it(said, text, affirmed):
    assert affirms(words_of(said), text) is affirmed


@given(st.text(max_size=120))
def test_any_text_is_read_for_negation_without_error(text):
    rest, negated, typed = take_out(text)
    assert (rest == text) if not negated else (len(negated) >= len(typed) > 0 and len(rest) < len(text))
    assert all(negated)


words = st.lists(st.sampled_from(["red", "dog", "jumps", "left", "box", "white", "at", "the"]), unique=True)


@given(words, words)
def test_a_text_says_its_own_words_in_their_own_order(said, more):
    assert unsaid(tuple(said), " ".join(said)) == ""
    content = [word for word in said if word not in ("at", "the")]
    left_out = unsaid(tuple(said), " ".join(more))
    assert (left_out in content) == (not set(content) <= set(more))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_compared_without_error(query, text):
    left_out = unsaid(words_of(query), text)
    assert all(part in words_of(query) for part in left_out.split(" … ") if part)


@pytest.mark.parametrize(
    ("query", "text", "share"),
    [
        ("a red car to the left", "A red car drives from right to left.", 1.0),
        ("a red car to the left", "A red car drives from left to right.", 0.5),
        ("a red man at the left", "A red person walks from right to left.", 1 / 3),
        ("a dog runs", "A red dog runs to the left.", 1.0),
        ("a red dog", "A dog runs.", 0.0),
    ],
)
def test_what_a_text_confirms_of_what_can_only_be_one_way(query, text, share):
    assert agreed(query, text) == pytest.approx(share)
