"""Which pictures of an image window get a vector, and for what time each stands; knows no embedder, no index.

A picture is looked at every second. One that does not differ from the last one that got a vector gets none:
the earlier one then stands for its time, too. So a window of a still camera has one vector. What counts as a
difference is said in ``footage.media.stillness``: one patch of the picture is enough.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.types import Span, Video, Window
from footage.core.windows import plan_windows
from footage.media.stillness import StillPicture, is_same, patch_levels

if TYPE_CHECKING:
    import numpy as np

CONTRACT_VERSION = "image-1"
"""Changes when other pictures of the same video would get vectors, or stand for other times."""
WINDOW_SECONDS = 30.0
STEP_SECONDS = 1.0
SAME_SECONDS = 1e-6
"""Times on the grid that differ by less are the same."""
BUDGET = "1 vector/s, fewer where nothing changes"
"""``STEP_SECONDS`` in words, for the provenance of a window."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture of a video."""

    at_seconds: float
    """When, in video time."""
    pixels: np.ndarray
    """uint8 RGB, (height, width, 3)."""


@dataclass(frozen=True, slots=True, eq=False)
class StandingPicture:
    """A picture that gets a vector."""

    shot: Shot
    """The picture."""
    span: Span
    """The time it stands for, in video time."""


def image_windows(video: Video) -> tuple[Window, ...]:
    """The windows of the image track: half a minute each, without overlap; none of an image file."""
    return plan_windows(
        video.content_id,
        video.duration_seconds,
        window_seconds=WINDOW_SECONDS,
        overlap_seconds=0.0,
        gaps=video.gaps,
    )


def steps(window: Span, within: Span) -> Iterator[float]:
    """The times in a part of a window at which a picture is looked at, counted from the window's start."""
    first = max(0, math.ceil((within.start_seconds - window.start_seconds) / STEP_SECONDS - SAME_SECONDS))
    end_seconds = min(window.end_seconds, within.end_seconds)
    for number in range(first, math.ceil(WINDOW_SECONDS / STEP_SECONDS)):
        at_seconds = window.start_seconds + number * STEP_SECONDS
        if at_seconds >= end_seconds - SAME_SECONDS:
            return
        yield at_seconds


def standing(shots: Iterable[Shot], within: Span) -> list[StandingPicture]:
    """The pictures that differ from the one before, and the times they stand for, which fill a stretch.

    Args:
        shots: Pictures of the stretch, in order of time, each inside it.
        within: The stretch, of which everything could be decoded.

    Returns:
        In order of time; the first one stands from the start of the stretch on.
    """
    kept: list[Shot] = []
    last: StillPicture | None = None
    for shot in shots:
        levels = patch_levels([shot.pixels])
        if last is None or not is_same(last, levels):
            kept.append(shot)
            last = StillPicture(levels[0])
    starts = [within.start_seconds, *(shot.at_seconds for shot in kept[1:])]
    ends = [*starts[1:], within.end_seconds]
    return [
        StandingPicture(shot, Span(start, end)) for shot, start, end in zip(kept, starts, ends, strict=True)
    ]


def shrunk(pixels: np.ndarray, most_pixels: int) -> np.ndarray:
    """A picture of its own memory, at most about so large.

    Args:
        pixels: uint8 RGB, (height, width, 3).
        most_pixels: Width times height; a picture of up to one and a half times as many is left as it is.
    """
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    if height * width <= 1.5 * most_pixels:
        return pixels.copy()
    scale = math.sqrt(most_pixels / (height * width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def frame_for(times_seconds: Sequence[float], at_seconds: float, within: Span) -> int | None:
    """The place of the frame that shows a time, of those inside a span; None where there is none.

    The first one from that time on, so that what begins at the time is in it; where none comes any more, the
    last one before.

    Args:
        times_seconds: Times of frames, ascending.
        at_seconds: The time.
        within: The span.
    """
    first = bisect_left(times_seconds, within.start_seconds)
    past = bisect_left(times_seconds, within.end_seconds)
    place = min(bisect_left(times_seconds, at_seconds - SAME_SECONDS), past - 1)
    return max(place, first) if past > first else None
