"""Every time on one grid: what makes or moves a span never fails or leaves its bounds for a rounding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core import corrections
from footage.core.corrections import Correction
from footage.core.coverage import coverage
from footage.core.timecode import clamp, iou, overlap_seconds, parse_time
from footage.core.timeline import merge_events, merge_spans
from footage.core.types import (
    Answer,
    Caption,
    CaptionEvent,
    File,
    Frames,
    Provenance,
    Span,
    Video,
    Window,
    WindowRecord,
    on_grid,
)
from footage.core.windows import plan_windows
from footage.media.demux import FrameTable
from footage.vlm import contract
from footage.vlm.profiles import DEMO
from search.grounding import proposals
from search.grounding.span_merge import merge_replies
from search.grounding.window_queries import Reply, WindowQuestion
from service import previews
from ui.web.components import media, timeline
from ui.web.components.player.events import read_marks

CLOCKS = (
    Fraction(24_000, 1001),
    Fraction(30_000, 1001),
    Fraction(30),
    Fraction(3),
    Fraction(90_000),
    Fraction(1000),
)
"""Ticks a second of frame rates and container clocks; most of their times are no whole microseconds."""


@st.composite
def durations(draw, most_seconds: int = 200) -> float:
    """The length of a file as its clock has it: not on the grid."""
    clock = draw(st.sampled_from(CLOCKS))
    return float(draw(st.integers(1, int(most_seconds * clock))) / clock)


shares = st.floats(0, 1)


def a_video(duration: float) -> Video:
    return Video("v", duration, 640, 480, 30.0, "h264")


def answered(window: Span, start: float, end: float) -> Span | None:
    """A span as the model writes it, with one decimal, at or past the end of its window."""
    text = f"From {start:.1f} to {end:.1f}."
    return contract.read_span(Answer(text, "stop"), window, DEMO).span


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_a_span_lies_on_the_grid_and_making_it_again_changes_nothing(a, b):
    span = Span(min(a, b), max(a, b))
    assert span.start_seconds == on_grid(span.start_seconds) and span.end_seconds == on_grid(span.end_seconds)
    assert Span(span.start_seconds, span.end_seconds) == span
    assert span.duration_seconds == on_grid(span.duration_seconds)
    assert abs(span.start_seconds - min(a, b)) <= 0.5e-6 + 1e-9


@pytest.mark.parametrize("ends", [(31.466667, 31.466666666666665), (1 / 3, 0.333333), (0.1 + 0.2, 0.3)])
def test_ends_that_differ_by_a_rounding_are_equal(ends):
    assert Span(*ends).duration_seconds == 0


@pytest.mark.parametrize("ends", [(2.0, 1.9), (-1.0, 2.0), (float("nan"), 2.0), (0.0, float("inf"))])
def test_ends_that_make_no_span_are_refused(ends):
    with pytest.raises(ValueError, match="a span needs"):
        Span(*ends)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), durations())
def test_a_clamped_span_lies_inside_whatever_it_is_given(start, end, duration):
    within = Span(0, duration)
    span = Span.clamped(start, end, within=within)
    assert 0 <= span.start_seconds <= span.end_seconds <= within.end_seconds


@given(st.sampled_from(CLOCKS), st.integers(1, 4000), st.integers(0, 10**7))
def test_frame_times_and_durations_of_a_file_are_on_the_grid(clock, count, first):
    pts = np.arange(first, first + count, dtype=np.int64)
    table = FrameTable(
        path="x",
        stream_index=0,
        time_base=1 / clock,
        pts=pts,
        durations=np.ones(count, np.int64),
        keyframes=np.array([0]),
        codec="h264",
        size=(64, 48),
        pixel_format="",
        container="mov",
        reordered=False,
        promised_seconds=None,
        read_seconds=0.0,
    )
    times = table.times_seconds.tolist()
    assert times == [on_grid(float(Fraction(n) / clock)) for n in range(count)]
    assert (
        table.duration_seconds
        == on_grid(float(count / clock))
        == a_video(float(count / clock)).duration_seconds
    )
    pixels = np.zeros((count, 1, 1, 3), np.uint8)
    exact = tuple(float(Fraction(n) / clock) for n in range(count))
    assert Frames(pixels, exact, Span(0, table.duration_seconds)).times_seconds == tuple(times)


@given(durations(), shares, shares)
def test_what_a_model_answers_about_the_last_window_lies_in_the_video(duration, a, b):
    video = a_video(duration)
    window = plan_windows("v", duration, window_seconds=30, overlap_seconds=5)[-1].span
    assert window.end_seconds == video.duration_seconds
    start, end = sorted((a * window.duration_seconds, b * window.duration_seconds + 0.1))
    span = answered(window, start, end)
    if span is not None:
        assert window.start_seconds <= span.start_seconds < span.end_seconds <= video.duration_seconds
        assert clamp(span, window) == span


@given(
    durations(),
    shares,
    shares,
    st.lists(st.tuples(shares, shares), max_size=4),
    st.sampled_from([4.0, 16.0, 30.0]),
)
def test_where_to_look_next_never_leaves_the_video(duration, a, b, others, length):
    video = a_video(duration)
    whole = Span(0, video.duration_seconds)
    place = Span.clamped(min(a, b) * duration, max(a, b) * duration, within=whole)
    taken = [Span.clamped(min(c, d) * duration, max(c, d) * duration) for c, d in others]
    free = proposals.free_segment(place, taken, duration_seconds=duration)
    windows = [
        *proposals.around(place, within=free, length_seconds=length),
        proposals.window_on(place, within=whole, length_seconds=length),
        proposals.moved_window(place, taken, within=whole, length_seconds=length),
        proposals.window_at(a * duration, whole, length),
    ]
    for window in filter(None, windows):
        assert 0 <= window.start_seconds <= window.end_seconds <= video.duration_seconds


@given(durations(), st.lists(st.tuples(shares, shares), min_size=1, max_size=6))
def test_merging_what_windows_saw_never_leaves_the_video(duration, seen):
    video = a_video(duration)
    windows = plan_windows("v", duration, window_seconds=30, overlap_seconds=5)
    records, replies = [], []
    for window in windows:
        length = window.span.duration_seconds
        spans = [answered(window.span, min(a, b) * length, max(a, b) * length + 0.1) for a, b in seen]
        events = tuple(CaptionEvent(span, "A dog runs.") for span in spans if span)
        caption = Caption("", events, "", "stop")
        records.append(WindowRecord(window, caption, Provenance("m", "r", "p", "b")))
        replies += [Reply(WindowQuestion(video, "/x", window), span=span) for span in spans]
    whole = Span(0, video.duration_seconds)
    events = merge_events("v", records)
    named = [place.span for place in merge_replies(replies)]
    for span in [*(event.span for event in events), *named, *merge_spans(named)]:
        assert clamp(span, whole) == span and overlap_seconds(span, whole) == span.duration_seconds
        assert span.duration_seconds == 0 or iou(span, span) == 1
    file = File("/x", "v", duration_seconds=duration, state="indexed")
    share = coverage([file], {"v": {window.index: window.span for window in windows}})
    assert share.seconds["indexed"] == pytest.approx(video.duration_seconds, abs=2e-6)


@given(durations(), shares, shares)
def test_corrections_hold_for_the_event_they_were_made_for(duration, a, b):
    whole = a_video(duration).duration_seconds
    exact = min(a, b) * duration, max(a, b) * duration
    [event] = merge_events(
        "v",
        [
            WindowRecord(
                Window("v", 0, Span(0, whole)),
                Caption("", (CaptionEvent(Span(*exact), "A dog runs."),), "", "stop"),
                Provenance("m", "r", "p", "b"),
            )
        ],
    )
    made = Correction("c", "v", Span(*exact), event.text, event.span, "A fox runs.", "", 1.0)
    corrected = corrections.apply("v", [event], [made], windows={0: Span(0, whole)})
    assert [each.id for each in corrected.matched] == ["c"]


@given(durations(), shares, shares)
def test_the_app_takes_marks_at_the_very_end_and_shows_spans_there(duration, a, b):
    whole = a_video(duration).duration_seconds
    start, end = sorted((round(a * whole, 3), round(b * whole, 3)))
    marks = read_marks({"of": "m", "in": start, "out": end}, of="m", duration_seconds=whole)
    assert marks is None or marks.end_seconds <= whole
    if end - start > 0.002 and start < whole:
        assert marks is not None
    span = Span.clamped(start, whole, within=Span(0, whole))
    stretch = previews.around(span, duration)
    assert stretch.end_seconds <= whole
    wider = media.reaching(stretch, min(a * whole, whole), whole)
    assert wider.end_seconds <= whole
    if span.duration_seconds:
        assert "fx-match" in timeline.strip(duration, matches=[span], events=[span], covered=[Span(0, whole)])


@given(st.floats(0, 1e5))
def test_a_time_that_a_person_writes_is_on_the_grid(seconds):
    assert (
        parse_time(f"{seconds:.9f}") == on_grid(seconds) or abs(parse_time(f"{seconds:.9f}") - seconds) < 1e-6
    )
