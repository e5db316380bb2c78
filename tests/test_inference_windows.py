"""The one rule for cutting a segment into windows, on durations off the microsecond grid."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.timecode import clamp
from footage.core.types import Span
from footage.core.windows import plan_windows, runs
from footage.inference.windows import cut_segment, fitting_overlap
from footage.vlm.profiles import DEMO, MARLIN_2B

TICKS = (Fraction(1001, 24_000), Fraction(1001, 30_000), Fraction(1, 3), Fraction(1, 90_000))
"""Lengths of a frame or a tick in seconds, none of which is a whole number of microseconds."""
LENGTHS = st.sampled_from([1 / 3, 1001 / 240, 4.0, 16.0, 30.0])


@st.composite
def odd_seconds(draw, most_seconds: int = 300) -> float:
    """A whole number of ticks of an odd clock."""
    tick = draw(st.sampled_from(TICKS))
    return float(draw(st.integers(1, int(most_seconds / tick))) * tick)


@st.composite
def segments(draw) -> Span:
    return Span.clamped(*sorted([draw(odd_seconds()), draw(odd_seconds())]))


@st.composite
def gaps(draw) -> tuple[Span, ...]:
    edges = sorted({draw(odd_seconds()) for _ in range(2 * draw(st.integers(0, 3)))})
    spans = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    return tuple(span for span in spans if span.duration_seconds > 0)


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0.5, 600))
def test_windows_are_equal_and_cover_the_stretch_without_a_gap(start, length, window):
    start = round(start, 3)
    span = Span(start, round(start + length, 3))
    windows = [each.span for each in cut_segment(span, DEMO, layout="separate", window_seconds=window)]
    assert windows[0].start_seconds == pytest.approx(span.start_seconds, abs=1e-6)
    assert windows[-1].end_seconds == span.end_seconds
    assert all(a.end_seconds == b.start_seconds for a, b in pairwise(windows))
    lengths = [each.duration_seconds for each in windows]
    assert max(lengths) <= window + 1e-5 and max(lengths) - min(lengths) <= 1e-5
    assert (len(windows) - 1) * window < span.duration_seconds or len(windows) == 1


@given(segments(), LENGTHS)
def test_separate_windows_touch_and_none_is_a_short_rest(segment, length):
    windows = cut_segment(segment, DEMO, layout="separate", window_seconds=length)
    spans = [window.span for window in windows]
    assert [window.index for window in windows] == list(range(len(windows)))
    assert (spans[0].start_seconds, spans[-1].end_seconds) == (segment.start_seconds, segment.end_seconds)
    assert all(a.end_seconds == b.start_seconds for a, b in pairwise(spans))
    lengths = [span.duration_seconds for span in spans]
    assert max(lengths) <= length + 2e-6
    assert max(lengths) - min(lengths) <= 2e-6, "equal but for the grid"
    assert len(spans) == 1 or (len(spans) - 1) * length < segment.duration_seconds + 1e-5


@given(segments(), LENGTHS, st.sampled_from([0.0, 0.1, 0.25]))
def test_overlapping_windows_are_those_of_an_index(segment, length, overlap):
    windows = cut_segment(
        segment, DEMO, layout="overlapping", window_seconds=length, overlap_seconds=overlap, content_id="v"
    )
    if segment.duration_seconds == 0:
        assert [window.span for window in windows] == [segment]
        return
    assert windows == plan_windows(
        "v",
        segment.end_seconds,
        start_seconds=segment.start_seconds,
        window_seconds=length,
        overlap_seconds=overlap,
    )
    spans = [window.span for window in windows]
    assert (spans[0].start_seconds, spans[-1].end_seconds) == (segment.start_seconds, segment.end_seconds)
    for a, b in pairwise(spans):
        assert a.end_seconds - b.start_seconds == pytest.approx(overlap, abs=2e-6)


@given(segments(), LENGTHS, gaps(), st.sampled_from(["overlapping", "separate"]))
def test_no_window_holds_a_gap_and_all_frames_are_covered(segment, length, gaps, layout):
    windows = cut_segment(segment, DEMO, layout=layout, window_seconds=length, overlap_seconds=0.1, gaps=gaps)
    spans = [window.span for window in windows]
    frames = runs(segment, gaps)
    if not frames:
        assert spans[0].start_seconds == segment.start_seconds
        assert spans[-1].end_seconds == segment.end_seconds
        return
    assert all(any(clamp(span, run) == span for run in frames) for span in spans)
    assert {run.start_seconds for run in frames} <= {span.start_seconds for span in spans}
    assert {run.end_seconds for run in frames} <= {span.end_seconds for span in spans}


@pytest.mark.parametrize("layout", ["overlapping", "separate"])
def test_a_moment_is_one_window_of_no_length(layout):
    [window] = cut_segment(Span(1 / 3, 1 / 3), DEMO, layout=layout)
    assert window.span == Span(1 / 3, 1 / 3)


def test_a_profile_gives_the_lengths_and_a_short_window_overlaps_by_half():
    whole = Span(0, 70)
    windows = cut_segment(whole, MARLIN_2B, layout="overlapping")
    assert [window.span for window in windows] == [Span(0, 30), Span(25, 55), Span(50, 70)]
    short = cut_segment(Span(0, 8), MARLIN_2B, layout="overlapping", window_seconds=4)
    assert [window.span for window in short] == [Span(0, 4), Span(2, 6), Span(4, 8)]
    assert (fitting_overlap(5, 8), fitting_overlap(5, 5), fitting_overlap(0, 5)) == (5, 2.5, 0)
    assert (
        cut_segment(whole, replace(MARLIN_2B, overlap_seconds=0.0), layout="separate")[0].span.end_seconds
        < 30
    )


def test_a_given_overlap_that_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="cannot overlap"):
        cut_segment(Span(0, 8), DEMO, layout="overlapping", window_seconds=4, overlap_seconds=4)
