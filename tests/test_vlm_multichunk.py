"""Multichunk prompts: the chunks in the prompt, and the reading of chunk times as video time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.types import Answer, Span
from footage.inference.multichunk import chunk_groups
from footage.vlm import contract
from footage.vlm.multichunk import multichunk_text, read_multichunk
from footage.vlm.profiles import DEMO, MARLIN_2B

CHUNKS = (Span(100.0, 130.0), Span(130.0, 160.0), Span(160.0, 181.5))


def read(raw: str, reason: str = "stop"):
    return read_multichunk(Answer(raw, reason), CHUNKS)


def test_the_prompt_lists_every_chunk_with_both_of_its_times():
    text = multichunk_text("When does a dog run?", CHUNKS)
    lines = text.split("\n")
    assert lines[1] == "chunk 1: 0.0 - 30.0 of this clip, 100.0 - 130.0 of the source video"
    assert lines[3] == "chunk 3: 60.0 - 81.5 of this clip, 160.0 - 181.5 of the source video"
    assert "When does a dog run?" in lines
    assert contract.raw_text(text) == text  # nothing of our wording is taken for a control token


@pytest.mark.parametrize(
    ("raw", "chunk", "span", "written", "agrees"),
    [
        ("chunk 2: 4.0 - 6.5, source 134.0 - 136.5", 2, (134.0, 136.5), (134.0, 136.5), True),
        ("In Chunk 2, 4.0 to 6.5 seconds -> 134.0 to 136.5 s", 2, (134.0, 136.5), (134.0, 136.5), True),
        ("chunk 2: 4.0 - 6.5, source 164.0 - 166.5", 2, (134.0, 136.5), (164.0, 166.5), False),
        ("chunk #2 at 4.0 s: 4.0 + 130.0 = 134.0", 2, (134.0, 134.5), (134.0, 134.0), True),
        ("chunk 2: 4.0 + 130 = 135", 2, (134.0, 134.5), (135.0, 135.0), False),
        ("chunk 3: 20.0 - 25.0", 3, (180.0, 181.5), None, None),
        ("chunk 2 (130.0 - 160.0): 1.0 - 2.0", 2, (131.0, 132.0), None, None),
        ("chunk 1: 0 \u2013 30s", 1, (100.0, 130.0), None, None),
    ],
)
def test_a_chunk_time_becomes_video_time_and_the_models_sum_is_checked(raw, chunk, span, written, agrees):
    [moment] = read(raw).moments
    assert (moment.chunk, moment.written, moment.agrees) == (chunk, written, agrees)
    assert (moment.span.start_seconds, moment.span.end_seconds) == span
    assert moment.clamped == (raw == "chunk 3: 20.0 - 25.0")


@pytest.mark.parametrize(
    "raw",
    [
        "chunk 2: 6.5 - 4.0",
        "chunk 3: 30.0 - 35.0",
    ],
)
def test_a_time_that_is_not_in_its_chunk_has_no_span(raw):
    assert [moment.span for moment in read(raw).moments] == [None]


@pytest.mark.parametrize(
    "raw",
    ["", "nothing", "chunk", "chunk 2", "chunk 2: soon", "chunk 2: 1:05", "chunk 1 of 3", "From 1 to 2."],
)
def test_a_text_without_a_chunk_time_has_no_moments(raw):
    assert read(raw).moments == ()


def test_chunks_that_do_not_exist_are_counted():
    reading = read("chunk 0: 1 - 2\nchunk 4: 1 - 2\nchunk 9999: 3\nchunk 1: 1 - 2")
    assert (reading.unknown_chunks, len(reading.moments)) == (3, 1)


def test_several_chunks_of_one_line_are_told_apart():
    moments = read("chunk 1: 1.0 - 2.0, source 101.0 - 102.0; chunk 3: 4.0 - 5.0").moments
    assert [(each.chunk, each.written) for each in moments] == [(1, (101.0, 102.0)), (3, None)]


def test_the_thinking_part_is_kept_apart():
    reading = read("<think>chunk 1: 1.0, source 101.0</think>\n\nchunk 1: 2.0 - 3.0")
    assert (reading.think, reading.text) == ("chunk 1: 1.0, source 101.0", "chunk 1: 2.0 - 3.0")
    assert [each.thinking for each in reading.moments] == [True, False]
    # the template may have opened the block in the prompt, and a lone tag is an artefact of the training
    assert read("so it is\n</think>\nDone.").think == "so it is"
    assert (read("<think>\nDone.").think, read("<think>\nDone.").text) == ("", "Done.")


def test_of_a_cut_answer_only_whole_lines_count():
    raw = "chunk 1: 1.0 - 2.0\nchunk 2: 4.0 - 1"
    assert [each.chunk for each in read(raw).moments] == [1, 2]
    assert [each.chunk for each in read(raw, "length").moments] == [1]
    thinking = read("<think>chunk 1: 1.0 - 2.0\nchunk 2: 4.0 - 1</think>", "length")
    assert [each.chunk for each in thinking.moments] == [1]


PIECES = st.sampled_from(
    [
        *(
            "chunk 1",
            "chunk 2:",
            "Chunk #3",
            "chunk",
            "1.0",
            "29.9 - 30.0",
            "7",
            "- ",
            "to",
            "->",
            "=",
            "source",
        ),
        *("<think>", "</think>", "\n", "1:05", "9" * 40, "0.0000001", "(", ")", "\u0663", "s", ",", "\ud800"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=30).map(" ".join), st.sampled_from(["stop", "length"]))
def test_any_text_is_read_and_every_span_is_inside_its_chunk(raw, reason):
    for moment in read(raw, reason).moments:
        chunk = CHUNKS[moment.chunk - 1]
        if moment.span is not None:
            assert (
                chunk.start_seconds
                <= moment.span.start_seconds
                < moment.span.end_seconds
                <= chunk.end_seconds
            )
        assert (moment.agrees is None) == (moment.written is None)


@given(
    st.integers(0, 2),
    st.integers(0, 200),
    st.integers(1, 200),
    st.integers(-50, 50),
)
def test_what_is_written_in_our_form_is_read_back(number, start, length, off):
    chunk = CHUNKS[number]
    a, b = start / 10, (start + length) / 10
    shift = chunk.start_seconds + off / 10
    raw = f"chunk {number + 1}: {a:.1f} - {b:.1f}, source {a + shift:.1f} - {b + shift:.1f}"
    [moment] = read(raw).moments
    assert (moment.chunk_start_seconds, moment.chunk_end_seconds) == (a, b)
    assert moment.agrees == (abs(off) <= 2)
    assert moment.span.start_seconds == pytest.approx(chunk.start_seconds + a)
    assert moment.span.end_seconds == pytest.approx(min(chunk.start_seconds + b, chunk.end_seconds))


def test_chunks_are_grouped_as_the_frame_budget_allows():
    groups = chunk_groups(Span(0.0, 300.0), MARLIN_2B)
    assert [len(group) for group in groups] == [4, 4, 2]  # 240 frames at 2 a second are 120 s
    assert groups[0][0] == Span(0.0, 30.0) and groups[2][-1].end_seconds == 300.0
    whole = chunk_groups(Span(0.0, 90.0), MARLIN_2B)
    assert [chunk.duration_seconds for chunk in whole[0]] == [30.0] * 3 and len(whole) == 1
    # a gap in the recording ends a group
    parted = chunk_groups(Span(0.0, 90.0), MARLIN_2B, gaps=[Span(40.0, 50.0)])
    assert [group[0].start_seconds for group in parted] == [0.0, 50.0]
    with pytest.raises(UsageError):
        chunk_groups(Span(0.0, 90.0), DEMO, chunk_seconds=0)
