"""Findings of a saved search stay as they were, whatever later runs find."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_truth import SAMPLES, TruthModel

from footage.core.errors import UsageError
from footage.core.timecode import iou
from footage.core.types import Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.store.annotations import RECENT_SEARCHES
from indexer.pipeline import index
from search import saved_searches
from search.engine import Engine

QUERY = "a green car drives from left to right"
SPANS = st.tuples(st.integers(0, 60), st.integers(0, 30)).map(lambda s: Span(s[0], s[0] + s[1]))
MOMENTS = st.lists(st.tuples(st.sampled_from("ab"), SPANS), max_size=12)


# -- Which item a moment is ------------------------------------------------


@given(MOMENTS, MOMENTS)
def test_a_moment_is_an_item_of_its_video_that_agrees_with_it(found, held):
    numbers = saved_searches.tell_apart(found, held)
    every = {number: moment for number, moment in enumerate(held)}
    for number, moment in zip(numbers, found, strict=True):
        every.setdefault(number, moment)
        content_id, span = every[number]
        assert content_id == moment[0] and (span == moment[1] or iou(span, moment[1]) >= 0.5)
    assert set(every) == set(range(len(every)))


@given(MOMENTS, MOMENTS)
def test_looking_again_finds_nothing_new(found, held):
    numbers = saved_searches.tell_apart(found, held)
    fresh = {number for number in numbers if number >= len(held)}
    first = {number: found[numbers.index(number)] for number in sorted(fresh)}
    after = [*held, *first.values()]
    assert all(number < len(after) for number in saved_searches.tell_apart(found, after))


@given(MOMENTS, MOMENTS, st.randoms())
def test_the_order_of_what_is_held_does_not_decide_what_is_new(found, held, random):
    new = [number >= len(held) for number in saved_searches.tell_apart(found, held)]
    random.shuffle(held)
    assert [number >= len(held) for number in saved_searches.tell_apart(found, held)] == new


@given(st.integers(0, 50), st.integers(4, 40), st.integers(-1, 1), st.integers(-1, 1))
def test_a_moment_that_moved_a_little_is_the_same_item(start, length, early, late):
    held = Span(start + 1, start + 1 + length)
    moved = Span(held.start_seconds + early, held.end_seconds + late)
    assert saved_searches.tell_apart([("a", moved)], [("a", held)]) == [0]


# -- With an index ---------------------------------------------------------


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


@pytest.fixture(scope="module")
def indexed(tmp_path_factory, embedder):
    folder = tmp_path_factory.mktemp("clips")
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder)
    store = Store.open(folder / "index.lancedb", create=True)
    index([folder], store=store, model=TruthModel(), embedder=embedder)
    return folder


@pytest.fixture
def store(indexed, tmp_path):
    shutil.copytree(indexed / "index.lancedb", tmp_path / "index.lancedb")
    return Store.open(tmp_path / "index.lancedb")


@pytest.fixture
def engine(store, embedder):
    return Engine(store, embedder, TruthModel())


def test_the_first_look_finds_the_second_finds_nothing_new(store, engine):
    search = saved_searches.save(store.annotations, "green cars", QUERY, author="Ann")
    first = saved_searches.look(store, engine, search, at=10.0)
    assert first and all(item.new and item.match for item in first)
    assert first[0].mark.found_text == "A green car drives from left to right."
    again = saved_searches.look(
        store, engine, saved_searches.saved(store.annotations, "Green  CARS"), at=20.0
    )
    assert [item.mark for item in again] == [item.mark for item in first]
    assert not any(item.new for item in again)
    assert store.annotations.searches.saved()[0].looked_at == 20.0


def test_the_model_finds_the_same_item_that_the_captions_found(store, engine):
    search = saved_searches.save(store.annotations, "green cars", QUERY)
    first = saved_searches.look(store, engine, search, at=10.0)[0]
    closely = saved_searches.look(store, engine, search, mode="closely", at=20.0)
    assert closely[0].mark == first.mark and closely[0].match.grounded


def test_what_was_decided_stays_and_is_there_when_the_index_is_opened_anew(store, engine):
    search = saved_searches.save(store.annotations, "green cars", QUERY)
    item = saved_searches.look(store, engine, search, at=10.0)[0]
    saved_searches.decide(store.annotations, item.mark, "flagged", note=" look at this ", author="Ann")
    saved_searches.look(store, engine, search, at=20.0)
    book = Store.open(store.path).annotations
    mark = saved_searches.item_of(book, item.mark.id[:6])
    assert (mark.state, mark.text, mark.author, mark.found_at) == ("flagged", "look at this", "Ann", 10.0)
    kept = saved_searches.decide(book, mark, "reviewed", author="Bo")
    assert kept.text == "look at this" and kept.made_at >= mark.made_at


def test_what_does_not_come_up_any_more_is_kept(store, engine, embedder):
    search = saved_searches.save(store.annotations, "green cars", QUERY)
    item = saved_searches.look(store, engine, search, at=10.0)[0]
    path = store.files.paths_of(item.mark.content_id)[0]
    store.files.remove([path])
    [kept] = [each for each in saved_searches.look(store, engine, search, at=20.0) if each.mark == item.mark]
    assert kept.match is None and not kept.new


def test_two_who_look_at_once_do_not_undo_each_other(store, engine):
    search = saved_searches.save(store.annotations, "green cars", QUERY)
    item = saved_searches.look(store, engine, search, at=10.0)[0]
    saved_searches.decide(store.annotations, item.mark, "reviewed")
    store.annotations.marks.add([item.mark])  # the other one saw no mark yet
    assert saved_searches.item_of(store.annotations, item.mark.id).state == "reviewed"


def test_a_query_of_several_events_is_reviewed_as_one_item(store, engine):
    query = "a blue car drives from right to left THEN a green car drives from left to right"
    search = saved_searches.save(store.annotations, "two cars", query)
    first = saved_searches.look(store, engine, search, at=10.0)
    assert first[0].mark.span.end_seconds - first[0].mark.span.start_seconds > 8


def test_names_and_items_that_are_not_there_get_a_sentence(store):
    book = store.annotations
    with pytest.raises(UsageError, match="no saved search 'x'"):
        saved_searches.saved(book, "x")
    saved_searches.save(book, "x", QUERY)
    with pytest.raises(UsageError, match="already a saved search 'x'"):
        saved_searches.save(book, "X", "a dog")
    with pytest.raises(UsageError, match="needs a name"):
        saved_searches.save(book, "  ", QUERY)
    with pytest.raises(UsageError):
        saved_searches.save(book, "empty", "  ")
    with pytest.raises(UsageError, match="no item"):
        saved_searches.item_of(book, "nope")
    assert (
        saved_searches.save(book, "x", f"“{QUERY}”.").query == QUERY
    )  # the same question, however it is typed
    assert saved_searches.save(book, " X ", QUERY, mode="closely").id == saved_searches.saved(book, "x").id
    assert saved_searches.saved(book, "x").mode == "closely"
    book.searches.remove([saved_searches.saved(book, "x").id])
    assert book.searches.saved() == []


def test_the_last_distinct_searches_are_remembered(store):
    book = store.annotations
    for number in range(RECENT_SEARCHES + 3):
        book.searches.note(f"query {number}", mode="captions", at=float(number))
    book.searches.note(' "query 40". ', mode="closely", at=100.0)
    recent = book.searches.recent()
    assert len(recent) == RECENT_SEARCHES and recent[0].query == '"query 40".'
    assert (recent[0].mode, recent[0].made_at, recent[0].looked_at) == ("closely", 40.0, 100.0)
    assert "query 2" not in {search.query for search in recent} and not book.searches.saved()
