"""Pictures and texts to vectors of one space: CLIP, SigLIP and Qwen3-VL, tiny and random, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_image_models import PROMPTS, write_clip, write_qwen3_vl_bare, write_qwen3_vl_embedding, write_siglip
from tiny_text_models import PROMPTS as TEXT_PROMPTS
from tiny_text_models import write_embedder

from footage.core.errors import ModelUnavailableError, UsageError
from footage.embed.image_embedder import KNOWN, load_image_embedder

TEXTS = ["a red car", "A dog, at dusk.", "x " * 400, "", "odd \ud800 \0 <bos>"]
WRITERS = {"clip": write_clip, "siglip": write_siglip, "qwen": write_qwen3_vl_embedding}


@pytest.fixture(scope="module", params=WRITERS)
def tiny(request, tmp_path_factory):
    folder = WRITERS[request.param](tmp_path_factory.mktemp(request.param))
    return load_image_embedder(str(folder))


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (5, 64, 96, 3), dtype=np.uint8)


def test_vectors_are_normalised_float32_of_one_space(tiny, pictures):
    seen, read = tiny.embed_pictures(pictures), tiny.embed_texts(TEXTS)
    assert seen.shape == (5, tiny.dimension) and read.shape == (len(TEXTS), tiny.dimension)
    for vectors in (seen, read):
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert tiny.embed_pictures([]).shape == (0, tiny.dimension) == tiny.embed_texts([]).shape


def test_a_vector_does_not_depend_on_its_batch(tiny, pictures):
    alone = np.concatenate([tiny.embed_pictures([picture]) for picture in pictures])
    assert tiny.embed_pictures(pictures) == pytest.approx(alone, abs=2e-4)
    alone = np.concatenate([tiny.embed_texts([text]) for text in TEXTS])
    assert tiny.embed_texts(TEXTS) == pytest.approx(alone, abs=2e-4)


def test_what_is_seen_and_read_matters(tiny, pictures):
    for vectors in (tiny.embed_pictures(pictures), tiny.embed_texts(TEXTS[:3])):
        near = vectors @ vectors.T
        assert near[~np.eye(len(near), dtype=bool)].max() < 1 - 1e-4


def test_pictures_may_differ_in_size_and_be_thin_or_huge(tiny):
    rng = np.random.default_rng(1)
    sizes = [(64, 96), (3, 50), (50, 3), (2200, 1300), (33, 47)]
    mixed = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    assert tiny.embed_pictures(mixed).shape == (5, tiny.dimension)


def test_a_text_that_names_a_picture_is_a_text(tiny, tmp_path):
    from PIL import Image

    path = tmp_path / "secret.png"
    Image.new("RGB", (40, 40), "red").save(path)
    texts = [str(path), "http://127.0.0.1:9/x.jpg", "file:///etc/x.png", "https://example.invalid/a.mp4"]
    vectors = tiny.embed_texts(texts)
    Image.new("RGB", (40, 40), "blue").save(path)
    assert np.array_equal(tiny.embed_texts(texts), vectors)
    path.unlink()
    assert np.array_equal(tiny.embed_texts(texts), vectors)


def test_siglip_reads_lower_case_and_the_last_of_all_tokens(tmp_path):
    from sentence_transformers import SentenceTransformer

    folder = write_siglip(tmp_path / "siglip")
    ours = load_image_embedder(str(folder))
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    padded = model.encode(
        ["a red car"],
        normalize_embeddings=True,
        processing_kwargs={"text": {"padding": "max_length", "max_length": 24}},
    )
    assert ours.embed_texts(["A Red CAR"]) == pytest.approx(padded, abs=1e-5)
    assert (
        np.abs(ours.embed_texts(["a red car"]) - model.encode(["a red car"], normalize_embeddings=True)).max()
        > 1e-3
    )


def test_instructions_go_to_queries_and_to_pictures(tmp_path, pictures):
    from sentence_transformers import SentenceTransformer

    folder = write_qwen3_vl_embedding(tmp_path)
    ours = load_image_embedder(str(folder))
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    assert model.prompts == PROMPTS
    asked = model.encode(["a red car"], prompt=PROMPTS["query"])
    assert ours.embed_texts(["a red car"]) == pytest.approx(asked, abs=1e-5)
    assert np.abs(asked - model.encode(["a red car"], prompt="")).max() > 1e-3
    from PIL import Image

    shown = model.encode([Image.fromarray(pictures[0])], prompt=PROMPTS["document"])
    assert ours.embed_pictures(pictures[:1]) == pytest.approx(shown, abs=1e-4)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        "a.png",
    ],
)
def test_what_is_no_picture_is_refused(tiny, bad):
    with pytest.raises(UsageError, match="uint8 of shape"):
        tiny.embed_pictures([bad])


def test_a_text_model_is_refused(tmp_path):
    folder = write_embedder(tmp_path, prompts=TEXT_PROMPTS)
    with pytest.raises(ModelUnavailableError, match="takes no image"):
        load_image_embedder(str(folder))


def test_a_language_model_that_is_no_embedder_is_refused(tmp_path):
    folder = write_qwen3_vl_bare(tmp_path / "bare")
    with pytest.raises(ModelUnavailableError, match=r"no modules\.json"):
        load_image_embedder(str(folder))


@pytest.mark.parametrize("name", ["", "  ", "./nothing-here", "~/nothing-here", "no/such model"])
def test_names_of_nothing_are_refused_in_a_sentence(name):
    with pytest.raises((UsageError, ModelUnavailableError)) as caught:
        load_image_embedder(name)
    assert caught.value.hint and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [known.name for known in KNOWN if known.repository])
def test_known_models_that_cannot_be_had_say_so(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailableError, match="cannot be loaded") as caught:
        load_image_embedder(name)
    assert "demo-clip" in caught.value.hint


def test_weights_that_are_pickles_are_refused(tmp_path):
    import torch

    folder = write_clip(tmp_path / "clip")
    weights = folder / "model.safetensors"
    torch.save({}, folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ModelUnavailableError, match="safetensors"):
        load_image_embedder(str(folder))
