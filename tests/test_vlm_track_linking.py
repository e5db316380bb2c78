"""Numbers of tracked objects that stay the same from window to window."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Point
from footage.vlm.pointing import Places
from footage.vlm.track_linking import LINK_DISTANCE, LINK_SECONDS, link_tracks

WIDTH, HEIGHT = 800, 600
DIAGONAL = 1000.0


def places(*points: tuple[float, int, float, float]) -> Places:
    """Of (time, object, x, y)."""
    ordered = sorted(points, key=lambda point: (point[0], point[1]))
    return Places(tuple(Point(*point) for point in ordered), 2, "it", "raw", "stop")


def linked(*windows: Places) -> list[dict[int, list[float]]]:
    """For each window the numbers, and the x of each of their points."""
    found = link_tracks(windows, width=WIDTH, height=HEIGHT)
    return [{number: [point.x for point in path] for number, path in each.paths.items()} for each in found]


def test_objects_that_go_on_keep_their_numbers_whatever_the_model_calls_them() -> None:
    first = places((0, 1, 100, 100), (0, 2, 700, 500), (9.5, 1, 300, 100), (9.5, 2, 650, 500))
    second = places((10, 1, 640, 500), (10, 2, 310, 100), (19, 1, 600, 500), (19, 2, 500, 100))
    assert linked(first, second) == [
        {1: [100, 300], 2: [700, 650]},
        {1: [310, 500], 2: [640, 600]},
    ]


def test_what_else_was_read_stays() -> None:
    [first, second] = link_tracks([places((0, 1, 5, 5)), places((1, 7, 5, 5))], width=WIDTH, height=HEIGHT)
    assert (first.dropped, first.text, first.raw, first.finish_reason) == (2, "it", "raw", "stop")
    assert [point.object_id for point in second.points] == [1]


def test_an_object_that_comes_gets_a_number_that_was_never_used() -> None:
    first = places((9.8, 1, 100, 100), (9.8, 2, 700, 500))
    second = places((10, 1, 400, 300), (10.2, 2, 110, 100))  # 2 of the first window left, another came
    third = places((20, 1, 700, 500))
    assert linked(first, second, third) == [{1: [100], 2: [700]}, {3: [400], 1: [110]}, {4: [700]}]


def test_an_object_that_was_hidden_too_long_gets_a_new_number() -> None:
    near, late = 10 + LINK_SECONDS, 10.001 + LINK_SECONDS
    assert linked(places((10, 1, 100, 100)), places((near, 1, 100, 100)))[1] == {1: [100]}
    assert linked(places((10, 1, 100, 100)), places((late, 1, 100, 100)))[1] == {2: [100]}


def test_an_object_too_far_away_is_another() -> None:
    edge = LINK_DISTANCE * DIAGONAL
    assert linked(places((10, 1, 100, 100)), places((10, 1, 100 + edge, 100)))[1] == {1: [100 + edge]}
    assert linked(places((10, 1, 100, 100)), places((10, 1, 101 + edge, 100)))[1] == {2: [101 + edge]}


def test_as_many_as_can_be_go_on_then_the_nearest() -> None:
    # The nearest pair alone (100 to 160) would leave the other two unpaired.
    first = places((10, 1, 100, 100), (10, 2, 170, 100))
    second = places((10, 1, 160, 100), (10, 2, 250, 100))
    assert linked(first, second)[1] == {1: [160], 2: [250]}


def test_windows_without_points_are_passed_over() -> None:
    assert linked() == [] and linked(places(), places()) == [{}, {}]
    assert linked(places(), places((5, 4, 1, 1)), places(), places((5.5, 1, 2, 2))) == [
        {},
        {4: [1]},
        {},
        {4: [2]},
    ]


def test_equal_distances_are_decided_by_place_not_by_number() -> None:
    first = places((10, 1, 100, 100), (10, 2, 140, 100))
    for one, other in ((1, 2), (2, 1)):
        second = places((10.5, one, 120, 80), (10.5, other, 120, 120))
        [_, after] = link_tracks([first, second], width=WIDTH, height=HEIGHT)
        assert {point.y: point.object_id for point in after.points} in ({80: 1, 120: 2}, {80: 2, 120: 1})
        assert {point.y: point.object_id for point in after.points} == {
            point.y: point.object_id
            for point in link_tracks(
                [first, places((10.5, 5, 120, 80), (10.5, 9, 120, 120))], width=WIDTH, height=HEIGHT
            )[1].points
        }


coordinates = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT))
windows = st.lists(
    st.dictionaries(
        st.integers(1, 6),
        st.dictionaries(st.integers(0, 19), coordinates, min_size=1, max_size=4),
        max_size=5,
    ),
    max_size=5,
).map(
    lambda given_: [
        places(
            *(
                (10 * number + step / 2, name, x, y)
                for name, path in window.items()
                for step, (x, y) in path.items()
            )
        )
        for number, window in enumerate(given_)
    ]
)


def shapes(found: list[Places]) -> list[list[tuple[tuple[float, float, float], ...]]]:
    """For each window its paths, without numbers."""
    return [
        sorted(tuple((p.time_seconds, p.x, p.y) for p in path) for path in each.paths.values())
        for each in found
    ]


@given(windows)
def test_no_point_is_lost_or_moved_and_no_two_objects_of_a_window_become_one(given_: list[Places]) -> None:
    found = link_tracks(given_, width=WIDTH, height=HEIGHT)
    assert shapes(found) == shapes(given_)
    for each in found:
        keys = [(point.time_seconds, point.object_id) for point in each.points]
        assert keys == sorted(set(keys))


@given(windows)
def test_a_number_means_a_short_way_in_a_short_time(given_: list[Places]) -> None:
    seen: dict[int, Point] = {}
    for each in link_tracks(given_, width=WIDTH, height=HEIGHT):
        for number, path in each.paths.items():
            if number in seen:
                before = seen[number]
                assert 0 <= path[0].time_seconds - before.time_seconds <= LINK_SECONDS
                way = ((path[0].x - before.x) ** 2 + (path[0].y - before.y) ** 2) ** 0.5
                assert way <= 0.31 * DIAGONAL
            seen[number] = path[-1]


@given(windows, st.randoms(use_true_random=False))
def test_the_models_own_numbers_make_no_difference(given_: list[Places], chance) -> None:
    """What is linked depends on times and places alone: renaming a later window's objects changes nothing."""
    distinct = {(p.time_seconds, p.x, p.y) for each in given_ for p in each.points}
    if len(distinct) < sum(len(each.points) for each in given_):
        return  # two objects at one place are indistinguishable
    renamed = given_[:1]
    for each in given_[1:]:
        names = list(range(1, 7))
        chance.shuffle(names)
        renamed.append(
            replace(
                each,
                points=tuple(
                    sorted(
                        (replace(point, object_id=names[point.object_id - 1]) for point in each.points),
                        key=lambda point: (point.time_seconds, point.object_id),
                    )
                ),
            )
        )
    if not given_ or not given_[0].points:
        return
    one, other = (link_tracks(each, width=WIDTH, height=HEIGHT) for each in (given_, renamed))
    assert [[*map(str, sorted(each.points, key=str))] for each in one] == [
        [*map(str, sorted(each.points, key=str))] for each in other
    ]


@given(st.lists(coordinates, min_size=1, max_size=6, unique=True), st.integers(2, 5))
def test_objects_that_stand_still_keep_their_numbers(where: list[tuple[float, float]], count: int) -> None:
    given_ = [
        places(
            *(
                (10 * number + seconds, name, *place)
                for seconds in (0.0, 9.5)
                for name, place in enumerate(where, 1)
            )
        )
        for number in range(count)
    ]
    found = link_tracks(given_, width=WIDTH, height=HEIGHT)
    for one, other in itertools.pairwise(found):
        assert {n: (path[-1].x, path[-1].y) for n, path in one.paths.items()} == {
            n: (path[0].x, path[0].y) for n, path in other.paths.items()
        }
