"""Styles of drawn footage: by night, with sensor noise, from a shaking camera, with things drawn otherwise.

A style changes what the frames look like, never what happens in them or when: the truth of a clip is that of
its events in any style.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]

_DESIGN_WIDTH = 480.0
_NIGHT_TINT = (0.86, 0.94, 1.12)  # moonlight: less red, more blue
_POOLS = 3  # street lamps
_STREAM = 0x57E1


@dataclass(frozen=True, slots=True)
class DrawnStyle:
    """What drawn footage looks like."""

    name: str
    """Its name, as in ``STYLES``."""
    darkness: float = 0.0
    """Share of the light that is missing outside the pools of light, 0 (day) to 1 (black)."""
    noise: float = 0.0
    """Standard deviation of the sensor's noise, in levels of 255."""
    shake: float = 0.0
    """Largest shift of the picture along each axis, in units of a frame of 480 x 320."""
    other_sprites: bool = False
    """Whether things are drawn otherwise (``footage.synthetic.other_sprites``)."""

    def __post_init__(self) -> None:
        if not 0 <= self.darkness < 1 or self.noise < 0 or self.shake < 0:
            raise ValueError(
                f"no such style: darkness {self.darkness} must lie in [0, 1), noise {self.noise} and shake "
                f"{self.shake} must not be negative"
            )


DAY = DrawnStyle("day")
"""What all drawn footage looks like unless another style is asked for."""
STYLES: dict[str, DrawnStyle] = {
    style.name: style
    for style in (
        DAY,
        DrawnStyle("night", darkness=0.42),
        DrawnStyle("noise", noise=28.0),
        DrawnStyle("shake", shake=9.0),
        DrawnStyle("other-sprites", other_sprites=True),
        DrawnStyle("all", darkness=0.2, noise=14.0, shake=4.0, other_sprites=True),
    )
}
"""The styles by name; "all" has a milder form of each change."""


def restyle(
    frames: U8, times: Sequence[float] | NDArray[np.floating[Any]], style: DrawnStyle, seed: int
) -> U8:
    """The frames as a camera of this style records them.

    Args:
        frames: Frames as drawn, (times, height, width, 3); they may be changed.
        times: Seconds of video time of each; the same time always gets the same shift and the same noise.
        style: The style.
        seed: Decides the way of the camera, the lamps and the noise.

    Returns:
        Frames of the same shape; those given where the style changes nothing.
    """
    if not (style.shake or style.darkness or style.noise):
        return frames
    out = np.empty_like(frames)
    height, width = frames.shape[1:3]
    light = _light(seed, style.darkness, width, height) if style.darkness else None
    for number, time in enumerate(np.asarray(times, float).tolist()):
        frame = frames[number]
        if style.shake:
            frame = _shifted(frame, *_way(seed, time, style.shake * width / _DESIGN_WIDTH))
        if light is not None:
            frame = np.clip(frame * light, 0, 255).astype(np.uint8)
        if style.noise:
            frame = _noisy(frame, style.noise, seed, time)
        out[number] = frame
    return out


def _way(seed: int, time: float, reach: float) -> tuple[int, int]:
    """Where a hand-held camera points at some time, in pixels right and down: two slow waves on each axis."""
    phases = np.random.default_rng([_STREAM, seed, 1]).uniform(0, 2 * math.pi, 4)
    across = 0.6 * math.sin(2 * math.pi * 0.9 * time + phases[0]) + 0.4 * math.sin(
        2 * math.pi * 2.3 * time + phases[1]
    )
    down = 0.6 * math.sin(2 * math.pi * 1.1 * time + phases[2]) + 0.4 * math.sin(
        2 * math.pi * 2.9 * time + phases[3]
    )
    return round(reach * across), round(reach * down)


def _shifted(frame: U8, right: int, down: int) -> U8:
    """The frame moved by some pixels; what comes into sight repeats the edge."""
    height, width = frame.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return frame[rows[:, None], columns[None, :]]


@lru_cache(maxsize=32)
def _light(seed: int, darkness: float, width: int, height: int) -> NDArray[np.float32]:
    """What each pixel's colour is multiplied by at night, (height, width, 3): dim, but for pools of light."""
    rng = np.random.default_rng([_STREAM, seed, 2])
    rows = np.linspace(0, 1, height)[:, None]
    columns = np.linspace(0, 1, width)[None, :]
    lit = np.zeros((height, width))
    for n in range(_POOLS):
        x, y = (n + rng.uniform(0.25, 0.75)) / _POOLS, rng.uniform(0.7, 0.9)
        reach = np.hypot((columns - x) / 0.16, (rows - y) / 0.3)
        lit = np.maximum(lit, np.clip(1 - reach, 0, 1))
    dim = 1 - darkness * (1 - 0.75 * lit)
    result: NDArray[np.float32] = (dim[..., None] * np.asarray(_NIGHT_TINT)).astype(np.float32)
    result.setflags(write=False)
    return result


@lru_cache(maxsize=2)
def _grain(deviation: float, width: int, height: int) -> NDArray[np.int16]:
    """Normal noise, (2 height, 2 width, 3): more than a frame: each frame takes another part."""
    rng = np.random.default_rng([_STREAM, 3])
    noise = rng.standard_normal((2 * height, 2 * width, 3), dtype=np.float32) * np.float32(deviation)
    grain = np.round(noise).astype(np.int16)
    grain.setflags(write=False)
    return grain


def _noisy(frame: U8, deviation: float, seed: int, time: float) -> U8:
    """The frame with normal noise, the same for the same time."""
    height, width = frame.shape[:2]
    rng = np.random.default_rng([_STREAM, seed, 4, round(time * 1_000_000)])
    top, left = int(rng.integers(height + 1)), int(rng.integers(width + 1))
    noisy = frame + _grain(deviation, width, height)[top : top + height, left : left + width]
    return np.clip(noisy, 0, 255, out=noisy).astype(np.uint8)
