"""Draws hours of footage with needles: events that happen once, among others that nearly look like them.

A recorder switches between a few fixed cameras. Every length drawn for a seed has the same cameras, needles
and absent events, so that the lengths differ in little but their length.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from footage.core.types import Span
from footage.synthetic.clips import (
    ALL_EVENTS,
    GRID_SECONDS,
    SyntheticClip,
    SyntheticEvent,
    SyntheticScene,
    random_clip,
    random_scene,
    render,
)
from footage.synthetic.paraphrases import reword
from footage.synthetic.writing import write_video

NEEDLES = 24
"""Needles in each length, and as many events that never happen."""
EVENTS_PER_MINUTE = 6.0
"""Events of all kinds, the needles included."""
TAKE_SECONDS = 150.0
"""Time after which the recorder switches to its next camera."""
CAMERAS = 4
"""Cameras of the recorder."""
NEAR_SHARE = 0.5
"""Share of the other events that are drawn from the near misses of what is asked for."""
WIDTH, HEIGHT, FPS = 240, 160, 4
"""Pixels and frames a second of what is written: hours have to be drawn and decoded in minutes."""

What = tuple[str, str, str, str]
"""Kind, colour, verb and where of an event."""

_STREAM = 0x4EED1E
_TRIES = 20


@dataclass(frozen=True, slots=True)
class HaystackQuery:
    """A question about a haystack."""

    text: str
    """What is asked, in wordings that no calibration was fitted on."""
    span: Span | None
    """When it happens, once; None for what never happens."""
    near_misses: int
    """Events of the haystack that differ in colour alone, or in direction or place alone."""


@dataclass(frozen=True)
class Haystack:
    """Hours of footage, and questions about it."""

    takes: tuple[SyntheticClip, ...]
    """What the recorder shows, one take after the other; all but the last ``TAKE_SECONDS`` long."""
    queries: tuple[HaystackQuery, ...]
    """The needles by time, then what never happens."""

    @property
    def duration_seconds(self) -> float:
        """Length, seconds."""
        return sum(take.duration_seconds for take in self.takes)

    @property
    def events(self) -> int:
        """Events, needles included."""
        return sum(len(take.events) for take in self.takes)


def draw_haystack(seed: int, *, hours: float, needles: int = NEEDLES) -> Haystack:
    """Footage of some length with needles spread evenly over it.

    Args:
        seed: Decides the cameras, and what the needles and the absent events are; with the length, all else.
        hours: Length.
        needles: How many, and how many absent events; at most a third of all events that can be drawn.

    Raises:
        ValueError: when so many needles do not fit.
    """
    if not 1 <= needles <= len(ALL_EVENTS) // 3:
        raise ValueError(f"from 1 to {len(ALL_EVENTS) // 3} needles can be drawn, not {needles}")
    fixed = np.random.default_rng([_STREAM, seed])
    cameras = [random_scene(fixed) for _ in range(CAMERAS)]
    order = [ALL_EVENTS[int(n)] for n in fixed.permutation(len(ALL_EVENTS))]
    present, absent, others = order[:needles], order[needles : 2 * needles], order[2 * needles :]
    words = {what: reword(*what, fixed, half=1) for what in (*present, *absent)}

    rng = np.random.default_rng([_STREAM, seed, round(3600 * hours)])
    # 1. Decide when something happens.
    takes = _takes(rng, cameras, 3600 * hours)
    # 2. Decide what: the needles first, in one stretch of the footage each, then all others.
    cast = _Cast(takes)
    places = {what: cast.place(what, n, needles, rng) for n, what in enumerate(_mixed(present, rng))}
    near = [[what for what in others if one_apart(what, asked)] for asked in (*present, *absent)]
    cast.fill(others, [each for each in near if each], rng)
    # 3. Ask for each.
    done = cast.done()
    happened = [_what(event) for take in done for event in take.events]
    spans = {what: places[what] for what in present}
    by_time = sorted(present, key=lambda what: spans[what].start_seconds)
    return Haystack(
        done,
        tuple(
            HaystackQuery(words[what], spans.get(what), sum(one_apart(each, what) for each in happened))
            for what in (*by_time, *absent)
        ),
    )


def write_haystack(
    haystack: Haystack, path: str | os.PathLike[str], *, progress: Callable[[float], None] | None = None
) -> None:
    """Write a haystack as one mp4; the file appears only when complete.

    Args:
        haystack: What to draw.
        path: The file.
        progress: Called with the seconds written so far.
    """

    def draw(times: Sequence[float]) -> np.ndarray:
        numbers = [min(int(seconds // TAKE_SECONDS), len(haystack.takes) - 1) for seconds in times]
        parts = []
        for number in sorted(set(numbers)):
            own = [s - number * TAKE_SECONDS for s, n in zip(times, numbers, strict=True) if n == number]
            parts.append(render(haystack.takes[number], own, width=WIDTH, height=HEIGHT))
        return np.concatenate(parts)

    write_video(
        path,
        draw,
        duration_seconds=haystack.duration_seconds,
        fps=FPS,
        width=WIDTH,
        height=HEIGHT,
        crf=26,
        preset="veryfast",
        progress=progress,
    )


def one_apart(what: What, near: What) -> bool:
    """Whether two events differ in their colour alone, or in their direction or place alone."""
    same_kind = (what[0], what[2]) == (near[0], near[2])
    return same_kind and (what[1] == near[1]) != (what[3] == near[3])


class _Cast:
    """Decides what happens at times that are given."""

    def __init__(self, takes: Sequence[SyntheticClip]) -> None:
        self._takes = list(takes)
        self._slots = [
            (take, number) for take, clip in enumerate(takes) for number in range(len(clip.events))
        ]
        self._cast: dict[tuple[int, int], SyntheticEvent] = {}

    def place(self, what: What, number: int, count: int, rng: np.random.Generator) -> Span:
        """Let a needle happen in one of ``count`` equal stretches, or as near to it as can be."""
        length = sum(take.duration_seconds for take in self._takes) / count
        middle = (number + rng.random()) * length
        free = sorted(
            (slot for slot in self._slots if slot not in self._cast),
            key=lambda slot: abs(self._span(slot).start_seconds - middle),
        )
        slot = next((slot for slot in free if self._fits(what, slot)), None)
        if slot is None:
            raise ValueError("too many needles for so short a haystack")
        self._set(what, slot)
        return self._span(slot)

    def fill(self, others: Sequence[What], near: Sequence[Sequence[What]], rng: np.random.Generator) -> None:
        """Let something else happen at all other times; where nothing fits, nothing happens."""
        for slot in self._slots:
            if slot in self._cast:
                continue
            for _ in range(_TRIES):
                from_near = bool(near) and rng.random() < NEAR_SHARE
                choice = near[int(rng.integers(len(near)))] if from_near else others
                what = choice[int(rng.integers(len(choice)))]
                if self._fits(what, slot):
                    self._set(what, slot)
                    break

    def done(self) -> tuple[SyntheticClip, ...]:
        """The takes as they are cast."""
        return tuple(
            replace(
                take,
                events=tuple(
                    self._cast[number, n] for n in range(len(take.events)) if (number, n) in self._cast
                ),
            )
            for number, take in enumerate(self._takes)
        )

    def _event(self, slot: tuple[int, int]) -> SyntheticEvent:
        return self._takes[slot[0]].events[slot[1]]

    def _span(self, slot: tuple[int, int]) -> Span:
        event, first = self._event(slot), slot[0] * TAKE_SECONDS
        return Span(first + event.start_seconds, first + event.end_seconds)

    def _fits(self, what: What, slot: tuple[int, int]) -> bool:
        """Whether no other event stands in the same place meanwhile, and none is the same just before."""
        event = self._event(slot)
        for number in range(len(self._takes[slot[0]].events)):
            other = self._cast.get((slot[0], number))
            if other is None or other is event:
                continue
            apart = max(other.start_seconds - event.end_seconds, event.start_seconds - other.end_seconds)
            if apart < 0 and other.where == what[3] and not other.crosses:
                return False
            if apart < 1.0 and _what(other) == what:
                return False
        return True

    def _set(self, what: What, slot: tuple[int, int]) -> None:
        kind, colour, verb, where = what
        self._cast[slot] = replace(self._event(slot), kind=kind, colour=colour, verb=verb, where=where)


def _takes(
    rng: np.random.Generator, cameras: Sequence[SyntheticScene], seconds: float
) -> list[SyntheticClip]:
    takes: list[SyntheticClip] = []
    left = round(seconds / GRID_SECONDS) * GRID_SECONDS
    while left > 0:
        length = min(left, TAKE_SECONDS)
        scene = cameras[len(takes) % len(cameras)]
        takes.append(
            random_clip(rng, duration_seconds=length, events_per_minute=EVENTS_PER_MINUTE, scene=scene)
        )
        left -= length
    return takes


def _mixed(whats: Sequence[What], rng: np.random.Generator) -> list[What]:
    return [whats[int(n)] for n in rng.permutation(len(whats))]


def _what(event: SyntheticEvent) -> What:
    return event.kind, event.colour, event.verb, event.where
