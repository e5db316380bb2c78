"""How many frames of a window a model sees, and at how many pixels; pure arithmetic, knows no model."""

from __future__ import annotations

import math

SHORTEST_EDGE = 4096
"""Fewest pixels of a whole clip, from the processor configuration of NemoStation/Marlin-2B."""

PIXELS_PER_TOKEN_SIDE = 32
"""A video token covers 32 x 32 pixels (patch 16, merged 2 x 2) of a pair of frames."""


def frames_for(
    duration_seconds: float, *, fps: float = 2.0, min_frames: int = 4, max_frames: int = 240
) -> int:
    """How many frames to sample: ``clamp(round(fps * seconds), min, max)``, rounded up to an even number."""
    count = min(max(round(fps * duration_seconds), min_frames), max_frames)
    return count + count % 2


def longest_edge(frames: int, pixels_per_frame: int) -> int:
    """The processor's "longest_edge": its pixel budget for a whole clip of that many frames."""
    return frames * pixels_per_frame


def video_tokens(frames: int, height: int, width: int) -> int:
    """Video tokens of that many frames of ``height x width`` pixels, both multiples of 32."""
    return math.ceil(frames / 2) * (height // PIXELS_PER_TOKEN_SIDE) * (width // PIXELS_PER_TOKEN_SIDE)
