"""Writes a span of a video as a small moving picture, GIF or WebP, for pages and messages; no sound."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from footage.core.atomic import whole_file
from footage.core.errors import DecodeError, UsageError
from footage.core.timeout import Pulse, supervise
from footage.core.types import Span
from footage.media import demux, encode
from footage.media.clip import refuse_source
from footage.media.containers import check, display_name
from footage.media.decode import open_source
from footage.media.segment import Stretch, decoded, read_streams, stretch_in

FPS = 6.0
"""Pictures per second."""
MOST_PICTURES = 72
"""Longer spans get as many pictures, each shown for longer."""
MAX_SIDE = 280
"""Larger pictures are scaled down to this, in pixels."""
_COLOURS = 64
_SAME_TIME_SECONDS = 1e-6
_LEAST_MILLISECONDS = 20  # what browsers still show as asked for


def write_animation(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    timeout_seconds: float = 120,
    place: int | None = None,
) -> Path:
    """Write a span as an animation that loops, at its own speed.

    Args:
        path: A local video file.
        span: What to show, in video time; the part past the end is left out.
        out: Where to write, ending in .gif or .webp; replaced when there, but never the video itself.
        timeout_seconds: Give up after this long without progress.
        place: Descriptor of an open file to write to instead of ``out``.

    Returns:
        ``out``.

    Raises:
        UsageError: The name of ``out`` has another ending.
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    form = out.suffix.lower().removeprefix(".")
    if form not in ("gif", "webp"):
        raise UsageError(f"{out.name} is neither a .gif nor a .webp.", hint="Give it one of these endings.")
    absolute, _ = check(path)
    refuse_source(out, absolute)

    def work(pulse: Pulse) -> tuple[list[Any], list[float]]:
        import av

        stretch = stretch_in(open_source(absolute, pulse).table, span)
        try:
            return _pictures(stretch, read_streams(absolute).pixel_shape, pulse)
        except (av.FFmpegError, ValueError) as exc:
            raise DecodeError(f"{stretch.name} cannot be drawn: {demux.why(exc)}") from exc

    pictures, times = supervise(work, name=display_name(absolute), timeout_seconds=timeout_seconds)
    durations = [max(_LEAST_MILLISECONDS, round(step * 1000)) for step in np.diff(times).tolist()]
    options = {"quality": 70, "method": 4} if form == "webp" else {"optimize": True, "disposal": 1}
    if form == "gif":
        pictures = [picture.quantize(_COLOURS) for picture in pictures]
    drafting: AbstractContextManager[Path | IO[bytes]] = (
        whole_file(out) if place is None else os.fdopen(os.dup(place), "wb")
    )
    with drafting as partial:
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


def _pictures(stretch: Stretch, pixel_shape: Fraction, pulse: Pulse) -> tuple[list[Any], list[float]]:
    """Small pictures evenly out of a stretch; when each comes on, and the last goes off, in seconds."""
    count = stretch.past - stretch.first
    wanted = min(count, MOST_PICTURES, max(1, round(stretch.span.duration_seconds * FPS)))
    begins = (
        stretch.table.seconds(stretch.table.pts[stretch.first : stretch.past]) - stretch.span.start_seconds
    )
    picks = begins[np.arange(wanted) * count // wanted]
    pictures: list[Any] = []
    times: list[float] = []
    size = first = None
    for frame in decoded(stretch, pulse):
        seconds = float(frame.pts * frame.time_base)
        if len(pictures) < wanted and seconds >= picks[len(pictures)] - _SAME_TIME_SECONDS:
            width, height = encode.shown_size(frame, pixel_shape)
            scale = min(1.0, MAX_SIDE / max(width, height))
            if not round(min(width, height) * scale):
                raise ValueError(f"its frames are too narrow ({width}x{height} pixels)")
            size = size or encode.even_size(round(width * scale), round(height * scale), None)
            first = first or (width, height)
            same = (width, height) == first
            fitted = encode.upright(frame, size) if same else encode.within(frame, size, (width, height))
            pictures.append(fitted.to_image())
            times.append(seconds)
    return pictures, [*times, stretch.span.duration_seconds]
