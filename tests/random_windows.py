"""Windows of random pixels for tests of the Qwen models, and the whole prompt that a model makes of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from footage.core import frame_budget
from footage.core.types import Frames, Span
from footage.vlm.protocol import Prepared, Prompt


def frames(
    times: Sequence[float] | np.ndarray,
    span: tuple[float, float],
    *,
    height: int = 64,
    width: int = 96,
    seed: int = 0,
) -> Frames:
    """Frames at some times of a span, in seconds."""
    pixels = np.random.default_rng(seed).integers(0, 256, (len(times), height, width, 3), dtype=np.uint8)
    return Frames(pixels, tuple(float(t) for t in times), Span(*span))


def window(start: float, seconds: float, *, seed: int = 0) -> Frames:
    """As many frames of a window as a model is shown, evenly spaced."""
    times = np.linspace(start, start + seconds - 0.04, frame_budget.frames_for(seconds))
    return frames(times, (start, start + seconds), seed=seed)


def prompt_ids(model, prepared: Prepared, asked: Prompt) -> list[int]:
    """The tokens of a window and a question."""
    return [*prepared.payload.ids.tolist(), *model._ids(asked)]
