"""Writes a span of a video as a small moving picture, GIF or WebP, for pages and messages; no sound."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from footage.clip import refuse_source
from footage.errors import UsageError
from footage.types import Span
from footage.video import sample
from footage.wholefile import whole_file

FPS = 6.0
"""Pictures per second."""
MOST_PICTURES = 72
"""Longer spans get as many pictures, each shown for longer."""
MAX_SIDE = 280
"""Larger pictures are scaled down to this, in pixels."""
_PIXELS = 280 * 210
_COLOURS = 64
_LEAST_MILLISECONDS = 20  # what browsers still show as asked for


def write_animation(
    path: str | os.PathLike[str], span: Span, out: Path, *, timeout_seconds: float = 120
) -> Path:
    """Write a span as an animation that loops, at its own speed.

    Args:
        path: A local video file.
        span: What to show, in video time; the part past the end is left out.
        out: Where to write, ending in .gif or .webp; replaced when there, but never the video itself.
        timeout_seconds: Give up after this long without progress.

    Returns:
        ``out``.

    Raises:
        UsageError: The name of ``out`` has another ending.
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    from PIL import Image

    form = out.suffix.lower().removeprefix(".")
    if form not in ("gif", "webp"):
        raise UsageError(f"{out.name} is neither a .gif nor a .webp.", hint="Give it one of these endings.")
    refuse_source(out, os.path.abspath(path))
    frames = sample(
        path,
        span,
        fps=FPS,
        min_frames=1,
        max_frames=MOST_PICTURES,
        pixels_per_frame=_PIXELS,
        timeout_seconds=timeout_seconds,
    )
    pictures = [Image.fromarray(pixels) for pixels in frames.pixels]
    for picture in pictures:
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
    ends = [*frames.times_seconds[1:], max(span.start_seconds, frames.times_seconds[-1]) + 1 / FPS]
    steps = np.diff([frames.times_seconds[0], *ends]) * 1000
    durations = [max(_LEAST_MILLISECONDS, round(step)) for step in steps.tolist()]
    if form == "gif":
        pictures = [picture.quantize(_COLOURS) for picture in pictures]
    options = {"quality": 70, "method": 4} if form == "webp" else {"optimize": True, "disposal": 1}
    with whole_file(out) as partial:
        pictures[0].save(
            partial,
            form.upper(),
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
            **options,
        )
    return out
