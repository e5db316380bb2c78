"""Spoken words written onto films: in the safe area, and on while they are said, whatever is cut."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tiny_clips import write_clip

from footage.core.types import CaptionEvent, Span, SpokenWord
from footage.media.concat import Piece
from footage.media.sandbox import painted_picture, probe, read_grid, write_reel
from footage.media.segment import stretch_in
from footage.media.text_overlay import SAFE_SHARE, can_write, write_subtitle
from service.export import Clip, Lettering, Options, export

SIZE = (640, 360)


def planes(width: int = 640, height: int = 360) -> list[np.ndarray]:
    shapes = [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
    return [np.full(shape, value, np.uint8) for shape, value in zip(shapes, (60, 128, 128), strict=True)]


def written(picture: list[np.ndarray]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the white letters."""
    rows, columns = np.nonzero(picture[0] > 200)
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (1920, 1080), (320, 240)])
@pytest.mark.parametrize(
    "text",
    [
        "Hello there.",
        "This is the optical and science segment of\nthe Webb Space Telescope, in one of the",
        "word" * 30,
        "Привет, как дела? Καλημέρα!",
    ],
)
def test_words_lie_in_the_safe_area_in_the_middle(size, text):
    picture = planes(*size)
    write_subtitle(picture, text)
    top, bottom, left, right = written(picture)
    width, height = size
    assert top > height / 2 and bottom < height * (1 - SAFE_SHARE) + 2
    assert left >= width * SAFE_SHARE - 8 and right <= width * (1 - SAFE_SHARE) + 8
    assert (left + right) / 2 == pytest.approx(width / 2, abs=width * 0.03)


def test_a_title_in_the_corner_stays_free():
    alone, above = planes(), planes()
    write_subtitle(alone, "Hello")
    write_subtitle(above, "Hello", above_title=True)
    assert written(above)[1] < written(alone)[1] - 20


def test_nothing_is_written_for_nothing_and_what_cannot_be_written_is_known():
    for text in ("", " \n ", "\x00\x07"):
        picture = planes()
        write_subtitle(picture, text)
        assert all((plane == fresh).all() for plane, fresh in zip(picture, planes(), strict=True))
    assert can_write("Hello, Welt! Ünïcödé") and not can_write("\U0001f3f3\U00013000")


# -- On films ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Ten seconds of grey halves, ten frames a second."""
    return write_clip(tmp_path_factory.mktemp("clips") / "grey.mp4", count=100, fps=10, size=SIZE)


def words_on(film: Path, moments: list[float]) -> list[bool]:
    """Whether there are letters in the lower part at each moment."""
    return [
        bool((painted_picture(film, moment, None)[180:].min(axis=2) > 224).sum() > 20) for moment in moments
    ]


def test_words_are_on_when_they_are_said_whatever_the_cut_begins_with(tmp_path, clip):
    table = read_grid(clip).table
    subtitles = ((Span(1.0, 2.0), "One"), (Span(6.5, 7.5), "Two"))
    pieces = [
        Piece(stretch_in(table, span), subtitles=subtitles) for span in (Span(6.0, 8.0), Span(0.0, 3.0))
    ]
    film = tmp_path / "film.mp4"
    made = write_reel(pieces, film, rate=Fraction(10))
    assert [span.duration_seconds for span in made.spans] == [2.0, 3.0]
    moments = [0.25, 0.65, 1.35, 1.75, 2.85, 3.15, 3.85, 4.25]
    assert words_on(film, moments) == [False, True, True, False, False, True, True, False]


def test_words_change_while_a_picture_stands_still(tmp_path):
    still = write_clip(tmp_path / "still.mp4", [0.0, 4.0, 8.0], fps=1, size=SIZE)
    stretch = stretch_in(read_grid(still).table, Span(0.0, 8.0))
    film = tmp_path / "film.mp4"
    write_reel([Piece(stretch, subtitles=((Span(1.0, 2.0), "Now"),))], film, rate=Fraction(10))
    assert words_on(film, [0.5, 1.5, 2.5, 3.5]) == [False, True, False, False]


def a_clip(path: Path, span: Span, *said: CaptionEvent) -> Clip:
    return Clip(path=str(path), video=probe(path, content_id="c"), span=span, title="A clip", spoken=said)


def test_an_export_writes_what_is_said_in_each_clip_and_says_where_nothing_is(tmp_path, clip):
    word = SpokenWord(Span(4.0, 5.0), "Hello", 1.0)
    said = CaptionEvent(Span(4.0, 5.0), "Hello", 0.9, "en", (word,))
    options = Options(join=True, lettering=Lettering(subtitles=True))
    made = export([a_clip(clip, Span(3.5, 5.5), said)], tmp_path / "a", options=options)
    [film] = [output.path for output in made.outputs]
    assert words_on(film, [0.25, 0.85, 1.75]) == [False, True, False] and not made.warnings
    made = export([a_clip(clip, Span(0.0, 2.0))], tmp_path / "b", options=options)
    assert "no spoken words" in made.warnings[0]
