"""Lines of a track as subtitle files, which our own reader and FFmpeg read back word for word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.core.plain_text import evened
from footage.core.types import CaptionEvent, Span, SpokenWord
from footage.media.subtitles import MOST_CUE_LETTERS, read_subtitles
from service.export.subtitles import (
    MOST_COLUMNS,
    MOST_CUE_SECONDS,
    MOST_LINES,
    columns,
    subtitle_cues,
    wrapped,
    write_subtitles,
)

SIGNS = [
    "<b>",
    "</i>",
    "a < b & c > d",
    "-->",
    "{\\an8}",
    "C:\\new\\Nile",
    "&amp; &lt;",
    "\u202eabc",
    "字幕です",
]
texts = st.lists(st.text(max_size=40) | st.sampled_from(SIGNS), min_size=1, max_size=8).map(" ".join)


def line(start: float, end: float, text: str, **more) -> CaptionEvent:
    return CaptionEvent(Span(start, end), text, **more)


def spoken(start: float, text: str, each: float = 0.4) -> CaptionEvent:
    words = [
        SpokenWord(Span(start + number * each, start + (number + 1) * each), word, 1.0)
        for number, word in enumerate(text.split())
    ]
    return line(start, start + len(words) * each, text, words=tuple(words))


# -- Cues ----------------------------------------------------------------------


@given(texts, st.floats(0, 1000), st.floats(0.001, 30))
def test_cues_hold_all_of_a_line_in_order_and_fit(text, start, long):
    cues = subtitle_cues([line(start, start + long, text)])
    joined = "".join(row for cue in cues for row in cue.lines)
    assert joined.replace(" ", "") == evened(text).replace(" ", "")
    for cue in cues:
        assert 1 <= len(cue.lines) <= MOST_LINES
        assert all(0 < columns(row) <= MOST_COLUMNS for row in cue.lines)
        assert cue.start_milliseconds < cue.end_milliseconds
    assert not cues or cues[0].start_milliseconds == round(1000 * start)
    assert all(cue.end_milliseconds <= round(1000 * (start + long)) + 1 for cue in cues)


def test_two_lines_are_about_equal_and_words_stay_whole():
    assert wrapped("A short line") == ("A short line",)
    rows = wrapped("This is the optical and science segment of the Webb Telescope")
    assert rows == ("This is the optical and science", "segment of the Webb Telescope")


def test_a_long_line_is_cut_where_the_words_are_said():
    said = spoken(
        10.0,
        "This is the optical and science segment of the Webb Space Telescope in one of the "
        "largest clean rooms in the world at the Goddard Space Flight Center in Greenbelt Maryland",
    )
    cues = subtitle_cues([said])
    assert len(cues) > 1
    starts = {round(1000 * word.span.start_seconds): word.text for word in said.words}
    for cue in cues:
        assert starts[cue.start_milliseconds] == cue.lines[0].split()[0]
        assert cue.end_milliseconds - cue.start_milliseconds <= 1000 * (MOST_CUE_SECONDS + 0.5)
    assert [cue.end_milliseconds for cue in cues[:-1]] == [cue.start_milliseconds for cue in cues[1:]]
    assert cues[-1].end_milliseconds == round(1000 * said.span.end_seconds)


def test_scripts_without_spaces_are_cut_between_letters_and_count_double():
    rows = wrapped("今日はとても良い天気ですね。" * 2)
    assert len(rows) == 2 and all(columns(row) <= MOST_COLUMNS for row in rows)
    assert "".join(rows) == "今日はとても良い天気ですね。" * 2
    assert not any(row.startswith("。") for row in rows)


# -- Read back -------------------------------------------------------------------


def read_back(tmp_path, lines, form):
    path = tmp_path / f"a.{form}"
    path.write_text(write_subtitles(lines, form), "utf-8")
    return read_subtitles(path)


@pytest.mark.parametrize("form", ["srt", "vtt"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_word_for_word(tmp_path_factory, form, data):
    text = data.draw(texts).translate({ord(brace): None for brace in "{}"})
    start = data.draw(st.integers(0, 360_000)) / 1000
    cues = subtitle_cues([line(start, start + 4, text)])
    if not cues:
        return
    read = read_back(tmp_path_factory.getbasetemp(), [line(start, start + 4, text)], form)
    assert [cue.text for cue in read] == [evened(" ".join(cue.lines))[:MOST_CUE_LETTERS] for cue in cues]
    assert [cue.span.start_seconds for cue in read] == [cue.start_milliseconds / 1000 for cue in cues]


@pytest.mark.parametrize("form", ["srt", "vtt"])
@pytest.mark.parametrize("text", [sign for sign in SIGNS if "{" not in sign])
def test_signs_of_markup_are_signs(tmp_path, form, text):
    [cue] = read_back(tmp_path, [line(1, 2, text)], form)
    assert cue.text == evened(text)


def test_braces_are_kept_from_players_that_hide_what_is_between_them(tmp_path):
    [cue] = read_back(tmp_path, [line(1, 2, "if (x) {\\an8} {y}")], "srt")
    assert cue.text == "if (x) \uff5b\\an8\uff5d \uff5by\uff5d"


def test_the_forms_are_as_players_want_them():
    lines = [line(0.5, 2, "Rock & roll <3 -->"), line(3661.25, 3662, "2")]
    assert write_subtitles(lines, "srt") == (
        "1\n00:00:00,500 --> 00:00:02,000\nRock & roll <\u20603 --\u2060>\n\n"
        "2\n01:01:01,250 --> 01:01:02,000\n2\n\n"
    )
    assert write_subtitles(lines, "vtt") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nRock &amp; roll &lt;3 --\u2060&gt;\n\n"
        "01:01:01.250 --> 01:01:02.000\n2\n\n"
    )
    assert write_subtitles(lines, "txt") == "[0:00.5] Rock & roll <3 -->\n[1:01:01.2] 2\n"
    assert write_subtitles([], "vtt") == "WEBVTT\n\n"
    assert not re.search(r"\n\n\n", write_subtitles([line(0, 1, "a\n\nb")], "srt"))
