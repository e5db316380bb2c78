"""Writes clips, pictures, animations and reels in child processes; what each does is said at its namesake.

The namesakes are in ``footage.media.clip``, ``footage.media.animation`` and ``footage.media.concat``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from footage.core.atomic import whole_file
from footage.core.types import Span
from footage.media.containers import is_image
from footage.media.encode import FULL, PREVIEW, Quality
from footage.media.sandbox import pool
from footage.media.sandbox.jobs import (
    MOST_SECONDS_A_SECOND,
    draft,
    most_seconds,
    most_written_bytes,
    write_clip_job,
    write_job,
)
from footage.media.sandbox.reading import WHOLE, frame_at, read_image
from footage.objects.paths import absolute

if TYPE_CHECKING:
    from footage.media.audio_tracks import AudioChoice
    from footage.media.clip import Paint, Written
    from footage.media.concat import Piece, WrittenReel

_JPEG_QUALITY = 85


def write_preview(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    max_width: int = 640,
    pad_seconds: float = 0.0,
    timeout_seconds: float = 120,
) -> Path:
    """Cut a span out of a video as a small MP4 that any browser plays (H.264, AAC where there is sound).

    The cut is exact, as that of ``write_clip``.

    Args:
        path: A local video file.
        span: What to cut, in video time; the part past the end is left out.
        out: Where to write; replaced when there.
        max_width: Wider pictures are scaled down to this, in pixels.
        pad_seconds: Widens the span on both sides.
        timeout_seconds: Give up after this long without progress.

    Returns:
        ``out``.

    Raises:
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    padded = Span(max(0.0, span.start_seconds - pad_seconds), span.end_seconds + pad_seconds)
    quality = Quality(PREVIEW.crf, PREVIEW.preset, PREVIEW.sound_bits, max_width)
    written = write_clip(path, padded, out, quality=quality, audio="main", timeout_seconds=timeout_seconds)
    return written.path


def write_thumbnail(
    path: str | os.PathLike[str],
    seconds: float,
    out: Path,
    *,
    max_width: int = 480,
    timeout_seconds: float = 120,
) -> Path:
    """Write the picture on show at a moment as a JPEG.

    Args:
        path: A local video file.
        seconds: Video time.
        out: Where to write; replaced when there.
        max_width: Wider pictures are scaled down to this, in pixels.
        timeout_seconds: Give up after this long without progress.

    Returns:
        ``out``.

    Raises:
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    from PIL import Image

    pixels = frame_at(path, seconds, max_width=max_width, timeout_seconds=timeout_seconds)
    with whole_file(out) as draft:
        Image.fromarray(pixels).save(draft, "JPEG", quality=_JPEG_QUALITY)
    return out


def write_picture(
    path: str | os.PathLike[str],
    seconds: float,
    out: Path,
    *,
    paint: Paint | None = None,
    timeout_seconds: float = 120,
) -> Path:
    """Write the picture on show at a moment, or an image, as a PNG of its own size.

    Args:
        path: A local video or image file.
        seconds: Video time; of an image without effect.
        out: Where to write; replaced when there, but never the video itself.
        paint: Draws onto it; it is given R, G and B.
        timeout_seconds: Give up after this long without progress.

    Returns:
        ``out``.

    Raises:
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    from PIL import Image

    from footage.media.clip import refuse_source

    refuse_source(out, os.fspath(absolute(path)))
    pixels = painted_picture(path, seconds, paint, timeout_seconds=timeout_seconds)
    with whole_file(out) as draft:
        Image.fromarray(pixels).save(draft, "PNG")
    return out


def painted_picture(
    path: str | os.PathLike[str], seconds: float, paint: Paint | None, *, timeout_seconds: float = 120
) -> np.ndarray:
    """The picture on show at a moment in its own size, painted on: RGB, uint8 (height, width, 3).

    Raises:
        VideoError: The video cannot be read there.
    """
    if is_image(path):
        pixels = read_image(path, timeout_seconds=timeout_seconds).pixels
    else:
        pixels = frame_at(path, seconds, max_width=WHOLE, timeout_seconds=timeout_seconds)
    planes = [pixels[..., n].copy() for n in range(3)]
    if paint is not None:
        paint(planes, seconds)
    return np.stack(planes, axis=-1)


def write_clip(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    quality: Quality = FULL,
    paint: Paint | None = None,
    audio: AudioChoice = "all",
    timecode: str = "",
    timeout_seconds: float = 120,
) -> Written:
    """As ``footage.media.clip.write_clip``; ``paint`` is something that pickle can take."""
    options = {"quality": quality, "paint": paint, "audio": audio, "timecode": timecode}
    return write_clip_job("footage.media.clip:write_clip", path, span, out, timeout_seconds, **options)


def copy_clip(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    audio: AudioChoice = "all",
    timeout_seconds: float = 120,
) -> Written:
    """As ``footage.media.clip.copy_clip``."""
    return write_clip_job("footage.media.clip:copy_clip", path, span, out, timeout_seconds, audio=audio)


def write_animation(
    path: str | os.PathLike[str], span: Span, out: Path, *, timeout_seconds: float = 120
) -> Path:
    """As ``footage.media.animation.write_animation``."""
    write_job("footage.media.animation:write_animation", path, span, out, timeout_seconds, expected=Path)
    return out


def write_reel(
    pieces: Sequence[Piece],
    out: Path,
    *,
    rate: Fraction,
    quality: Quality = FULL,
    max_width: int = 1920,
    timecode: str = "",
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> WrittenReel:
    """As ``footage.media.concat.write_reel``; the clocks of the pieces are something that pickle can take."""
    from footage.media.clip import refuse_source
    from footage.media.concat import WrittenReel

    stretches = [piece.stretch for piece in pieces]
    sources = sorted({stretch.table.path for stretch in stretches})
    refuse_source(out, *sources)
    with draft(out) as place:
        reel: WrittenReel = pool.run(
            "footage.media.concat:write_reel",
            list(pieces),
            out,
            own={
                "rate": rate,
                "quality": quality,
                "max_width": max_width,
                "timecode": timecode,
                "timeout_seconds": timeout_seconds,
            },
            on_progress=on_progress,
            name=out.name,
            timeout_seconds=timeout_seconds,
            most_seconds=sum(most_seconds(source, timeout_seconds) for source in sources)
            + MOST_SECONDS_A_SECOND * sum(stretch.span.duration_seconds for stretch in stretches),
            place=place,
            most_bytes=most_written_bytes(*sources),
            sources=sources,
            expected=WrittenReel,
            accept=lambda result: len(result.spans) == len(pieces) and result.rate == rate,
        )
    return replace(reel, path=out)
