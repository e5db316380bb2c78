"""Retrieval on a real index with the bundled embedder: passages, hubness, arms, and the exact search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.core.types import (
    Caption,
    CaptionEvent,
    Event,
    File,
    Hit,
    Provenance,
    Span,
    Video,
    Window,
    WindowRecord,
)
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.store.limits import Limits
from footage.store.records import PASSAGE_WORDS, text_rows
from indexer.events import Projector
from search.query.parser import parse_query
from search.retrieval.hubness import HubnessScorer
from search.retrieval.retriever import Retriever

ON_DISK = Limits(in_memory_rows=0)
KITCHEN = [
    "A woman stands in a kitchen with a bowl of eggs.",
    "She whisks them.",
    "She pours them into a pan.",
]
GARAGE = ["A man kneels beside a motorbike in a garage.", "He whisks dust off it.", "He starts the engine."]
LAKE = ["A boat lies at a jetty.", "A man unties its rope.", "He starts the engine."]
BEACH = ["Two children run along a beach.", "They build a castle of sand.", "They wave at the camera."]
VIDEOS = {"kitchen": KITCHEN, "garage": GARAGE, "lake": LAKE, "beach": BEACH}


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


def indexed(folder, embedder, videos):
    """An index of some videos, each one window of 30 seconds with spans and texts."""
    store = Store.open(folder / "index", create=True)
    projector = Projector(store, embedder)
    for name, result in videos.items():
        events = tuple(CaptionEvent(span, text) for span, text in result)
        record = WindowRecord(
            Window(name, 0, Span(0, 30)), Caption("", events, "", "stop"), Provenance("m", "1", "1", "b")
        )
        store.files.put([File(f"/{name}", name, state="indexed", duration_seconds=30.0)])
        store.videos.put([Video(name, 30.0, 64, 48, 25.0, "h264")])
        store.windows.add([record])
        projector.add(name, [record])
        projector.finish(name)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    return written(tmp_path_factory.mktemp("retrieve"), embedder, VIDEOS)


def written(folder, embedder, videos):
    """An index of what is said of some videos, ten seconds a line."""
    result = {
        name: [(Span(10.0 * n, 10.0 * n + 8), line) for n, line in enumerate(lines)]
        for name, lines in videos.items()
    }
    return indexed(folder, embedder, result)


def first(store, embedder, text, **options):
    candidate, *_ = Retriever(store, embedder).retrieve(parse_query(text), **options)
    return candidate.video.content_id, candidate.hits[0].text


def test_an_event_is_found_by_what_it_happens_among(store, embedder):
    # "He starts the engine." is said of two videos; only what is around tells which engine it is.
    assert first(store, embedder, "he starts the engine of the boat") == ("lake", LAKE[2])
    assert first(store, embedder, "he starts the engine of the motorbike") == ("garage", GARAGE[2])


@pytest.mark.parametrize("arm", ["text", "vector", "hybrid"])
def test_every_arm_finds_what_is_said(store, embedder, arm):
    assert first(store, embedder, "they build a castle of sand", arm=arm) == ("beach", BEACH[1])


def test_words_alone_need_no_embedder(store):
    retriever = Retriever(store, None)
    assert retriever.retrieve(parse_query("a castle"), arm="text")[0].video.content_id == "beach"
    assert retriever.retrieve(parse_query("a giraffe"), arm="text") == []


@pytest.mark.parametrize("arm", ["text", "vector", "hybrid"])
def test_a_text_that_says_what_is_negated_falls_behind(tmp_path, embedder, arm):
    store = written(
        tmp_path / "index",
        embedder,
        {
            "moving": ["A red car is moving on a street."],
            "parked": ["A red car stands parked on a street."],
            "hat": ["A tall man with a hat walks on a beach."],
            "bare": ["A tall man without a hat walks on a beach."],
            "other": ["A white dog sleeps."],
        },
    )

    def order(text):
        found = Retriever(store, embedder).retrieve(parse_query(text), arm=arm)
        return {c.video.content_id: n for n, c in enumerate(found)}, {c.video.content_id: c for c in found}

    plain, negated = order("a red car on a street moving"), order("a red car on a street, not moving")
    assert plain[0]["moving"] < plain[0]["parked"]
    assert negated[0]["parked"] < negated[0]["moving"]
    assert negated[1]["moving"].hits[0].similarity < plain[1]["moving"].hits[0].similarity
    assert negated[0]["moving"] < negated[0].get(
        "other", 99
    )  # it falls behind its like, not behind everything

    with_hat, without = order("a tall man with a hat"), order("a tall man on a beach, no hat")
    assert with_hat[0]["hat"] < with_hat[0]["bare"]
    assert without[0]["bare"] < without[0]["hat"]  # "without a hat" says that there is none
    untouched = order("a tall man on a beach")
    assert untouched[1]["bare"].score == without[1]["bare"].score


def test_negation_is_in_neither_the_vector_nor_the_words(store, embedder):
    retriever = Retriever(store, embedder)
    plain, negated = (
        retriever.retrieve(parse_query(text)) for text in ("a man kneels", "a man kneels, no submarines")
    )
    assert plain == negated


def test_only_the_asked_videos_are_searched_and_the_order_is_stable(store, embedder):
    retriever = Retriever(store, embedder)
    query = parse_query("she pours them into a pan")
    (only,) = retriever.retrieve(query, content_ids=["beach"])
    assert only.video.content_id == "beach"
    whole = retriever.retrieve(query)
    assert whole[0].video.content_id == "kitchen" and len(whole) == 4
    assert all(retriever.retrieve(query) == whole for _ in range(3))
    assert Retriever(store, embedder).retrieve(query) == whole
    for candidate in whole:
        scores = [hit.score for hit in candidate.hits]
        assert scores == sorted(scores, reverse=True) and candidate.score == scores[0]
        assert all(0 <= hit.similarity <= 1 for hit in candidate.hits)


@pytest.mark.parametrize("content_ids", [None, ["lake", "garage"], ["beach", "unknown"]])
def test_an_index_too_large_for_memory_is_searched_on_disk(store, embedder, content_ids):
    query = parse_query("he starts the engine of the boat")
    here = Retriever(store, embedder).retrieve(query, content_ids=content_ids)
    assert store.vectors.passages(embedder.name) is not None
    other = Store.open(store.path, limits=ON_DISK)
    assert other.vectors.passages(embedder.name) is None
    there = Retriever(other, embedder).retrieve(query, content_ids=content_ids)
    assert there[0].video.content_id == here[0].video.content_id
    assert there[0].hits[0].text == here[0].hits[0].text
    assert {c.video.content_id for c in there} == {c.video.content_id for c in here}


def test_of_one_video_s_texts_the_longer_and_after_then_the_later_comes_first(embedder, tmp_path):
    wave = "A man waves."
    spans = [Span(0, 4), Span(4, 20), Span(20, 24), Span(24, 30)]
    lines = [wave, wave, "A dog barks.", wave]
    own = indexed(tmp_path, embedder, {"v": list(zip(spans, lines, strict=True))})

    def starts(text):
        (candidate,) = Retriever(own, embedder).retrieve(parse_query(text))
        return [hit.span.start_seconds for hit in candidate.hits if hit.text == wave]

    assert starts("a man waves") == [4, 24, 0]
    assert starts("then a man waves again") == [24, 4, 0]


def test_passages_in_memory_are_those_that_files_hold_and_the_same_while_nobody_writes(embedder, tmp_path):
    span = Span(0, 5)
    own = indexed(tmp_path, embedder, {"v": [(span, "A dog barks.")], "w": [(span, "A kite flies.")]})
    passages, vectors = own.vectors.passages(embedder.name)
    assert {hit.content_id for hit in passages} == {"v", "w"} and vectors.shape == (2, embedder.dimension)
    assert own.vectors.passages(embedder.name)[0] is passages
    own.files.put([File("/w", "w", state="gone")])
    assert [hit.content_id for hit in own.vectors.passages(embedder.name)[0]] == ["v"]


def test_the_search_in_memory_is_the_database_s_own(store, embedder):
    vector = embedder.embed(["a person cooks"])[0]
    assert (
        Store.open(store.path, limits=ON_DISK).vectors.search(embedder.name, vector, content_ids=["unknown"])
        == []
    )
    assert Store.open(store.path).vectors.search(embedder.name, vector, content_ids=["unknown"]) == []
    for wanted in ({}, {"owner_kinds": ["event"]}, {"content_ids": ["garage", "beach", "unknown"]}):
        here = Store.open(store.path).vectors.search(embedder.name, vector, limit=5, **wanted)
        there = Store.open(store.path, limits=ON_DISK).vectors.search(
            embedder.name, vector, limit=5, **wanted
        )
        assert [hit.owner_id for hit in here] == [hit.owner_id for hit in there] and len(here) == 5
        assert [hit.score for hit in here] == pytest.approx([hit.score for hit in there], abs=1e-5)
    assert store.vectors.search(embedder.name, vector, content_ids=[]) == []


def test_what_is_written_later_is_found_at_once(store, embedder, tmp_path):
    copy = Store.open(tmp_path / "own", create=True)
    projector, retriever = Projector(copy, embedder), Retriever(copy, embedder)
    for number, line in enumerate(["A dog barks.", "A kite flies over a field."]):
        name = f"v{number}"
        record = WindowRecord(
            Window(name, 0, Span(0, 30)),
            Caption("", (CaptionEvent(Span(1, 2), line),), "", "stop"),
            Provenance("m", "1", "1", "b"),
        )
        copy.files.put([File(f"/{name}", name, state="indexed")])
        copy.videos.put([Video(name, 30.0, 64, 48, 25.0, "h264")])
        copy.windows.add([record])
        projector.add(name, [record])
        projector.finish(name)
        found = retriever.retrieve(parse_query(line))
        assert found[0].video.content_id == name and len(found) == number + 1
    copy.files.put([File("/v1", "v1", state="gone")])
    assert [c.video.content_id for c in retriever.retrieve(parse_query("a kite flies"))] == ["v0"]


def test_a_text_near_everything_is_a_hub_and_its_own_words_do_not_count(store, embedder):
    texts = ["She whisks them.", "Quantum chromodynamics."]
    hits = [Hit("event", text, "c", (0,), Span(0, 1), text, 0.0) for text in texts]
    near, far = HubnessScorer(store, embedder.name).of(hits, embedder.embed(texts))
    assert 0 <= far < near < 0.02  # twelve events are far from the thousand at which it counts in full


words = st.lists(st.integers(1, 60), max_size=12)


@given(words)
@settings(max_examples=60)
def test_passages_hold_every_text_once_in_order(lengths):
    events = [
        Event(f"e{n:03}", "c", Span(float(n), n + 1.0), " ".join([f"w{n}"] * length), (0,))
        for n, length in enumerate(lengths)
    ]
    record = WindowRecord(
        Window("c", 0, Span(0, 100)), Caption("", (), "", "stop"), Provenance("m", "1", "1", "b")
    )
    rows = text_rows("c", events, [record])
    passages = [row for row in rows if row.owner_kind == "passage"]
    assert " ".join(row.text for row in passages) == " ".join(event.text for event in events)
    assert all(len(row.text.split()) <= PASSAGE_WORDS for row in passages)
    for event in events:
        assert any(
            row.span.start_seconds <= event.span.start_seconds
            and event.span.end_seconds <= row.span.end_seconds
            for row in passages
            if event.text in row.text
        )
    assert np.all(np.diff([row.span.start_seconds for row in passages]) > 0)
