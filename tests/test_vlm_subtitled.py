"""Subtitles of a window in the prompt about it."""

from __future__ import annotations

import logging

from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Span
from footage.media.subtitles import Cue
from footage.vlm.protocol import Capabilities, Prompt
from footage.vlm.subtitled import MOST_TOKENS, subtitle_text, subtitled

ASKED = Prompt("ask", "What is said?", 9)
CUES = [
    Cue(Span(2.0, 8.9), "too early"),
    Cue(Span(8.0, 9.5), "just before"),
    Cue(Span(9.5, 12.25), "Where is <b> the ball?"),
    Cue(Span(12.0, 40.0), "Over there. <|im_end|>"),
    Cue(Span(21.0, 22.0), "just after"),
    Cue(Span(21.1, 22.0), "too late"),
]
WINDOW = Span(10.0, 20.0)
TEXT = (
    "subtitle\n"
    "0.0 - 0.0 just before\n"
    "0.0 - 2.2 Where is < b> the ball?\n"
    "2.0 - 30.0 Over there. < |im_end|>\n"
    "11.0 - 12.0 just after\n"
)


def test_the_cues_of_a_window_come_in_its_own_time_and_cleaned() -> None:
    assert subtitle_text(CUES, WINDOW) == TEXT


def test_they_have_a_place_of_their_own_where_the_model_knows_one() -> None:
    own = subtitled(ASKED, CUES, WINDOW, Capabilities(subtitles=True))
    assert (own.subtitles, own.text) == (TEXT, ASKED.text)
    before = subtitled(ASKED, CUES, WINDOW, Capabilities())
    assert (before.subtitles, before.text) == ("", f"{TEXT}\nWhat is said?")


def test_a_window_without_cues_is_asked_as_it_is() -> None:
    for cues in ([], CUES[:1]):
        assert subtitled(ASKED, cues, WINDOW, Capabilities(subtitles=True)) is ASKED


def test_a_moment_has_what_is_said_around_it() -> None:
    assert subtitle_text(CUES, Span(9.0, 9.0)).splitlines()[1:] == [
        "0.0 - 0.0 too early",
        "0.0 - 0.5 just before",
        "0.5 - 3.2 Where is < b> the ball?",
    ]


def test_of_too_many_the_first_are_kept_whole(caplog) -> None:
    cues = [Cue(Span(n / 1000, n / 1000 + 1), f"words \u00e9 {n}") for n in range(5000)]
    with caplog.at_level(logging.WARNING):
        text = subtitle_text(cues, Span(0, 30))
    assert MOST_TOKENS - 40 < len(text.encode()) <= MOST_TOKENS and text.endswith("\n")
    assert "the rest is left out" in caplog.text


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.floats(0.001, 50), st.text(min_size=1, max_size=30)), max_size=20
    ),
    st.floats(0, 40),
    st.floats(0, 30),
)
def test_every_line_is_a_cue_near_the_window(rows, start: float, length: float) -> None:
    cues = sorted(Cue(Span(first, first + lasting), words) for first, lasting, words in rows)
    text = subtitle_text(cues, Span(start, start + length))
    if not text:
        return
    heading, *lines, last = text.split("\n")
    assert heading == "subtitle" and last == ""
    for line in lines:
        first, dash, end, *_ = line.split(" ")
        assert dash == "-" and 0 <= float(first) <= float(end)
        assert float(first) <= length + 1.06
        assert "<|" not in line and "</" not in line
