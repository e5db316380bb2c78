"""What people say about footage: it outlasts re-captioning and pruning, and is written beside an indexer."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from footage.core.errors import StoreError
from footage.core.types import (
    Answer,
    Caption,
    CaptionEvent,
    File,
    Provenance,
    Span,
    Video,
    Window,
    WindowRecord,
)
from footage.store import Grounding, Mark, Store, grounding_key
from footage.store.backup import backup, restore
from footage.store.folder_location import FolderLocation

PROVENANCE = Provenance("org/model", "abc", "1", "small")
HERE = Span(1.5, 4.0)
REVIEW = Mark("r1", "review", "c", HERE, "flagged", 'a "red" car', "see; it's him", "Ann", 5.0)
LABEL = Mark("l1", "label", "", Span(0, 0), "absent", "a giraffe", made_at=2.0)
SAID = Answer("From 1.5 to 4.0.", "stop", (-0.125, -2.5), ("From 1.5", ""))
ANSWER = Grounding("c", Span(0, 30), "a dog jumps", PROVENANCE, SAID)


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "index", create=True)
    store.files.put([File("/a.mp4", "c", state="indexed")])
    store.videos.put([Video("c", 30.0, 64, 48, 25.0, "h264")])
    caption = Caption("A street.", (CaptionEvent(HERE, "A dog jumps."),), "raw", "stop")
    store.windows.commit([WindowRecord(Window("c", 0, Span(0, 30)), caption, PROVENANCE)])
    store.annotations.marks.put([REVIEW, LABEL])
    store.annotations.groundings.put([ANSWER])
    return store


def test_what_goes_in_comes_back(store):
    book = store.annotations
    assert book.marks.all() == [LABEL, REVIEW]
    assert book.marks.all(kinds=["review"]) == book.marks.all(content_ids=["c"]) == [REVIEW]
    assert book.groundings.of([ANSWER.key, "other"]) == {ANSWER.key: ANSWER}
    silent = replace(ANSWER, query="a cat sits", answer=Answer("From 1.5 to 4.0.", "length"))
    book.groundings.put([silent, replace(ANSWER, answer=replace(SAID, raw="From 2.0 to 3.0."))])
    assert book.groundings.of([silent.key])[silent.key] == silent
    assert book.groundings.of([ANSWER.key])[ANSWER.key].answer.raw == "From 2.0 to 3.0."
    book.marks.put([replace(REVIEW, state="reviewed")])
    assert [mark.state for mark in book.marks.all(kinds=["review"])] == ["reviewed"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.text(max_size=40).map(ascii))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_come_back_as_they_were(store, query, author):
    mark = Mark(f"m {query}", "review", "c", HERE, "right", query, query, author, 9.0)
    store.annotations.marks.put([mark])
    assert mark in store.annotations.marks.all()


def test_a_grounding_is_found_for_the_same_question_only():
    asked = ("c", Span(0, 30), "a dog jumps", PROVENANCE)
    others = [
        ("d", *asked[1:]),
        ("c", Span(0, 30.001), *asked[2:]),
        ("c", Span(0, 30), "a dog jump", PROVENANCE),
        *((*asked[:3], replace(PROVENANCE, **{name: "other"})) for name in ("model", "revision", "budget")),
        (*asked[:3], replace(PROVENANCE, prompt_version="2")),
    ]
    keys = {grounding_key(*question) for question in [asked, *others]}
    assert len(keys) == 1 + len(others)
    cut_otherwise = replace(PROVENANCE, cutting="30 s, 5 s shared")
    assert grounding_key(*asked[:3], cut_otherwise) == ANSWER.key


def test_captioning_anew_and_pruning_leave_it_alone_and_forgetting_does_not(store):
    store.files.put([File("/a.mp4", "c", state="gone")])
    assert store.contents.prune() == (1, 1) and store.videos.all() == {}
    assert store.annotations.marks.all() == [LABEL, REVIEW] and store.annotations.groundings.of([ANSWER.key])
    store.contents.forget("c")
    assert store.annotations.marks.all() == [LABEL] and store.annotations.groundings.of([ANSWER.key]) == {}


def test_a_backup_holds_it(store, tmp_path):
    backup(store, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "back")
    assert Store.open(tmp_path / "back").annotations.marks.all() == [LABEL, REVIEW]


def _mark_from_elsewhere(path):
    Store.open(path).annotations.marks.put([replace(REVIEW, id="r2")])


def test_marks_are_made_while_another_process_indexes(store):
    """The index's own lock is held all the while, as by `footage index --watch`."""
    with store.writing():
        other = multiprocessing.get_context("spawn").Process(target=_mark_from_elsewhere, args=(store.path,))
        other.start()
        other.join(60)
        assert other.exitcode == 0
        assert {mark.id for mark in store.annotations.marks.all()} == {"l1", "r1", "r2"}
        store.tidy()
    assert len(store.annotations.marks.all()) == 3


def test_somebody_who_never_stops_writing_marks_is_reported(store):
    other = Store.open(FolderLocation(store.path, annotations_patience_seconds=0.05))
    with store.unchanging_annotations(), pytest.raises(StoreError, match="writing annotations"):
        other.annotations.marks.put([REVIEW])
