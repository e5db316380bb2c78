"""Words of texts: BM25, with likeness, on the bundled embedder's words."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.embed.text_embedder import load_embedder
from search.retrieval.bm25 import ALIKE, K1, B, Words

TEXTS = ["A lady throws a ball.", "A man plays the violin.", "A dog barks at a dog.", ""]


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


@pytest.fixture(scope="module")
def words(embedder):
    return Words(TEXTS, embedder)


@pytest.mark.parametrize(
    ("said", "best"),
    [("ball", 0), ("woman", 0), ("thrown", 0), ("guitar", 1), ("guy", 1), ("barking", 2), ("puppy", 2)],
)
def test_a_word_finds_itself_its_inflections_and_its_like(words, said, best):
    scores = words.scores([said])
    assert scores.argmax() == best and scores[best] > 0 and scores[3] == 0


def test_the_word_itself_counts_more_than_one_like_it(words):
    assert words.scores(["violin"])[1] > words.scores(["guitar"])[1] > 0


def test_one_word_is_scored_by_the_formula(words):
    lengths = [3, 3, 3, 0]  # function words do not count
    norm = K1 * (1 - B + B * lengths[2] / np.mean(lengths))
    rarity = log(1 + (4 - 1 + 0.5) / (1 + 0.5))
    assert words.scores(["dog"])[2] == pytest.approx(rarity * 2 * (K1 + 1) / (2 + norm), rel=1e-5)


def test_a_word_asked_twice_and_one_without_content_add_nothing(words):
    once = words.scores(["dog", "ball"])
    assert np.array_equal(words.scores(["the", "dog", "ball", "dog", "a"]), once)
    assert not words.scores(["the"]).any()


@pytest.mark.parametrize("texts", [[], [""], ["the"]])
def test_texts_without_words_score_nothing(embedder, texts):
    assert Words(texts, embedder).scores(["dog"]).tolist() == [0.0] * len(texts)


letters = st.text(st.sampled_from("abc\ud800 ü'"), max_size=8)  # a lone surrogate is no word for a tokenizer


@given(st.lists(letters, max_size=5), st.lists(letters, max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_words_give_one_finite_score_a_text_and_the_order_does_not_matter(embedder, texts, asked):
    words = Words(texts, embedder)
    scores = words.scores(asked)
    assert scores.shape == (len(texts),) and np.all(np.isfinite(scores)) and np.all(scores >= 0)
    assert np.allclose(words.scores(asked[::-1]), scores)
    assert Words(texts, embedder).scores(asked).tolist() == scores.tolist()


def test_of_many_words_that_are_alike_only_the_nearest_stand_for_one(embedder):
    many = [f"dog{n}" for n in range(40)]
    assert 0 < np.count_nonzero(Words(many, embedder).scores(["hound"])) <= ALIKE
