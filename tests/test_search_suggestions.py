"""Filters that cannot be used get a suggestion: by name, by form of the value, by the names of an index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.names import folded
from footage.core.types import File
from search.query.filters import FILTER_NAMES, unknown_names, written_filter
from search.query.near_names import near_names
from search.query.parser import parse_query
from search.query.suggestions import Suggestion, corrected, suggestions

VALUES = {
    "camera": ("front door", "gate", "yard"),
    "collection": ("trips",),
    "path": ("/videos/garden/beach_dusk.mp4", "/videos/gate_1.mp4"),
    "model": ("NemoStation/Marlin-2B",),
}


def better(text: str, values=VALUES) -> list[str]:
    return [each.better for each in suggestions(parse_query(text), values)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a dog camra:gate", ["camera:gate"]),
        ("a dog camera:gaet", ["camera:gate"]),
        ("a dog Kamera:gaet", ["camera:gate"]),
        ('a dog camera:"frnt door"', ['camera:"front door"']),
        ("a dog camera:front", ['camera:"front door"']),
        ("a dog colection:tripps", ["collection:trips"]),
        ("a dog path:beach_dsk.mp4", ["path:beach_dusk.mp4"]),
        ("a dog in:speach", ["in:speech"]),
        ("a dog hours:22-6", ["hours:22:00-06:00"]),
        ("a dog longer:5min", ["longer:5m"]),
        ("a dog after:2026/3/1", ["after:2026-03-01"]),
        ("a dog befor:2026-03-01", ["before:2026-03-01"]),
        ('sayd:"stop it"', ['said:"stop it"']),
        ("a dog camera:GATE", []),
        ("a dog path:*.mp4", []),
        ("a dog path:beach_dusk.mp4", []),
        ("a dog camera:zzzzzz", []),
        ("a dog after:2026-13-45", []),
        ("a dog longer:far", []),
        ("a dog score:zero -camera:gaet", []),
    ],
)
def test_a_filter_that_cannot_be_used_gets_what_was_meant(text, meant):
    assert better(text) == meant


def test_without_the_names_of_an_index_values_are_left_alone():
    assert better("a dog camra:gaet camera:gaet", {}) == ["camera:gaet"]


def test_a_suggestion_takes_the_place_of_what_was_typed_and_of_nothing_else():
    query = "a dog at camra:gaet's  camra:gaet THEN a cat"
    [suggestion] = [each for each in suggestions(parse_query(query), VALUES) if each.term == "camra:gaet"]
    assert corrected(query, suggestion) == "a dog at camra:gaet's camera:gate THEN a cat"
    assert corrected("a cat", suggestion) == "a cat"
    assert corrected(r"a \1 camra:x", Suggestion("camra:x", r"camera:\1")) == r"a \1 camera:\1"


names = st.text(st.characters(categories=("L", "N"), include_characters=" -_."), min_size=1, max_size=12)


@given(st.lists(names, max_size=8), names, st.sampled_from(["camera", "collection", "camra", "colection"]))
def test_every_suggestion_is_a_filter_that_the_index_can_answer(known, typed, name):
    values = dict.fromkeys(FILTER_NAMES, tuple(known))
    text = f"a dog {written_filter(name, typed)}"
    try:
        query = parse_query(text)
    except UsageError:
        return
    for each in suggestions(query, values):
        read = parse_query(corrected(text, each))
        assert not read.unread and each.better in read.understood
        [value] = read.filters.cameras or read.filters.collections
        near = near_names(typed, known)
        assert not near or folded(value) in map(folded, known)
        assert not suggestions(read, values) or not near


@given(names, st.lists(names, max_size=8))
def test_a_name_that_is_known_has_no_near_names_and_the_same_names_give_the_same(typed, known):
    assert near_names(typed, [*known, typed]) == ()
    assert near_names(typed, known) == near_names(typed, reversed(known))
    assert set(near_names(typed, known)) <= set(known) and len(near_names(typed, known)) <= 3


def test_the_sentence_about_an_unknown_camera_names_the_nearest():
    files = [File(name, "c", camera=name) for name in ("gate", "front door")]
    asked = parse_query('a dog camera:gaet camera:"front dor" camera:zzz').filters
    assert unknown_names(asked, files) == (
        'There is no camera "gaet"; did you mean camera:gate? There are front door, gate.',
        'There is no camera "front dor"; did you mean camera:"front door"? There are front door, gate.',
        'There is no camera "zzz"; there are front door, gate.',
    )
