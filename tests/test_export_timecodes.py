"""Timecodes count every frame of a day, and say the same as other people's do."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentimelineio import opentime
from tiny_exports import NTSC, NTSC_DOUBLE, NTSC_FILM

from footage.core.errors import UsageError
from service.export.smpte import Counting, counting

COUNTINGS = (
    *(Counting(NTSC_FILM), Counting(Fraction(24)), Counting(Fraction(25)), Counting(NTSC)),
    *(Counting(NTSC, drop=True), Counting(Fraction(30)), Counting(Fraction(50)), Counting(Fraction(60))),
    *(Counting(NTSC_DOUBLE), Counting(NTSC_DOUBLE, drop=True)),
)


def id_of(each):
    return each.name


@pytest.mark.parametrize("each", COUNTINGS, ids=id_of)
@given(data=st.data())
def test_a_label_leads_back_to_its_frame(each, data):
    frame = data.draw(st.integers(0, each.day - 1))
    assert each.frame(each.label(frame)) == frame
    assert each.label(frame + each.day) == each.label(frame)


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("rate", [NTSC, NTSC_DOUBLE])
def test_a_whole_day_has_no_label_twice_and_none_out_of_order(rate, drop):
    each = Counting(rate, drop=drop)
    minutes = [(hour, minute) for hour in (0, 9, 23) for minute in range(60)]
    for hour, minute in minutes:  # all that happens, happens where a minute begins
        first = each.frame(f"{hour:02d}:{minute:02d}:59:{each.nominal - 1:02d}")
        labels = [each.label(first + step) for step in range(-2, 8)]
        assert len(set(labels)) == len(labels)
        assert [each.frame(label) for label in labels] == [(first + step) % each.day for step in range(-2, 8)]


@pytest.mark.parametrize("each", COUNTINGS, ids=id_of)
@given(data=st.data())
def test_opentimelineio_counts_the_same(each, data):
    # Up to 23:58: without drop frame, opentime begins a new day at 29.97 after 86,400 seconds of the clock,
    # which is 86 s of timecode early.
    frame = data.draw(st.integers(0, each.frame("23:58:00:00") if not each.drop else each.day - 1))
    result = opentime.to_timecode(opentime.RationalTime(frame, float(each.rate)), float(each.rate), each.drop)
    assert each.label(frame) == result


@pytest.mark.parametrize(
    ("each", "frame", "label"),
    [
        (Counting(NTSC, drop=True), 1799, "00:00:59;29"),
        (Counting(NTSC, drop=True), 1800, "00:01:00;02"),
        (Counting(NTSC, drop=True), 17_981, "00:09:59;29"),
        (Counting(NTSC, drop=True), 17_982, "00:10:00;00"),
        (Counting(NTSC, drop=True), 107_892, "01:00:00;00"),
        (Counting(NTSC), 107_892, "00:59:56:12"),
        (Counting(NTSC_DOUBLE, drop=True), 3600, "00:01:00;04"),
        (Counting(NTSC_DOUBLE, drop=True), 215_784, "01:00:00;00"),
        (Counting(NTSC_FILM), 86_400, "01:00:00:00"),
        (Counting(Fraction(50)), 50 * 3600 - 1, "00:59:59:49"),
    ],
)
def test_known_labels(each, frame, label):
    assert (each.label(frame), each.frame(label)) == (label, frame)


@pytest.mark.parametrize(
    ("each", "label", "says"),
    [
        (Counting(Fraction(25)), "01:00:00:25", "not a valid timecode at 25 fps"),
        (Counting(Fraction(25)), "24:00:00:00", "not a valid timecode at 25 fps"),
        (Counting(Fraction(25)), "1:00:00:00", "is not a timecode"),
        (Counting(Fraction(25)), "01:00:00:00\n02", "is not a timecode"),
        (Counting(NTSC, drop=True), "01:01:00:00", "does not exist in drop-frame timecode"),
        (Counting(NTSC_DOUBLE, drop=True), "01:01:00;03", "does not exist in drop-frame timecode"),
    ],
)
def test_what_is_no_timecode_is_refused(each, label, says):
    with pytest.raises(UsageError, match=says) as caught:
        each.frame(label)
    assert caught.value.hint


def test_a_video_is_counted_as_its_own_timecode_is():
    assert counting(NTSC, timecode="01:00:00:00").drop is False
    assert counting(NTSC, timecode="01:00:00;00", drop=False).drop is True
    assert (counting(NTSC).drop, counting(NTSC, drop=False).drop) == (True, False)
    assert counting(Fraction(25), timecode="01:00:00;00").drop is False
    with pytest.raises(ValueError, match=r"drop frame is not possible at 25 fps"):
        Counting(Fraction(25), drop=True)
