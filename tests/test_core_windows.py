"""Cutting a duration into windows."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.types import Span
from footage.core.windows import plan_windows


def spans(duration, window=30.0, overlap=5.0):
    windows = plan_windows("c", duration, window_seconds=window, overlap_seconds=overlap)
    assert [w.index for w in windows] == list(range(len(windows)))
    assert {w.content_id for w in windows} <= {"c"}
    return [w.span for w in windows]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0, []),
        (0.04, [Span(0, 0.04)]),
        (30, [Span(0, 30)]),
        (55, [Span(0, 30), Span(25, 55)]),
        (54.9, [Span(0, 30), Span(25, 54.9)]),
        (70, [Span(0, 30), Span(25, 55), Span(50, 70)]),
        (32, [Span(0, 30), Span(25, 32)]),
    ],
)
def test_windows_start_a_stride_apart_and_the_last_ends_with_the_video(duration, expected):
    assert spans(duration) == expected


def test_windows_without_overlap_tile():
    assert spans(70, overlap=0) == [Span(0, 30), Span(30, 60), Span(60, 70)]


@given(
    duration=st.floats(0.01, 5000),
    window=st.floats(0.5, 120),
    share=st.floats(0, 0.9),
)
def test_windows_cover_everything_and_none_lies_inside_another(duration, window, share):
    found = spans(duration, window, window * share)
    assert found[0].start_seconds == 0
    assert found[-1].end_seconds == pytest.approx(duration, abs=1e-6)
    for span in found:
        assert 0 < span.duration_seconds <= window + 2e-6
    for before, after in itertools.pairwise(found):
        assert before.start_seconds < after.start_seconds <= before.end_seconds < after.end_seconds
        assert before.end_seconds - after.start_seconds == pytest.approx(window * share, abs=1e-5)


@pytest.mark.parametrize(("window", "overlap"), [(0, 0), (30, 30), (30, -1), (-5, 0), (float("inf"), 5)])
def test_windows_that_cannot_be_cut_are_refused(window, overlap):
    with pytest.raises(UsageError, match="cannot overlap"):
        spans(60, window, overlap)


def test_a_duration_is_a_finite_number():
    with pytest.raises(ValueError, match="finite"):
        spans(float("nan"))
