"""A reel is never too long, shows the best, and does not show one thing over and over."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Span, Video
from service.export.clips import Clip
from service.export.select import fit, ranked

LENGTHS = st.lists(st.floats(0.01, 500), max_size=40)


@given(LENGTHS, st.floats(0.01, 600))
def test_a_choice_is_never_too_long_and_leaves_out_only_what_does_not_fit(lengths, most):
    chosen = fit(lengths, most)
    total = math.fsum(seconds for _, seconds in chosen)
    assert total <= most
    numbers = [number for number, _ in chosen]
    assert numbers == sorted(set(numbers)) and bool(chosen) == bool(lengths)
    if min(lengths, default=0) > most:
        assert chosen == ([(0, most)] if lengths else [])
        return
    assert all(seconds == lengths[number] for number, seconds in chosen)
    for number in set(range(len(lengths))) - set(numbers):
        before = [seconds for other, seconds in chosen if other < number]
        assert math.fsum((*before, lengths[number])) > most


def test_a_longer_one_does_not_keep_out_the_shorter_after_it():
    assert fit([30, 40, 20, 10], 60) == [(0, 30), (2, 20), (3, 10)]
    assert fit([90, 20], 60) == [(1, 20)]
    assert fit([90, 80], 60) == [(0, 60)]
    assert fit([], 60) == []


def clip(video, start, *, text="a goal", verdict="found", confidence=0.9, seconds=5.0):
    result = Video(video, 1000.0, 64, 48, 25.0, "h264")
    span = Span(start, start + seconds)
    return Clip(f"/{video}.mp4", result, span, text, "goal", text, verdict, confidence)


def places(clips):
    return [(each.video.content_id, each.span.start_seconds) for each in clips]


def test_what_is_found_comes_first_then_the_surer():
    clips = [
        clip("a", 0, verdict="uncertain", confidence=0.7),
        clip("b", 0, confidence=0.8),
        clip("c", 0, confidence=0.95),
        clip("d", 0, verdict="not found", confidence=None),
    ]
    assert places(ranked(clips)) == [("c", 0), ("b", 0), ("a", 0), ("d", 0)]


def test_videos_take_turns():
    clips = [
        clip("a", 0, text="one thing", confidence=0.99),
        clip("a", 50, text="something else", confidence=0.98),
        clip("b", 0, text="a third", confidence=0.5),
    ]
    assert places(ranked(clips)) == [("a", 0), ("b", 0), ("a", 50)]


def test_what_says_nearly_the_same_in_one_video_comes_last():
    clips = [
        clip("a", 0, text="A red car drives from left to right.", confidence=0.99),
        clip("a", 50, text="a red car drives from left to right", confidence=0.98),
        clip("a", 100, text="A white dog runs.", confidence=0.5),
        clip("b", 0, text="A red car drives from left to right.", confidence=0.4),
    ]
    assert places(ranked(clips)) == [("a", 0), ("b", 0), ("a", 100), ("a", 50)]
    assert places(ranked([*clips, clip("b", 50, text="x", verdict="uncertain")]))[-1] == ("b", 50)


def test_one_moment_is_shown_once():
    best = clip("a", 10, confidence=0.9)
    worse = replace(clip("a", 11, confidence=0.8), text="other words")
    beside = clip("a", 13, text="yet others", confidence=0.7)
    assert places(ranked([worse, best, beside])) == [("a", 10), ("a", 13)]


@given(st.permutations(range(6)))
def test_the_order_given_makes_no_difference(order):
    clips = [clip("ab"[number % 2], 20 * number, confidence=0.5 + number / 20) for number in range(6)]
    assert ranked([clips[number] for number in order]) == ranked(clips)
