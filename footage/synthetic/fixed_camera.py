"""Draws hours of a fixed camera at which little happens, with what real cameras add; knows no model or index.

The sensor's grain and the slow change of light are no events; a person far away, something that lasts a
second, and something that stands for a minute are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footage.synthetic.clips import (
    ALL_EVENTS,
    GRID_SECONDS,
    SyntheticClip,
    SyntheticEvent,
    random_scene,
    render,
)
from footage.synthetic.writing import write_video

WIDTH, HEIGHT = 240, 160
"""Pixels of what is written: hours have to be drawn and decoded in minutes."""
NORMAL, SHORT, SMALL, SLOW = "normal", "short", "small", "slow"
EVENT_SORTS: dict[str, tuple[float, tuple[float, float], tuple[float, float]]] = {
    NORMAL: (0.35, (2.0, 8.0), (1.0, 1.0)),
    SHORT: (0.3, (1.0, 2.0), (1.0, 1.0)),
    SMALL: (0.2, (3.0, 10.0), (0.25, 0.5)),
    SLOW: (0.15, (20.0, 60.0), (0.5, 1.0)),
}
"""Sorts of events: how often of all, shortest and longest in seconds, smallest and largest size. A person is
about a quarter of the picture's height at size 1, so 6 to 12 % of it where it is small."""

_CROSSING = 36  # the first of ALL_EVENTS cross the picture
_GRAIN_PICTURES = 16  # as many pictures of noise, in turn: the codec sees no repetition, and drawing is quick


@dataclass(frozen=True)
class FixedCamera:
    """What a camera sees, and how it records it."""

    clip: SyntheticClip
    """The place and what happens there."""
    sorts: tuple[str, ...]
    """The sort of each event of the clip, one of EVENT_SORTS."""
    grain: float
    """Standard deviation of the sensor's noise, in levels of 255."""
    light_lost: float
    """Largest share of the light that is lost, as when clouds come."""
    light_seconds: float
    """How long light takes from one maximum to the next, seconds."""
    crf: float
    """Quality of x264, lower is better."""
    seed: int
    """Decides the noise."""


def random_camera(
    rng: np.random.Generator, *, duration_seconds: float, activity: float = 0.02
) -> FixedCamera:
    """A camera at which something happens for a share of the time.

    Args:
        rng: Where the randomness comes from.
        duration_seconds: Length.
        activity: Share of the time with an event, 0 to 0.5; events do not overlap, and 2 s lie between them.
    """
    if not 0 <= activity <= 0.5:
        raise ValueError(f"an activity is from 0 to 0.5, not {activity}")
    cells = int(duration_seconds / GRID_SECONDS)
    apart = round(2.0 / GRID_SECONDS)
    busy = np.zeros(cells, bool)
    events: list[tuple[SyntheticEvent, str]] = []
    names, shares = list(EVENT_SORTS), [share for share, _, _ in EVENT_SORTS.values()]
    while busy.mean() < activity:
        sort = names[int(rng.choice(len(names), p=shares))]
        _, (shortest, longest), (smallest, largest) = EVENT_SORTS[sort]
        length = int(rng.integers(round(shortest / GRID_SECONDS), round(longest / GRID_SECONDS) + 1))
        first = int(rng.integers(0, max(1, cells - length)))
        if busy[max(0, first - apart) : first + length + apart].any() or first + length > cells:
            continue
        crosses = sort == SMALL or rng.random() < 0.5
        number = rng.integers(_CROSSING) if crosses else rng.integers(_CROSSING, len(ALL_EVENTS))
        size = float(rng.uniform(smallest, largest))
        span = first * GRID_SECONDS, (first + length) * GRID_SECONDS
        lane = "far" if sort == SMALL else ("far", "near")[rng.integers(2)]
        event = SyntheticEvent(*ALL_EVENTS[number], *span, int(rng.integers(2**31)), lane, size)
        events.append((event, sort))
        busy[first : first + length] = True
    events.sort(key=lambda pair: pair[0].start_seconds)
    clip = SyntheticClip(random_scene(rng), tuple(event for event, _ in events), float(duration_seconds), 0)
    return FixedCamera(
        clip,
        tuple(sort for _, sort in events),
        grain=float(rng.uniform(0.5, 2.0)),
        light_lost=float(rng.uniform(0.0, 0.06)),
        light_seconds=float(rng.uniform(600, 3600)),
        crf=float(rng.integers(23, 31)),
        seed=int(rng.integers(2**31)),
    )


def film(
    camera: FixedCamera,
    times: Sequence[float] | NDArray[np.floating[Any]],
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> NDArray[np.uint8]:
    """The frames that a camera records at some moments of video time, (len(times), height, width, 3).

    Args:
        camera: What to draw.
        times: Seconds of video time, in any order.
        width: Pixels, of a 3:2 picture.
        height: Pixels.
    """
    frames = render(camera.clip, times, width=width, height=height)
    noise = _noise(camera.seed, camera.grain, width, height)
    for frame, seconds in zip(frames, times, strict=True):
        lost = camera.light_lost * (1 - math.cos(2 * math.pi * float(seconds) / camera.light_seconds)) / 2
        turn = np.random.default_rng([camera.seed, round(1000 * float(seconds))])
        grain = np.roll(noise[turn.integers(len(noise))], turn.integers(0, height), axis=0)
        np.clip(frame * np.float32(1 - lost) + grain, 0, 255, out=frame, casting="unsafe")
    return frames


@lru_cache(maxsize=1)
def _noise(seed: int, deviation: float, width: int, height: int) -> NDArray[np.float32]:
    """Pictures of noise, the same in all colours, as most of a sensor's is once it is encoded."""
    noise = np.random.default_rng(seed).normal(0, deviation, (_GRAIN_PICTURES, height, width, 1))
    return np.broadcast_to(noise.astype(np.float32), (_GRAIN_PICTURES, height, width, 3))


def write_camera(
    camera: FixedCamera,
    path: str | os.PathLike[str],
    *,
    fps: float = 4,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write what a camera records as mp4 (H.264, yuv420p), ``WIDTH`` by ``HEIGHT`` pixels.

    Args:
        camera: What to draw.
        path: The file; it appears only when complete.
        fps: Frames a second.
        progress: Called with the seconds written so far.
    """
    write_video(
        path,
        lambda times: film(camera, times),
        duration_seconds=camera.clip.duration_seconds,
        fps=fps,
        width=WIDTH,
        height=HEIGHT,
        crf=camera.crf,
        preset="veryfast",  # cameras encode as it comes
        progress=progress,
    )
