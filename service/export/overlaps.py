"""Keeps moments on one line of time from overlapping, as markers and chapters have to be; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Marker:
    """A named period, in whole units: frames or milliseconds."""

    start: int
    """First unit inside."""
    end: int
    """First unit after, later than the start."""
    names: tuple[str, ...]
    """What it is called; several where several begin at once."""
    sure: bool = True
    """Whether what it marks was found."""


def apart(moments: Sequence[Marker]) -> list[Marker]:
    """Moments in order of time, none of which overlaps another.

    Those that begin together become one with the names of all, as long as the longest. One that goes on when
    the next begins ends there: every start stays where it is.
    """
    starts: dict[int, Marker] = {}
    for moment in moments:
        other = starts.get(moment.start)
        if other is None:
            starts[moment.start] = moment
            continue
        names = tuple(dict.fromkeys((*other.names, *moment.names)))
        starts[moment.start] = Marker(
            moment.start, max(other.end, moment.end), names, other.sure or moment.sure
        )
    ordered = [starts[start] for start in sorted(starts)]
    limits = [moment.start for moment in ordered[1:]] + [moment.end for moment in ordered[-1:]]
    return [
        replace(moment, end=min(moment.end, limit)) for moment, limit in zip(ordered, limits, strict=True)
    ]
