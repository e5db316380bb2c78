"""Seconds to text and back, and the arithmetic of spans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.timecode import clamp, format_time, gap_seconds, iou, overlap_seconds, parse_time
from footage.core.types import Span

times = st.integers(0, 10_000_000).map(lambda n: n / 100)
spans = st.tuples(times, times).map(lambda ends: Span(*sorted(ends)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.0"),
        (3.5, "0:03.5"),
        (59.94, "0:59.9"),
        (59.96, "1:00.0"),
        (83.5, "1:23.5"),
        (3599.99, "1:00:00.0"),
        (3723.5, "1:02:03.5"),
        (360_000, "100:00:00.0"),
    ],
)
def test_times_are_written_as_a_clock_reads(seconds, text):
    assert format_time(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("83.5", 83.5),
        ("1:23.5", 83.5),
        ("1:02:03", 3723),
        (" 0:07 ", 7),
        ("90", 90),
        (".5", 0.5),
        ("75:00", 4500),
    ],
)
def test_times_are_read(text, seconds):
    assert parse_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "-3", "1:60", "1:60:00", "1:2:3:4", "1e3", "inf", "nan", "1:-2", "٣"]
)
def test_what_is_no_time_is_refused_with_the_text(text):
    with pytest.raises(UsageError, match="is not a time") as caught:
        parse_time(text)
    assert repr(text) in str(caught.value) and caught.value.hint


@pytest.mark.parametrize("seconds", [-0.1, float("inf"), float("nan")])
def test_no_clock_shows_such_a_time(seconds):
    with pytest.raises(ValueError, match="finite and not negative"):
        format_time(seconds)


@given(times)
def test_a_time_survives_writing_and_reading_to_a_twentieth(seconds):
    assert parse_time(format_time(seconds)) == pytest.approx(seconds, abs=0.051)


def test_spans_that_touch_share_nothing_and_leave_no_gap():
    assert overlap_seconds(Span(0, 3), Span(3, 5)) == gap_seconds(Span(0, 3), Span(3, 5)) == 0
    assert gap_seconds(Span(7, 9), Span(2, 4)) == 3


@given(spans, spans)
def test_iou_is_symmetric_bounded_and_one_only_for_equals(a, b):
    assert iou(a, b) == pytest.approx(iou(b, a))
    assert 0 <= iou(a, b) <= 1 + 1e-9
    if iou(a, b) == 1:
        assert a == b
    if a.duration_seconds:
        assert iou(a, a) == 1


@given(spans, spans)
def test_clamping_keeps_what_lies_inside(span, within):
    kept = clamp(span, within)
    if kept is None:
        assert overlap_seconds(span, within) == 0
    else:
        assert within.start_seconds <= kept.start_seconds <= kept.end_seconds <= within.end_seconds
        assert kept.duration_seconds == pytest.approx(overlap_seconds(span, within))


def test_an_instant_is_clamped_to_itself_or_to_nothing():
    assert clamp(Span(2, 2), Span(0, 5)) == Span(2, 2)
    assert clamp(Span(5, 5), Span(0, 5)) is None
    assert clamp(Span(0, 3), Span(3, 5)) is None
