"""Locators of videos, moments and segments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from footage.core.errors import UsageError
from footage.core.types import Span, Video
from service.locators import Locator, parse_locator
from ui.cli.main import app

VIDEO = Video("", 60.0, 64, 48, 25.0, "h264")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.mp4", Locator(Path("a.mp4"))),
        ("a.mp4@83.5", Locator(Path("a.mp4"), 83.5)),
        ("a.mp4@1:10-1:25.5", Locator(Path("a.mp4"), 70.0, 85.5)),
        ("me@home.mp4", Locator(Path("me@home.mp4"))),
        ("me@home.mp4@3-4", Locator(Path("me@home.mp4"), 3.0, 4.0)),
        ("@3", Locator(Path("@3"))),
    ],
)
def test_a_place_is_a_file_and_what_of_it(text, place):
    assert parse_locator(text) == place


def test_a_file_whose_name_reads_like_a_place_is_that_file(tmp_path):
    path = tmp_path / "take@2"
    path.touch()
    assert parse_locator(str(path)) == Locator(path)


def test_behind_a_file_that_exists_a_time_is_expected(tmp_path):
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(UsageError, match="'soon' is not a time"):
        parse_locator(f"{path}@soon")


@pytest.mark.parametrize("text", ["a.mp4@9-3", "a.mp4@3-3", "a.mp4@1:75", "a.mp4@3x", "a.mp4@3-"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError):
        parse_locator(text)


@pytest.mark.parametrize("text", ["x" * 5000 + "@0:10", "x" * 5000, "a.mp4@" + "1" * 5000, "@" * 5000])
def test_a_name_that_is_too_long_is_no_file(text):
    try:
        assert parse_locator(text).path.name
    except UsageError as error:
        assert str(error)


@pytest.mark.parametrize(
    "command", ["ask", "models prompt", "point --model molmo2-4b", "track --model molmo2-4b"]
)
def test_a_very_long_argument_is_a_sentence(command):
    result = CliRunner().invoke(app, [*command.split(), "x" * 5000 + "@0:10-0:20", "who comes?"])
    assert result.exit_code in (1, 2) and "too long" in result.stderr and "unexpected" not in result.stderr


def test_stretches_and_moments_lie_in_the_video():
    assert parse_locator("a").span(VIDEO) == Span(0, 60)
    assert parse_locator("a@50-90").span(VIDEO) == Span(50, 60)
    assert parse_locator("a@50").moment(VIDEO) == 50
    for wrong in ("a@60-70", "a@50"):
        with pytest.raises(UsageError):
            parse_locator(wrong).span(VIDEO)
    for wrong in ("a", "a@1-2", "a@60"):
        with pytest.raises(UsageError):
            parse_locator(wrong).moment(VIDEO)


@given(
    st.floats(0, 1e5).map(lambda x: round(x, 3)), st.floats(0.001, 1e5).map(lambda x: max(0.001, round(x, 3)))
)
def test_what_is_written_is_read(start, length):
    end = round(start + length, 3)
    assert parse_locator(f"x.mp4@{start:.3f}-{end:.3f}") == Locator(Path("x.mp4"), start, end)
