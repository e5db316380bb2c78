"""Gives an object that goes on from one window to the next the same number in both; pure geometry.

A model numbers the objects of each window anew. The last point of each object is compared with the first
points in the next window: two that are near in time and in place are of one object. Pairs are assigned one to
one, as many as possible, with the smallest total distance. An object that was hidden for longer than
``LINK_SECONDS``, or left and came back, gets a new number: appearance is not compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from footage.core.types import Point
from footage.vlm.pointing import Places

LINK_SECONDS = 1.0
"""Longest time between the two points: two frames, at the 2 frames per second of a window."""
LINK_DISTANCE = 0.1
"""Longest distance between the two points at the same moment, as a share of the frame's diagonal."""
LINK_SPEED = 0.2
"""Added to that distance for each second between the points, as a share of the diagonal."""


def link_tracks(windows: Sequence[Places], *, width: int, height: int) -> list[Places]:
    """The places of successive windows, their objects numbered throughout.

    The first window's numbers stay; a new object gets the next number that was never used.

    Args:
        windows: In order of time; their times do not overlap. Windows without points may be among them.
        width: Of the frames in whose pixels the points are.
        height: Of the same.
    """
    diagonal = math.hypot(width, height)
    linked: list[Places] = []
    last: dict[int, Point] = {}
    for places in windows:
        # 1. What began here, in an order that does not depend on the model's numbers.
        begun = sorted(places.paths.items(), key=lambda item: [_place(point) for point in item[1]])
        known = _assigned([*last.values()], [path[0] for _, path in begun], diagonal)
        # 2. The numbers: those that go on, then new ones; the first window's are its own.
        used = max(last, default=0)
        names: dict[int, int] = {}
        for number, (old, _) in enumerate(begun):
            if number in known:
                names[old] = known[number].object_id
            elif not last:
                names[old] = old
            else:
                used += 1
                names[old] = used
        points = sorted(
            (replace(point, object_id=names[point.object_id]) for point in places.points),
            key=lambda point: (point.time_seconds, point.object_id),
        )
        linked.append(replace(places, points=tuple(points)))
        last |= {names[old]: replace(path[-1], object_id=names[old]) for old, path in begun}
    return linked


def _assigned(ends: Sequence[Point], begins: Sequence[Point], diagonal: float) -> dict[int, Point]:
    """By number of what begins: the end that it goes on from; what goes on from none is absent."""
    ends = sorted(ends, key=_place)
    costs = np.array([[_cost(end, begin, diagonal) for begin in begins] for end in ends])
    if not np.isfinite(costs).any():
        return {}
    from scipy.optimize import linear_sum_assignment

    # A pair that cannot be costs more than all that can be together: as many as can be are made.
    allowed = np.isfinite(costs)
    rows, columns = linear_sum_assignment(
        np.where(allowed, costs, 1.0 + min(costs.shape) * costs[allowed].max())
    )
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {column: ends[row] for row, column in pairs if allowed[row, column]}


def _cost(end: Point, begin: Point, diagonal: float) -> float:
    """How far apart they are, as a share of the diagonal; infinite where they cannot be one object."""
    seconds = begin.time_seconds - end.time_seconds
    way = math.hypot(begin.x - end.x, begin.y - end.y) / diagonal
    near = 0 <= seconds <= LINK_SECONDS and way <= LINK_DISTANCE + LINK_SPEED * seconds
    return way if near else math.inf


def _place(point: Point) -> tuple[float, float, float]:
    return point.time_seconds, point.x, point.y
