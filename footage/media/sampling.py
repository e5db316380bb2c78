"""Which frames of a window are looked at, and at what size; pure arithmetic that opens no file.

The rule is the one the models were trained under: the Qwen3-VL video processor's sampling with both ends, and
the resize of ``qwen_vl_utils`` with 32 pixels per merged token.
"""

from __future__ import annotations

import numpy as np

from footage.core.frame_budget import SHORTEST_EDGE

FACTOR = 32
"""Width and height are multiples of this: 16-pixel patches, merged two by two."""
_MOST_PASSES = 16


def spread(available: int, count: int) -> np.ndarray:
    """``min(count, available)`` ascending, distinct indices over ``range(available)``, both ends included.

    Returns:
        int64 array; empty when nothing is available, a single 0 when one frame is.
    """
    count = min(count, available)
    return np.linspace(0, available - 1, count).round().astype(np.int64) if count else np.zeros(0, np.int64)


def target_size(width: int, height: int, *, frames: int, pixels_per_frame: int) -> tuple[int, int]:
    """Width and height a frame is resized to before the model sees it.

    Applied until it changes nothing more (twice or so for very long pictures), so that the model's own
    processor, given the same budget, leaves the size alone.

    Args:
        width: Display width of the source, in pixels.
        height: Display height of the source, in pixels.
        frames: Frames in the window; two at least.
        pixels_per_frame: Budget, in pixels.

    Returns:
        (width, height), multiples of 32.

    Raises:
        ValueError: One side is more than 200 times the other.
    """
    from qwen_vl_utils.vision_process import smart_resize

    fewest = min(SHORTEST_EDGE // max(2, frames + frames % 2), pixels_per_frame)
    for _ in range(_MOST_PASSES):
        before = width, height
        tall, wide = smart_resize(height, width, FACTOR, min_pixels=fewest, max_pixels=pixels_per_frame)
        width, height = max(FACTOR, wide), max(FACTOR, tall)
        if (width, height) == before:
            break
    return width, height
