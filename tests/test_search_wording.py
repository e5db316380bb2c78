"""Whether a text says what a query asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.wording import same_word, unsaid, words_of

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
