"""Re-ranking with a tiny cross-encoder of random numbers: the order is its own, all else stays."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standin_finder import StandinFinder, TestVideo, index_videos
from test_search_retrieve import VIDEOS, written
from test_ui_commands import bare_environment, lines  # noqa: F401
from tiny_text_models import PROMPTS, write_cross_encoder, write_embedder
from typer.testing import CliRunner

from footage.core.errors import ModelUnavailableError, WrongCheckpointError
from footage.core.types import Hit, Span
from footage.embed.text_embedder import BUNDLED, load_embedder
from search.engine import Engine
from search.query.parser import parse_query
from search.retrieval.rerank import MOST, load_reranker
from search.retrieval.retriever import ARMS, NEGATED_WEIGHT, PASSAGE_WEIGHT, Retriever
from ui.cli.main import app

QUERY = "he starts the engine"
YARD = TestVideo("yard", 60, 40, {"A dog runs along the fence.": [(5, 12)], "A red car stops.": [(20, 26)]})
HALL = TestVideo("hall", 160, 20, {"A red car stands in a hall.": [(3, 8)]})

runner = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_cross_encoder(tmp_path_factory.mktemp("rerank"))


@pytest.fixture(scope="module")
def reranker(folder):
    return load_reranker(str(folder), device="cpu")


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    return written(tmp_path_factory.mktemp("retrieve"), embedder, VIDEOS)


def fits(folder, query, texts):
    """What the model says of each text, asked by itself."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    return {text: float(model.predict([(query, text)])[0]) for text in texts}


def hit(number, text, score):
    return Hit("event", f"e{number}", f"v{number % 3}", (0,), Span(number, number + 1), text, score, 0.4)


def ordered(scores, texts):
    """Hits best first, as retrieval gives them."""
    made = [hit(n, text, score) for n, (text, score) in enumerate(zip(texts, scores, strict=False))]
    return sorted(made, key=lambda each: (-each.score, each.content_id, each.span))


@given(
    scores=st.lists(st.floats(-2, 30).map(lambda score: round(score, 6)), max_size=MOST + 20),
    texts=st.lists(
        st.text(max_size=20) | st.sampled_from(["a dog runs", "a car", "\ud800", "x " * 200]),
        min_size=MOST + 20,
        max_size=MOST + 20,
    ),
)
@settings(max_examples=25, deadline=None)
def test_hits_are_permuted_and_none_is_lost_or_invented(reranker, scores, texts):
    hits = ordered(scores, texts)
    found = reranker.reordered("a red car", hits)

    def without_score(hits):
        return Counter(replace(each, score=0.0) for each in hits)

    assert without_score(found) == without_score(hits)
    assert without_score(found[:MOST]) == without_score(hits[:MOST]) and found[MOST:] == hits[MOST:]
    levels = [each.score for each in found]
    assert all(one > other for one, other in pairwise(levels[: MOST + 1]))
    if len(set(scores)) == len(scores):
        assert levels == [each.score for each in hits]


def test_the_order_is_that_of_the_model(folder, reranker):
    texts = [
        f"{who} {what}" for who in ("a red car", "a dog", "a green car") for what in ("runs", "stops", "is")
    ]
    hits = ordered([1.0] * len(texts), texts)
    says = fits(folder, "a red car stops", texts)
    assert min(abs(one - other) for one, other in pairwise(sorted(says.values()))) > 1e-4
    found = reranker.reordered("a red car stops", hits)
    assert [each.text for each in found] == sorted(texts, key=lambda text: -says[text])
    assert [each.text for each in found] != [each.text for each in hits]
    assert reranker.reordered("a red car stops", []) == []


def test_texts_that_fit_alike_stay_as_they_are(reranker):
    hits = ordered([0.9, 0.5, 0.2], ["a dog runs"] * 3)
    assert reranker.reordered("a dog", hits) == hits


@pytest.mark.parametrize("arm", ARMS)
def test_retrieval_gives_the_same_hits_in_the_order_of_the_model(store, embedder, folder, reranker, arm):
    query = parse_query(QUERY)
    before = Retriever(store, embedder).retrieve(query, arm=arm)
    after = Retriever(store, embedder, reranker).retrieve(query, arm=arm)

    def held(candidates):
        return {each.owner_id: (each.text, each.similarity) for found in candidates for each in found.hits}

    assert held(after) == held(before) and len(held(after)) >= 2
    says = fits(folder, query.text, {text for text, _ in held(after).values()})
    for found in after:
        assert [says[each.text] for each in found.hits] == sorted(
            (says[each.text] for each in found.hits), reverse=True
        )
        assert found.score == found.hits[0].score
    best = [says[found.hits[0].text] for found in after]
    assert best == sorted(best, reverse=True)


