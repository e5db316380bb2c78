"""Joining what overlapping windows named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Answer, Span, Video, Window
from footage.core.windows import plan_windows
from search.grounding.span_merge import merge_replies
from search.grounding.window_queries import Reply, WindowQuestion

VIDEO = Video("v", 80, 480, 320, 25, "h264")
WINDOWS = plan_windows("v", 80, window_seconds=30, overlap_seconds=5)  # 0-30, 25-55, 50-80


def reply(index, start=None, end=None):
    question = WindowQuestion(VIDEO, "v.mp4", Window("v", index, WINDOWS[index].span))
    span = None if start is None else Span(start, end)
    return Reply(question, Answer("raw", "stop"), span)


def test_windows_that_agree_where_both_see_name_one_place():
    [place] = merge_replies([reply(0, 24, 30), reply(1, 25, 32)])
    assert place.span == Span(24, 32)
    assert len(place.replies) == 2


def test_windows_that_disagree_where_both_see_name_two():
    assert [place.span for place in merge_replies([reply(0, 24, 26), reply(1, 28, 35)])] == [
        Span(24, 26),
        Span(28, 35),
    ]


def test_spans_outside_the_shared_stretch_are_never_one():
    assert len(merge_replies([reply(0, 3, 25), reply(1, 30, 40)])) == 2
    assert len(merge_replies([reply(0, 3, 8), reply(2, 60, 70)])) == 2


def test_an_event_over_three_windows_is_one():
    [place] = merge_replies([reply(2, 50, 60), reply(0, 20, 30), reply(1, 25, 55)])
    assert place.span == Span(20, 60)


def test_answers_without_a_time_are_left_out():
    assert merge_replies([reply(0), reply(1)]) == []


half_seconds = st.integers(0, 60).map(lambda half: half / 2)


@given(st.lists(st.tuples(half_seconds, half_seconds), min_size=3, max_size=3), st.permutations(range(3)))
def test_nothing_is_lost_and_the_order_of_replies_does_not_matter(pairs, order):
    replies = [
        reply(i, WINDOWS[i].span.start_seconds + min(pair), WINDOWS[i].span.start_seconds + max(pair))
        for i, pair in enumerate(pairs)
    ]
    found = merge_replies(replies)
    assert merge_replies([replies[i] for i in order]) == found
    assert sum(len(place.replies) for place in found) == 3
    for place in found:
        assert place.span.start_seconds in {r.span.start_seconds for r in place.replies}
        assert place.span.end_seconds in {r.span.end_seconds for r in place.replies}


def test_a_window_that_saw_beyond_decides_where_a_place_starts_and_ends():
    [place] = merge_replies([reply(0, 20, 30), reply(1, 25, 34)])
    assert place.span == Span(20, 34)  # each of the two is cut where its window is
    [place] = merge_replies([reply(0, 26, 30), reply(1, 26.5, 34)])
    assert place.span == Span(26, 34)


def test_windows_that_only_touch_join_what_runs_to_the_edge_between_them():
    touching = plan_windows("v", 80, window_seconds=40, overlap_seconds=0)

    def half(index, start, end):
        question = WindowQuestion(VIDEO, "v.mp4", Window("v", index, touching[index].span))
        return Reply(question, Answer("raw", "stop"), Span(start, end))

    [place] = merge_replies([half(0, 30, 40), half(1, 40, 47)])
    assert place.span == Span(30, 47)
    assert len(merge_replies([half(0, 30, 39), half(1, 40, 47)])) == 2
    assert len(merge_replies([half(0, 30, 40), half(1, 42, 47)])) == 2
