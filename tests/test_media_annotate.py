"""Points and paths drawn onto pictures."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_clips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from footage.core.types import Point, Span
from footage.media import clip, sandbox
from footage.media.annotate import COLOURS, HOLD_SECONDS, Drawing, _yuv, place_at
from footage.media.video import WHOLE, frame_at, probe

WIDTH, HEIGHT = 320, 180


def path(*points: tuple[float, float, float], number: int = 1) -> list[Point]:
    return [Point(seconds, number, x, y) for seconds, x, y in points]


def rgb(width=WIDTH, height=HEIGHT, fill=128) -> list[np.ndarray]:
    return [np.full((height, width), fill, np.uint8) for _ in range(3)]


def test_a_dot_of_its_objects_colour_lies_where_the_point_is():
    planes = rgb()
    Drawing([path((1.0, 80, 90)), path((1.0, 240, 45), number=2)], width=WIDTH, height=HEIGHT)(planes, 1.0)
    assert tuple(plane[90, 80] for plane in planes) == COLOURS[0]
    assert tuple(plane[45, 240] for plane in planes) == COLOURS[1]
    assert tuple(plane[150, 150] for plane in planes) == (128, 128, 128)


def test_points_are_in_the_sources_pixels_whatever_the_pictures_size():
    planes = rgb(WIDTH // 2, HEIGHT // 2)
    Drawing([path((0.0, 80, 90))], width=WIDTH, height=HEIGHT)(planes, 0.0)
    assert tuple(plane[45, 40] for plane in planes) == COLOURS[0]


def test_planes_of_a_quarter_of_the_colours_are_drawn_on_too():
    planes = [np.full((HEIGHT, WIDTH), 100, np.uint8)] + [
        np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8) for _ in range(2)
    ]
    Drawing([path((0.0, 80, 90))], width=WIDTH, height=HEIGHT)(planes, 0.0)
    assert (planes[0][90, 80], planes[1][45, 40], planes[2][45, 40]) == _yuv(COLOURS[0])
    assert (planes[0][10, 10], planes[1][5, 5]) == (100, 128)


def test_the_colours_of_video_are_those_of_pictures():
    assert _yuv((0, 0, 0)) == (16, 128, 128) and _yuv((255, 255, 255)) == (235, 128, 128)
    assert _yuv((255, 0, 0)) == (81, 90, 240)


def test_a_trail_is_drawn_when_asked_for_up_to_now():
    points = path((0.0, 40, 90), (0.5, 140, 90), (1.0, 240, 90))
    for trails, expected in ((True, COLOURS[0]), (False, (128, 128, 128))):
        planes = rgb()
        Drawing([points], width=WIDTH, height=HEIGHT, trails=trails)(planes, 0.5)
        assert tuple(plane[90, 70] for plane in planes) == expected
        assert tuple(plane[90, 240] for plane in planes) == (128, 128, 128)


def test_nothing_is_drawn_at_another_time_or_without_points():
    for drawing in (Drawing([path((5.0, 80, 90))], width=8, height=8), Drawing([[]], width=8, height=8)):
        planes = rgb()
        drawing(planes, 1.0)
        assert all((plane == 128).all() for plane in planes)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (WIDTH, HEIGHT), (WIDTH, 0), (0, HEIGHT)])
@pytest.mark.parametrize(("width", "height"), [(WIDTH, HEIGHT), (31, 33), (2, 2)])
def test_points_on_the_very_edge_are_drawn_on_any_picture(x, y, width, height):
    planes = rgb(width, height)
    Drawing([path((0.0, x, y), number=123456)], width=WIDTH, height=HEIGHT, trails=True)(planes, 0.0)
    assert any((plane != 128).any() for plane in planes)


moments = st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True).map(sorted)


@given(moments, st.integers(-50, 500), st.integers(0, 1000))
def test_an_object_stays_between_its_points(ticks, now, seed):
    places = np.random.default_rng(seed).uniform(0, 100, (len(ticks), 2))
    points = path(*((tick / 20, *place) for tick, place in zip(ticks, places, strict=True)))
    found = place_at(points, now / 20)
    if found is not None:
        assert places[:, 0].min() - 1e-6 <= found[0] <= places[:, 0].max() + 1e-6
        assert places[:, 1].min() - 1e-6 <= found[1] <= places[:, 1].max() + 1e-6
    for point in points:
        assert place_at(points, point.time_seconds) == pytest.approx((point.x, point.y))
    assert place_at(points, points[-1].time_seconds + HOLD_SECONDS + 0.01) is None
    assert place_at(points, points[0].time_seconds - HOLD_SECONDS - 0.01) is None


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_video_is_drawn_on_upright(rotation, tmp_path):
    source = tiny_clips.write_clip(tmp_path / "turned.mp4", count=10, size=(320, 192), rotation=rotation)
    video = probe(source)
    assert (video.width, video.height) == ((192, 320) if rotation % 180 else (320, 192))
    drawing = Drawing([path((0.5, 60, 90))], width=video.width, height=video.height)
    clip.write_clip(source, Span(0, 1), tmp_path / "drawn.mp4", paint=drawing)
    sandbox.write_picture(source, 0.5, tmp_path / "drawn.png", paint=drawing)
    with Image.open(tmp_path / "drawn.png") as picture:
        assert picture.size == (video.width, video.height)
        assert picture.getpixel((60, 90)) == COLOURS[0]
    moving = frame_at(tmp_path / "drawn.mp4", 0.5, max_width=WHOLE)
    assert moving.shape[:2] == (video.height, video.width)
    assert np.abs(moving[90, 60].astype(int) - COLOURS[0]).max() < 40
