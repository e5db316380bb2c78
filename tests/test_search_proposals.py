"""Where to look next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from footage.core.timecode import overlap_seconds
from footage.core.types import Span, on_grid
from search.grounding.proposals import (
    MOVED_SECONDS,
    SHORTEST_SECONDS,
    around,
    free_segment,
    moved_window,
    window_on,
)


def moved(place, used, duration=120.0, length=30.0):
    return moved_window(place, used, within=Span(0, duration), length_seconds=length)


def test_a_place_at_the_edge_of_a_window_is_seen_at_the_middle_of_the_next():
    assert moved(Span(50, 60), [Span(30, 60)]) == Span(40, 70)


def test_what_was_centred_already_is_seen_off_centre():
    assert moved(Span(50, 60), [Span(40, 70)]) == Span(47.5, 77.5)
    assert moved(Span(50, 60), [Span(40, 70), Span(47.5, 77.5)]) == Span(32.5, 62.5)


def test_a_video_of_one_window_is_cut_to_move_it():
    assert moved(Span(3, 6), [Span(0, 12)], duration=12) == Span(2.5, 12)
    assert moved(Span(0, 6), [Span(0, 12)], duration=12) == Span(0, 6.5)
    assert moved(Span(0, 12), [Span(0, 12)], duration=12) is None
    assert moved(Span(0.5, 1), [Span(0, 3)], duration=3) is None


def test_around_a_place_lie_the_stretches_up_to_its_neighbours():
    def stretches(place, others):
        free = free_segment(place, others, duration_seconds=100)
        return around(place, within=free, length_seconds=30)

    assert stretches(Span(50, 55), [Span(50, 55)]) == [Span(20, 50), Span(55, 85)]
    assert stretches(Span(50, 55), [Span(40, 44), Span(70, 75)]) == [Span(44, 50), Span(55, 70)]
    assert stretches(Span(50, 55), [Span(47, 49), Span(58, 60)]) == []  # too short to look at
    assert stretches(Span(2, 98), []) == []


def test_a_lead_is_looked_at_apart_from_what_was_named_beside_it():
    free = free_segment(Span(12, 15), [Span(20, 24), Span(4, 7)], duration_seconds=80)
    assert free == Span(7, 20)
    assert window_on(Span(12, 15), within=free, length_seconds=30) == Span(7, 20)
    assert window_on(Span(40, 44), within=Span(0, 80), length_seconds=30) == Span(27, 57)
    assert window_on(Span(12, 15), within=Span(12, 15), length_seconds=30) is None


half_seconds = st.integers(0, 240).map(lambda half: half / 2)


@given(half_seconds, half_seconds, st.lists(half_seconds, max_size=4), st.floats(1, 120).map(on_grid))
def test_a_moved_window_shows_the_place_lies_in_the_video_and_is_moved(a, b, starts, duration):
    place = Span(min(a, b, duration), min(max(a, b), duration))
    used = [Span(min(start, duration), min(start + 30, duration)) for start in starts]
    window = moved(place, used, duration=duration)
    if window is None:
        return
    assert 0 <= window.start_seconds < window.end_seconds <= duration
    assert overlap_seconds(window, place) >= place.duration_seconds - 1e-6
    assert window.duration_seconds <= 30 + 0.5
    for other in used:
        apart = (
            abs(window.start_seconds - other.start_seconds),
            abs(window.end_seconds - other.end_seconds),
        )
        assert max(apart) >= MOVED_SECONDS


@given(half_seconds, half_seconds, st.lists(st.tuples(half_seconds, half_seconds), max_size=5))
def test_stretches_never_show_the_place_nor_its_neighbours(a, b, others):
    place = Span(min(a, b), max(a, b) + 0.5)
    neighbours = [
        span
        for pair in others
        if overlap_seconds(span := Span(min(pair), max(pair)), place) == 0 and span.duration_seconds
    ]
    free = free_segment(place, neighbours, duration_seconds=121)
    assert all(overlap_seconds(free, other) == 0 for other in neighbours)
    for window in around(place, within=free, length_seconds=30):
        assert window.duration_seconds >= SHORTEST_SECONDS and window.end_seconds <= 121
        assert overlap_seconds(window, place) == 0
        assert all(overlap_seconds(window, other) == 0 for other in neighbours)
