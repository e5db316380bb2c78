"""Where sound is cut, which words stay, and how words become utterances."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Span, SpokenWord
from indexer.tracks import utterances
from indexer.tracks.utterances import (
    LONG_PAUSE_SECONDS,
    MOST_CHUNK_SECONDS,
    MOST_SECONDS,
    PAD_SECONDS,
    STEP_SECONDS,
    Chunk,
    chunks,
    confidence_of,
    joined,
    straddling,
    tidied,
    voices,
    without_loops,
)

RATE = 1000


def word(start: float, end: float, text: str = "word", confidence: float = 0.9) -> SpokenWord:
    return SpokenWord(Span(start, end), text, confidence)


def talk(*texts: str, start: float = 0.0, step: float = 0.5, pause: float = 0.0) -> list[SpokenWord]:
    return [word(start + n * step, start + (n + 1) * step - pause, text) for n, text in enumerate(texts)]


def voice(*spans: tuple[float, float], seconds: float) -> np.ndarray:
    probabilities = np.zeros(round(seconds / STEP_SECONDS), np.float32)
    for start, end in spans:
        probabilities[round(start / STEP_SECONDS) : round(end / STEP_SECONDS)] = 0.9
    return probabilities


probabilities = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.4, 0.6, 0.95]), st.integers(1, 400)), max_size=12
).map(lambda runs: np.repeat([p for p, _ in runs], [n for _, n in runs]).astype(np.float32))


@st.composite
def spoken_words(draw: st.DrawFn) -> list[SpokenWord]:
    at, made = 0.0, []
    for _ in range(draw(st.integers(1, 60))):
        at += draw(st.sampled_from([0.0, 0.01, 0.3, 0.7, 1.0, 1.3, 5.0]))
        length = draw(st.floats(0.05, 1.5))
        text = draw(st.sampled_from(["one", "two.", "three?", "four,", "ok"]))
        made.append(word(at, at + length, text, draw(st.floats(0, 1))))
        at = made[-1].span.end_seconds
    return made


@given(probabilities)
def test_every_voice_is_in_exactly_one_chunk_and_no_chunk_is_too_long(found: np.ndarray) -> None:
    seconds = len(found) * STEP_SECONDS
    made = chunks(found, found, seconds)
    pieces = [piece for chunk in made for piece in chunk.pieces]
    assert all(0 <= start < end <= seconds + 1e-9 for start, end in pieces)
    assert all(one[1] <= other[0] + 1e-9 for one, other in pairwise(pieces))
    for chunk in made:
        length = sum(end - start for start, end in chunk.pieces)
        assert length <= MOST_CHUNK_SECONDS + 2 * PAD_SECONDS + STEP_SECONDS
    for start, end in voices(found):
        held = sum(max(0.0, min(end, last) - max(start, first)) for first, last in pieces)
        assert held == pytest.approx(end - start, abs=1e-6)


@given(probabilities, st.floats(0.2, 25), st.floats(0.1, 13), st.floats(0.1, 13))
def test_what_goes_across_a_boundary_is_cut_alike_and_holds_it(
    found: np.ndarray, at: float, back: float, on: float
) -> None:
    at = min(at, len(found) * STEP_SECONDS)
    chunk = straddling(found, found, at, back_seconds=back, on_seconds=on)
    if chunk is None:
        around = [(a, b) for a, b in voices(found) if a < at < b]
        assert not around
        return
    assert 0 <= chunk.start_seconds < chunk.end_seconds <= len(found) * STEP_SECONDS + 1e-9
    assert at - back - 1e-9 <= chunk.start_seconds <= at <= chunk.end_seconds <= at + on + 1e-9
    assert straddling(found.copy(), found, at, back_seconds=back, on_seconds=on) == chunk


def test_silence_holds_no_chunk_and_a_click_is_no_voice() -> None:
    for silence in (np.zeros(100, np.float32), np.zeros(0, np.float32)):
        assert chunks(silence, silence, len(silence) * STEP_SECONDS) == []
    assert voices(voice((1, 1.1), seconds=5)) == []


def test_long_silences_are_left_out_and_words_go_back_to_their_place() -> None:
    found = voice((1, 2), (10, 12), seconds=15)
    (chunk,) = chunks(found, found, 15.0)
    assert [tuple(round(edge, 1) for edge in piece) for piece in chunk.pieces] == [(0.7, 2.3), (9.7, 12.3)]
    samples = np.arange(15 * RATE)
    assert len(chunk.cut(samples, RATE)) == pytest.approx(4200, abs=70)
    first, second = (chunk.placed(each) for each in (word(0.3, 0.9), word(1.9, 2.9)))
    assert first.span.start_seconds == pytest.approx(1.0, abs=0.05)
    assert second.span == Span(second.span.start_seconds, second.span.start_seconds + 1.0)
    assert second.span.start_seconds == pytest.approx(10.0, abs=0.05)
    across = chunk.placed(word(1.5, 1.9))  # from the end of one piece to the begin of the next
    assert across.span.start_seconds + 0.05 >= 9.7 and across.span.end_seconds < 11


@given(spoken_words())
def test_utterances_keep_every_word_in_order_and_are_cut_at_pauses(words: list[SpokenWord]) -> None:
    events = utterances.utterances(words, "en")
    assert [each for event in events for each in event.words] == words
    for event in events:
        assert event.text == " ".join(each.text for each in event.words)
        assert event.span.start_seconds == event.words[0].span.start_seconds
        assert 0 <= (event.confidence or 0) <= 1 and event.language == "en"
        for one, other in pairwise(event.words):
            assert other.span.start_seconds - one.span.end_seconds <= LONG_PAUSE_SECONDS
        if event.span.duration_seconds > MOST_SECONDS:  # only where no cut leaves two seconds on both sides
            first, last = event.span.start_seconds, event.span.end_seconds
            assert not any(
                one.span.end_seconds - first >= 2 and last - other.span.start_seconds >= 2
                for one, other in pairwise(event.words)
            )


@given(spoken_words(), st.floats(0.1, 40))
def test_an_utterance_cut_by_a_boundary_is_one_again(words: list[SpokenWord], boundary: float) -> None:
    middles = [(each.span.start_seconds + each.span.end_seconds) / 2 for each in words]
    before = [each for each, middle in zip(words, middles, strict=True) if middle < boundary]
    after = words[len(before) :]
    if not before or not after:
        return
    one, other = utterances.utterances(before, "en")[-1], utterances.utterances(after, "en")[0]
    made = joined(one, other)
    pause = other.span.start_seconds - one.span.end_seconds
    if pause > LONG_PAUSE_SECONDS:
        assert made is None
    elif made is not None:
        assert [each for event in made for each in event.words] == [*one.words, *other.words]


def test_two_languages_are_never_one_utterance() -> None:
    one, other = utterances.event_of(talk("a", "b"), "en"), utterances.event_of(talk("c", start=1.0), "de")
    assert joined(one, other) is None


def test_chinese_is_written_without_spaces() -> None:
    assert utterances.event_of(talk("你", "好"), "zh").text == "你好"


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=20),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), max_size=4),
)
def test_tidied_words_have_a_length_and_stay_in_order(
    times: list[tuple[float, float]], spoken: list[tuple[float, float]]
) -> None:
    starts = sorted(min(pair) for pair in times)
    words = [word(start, max(start, max(pair))) for start, pair in zip(starts, times, strict=True)]
    spoken = sorted((min(pair), max(pair)) for pair in spoken if pair[0] != pair[1])
    made = tidied(words, spoken)
    assert [each.text for each in made] == [each.text for each in words]
    assert all(each.span.duration_seconds > 0 for each in made)
    for one, other in pairwise(made):
        assert one.span.start_seconds <= other.span.start_seconds


def test_a_word_without_time_shares_that_of_its_neighbour_and_none_begins_in_silence() -> None:
    made = tidied([word(0, 1.0, "This"), word(1.0, 1.6, "NASA's"), word(1.6, 1.6, "Goddard")], [(0.7, 1.6)])
    assert made[0].span == Span(0.7, 1.0)
    assert made[1].span.end_seconds == made[2].span.start_seconds < made[2].span.end_seconds == 1.6


def test_a_loop_is_left_out_and_emphasis_stays() -> None:
    looped = talk(*(["thank", "you", "so", "much"] * 9), "bye")
    assert [each.text for each in without_loops(looped)] == ["thank", "you", "so", "much", "bye"]
    loud = talk("no,", "no,", "no,", "never")
    assert without_loops(loud) == loud


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_leaving_out_loops_ends_and_invents_nothing(letters: list[str]) -> None:
    kept = [each.text for each in without_loops(talk(*letters))]
    assert set(kept) == set(letters)
    at = iter(letters)
    assert all(letter in at for letter in kept)  # a subsequence


def test_confidence_is_that_of_the_words_and_long_words_count_more() -> None:
    assert confidence_of([word(0, 1, "a", 0.5)]) == 0.5
    assert confidence_of([word(0, 1, "a", 0.1), word(1, 2, "telescope", 1.0)]) > 0.7
    assert confidence_of([word(0, 1, "...", 0.0)]) == 0


def test_a_chunk_says_where_it_lies() -> None:
    chunk = Chunk(((1.0, 2.0), (5.0, 6.0)))
    assert (chunk.start_seconds, chunk.end_seconds) == (1.0, 6.0)
