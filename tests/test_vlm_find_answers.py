"""How find answers of the several models are read: TimeLens's sentence and TimeLens2's JSON array."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.types import Answer, Span
from footage.vlm import contract
from footage.vlm.contract import SpanReading
from footage.vlm.find_answers import read_ranges
from footage.vlm.profile import Profile
from footage.vlm.profiles import (
    MARLIN_2B,
    PROFILES,
    QWEN3_VL_8B,
    TIMELENS2_4B,
    TIMELENS2_8B,
    TIMELENS_7B,
    TIMELENS_8B,
)

MINUTE, LATER = Span(0, 60), Span(100, 160)
RECORDED = json.loads((Path(__file__).parent / "data" / "find_answers.json").read_text())


def read(
    raw: str, profile: Profile = TIMELENS2_4B, *, window: Span = MINUTE, cut: bool = False
) -> SpanReading:
    return contract.read_span(Answer(raw, "length" if cut else "stop"), window, profile)


def times(reading: SpanReading) -> list[tuple[float, float]]:
    return [(span.start_seconds, span.end_seconds) for span in reading.spans]


# --- prompts ------------------------------------------------------------------------------------------------


def test_timelens_is_asked_with_its_own_prompt() -> None:
    prompt = contract.find_prompt("A man opens a door.", TIMELENS_8B)
    assert prompt.text == (
        "Please find the visual event described by the sentence 'A man opens a door', determining its "
        "starting and ending times. The format should be: 'The event happens in <start time> - <end time> "
        "seconds'."
    )
    assert (prompt.max_new_tokens, prompt.find_form) == (512, "seconds")
    assert contract.find_prompt("A man opens a door.", QWEN3_VL_8B).text == prompt.text
    with_times = contract.find_prompt("A man opens a door.", TIMELENS_7B)
    assert with_times.text == (
        "You are given a video with multiple frames. The numbers before each video frame indicate its "
        "sampling timestamp (in seconds). " + prompt.text
    )


def test_timelens2_is_asked_with_its_repositorys_prompt() -> None:
    prompt = contract.find_prompt("A man opens a door.", TIMELENS2_8B)
    assert prompt.text == (
        "When does 'A man opens a door' happen in the video?\n"
        "Return the result strictly as a JSON array of [start, end] pairs, where each value is a timestamp "
        "in seconds. Example: [[0.0, 3.5]] for one segment, or [[0.0, 3.5], [10.0, 12.0]] for multiple."
    )
    assert prompt.find_form == "pairs"


@pytest.mark.parametrize(
    "profile", [TIMELENS_8B, TIMELENS_7B, TIMELENS2_4B, TIMELENS2_8B], ids=lambda p: p.name
)
def test_a_find_model_is_never_asked_for_a_caption(profile: Profile) -> None:
    with pytest.raises(UsageError, match=f"{profile.name} cannot caption; it can find") as refused:
        contract.caption_prompt(profile)
    assert "marlin-2b" in refused.value.hint and profile.name not in refused.value.hint
    with pytest.raises(UsageError, match="cannot ask"):
        contract.ask_prompt("Who is there?", profile)


@given(st.text(max_size=120))
def test_no_query_opens_a_tag_in_any_models_prompt(text: str) -> None:
    for profile in (TIMELENS_8B, TIMELENS_7B, TIMELENS2_4B, MARLIN_2B):
        before, after = profile.find_template.split("{event}")
        try:
            asked = contract.find_prompt(text, profile).text
        except UsageError:
            return
        event = asked.removeprefix(before).removesuffix(after)
        assert asked == before + event + after and "\n" not in event
        assert "<" not in event.replace("< ", "").removesuffix("<")


# --- recorded forms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name in ("timelens-8b", "timelens2-4b") for case in RECORDED[name]],
    ids=lambda value: value["raw"] if isinstance(value, dict) else value,
)
@pytest.mark.parametrize("window", [MINUTE, LATER], ids=["first", "later"])
def test_the_forms_of_the_repositories_are_read(name: str, case: dict, window: Span) -> None:
    reading = read(case["raw"], PROFILES[name], window=window)
    first = window.start_seconds
    assert list(reading.spans) == [Span(first + start, first + end) for start, end in case["spans"]]
    assert reading.raw == case["raw"] and reading.span == next(iter(reading.spans), None)
    assert reading.format_ok is case.get("format_ok", True)
    assert reading.absent is case.get("absent", False)


@pytest.mark.parametrize(
    ("raw", "spans"),
    [
        ("[[5.0, 2.0], [8.0, 9.0]]", [(8.0, 9.0)]),
        ("[[-3.0, 2.0]]", []),
        ("[[61.0, 65.0]]", []),
        ("[[NaN, 2.0], [1, Infinity], [3, 4]]", [(3.0, 4.0)]),
        (f"[[{'9' * 400}, {'9' * 500}], [2, 1e999]]", [(2.0, 60.0)]),
        ("[[4.0, 4.0]]", [(4.0, 4.5)]),
        ("[[1, 2, 0.9], [3, 4]]", [(3.0, 4.0)]),
        ('[{"start": 1, "end": 2}]', []),
        ("[[0:03, 0:09]]", []),
    ],
)
def test_pairs_that_are_no_range_in_the_window_are_left_out(
    raw: str, spans: list[tuple[float, float]]
) -> None:
    assert times(read(raw)) == spans
    assert not read(raw).absent


@pytest.mark.parametrize(
    ("raw", "spans"),
    [
        ("[[0.0, 3.5], [10.0, 12.0], [20.0, 2", [(0.0, 3.5), (10.0, 12.0)]),
        ("[[0.0, 3.5], [10.0, 12.0]", [(0.0, 3.5), (10.0, 12.0)]),
        ("[[0.0, 3.5", []),
        ("[", []),
    ],
)
def test_of_an_array_that_was_cut_whole_pairs_count(raw: str, spans: list[tuple[float, float]]) -> None:
    reading = read(raw, cut=True)
    assert times(reading) == spans
    assert (reading.format_ok, reading.absent) == (bool(spans), False)


def test_an_empty_array_says_nothing_when_more_was_to_come() -> None:
    assert read("[]").absent and not read("[] or rather", cut=True).absent


@pytest.mark.parametrize(
    ("raw", "spans"),
    [
        ("The event happens in 3.0 - 1", []),
        ("The event happens in 3.0 - 14.", []),
        ("The event happens in 3.0 - 14.0 s", [(3.0, 14.0)]),
        ("The event happens in 3.0 - 4.0 seconds, 8.0 - 1", [(3.0, 4.0)]),
    ],
)
def test_of_a_sentence_that_was_cut_whole_ranges_count(raw: str, spans: list[tuple[float, float]]) -> None:
    assert times(read(raw, TIMELENS_8B, cut=True)) == spans


@pytest.mark.parametrize("raw", ["at -1 - 4 seconds", "at 0:03 - 0:09", "at 3.0 to noon", "2024-11-28"])
def test_other_sentences_are_not_in_timelenss_form(raw: str) -> None:
    reading = read(raw, TIMELENS_8B)
    assert not reading.spans and (not reading.format_ok or raw == "2024-11-28")


# --- any text -----------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("[", "]", "[[", "]]", "[]", ",", ", ", " ", "\n", '"', "-", " - ", " to ", " and ", ".", ":"),
        *("0", "3.0", "4.5", "12", "1e9", "-2", "9" * 400, "1e999", "NaN", "Infinity", "null", "\u0663"),
        *(" seconds", " s", "seconds.", "The event happens in ", "```json\n", "```", "<think>", "</think>"),
        *("[1.0, 2.0]", "[[3, 4]]", "[5, 6], ", "7 - 8 seconds", "From 3.0 to 4.0.", "\ud800", "\x00", "{"),
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join))
FINDERS = st.sampled_from([MARLIN_2B, TIMELENS_8B, TIMELENS2_4B])
WINDOWS = st.builds(
    lambda start, length: Span(start, start + length),
    st.floats(0, 1e5),
    st.one_of(st.just(0.0), st.floats(0, 300)),
)


@given(TEXTS, FINDERS, WINDOWS, st.booleans())
@example("[[1e308, 1e999]]", TIMELENS2_4B, Span(99999, 100000), False)
def test_no_text_makes_a_reader_raise_or_leave_the_window(
    text: str, profile: Profile, window: Span, cut: bool
) -> None:
    reading = read(text, profile, window=window, cut=cut)
    assert reading.raw == text
    for span in reading.spans:
        assert window.start_seconds <= span.start_seconds < span.end_seconds <= window.end_seconds
    ends = list(zip(reading.spans, reading.spans[1:], strict=False))
    assert all(one.end_seconds < other.start_seconds for one, other in ends)
    assert reading.format_ok or not reading.spans
    assert not (reading.absent and reading.spans) and (not reading.absent or reading.format_ok)
    assert not reading.absent or profile.says_absent


@given(TEXTS, FINDERS)
def test_what_follows_a_whole_answer_changes_nothing(text: str, profile: Profile) -> None:
    asked = contract.find_prompt("a dog", profile)
    for n in range(len(text) + 1):
        if contract.is_whole(asked, text[:n]) and "think" not in text[n:]:
            assert read(text[:n], profile).spans == read(text, profile).spans


SPANS = st.lists(st.tuples(st.integers(0, 118), st.integers(1, 120)), min_size=1, max_size=8).map(
    lambda found: [(start / 2, min(start + length, 120) / 2) for start, length in found]
)


@given(SPANS, st.text("abc `\n.", max_size=20), st.text("abc `\n.", max_size=20), st.booleans())
def test_arrays_are_read_with_anything_around_them(
    spans: list[tuple[float, float]], before: str, after: str, quoted: bool
) -> None:
    array = json.dumps([[str(x) if quoted else x for x in span] for span in spans])
    reading = read(before + array + after)
    assert read_ranges(before + array + after, "pairs", cut=False) == spans
    covered = {second for start, end in spans for second in range(int(2 * start), int(2 * end))}
    assert covered == {
        second for start, end in times(reading) for second in range(int(2 * start), int(2 * end))
    }
    assert reading.format_ok and not reading.absent


@given(SPANS)
def test_timelenss_sentences_are_read_back(spans: list[tuple[float, float]]) -> None:
    listed = ", ".join(f"{start:.1f} - {end:.1f} seconds" for start, end in spans)
    assert read_ranges(f"The event happens in {listed}.", "seconds", cut=False) == spans


@given(SPANS, st.data())
def test_a_cut_never_invents_a_range(spans: list[tuple[float, float]], data: st.DataObject) -> None:
    for form, whole in (
        ("pairs", json.dumps([list(span) for span in spans])),
        ("seconds", ", ".join(f"{start:.2f} - {end:.2f} seconds" for start, end in spans) + "."),
    ):
        length = data.draw(st.integers(0, len(whole)))
        found = read_ranges(whole[:length], form, cut=True) or []
        assert found == spans[: len(found)]


def test_thousands_of_spans_and_any_depth_are_read_at_once() -> None:
    many = json.dumps([[n * 0.01, n * 0.01 + 0.005] for n in range(5000)])
    began = time.perf_counter()
    assert len(read(many).spans) == 5000
    for raw in [
        "[" * 200_000,
        "[" * 100_000 + "1, 2" + "]" * 100_000,
        "[[1, 2]," * 30_000,
        "[1, 2]," * 30_000,
        "[ \n" * 60_000,
        "[" + " " * 200_000,
        "[[1," + "2" * 200_000,
        '["' * 60_000,
        "[]" * 60_000,
        many[:-1],
    ]:
        assert not read(raw).absent
        read(raw, cut=True)
    for raw in [
        "1 - " * 50_000,
        "1" * 200_000,
        "1 - 2 seconds, " * 20_000,
        "1" + " " * 200_000,
        "1.1." * 50_000,
    ]:
        read(raw, TIMELENS_8B)
    assert time.perf_counter() - began < 20


# --- answers that are whole before they end -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "text", "whole"),
    [
        (TIMELENS2_4B, "[[0.0, 3.5]]", True),
        (TIMELENS2_4B, "[[0.0, 3.5], [10.0, 12.0]]", True),
        (TIMELENS2_4B, "```json\n[[0.0, 3.5]]", True),
        (TIMELENS2_4B, "[[0.0, 3.5]", False),
        (TIMELENS2_4B, "[0.0, 3.5]", False),  # the first of several, perhaps
        (TIMELENS2_4B, "[]", False),
        (TIMELENS2_4B, "<think>[[0.0, 3.5]]", False),
        (TIMELENS_8B, "The event happens in 3.0 - 4.0 seconds.", True),
        (TIMELENS_8B, "The event happens in 3.0 - 4.0 seconds", False),  # another may be listed
        (TIMELENS_8B, "The event happens in 3.0 - 4.0.", False),
        (TIMELENS_8B, "The event happens in 3.0 - 4.0 seconds, 8.0 - 9.0 seconds.", True),
    ],
)
def test_an_answer_is_whole_by_its_form(profile: Profile, text: str, whole: bool) -> None:
    asked = contract.find_prompt("a dog", profile)
    assert contract.is_whole(asked, text) is whole
    assert not whole or contract.may_end(asked, text[-1])


# --- profiles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_only_models_that_list_spans_say_that_there_are_none(profile: Profile) -> None:
    assert profile.multi_span == profile.says_absent == (profile.find_form == "pairs")


def test_timelens_has_the_budget_of_its_evaluation() -> None:
    assert TIMELENS_8B.pixels_per_clip == 2 * 14_336 * 1024
    side = math.sqrt(TIMELENS_7B.pixels_per_clip / 220)
    assert 319 < side < 321, "110 s at 2 frames a second: 'about 320 x 320', as their paper says"
    assert (TIMELENS_8B.min_pixels_per_frame, TIMELENS_7B.min_pixels_per_frame) == (65_536, 50_176)
    assert contract.budget_text(TIMELENS_8B) == "fps=2 frames=4..768 pixels=786432 clip=29360128"
    assert contract.budget_text(MARLIN_2B) == "fps=2 frames=4..240 pixels=200704"
