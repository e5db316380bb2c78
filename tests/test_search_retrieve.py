"""Retrieval on a real index with the bundled embedder: passages, hubness, arms, and the exact search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.embedder import load_embedder
from footage.store import Store
from footage.store import tables as tables_module
from footage.store.rows import PASSAGE_WORDS, text_rows
from footage.types import (
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
from indexer.projection import Projector
from search.hubs import Hubs
from search.query import parse_query
from search.retrieve import Retriever

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


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    return written(tmp_path_factory.mktemp("retrieve") / "index", embedder, VIDEOS)


def written(path, embedder, videos):
    """An index of what is said of some videos, ten seconds a line."""
    store = Store.open(path, create=True)
    projector = Projector(store, embedder)
    for name, lines in videos.items():
        events = tuple(CaptionEvent(Span(10.0 * n, 10.0 * n + 8), line) for n, line in enumerate(lines))
        record = WindowRecord(
            Window(name, 0, Span(0, 30)), Caption("", events, "", "stop"), Provenance("m", "1", "1", "b")
        )
        store.put_files([File(f"/{name}.mp4", name, state="indexed", duration_seconds=30.0)])
        store.put_video(Video(name, 30.0, 64, 48, 25.0, "h264"))
        store.add_windows([record])
        projector.add(name, [record])
        projector.finish(name)
    return store


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


def test_the_search_in_memory_is_the_database_s_own(store, embedder, monkeypatch):
    vector = embedder.embed(["a person cooks"])[0]
    monkeypatch.setattr(tables_module, "_IN_MEMORY_ROWS", 0)
    assert Store.open(store.path).search_vectors(embedder.name, vector, content_ids=["unknown"]) == []
    monkeypatch.undo()
    assert Store.open(store.path).search_vectors(embedder.name, vector, content_ids=["unknown"]) == []
    for wanted in ({}, {"owner_kinds": ["event"]}, {"content_ids": ["garage", "beach", "unknown"]}):
        here = Store.open(store.path).search_vectors(embedder.name, vector, limit=5, **wanted)
        monkeypatch.setattr(tables_module, "_IN_MEMORY_ROWS", 0)
        there = Store.open(store.path).search_vectors(embedder.name, vector, limit=5, **wanted)
        monkeypatch.undo()
        assert [hit.owner_id for hit in here] == [hit.owner_id for hit in there] and len(here) == 5
        assert [hit.score for hit in here] == pytest.approx([hit.score for hit in there], abs=1e-5)
    assert store.search_vectors(embedder.name, vector, content_ids=[]) == []


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
        copy.put_files([File(f"/{name}", name, state="indexed")])
        copy.put_video(Video(name, 30.0, 64, 48, 25.0, "h264"))
        copy.add_windows([record])
        projector.add(name, [record])
        projector.finish(name)
        found = retriever.retrieve(parse_query(line))
        assert found[0].video.content_id == name and len(found) == number + 1
    copy.put_files([File("/v1", "v1", state="gone")])
    assert [c.video.content_id for c in retriever.retrieve(parse_query("a kite flies"))] == ["v0"]


def test_a_text_near_everything_is_a_hub_and_its_own_words_do_not_count(store, embedder):
    texts = ["She whisks them.", "Quantum chromodynamics."]
    hits = [Hit("event", text, "c", (0,), Span(0, 1), text, 0.0) for text in texts]
    near, far = Hubs(store, embedder.name).of(hits, embedder.embed(texts))
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