def test_what_the_query_negates_loses_whatever_the_model_says(store, embedder, reranker):
    query = parse_query("he starts the engine, no boats")
    hits = [each for found in Retriever(store, embedder, reranker).retrieve(query) for each in found.hits]
    plain = {
        each.text: each.score
        for found in Retriever(store, embedder, reranker).retrieve(parse_query(QUERY))
        for each in found.hits
    }
    (boat,) = [each for each in hits if "boat" in each.text]
    lost = NEGATED_WEIGHT * (1 + PASSAGE_WEIGHT)
    assert boat.score == pytest.approx(plain[boat.text] - lost, abs=1e-5)
    assert all(each.score == plain[each.text] for each in hits if "starts" not in each.text and each != boat)


def test_what_is_excluded_takes_no_place_among_those_that_are_read(store, embedder, reranker):
    query = parse_query("he starts the engine -boat")
    found = Retriever(store, embedder, reranker).retrieve(query)
    assert found and not [each for one in found for each in one.hits if "boat" in each.text]


def test_an_engine_answers_in_the_order_of_the_model(tmp_path, embedder, folder, reranker):
    store = index_videos(tmp_path, [YARD, HALL], embedder)
    text = parse_query("a red car").text
    answers = Engine(store, embedder, reranker=reranker).search("a red car", ground=False, limit=2).matches
    usual = Engine(store, embedder).search("a red car", ground=False, limit=2).matches
    says = fits(folder, text, [*YARD.events, *HALL.events, YARD.scene])
    first = max(says, key=lambda each: says[each])
    assert answers[0].text.startswith(first) and {one.path for one in answers} == {one.path for one in usual}
    grounded = Engine(store, embedder, StandinFinder([YARD, HALL]), reranker=reranker)
    assert "found" in {match.verdict for match in grounded.search("A red car stops").matches}


def test_what_is_no_re_ranker_is_refused_in_a_sentence(tmp_path, capfd):
    with pytest.raises(ModelUnavailableError, match=r"the re-ranker .* cannot be loaded") as caught:
        load_reranker(str(tmp_path))
    assert "--rerank" in caught.value.hint
    with pytest.raises(ModelUnavailableError, match="no such folder"):
        load_reranker(str(tmp_path / "lost"))
    with pytest.raises(WrongCheckpointError, match="3 scores per pair of texts") as caught:
        load_reranker(str(write_cross_encoder(tmp_path / "three", figures=3)))
    assert "--rerank" in caught.value.hint
    bare = str(write_embedder(tmp_path, prompts=PROMPTS))
    capfd.readouterr()
    with pytest.raises(WrongCheckpointError, match="not a re-ranker but a BertModel"):
        load_reranker(bare)
    assert capfd.readouterr() == ("", "")  # the libraries' own words would spoil --json


def test_a_hub_name_without_a_hub_fails_in_words(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailableError, match="'no/such-model' cannot be loaded"):
        load_reranker("no/such-model")


def test_the_command_and_the_setting_name_a_re_ranker(tmp_path, embedder, folder, monkeypatch):
    index_videos(tmp_path, [YARD, HALL], embedder)
    arguments = ["search", "a red car", "--no-ground", "--json", "--db", str(tmp_path / "index.lancedb")]
    usual = runner.invoke(app, arguments)
    given = runner.invoke(app, [*arguments, "--rerank", str(folder)])
    monkeypatch.setenv("FOOTAGE_RERANK", str(folder))
    by_setting = runner.invoke(app, arguments)
    assert (usual.exit_code, given.exit_code, by_setting.exit_code) == (0, 0, 0), given.output

    def response(result):
        return [(line["text"], line["score"]) for line in lines(result.stdout) if line["type"] == "match"]

    assert response(given) == response(by_setting) != response(usual)
    says = fits(folder, "a red car", [*YARD.events, *HALL.events, YARD.scene])
    assert response(given)[0][0] == max(says, key=lambda each: says[each]) != response(usual)[0][0]
    assert "--rerank" in runner.invoke(app, ["search", "--help"]).stdout


def test_the_command_says_what_is_wrong_with_a_re_ranker(tmp_path, embedder):
    index_videos(tmp_path, [HALL], embedder)
    arguments = ["search", "a red car", "--no-ground", "--json", "--db", str(tmp_path / "index.lancedb")]
    result = runner.invoke(app, [*arguments, "--rerank", str(tmp_path / "lost")])
    response = json.loads(result.stderr)
    assert result.exit_code == 1 and result.stdout == ""
    assert "no such folder" in response["error"] and "cross-encoder" in response["hint"]
    assert BUNDLED not in response["error"]
