"""Styles of drawn footage: by day it stays as it was, every style is repeatable and changes no truth."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from evaluation.suites.scoring import draw_clips
from footage.synthetic.clips import render, truth
from footage.synthetic.other_sprites import other_sprite
from footage.synthetic.sprites import COLOURS, POSES
from footage.synthetic.styles import DAY, STYLES, DrawnStyle

CLIP = draw_clips(3, 1, (20.0, 20.0))[0]
TIMES = [CLIP.events[0].start_seconds + 1.0, 0.0]


def drawn(style, times=TIMES):
    return render(CLIP, times, width=240, height=160, style=style)


def test_day_is_drawn_as_without_a_style():
    assert (drawn(DAY) == render(CLIP, TIMES, width=240, height=160)).all()


@pytest.mark.parametrize("style", [style for style in STYLES.values() if style is not DAY])
def test_a_style_changes_the_picture_is_repeatable_and_changes_no_truth(style):
    before = truth(CLIP)
    frames = drawn(style)
    assert frames.shape == (2, 160, 240, 3) and frames.dtype == np.uint8
    assert (frames[0] != drawn(DAY)[0]).any()
    assert (frames == drawn(style)).all() and (frames[1] == drawn(style, [0.0])[0]).all()
    assert truth(CLIP) == before


def test_each_change_does_what_it_is_called():
    day = drawn(DAY).astype(float)
    assert drawn(STYLES["night"]).mean() < 0.75 * day.mean()
    noise = drawn(STYLES["noise"]).astype(float) - day
    assert 15 < noise.std() < 32 and abs(noise.mean()) < 6
    moved = [drawn(STYLES["shake"], [0.1 * n])[0] for n in range(8)]
    assert len({hashlib.sha256(frame.tobytes()).digest() for frame in moved}) >= 4


@pytest.mark.parametrize("what", POSES)
def test_every_thing_has_another_drawing_of_its_colour(what):
    for pose in range(POSES[what]):
        right = other_sprite(what, "red", pose, left=False, scale=0.5, shade=1.0, dusk=False)
        left = other_sprite(what, "red", pose, left=True, scale=0.5, shade=1.0, dusk=False)
        assert (left.premultiplied == right.premultiplied[:, ::-1]).all()
        red, green, blue = right.premultiplied.reshape(-1, 3).astype(float).sum(axis=0)
        assert red > 1.3 * max(green, blue)
    assert "red" in COLOURS


@pytest.mark.parametrize("values", [{"darkness": 1.0}, {"darkness": -0.1}, {"noise": -1.0}, {"shake": -1.0}])
def test_a_style_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match="no such style"):
        DrawnStyle("odd", **values)
