"""Searching for what is said or written: real LanceDB, the real embedder, and a stand-in for the model."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standin_finder import StandinFinder, TestVideo, write_grey_video
from tiny_tracks import add_video, sign, speech, subtitle

from footage.core.errors import UsageError
from footage.core.types import CaptionEvent, Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.store.repositories.track_lines import TrackLines
from search.engine import Engine
from search.query.word_terms import WordTerm
from search.words.lookup import WordIndex

POINTS = "A man in a white suit points at a mirror."
YARD = TestVideo("yard", 110, 60, {POINTS: [(12, 18)]})
LAB = TestVideo("lab", 60, 60, {POINTS: [(1, 8), (40, 46)]}, "A laboratory.")


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    folder = tmp_path_factory.mktemp("tracks")
    store = Store.open(folder / "index.lancedb", create=True)
    spoken = [
        speech(0.3, 6, "This is the optical and science segment of the Webb"),
        speech(6.5, 12, "Space Telescope, in one of the largest clean rooms."),
        speech(30, 33, "Thank you all.", confidence=0.2),
    ]
    path = write_grey_video(folder / "lab.mp4", grey=60, seconds=60)
    captions = [CaptionEvent(Span(1, 8), POINTS), CaptionEvent(Span(40, 46), POINTS)]
    add_video(store, embedder, "lab", seconds=60, tracks={"speech": spoken, "caption": captions}, path=path)
    road = {
        "screen-text": [sign(3, 9, "EXIT 12"), sign(50, 55, "Parking")],
        "subtitles": [subtitle(1, 4, "Goal! What a goal."), subtitle(20, 23, "To be, or not to be")],
        "speech": [speech(1, 4, "goal what a goal"), speech(24, 26, "that is the question")],
    }
    add_video(store, embedder, "road", seconds=60, tracks=road)
    return store


@pytest.fixture(scope="module")
def search(store):
    engine = Engine(store, None)
    return lambda text: engine.search(text, ground=False, arm="text")


def quoted(match):
    return [match.text[start:end] for start, end in match.marks]


def test_words_are_found_with_their_own_time_and_confidence(search):
    [match] = search("said:largest").matches
    assert (match.track, match.verdict, match.language) == ("speech", "found", "en")
    assert quoted(match) == ["largest"] and not match.grounded
    # Nine words in 5.5 seconds: "largest" is the seventh.
    assert match.span.start_seconds == pytest.approx(6.5 + 6 * 5.5 / 9 - 0.3, abs=0.01)
    assert match.span.end_seconds == pytest.approx(6.5 + 7 * 5.5 / 9 + 0.3, abs=0.01)
    assert match.confidence == pytest.approx(0.95)
    assert dict(match.measures) == {"words": 1.0, "recognised": 0.9}


def test_a_phrase_goes_on_across_a_pause(search):
    [match] = search('said:"webb space telescope"').matches
    assert quoted(match) == ["Webb", "Space Telescope"]
    assert match.span.start_seconds < 6 < match.span.end_seconds < 8.5
    assert not search('said:"rooms thank you"').matches, "18 seconds apart"


def test_words_that_the_recogniser_doubts_are_uncertain(search):
    [match] = search('said:"thank you"').matches
    assert match.verdict == "uncertain" and match.confidence == pytest.approx(0.6)


def test_text_on_screen_is_found_for_as_long_as_it_is_there_with_its_boxes(search):
    [match] = search('shows:"exit twelve"').matches
    assert (match.track, match.span, match.verdict) == ("screen-text", Span(3, 9), "found")
    assert [box.at_seconds for box in match.boxes] == [3, 8.9]
    assert not search('said:"exit 12"').matches and not search('shows:"goal"').matches


def test_speech_that_a_subtitle_has_too_is_answered_once(search):
    [match] = search("said:goal").matches
    assert (match.track, quoted(match)) == ("subtitles", ["Goal", "goal"])
    [match] = search("said:goal in:speech").matches
    assert match.track == "speech"


def test_stop_words_alone_are_found(search):
    assert len(search('said:"to be or not to be"').matches) == 1
    assert len(search('said:"that is the"').matches) == 1


def test_what_is_not_said_is_not_found_with_what_was_heard(search):
    result = search('said:"unicorn"')
    assert (result.outcome, result.matches, result.notes) == ("not found", (), ())
    assert result.coverage.tracks["speech"].seconds == 120


def test_an_index_without_a_track_says_so_and_never_not_found(store, search, tmp_path, embedder):
    result = search("shows:exit path:*lab.mp4")
    assert result.outcome == "not indexed" and "footage index --tracks screen-text" in result.notes[0]
    assert "1 of 2 videos" in search("shows:parking").notes[0]
    seen = Store.open(tmp_path / "seen.lancedb", create=True)
    add_video(
        seen, embedder, "park", seconds=9, tracks={"caption": [CaptionEvent(Span(1, 2), "A dog runs.")]}
    )
    for text in ("said:goal", 'said:"goal" THEN shows:exit'):
        result = Engine(seen, None).search(text, ground=False, arm="text")
        assert result.outcome == "not indexed"
        assert "No speech and no subtitles are indexed: footage index --tracks" in result.notes[0]
    assert search("said:goal in:captions").outcome == "not indexed"


def test_typing_errors_are_tolerated_on_request(search):
    assert search('said:"space teleskope"').outcome == "not found"
    [match] = search('said:~"space teleskope"').matches
    assert 0.7 < match.confidence < 0.9 and "spelled differently" in " ".join(match.evidence)
    [match] = search('shows:~"EX1T I2"').matches
    assert match.verdict == "found"


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("said:goal THEN shows:exit within 20s", [(1, 9)]),
        ("shows:exit THEN said:goal", []),
        ("shows:parking THEN said:goal", []),
        ("said:goal AND shows:exit", [(1, 9)]),
        ("said:goal shows:parking", []),
        ("shows:exit WITHOUT said:goal", []),
        ("shows:parking WITHOUT said:goal", [(50, 55)]),
    ],
)
def test_words_are_combined_in_time(search, text, spans):
    result = search(text)
    assert [(match.span.start_seconds, match.span.end_seconds) for match in result.matches] == spans
    assert all(match.verdict == "found" and match.confidence for match in result.matches)


def test_what_is_said_and_what_is_seen_are_joined_and_the_model_is_asked_for_the_latter(store, embedder):
    finder = StandinFinder([LAB])
    engine = Engine(store, embedder, finder)
    result = engine.search('said:"webb" a man in a white suit points at a mirror')
    [match] = [match for match in result.matches if match.verdict == "found"]
    said, seen = match.parts
    assert (said.track, said.grounded, seen.track, seen.grounded) == ("speech", False, "caption", True)
    assert match.span.end_seconds == pytest.approx(8, abs=0.5)
    assert {event for _, _, event in finder.asked} == {"a man in a white suit points at a mirror"}


def test_words_lead_the_model_to_videos_without_captions(tmp_path, embedder):
    store = Store.open(tmp_path / "index.lancedb", create=True)
    path = write_grey_video(tmp_path / "yard.mp4", grey=110, seconds=60)
    spoken = {"speech": [speech(8, 11, "Look at this now."), speech(50, 53, "Good bye.")]}
    add_video(store, embedder, "yard", seconds=60, tracks=spoken, path=path)
    engine = Engine(store, embedder, StandinFinder([YARD]))
    for text in (
        'said:"look at this" THEN a man in a white suit points at a mirror within 10s',
        'said:"look at this" a man in a white suit points at a mirror',
    ):
        matches = engine.search(text).matches
        assert [match.parts[1].span for match in matches] == [Span(12, 18)], text
        assert matches[0].parts[1].grounded


def test_the_model_is_not_loaded_for_words(store):
    def model():
        raise AssertionError("loaded")

    assert Engine(store, None, model).search("said:goal THEN shows:exit", arm="text").outcome == "found"
    with pytest.raises(UsageError):
        Engine(store, None).search("a man", arm="text")


def test_answers_at_whose_time_words_are_said_are_left_out(store, embedder):
    engine = Engine(store, embedder)
    spans = [
        match.span for match in engine.search('a man points at a mirror -said:"webb"', ground=False).matches
    ]
    assert spans == [Span(40, 46)]
    assert len(engine.search('a man points at a mirror -said:"goal"', ground=False).matches) == 2


def test_text_that_looks_like_a_filter_or_a_pattern_is_only_text(tmp_path, embedder):
    store = Store.open(tmp_path / "index.lancedb", create=True)
    odd = ["' OR 1=1 --", "a.*b [c", "line\nbreak \x00 end", "%_", "said:x", "\ue000 mark"]
    lines = [sign(2 * n, 2 * n + 1, text) for n, text in enumerate(odd)]
    add_video(store, embedder, "odd", seconds=30, tracks={"screen-text": lines})
    engine = Engine(store, None)
    for wanted, text in (
        ("or 1 1", odd[0]),
        ("a b c", odd[1]),
        ("line break end", odd[2]),
        ("said x", odd[4]),
        ("mark", odd[5]),
    ):
        [match] = engine.search(f'shows:"{wanted}"', ground=False, arm="text").matches
        assert match.text == text
    for wanted in ("' OR track = 'speech", "x') --", "*", "[", "\\"):
        engine.search(f'said:"{wanted} x" -said:"{wanted} y"', ground=False, arm="text")


def lines_of(texts, *, gap=1.0, track="speech"):
    cells = {
        "owner_id": [str(n) for n in range(len(texts))],
        "content_id": ["v"] * len(texts),
        "track": [track] * len(texts),
        "window_indexes": [[0]] * len(texts),
        "start_seconds": [n * (2 + gap) for n in range(len(texts))],
        "end_seconds": [n * (2 + gap) + 2 for n in range(len(texts))],
        "text": list(texts),
        "confidence": [None] * len(texts),
        "language": ["en"] * len(texts),
    }
    return TrackLines.of(cells, range(len(texts)))


WORDS = ["to", "be", "or", "not", "web", "cam", "web-cam", "21", "twenty", "one", "café"]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), min_size=1, max_size=6), st.data())
def test_every_stretch_of_what_is_said_is_found(said, data):
    index = WordIndex(lines_of([" ".join(line) for line in said]))
    flat = [word for line in said for word in line]
    start = data.draw(st.integers(0, len(flat) - 1))
    wanted = " ".join(flat[start : start + data.draw(st.integers(1, 6))])
    for fuzzy in (False, True):
        assert index.search(WordTerm("said", wanted, exact=True, fuzzy=fuzzy), tracks=["speech"]), wanted


@settings(deadline=None)
@given(
    st.lists(st.text(max_size=12), max_size=5), st.text(min_size=1, max_size=8), st.booleans(), st.booleans()
)
def test_no_text_and_no_words_break_the_lookup(texts, wanted, exact, fuzzy):
    term = WordTerm("shows", wanted, exact=exact, fuzzy=fuzzy)
    if exact or fuzzy or wanted:
        from search.words.tokens import tokens_of

        if not tokens_of(wanted).tokens:
            return
    for hit in WordIndex(lines_of([*texts, wanted])).search(term, tracks=["speech"]):
        assert all(0 <= start < end <= len(hit.text) for start, end in hit.marks)


@settings(deadline=None)
@given(st.lists(st.text(max_size=12), max_size=5), st.text(max_size=12), st.sampled_from(["said", "shows"]))
def test_no_text_and_no_words_break_the_look_for_the_nearest(texts, wanted, kind):
    track = "speech" if kind == "said" else "screen-text"
    index = WordIndex(lines_of([*texts, f"on {wanted} it goes"], track=track))
    for hit in index.nearest(WordTerm(kind, wanted, exact=True), tracks=[track]):
        assert 0.5 < hit.likeness <= 1 and hit.nearest
        assert hit.marks and all(0 <= start < end <= len(hit.text) for start, end in hit.marks)


def test_a_phrase_does_not_go_on_after_a_long_pause():
    index = WordIndex(lines_of(["to be", "or not"], gap=5))
    assert not index.search(WordTerm("said", "be or", exact=True), tracks=["speech"])


def test_a_hundred_hours_of_talk_are_searched_in_less_than_a_second():
    draw = random.Random(3)
    vocabulary = ["".join(draw.choices("abdeiklmnoprstu", k=6)) for _ in range(5000)]
    first, second = vocabulary[:2]
    vocabulary += ["to", "be", "or", "not"] * 50
    index = WordIndex(lines_of([" ".join(draw.choices(vocabulary, k=10)) for _ in range(90_000)]))
    for wanted in ("to be or not to be", f"{first} {second}", f"{first} twelve"):
        began = time.process_time()
        index.search(WordTerm("said", wanted, exact=True), tracks=["speech"])
        assert time.process_time() - began < 1


def test_a_hundred_hours_of_talk_are_compared_by_sound_in_seconds():
    draw = random.Random(3)
    vocabulary = ["".join(draw.choices("abdeiklmnoprstu", k=6)) for _ in range(5000)]
    index = WordIndex(lines_of([" ".join(draw.choices(vocabulary, k=10)) for _ in range(90_000)]))
    term = WordTerm("said", "the train to oxford leaves", exact=True)
    index.nearest(term, tracks=["speech"])  # writes the sounds once
    began = time.thread_time()
    index.nearest(term, tracks=["speech"])
    assert time.thread_time() - began < 15
