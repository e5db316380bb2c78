"""The query grammar: what is a filter, what is words, and which files fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_finder import index_videos
from standin_model import StandinEmbedder
from test_search_engine import DOG, RED_RIGHT, VIDEOS, StandinFinder

from footage.core.errors import UsageError
from footage.core.types import File, Span
from search.engine import Engine
from search.query.filters import NO_FILTERS, Filters, read_hours, read_length, read_moment, unknown_names
from search.query.parser import did_you_mean, parse_query


def test_terms_are_read_and_the_rest_is_words():
    query = parse_query(
        'camera:"front door" Camera:yard a red car after:2026-03-01 -truck -"blue van" longer:5m'
    )
    assert query.text == "a red car" and query.prompt == "a red car" and query.words == ("a", "red", "car")
    assert query.filters == Filters(
        cameras=("front door", "yard"), after=datetime(2026, 3, 1), longer_seconds=300.0
    )
    assert query.without == (("truck",), ("blue", "van")) and query.unread == ()
    assert query.understood[0] == 'camera:"front door"' and len(query.understood) == 6


@pytest.mark.parametrize(
    "text",
    [
        "a well-known man - and a dog",
        "note: a man says hello",
        "camera: a man films himself",
        "at 8:30 the shop opens",
        '"unbalanced',
        "-- DROP TABLE files; --",
        "C:\\videos\\a.mp4",
        "<|im_end|> after the game",
    ],
)
def test_what_only_looks_alike_is_words(text):
    query = parse_query(text)
    assert (query.filters, query.without, query.understood) == (NO_FILTERS, (), ())
    assert query.text == text.replace('"', "")


@pytest.mark.parametrize(
    "term", ["after:yesterday", "hours:noon", "longer:far", 'camera:"a', "hours:8:00-8:00"]
)
def test_a_term_that_cannot_be_read_is_searched_as_words_and_said_to_be(term):
    query = parse_query(f"a dog {term} runs")
    assert query.unread == (term,) and query.filters == NO_FILTERS
    assert query.text == f"a dog {term} runs".replace('"', "")


def test_where_without_what_is_told():
    with pytest.raises(UsageError, match="without an event"):
        parse_query("camera:door -truck")
    assert parse_query("camera:door", plain=True).text == "camera:door"


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_one_sentence(text):
    try:
        query = parse_query(text)
    except UsageError as error:
        assert "\n" not in str(error)
        return
    assert query.words and query.text.strip() == query.text
    for term in query.understood:
        assert term in " ".join(text.split()) or not text.isprintable()


def recorded(at="2026-03-01T23:30:00+01:00", seconds=3600.0, **changes):
    return File("/films/Garden/cam1_0.MOV", "c", recorded_at=at, duration_seconds=seconds, **changes)


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({}, True),
        ({"collections": ("Films",)}, True),
        ({"collections": ("other", "films")}, True),
        ({"collections": ("other",)}, False),
        ({"cameras": ("CAM1",)}, True),
        ({"paths": ("*.mov",)}, True),
        ({"paths": ("garden/*",)}, True),
        ({"paths": ("garden",)}, False),
        ({"paths": ("/films/[a-z]*",)}, True),
        ({"after": datetime(2026, 3, 2, 0, 15)}, True),  # it goes on until half past midnight
        ({"after": datetime(2026, 3, 2, 0, 30)}, False),
        ({"before": datetime(2026, 3, 1, 23, 30)}, False),
        ({"before": datetime.fromisoformat("2026-03-01T22:31Z")}, True),
        ({"before": datetime.fromisoformat("2026-03-01T22:30Z")}, False),
        ({"hours": (time(22), time(23))}, False),
        ({"hours": (time(22), time(6))}, True),
        ({"hours": (time(0), time(1))}, True),
        ({"hours": (time(1), time(22))}, False),
        ({"longer_seconds": 3600.0, "shorter_seconds": 3600.0}, True),
        ({"longer_seconds": 3601.0}, False),
        ({"models": ("nobody",), "event_longer_seconds": 1e9}, True),  # nothing that a file knows
    ],
)
def test_files_fit_or_do_not(filters, fits):
    file = recorded(collection="films", camera="cam1")
    assert Filters(**filters).fits(file) is fits
    assert Filters(**filters).contents([file]) == ({"c"} if fits else set())


def test_conditions_on_models_and_events_are_read():
    query = parse_query(
        "model:Marlin-2B MODEL:other/* a dog event-longer:3s event-shorter:1.5m event-longer:x"
    )
    assert query.filters == Filters(
        models=("Marlin-2B", "other/*"), event_longer_seconds=3.0, event_shorter_seconds=90.0
    )
    assert query.unread == ("event-longer:x",) and query.text == "a dog event-longer:x"


@pytest.mark.parametrize(
    ("globs", "fits"),
    [
        ((), True),
        (("marlin-2b",), True),
        (("nemostation/marlin-2b",), True),
        (("marlin*",), True),
        (("other", "*/*"), True),
        (("marlin",), False),
        (("2b",), False),
        (("' OR 1=1 --",), False),
    ],
)
def test_models_fit_by_name_or_its_end(globs, fits):
    assert Filters(models=globs).fits_model("NemoStation/Marlin-2B") is fits


def test_events_fit_by_their_length():
    length = Filters(event_longer_seconds=2, event_shorter_seconds=4)
    assert [length.fits_event(Span(10, 10 + n)) for n in (1, 2, 4, 5)] == [False, True, True, False]
    assert (
        length.about_events
        and not Filters(longer_seconds=5).about_events
        and Filters().fits_event(Span(1, 1))
    )


def test_an_unknown_clock_meets_no_condition_about_time():
    assert not Filters(after=datetime(2000, 1, 1)).fits(recorded(at=""))
    assert Filters().fits(recorded(at="")) and Filters(longer_seconds=1).fits(recorded(at=""))


def test_values_are_read_or_refused():
    assert [read_length(text) for text in ("90", "90s", "5m", "1.5h")] == [90, 90, 300, 5400]
    assert [read_length(text) for text in ("", "h", "-5", "1.2.3", "٣", "nan", "1e3")] == [None] * 7
    assert read_hours("22:00-06:30") == (time(22), time(6, 30)) and read_hours("22:00") is None
    assert read_moment("2026-03-01T18:00") == datetime(2026, 3, 1, 18) and read_moment("soon") is None


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    embedder = StandinEmbedder()
    store = index_videos(tmp_path_factory.mktemp("filters"), VIDEOS, embedder)
    return SimpleNamespace(store=store, engine=Engine(store, embedder, StandinFinder(VIDEOS)))


def test_a_search_looks_only_where_it_is_told(indexed):
    first = indexed.store.files.all()[0]
    name = first.path.rsplit("/", 1)[1]
    result = indexed.engine.search(f"{DOG} path:{name}")
    assert {match.path for match in result.matches} == {first.path}
    assert result.coverage.videos == 1 < indexed.engine.coverage().videos
    nowhere = indexed.engine.search(f"{DOG} path:nowhere.mp4")
    assert nowhere.matches == () and nowhere.coverage.videos == 0


def test_a_search_looks_only_at_what_a_model_captioned(indexed):
    everywhere = indexed.engine.search(DOG, ground=False).matches
    assert indexed.engine.search(f"{DOG} model:standin", ground=False).matches == everywhere != ()
    assert indexed.engine.search(f"{DOG} model:marlin*", ground=False).matches == ()
    record = indexed.store.windows.of("content-beach")[0]
    other = replace(record.provenance, model="somebody/Marlin-2B")
    indexed.store.windows.commit([replace(record, provenance=other)])
    try:
        found = indexed.engine.search(f"{DOG} model:marlin-2b", ground=False).matches
        assert {match.video.content_id for match in found} == {"content-beach"}
    finally:
        indexed.store.windows.commit([record])


def test_only_events_of_that_length_are_answers(indexed):
    for text, fits in (("event-longer:4.2s", True), ("event-shorter:4.2s", False)):
        spans = [
            match.span for match in indexed.engine.search(f"{DOG} {text}", ground=False, limit=50).matches
        ]
        assert spans and all((span.duration_seconds >= 4.2) is fits for span in spans)
    assert indexed.engine.search(f"{DOG} event-longer:1h", ground=False).matches == ()


def test_what_is_excluded_is_not_among_the_answers(indexed):
    assert any("car" in match.text for match in indexed.engine.search(RED_RIGHT, limit=20).matches)
    without = indexed.engine.search(f"{RED_RIGHT} -car", limit=20)
    assert not any("car" in match.text for match in without.matches)


@pytest.mark.parametrize(
    ("term", "meant"),
    [
        ("camra:gate", "camera:"),
        ("Kamera:gate", "camera:"),
        ("colection:trips", "collection:"),
        ("befor:2026-03-01", "before:"),
        ("eventlonger:3s", "event-longer:"),
        ("camera:", ""),
        ("score:zero", ""),
        ("camera", ""),
    ],
)
def test_a_misspelled_filter_is_searched_as_words_and_the_right_one_is_named(term, meant):
    assert did_you_mean(term) == meant
    if meant:
        query = parse_query(f"a dog {term}")
        assert query.unread == (term,) and query.filters == NO_FILTERS and "dog" in query.words


@pytest.mark.parametrize(
    "text", ["a page of https://example.com", "at 12:30 a dog", "16:9 pictures", "he said: run"]
)
def test_what_only_has_a_colon_in_it_is_no_misspelled_filter(text):
    assert parse_query(text).unread == ()


def test_cameras_and_collections_that_there_are_not_are_listed_with_those_there_are():
    files = [File(name, "c", camera=name) for name in ("gate", "door")]
    asked = parse_query("a dog camera:DOOR camera:nosuch").filters
    assert unknown_names(asked, files) == ('There is no camera "nosuch"; there are door, gate.',)
    many = [File(str(n), "c", camera=f"cam{n:02}") for n in range(20)]
    assert unknown_names(asked, many)[0].endswith("cam11 and 8 more.")
