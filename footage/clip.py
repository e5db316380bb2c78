"""Writes small clips and thumbnails cut out of videos; knows neither models nor the index.

Whatever is written appears under its name only when it is whole.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from footage import demux
from footage.containers import check, display_name
from footage.decode import open_source
from footage.errors import DecodeError, FootageError
from footage.types import Span
from footage.video import frame_at
from footage.watchdog import Pulse, supervise

_VIDEO_OPTIONS = {"crf": "26", "preset": "veryfast"}
_AUDIO_RATE = 48_000
_AUDIO_BITS = 96_000
_INTERLEAVING_SECONDS = 1.0
"""How far behind its pictures the sound of a file is waited for."""
_JPEG_QUALITY = 85

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What to write: a run of frames of one file."""

    table: demux.FrameTable
    """Of the file."""
    first: int
    """Index of the first frame."""
    past: int
    """Index after the last frame."""
    max_width: int
    """Widest picture, in pixels."""


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

    The cut is exact: the clip begins with the first frame at or after the start. Pictures are upright and
    keep the distances in time they had. A span without a frame gives the one on show.

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
    absolute, _ = check(path)
    name = display_name(absolute)

    def work(pulse: Pulse) -> None:
        table = open_source(absolute, pulse).table
        start_seconds = max(0.0, span.start_seconds - pad_seconds)
        if start_seconds >= table.duration_seconds:
            raise DecodeError(
                f"{name} ends at {table.duration_seconds:.1f} s; nothing lies at {start_seconds:.1f} s"
            )
        ends = (start_seconds, span.end_seconds + pad_seconds)
        first, past = np.searchsorted(table.times_seconds, ends).tolist()
        cut = _Cut(table, first if past > first else max(0, first - 1), max(past, 1), max_width)
        with _whole_file(out) as partial:
            _write_with_or_without_sound(cut, partial, pulse)

    supervise(work, name=name, timeout_seconds=timeout_seconds)
    return out


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
    with _whole_file(out) as partial:
        Image.fromarray(pixels).save(partial, "JPEG", quality=_JPEG_QUALITY)
    return out


def _write_with_or_without_sound(cut: _Cut, partial: Path, pulse: Pulse) -> None:
    """Write the clip; a broken sound track costs the sound, not the clip."""
    import av

    name = display_name(cut.table.path)
    for sound in (True, False):
        try:
            return _write(cut, partial, pulse, sound=sound)
        except OSError:
            raise  # a full disk is not the sound's fault
        except (av.FFmpegError, ValueError) as exc:
            log.info("%s: %s sound, writing fails: %s", name, "with" if sound else "without", demux.why(exc))
            cause = exc
    raise DecodeError(f"{name} cannot be cut: {demux.why(cause)}") from cause


def _write(cut: _Cut, partial: Path, pulse: Pulse, *, sound: bool) -> None:
    """Decode, scale and encode frame by frame; nothing piles up."""
    import av

    table = cut.table
    begin = int(table.pts[cut.first])
    end = int(table.pts[cut.past - 1] + table.durations[cut.past - 1])
    begin_seconds, end_seconds = float(begin * table.time_base), float(end * table.time_base)
    shape, turned = _upright_shape(cut, pulse)
    with (
        demux.open_before(table, cut.first) as (source, video),
        av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as target,
    ):
        # 1. One stream for the pictures, one for the sound.
        sound_in = source.streams.best("audio") if sound else None
        picture_out = _add_pictures(target, video, table, _even_size(*shape, cut.max_width), turned=turned)
        sound_out = _add_sound(target, sound_in) if sound_in is not None else None
        streams = [video] if sound_out is None else [video, sound_in]

        # 2. Each frame on its way from one to the other, on the clip's own clock.
        last = -1
        for frame in demux.in_order(demux.decoded(source, streams, pulse, demux.Damage())):
            time_seconds = float(frame.pts * frame.time_base)
            if isinstance(frame, av.AudioFrame):
                if sound_out is not None and begin_seconds <= time_seconds < end_seconds:
                    frame.pts = round((time_seconds - begin_seconds) / frame.time_base)
                    target.mux(sound_out.encode(frame))
            elif begin + last < frame.pts < end:
                last = frame.pts - begin
                target.mux(picture_out.encode(_fit(frame, picture_out, last, table.time_base)))
            elif frame.pts >= end and time_seconds >= end_seconds + _INTERLEAVING_SECONDS * (
                sound_out is not None
            ):
                break
        if last < 0:
            raise DecodeError(f"{display_name(table.path)} does not decode at {begin_seconds:.1f} s")

        # 3. What the encoders still hold.
        for stream in target.streams:
            target.mux(stream.encode(None))


def _upright_shape(cut: _Cut, pulse: Pulse) -> tuple[tuple[int, int], bool]:
    """Width and height of the pictures as shown, and whether they lie on their side in the file."""
    for frame in demux.decode(cut.table, range(cut.first, cut.past), pulse):
        height, width = frame.pixels.shape[:2]
        return (width, height), frame.rotation_degrees % 180 == 90
    raise DecodeError(f"{display_name(cut.table.path)} does not decode in the span asked for")


def _even_size(width: int, height: int, max_width: int) -> tuple[int, int]:
    """Scaled down to ``max_width``, both sides even, as 4:2:0 colour needs."""
    wide = min(width, max_width)
    return max(2, wide - wide % 2), max(2, 2 * round(height * wide / width / 2))


def _add_pictures(
    target: Any, video: Any, table: demux.FrameTable, size: tuple[int, int], *, turned: bool
) -> Any:
    """An H.264 stream that keeps the source's own clock, so that uneven frame rates stay uneven."""
    rate = Fraction(video.average_rate or 25).limit_denominator(1001)
    stream = target.add_stream("libx264", rate=rate, options=_VIDEO_OPTIONS)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = table.time_base
    shape = video.sample_aspect_ratio
    if shape:
        stream.codec_context.sample_aspect_ratio = 1 / shape if turned else shape
    return stream


def _add_sound(target: Any, sound: Any) -> Any:
    """An AAC stream, mono for mono and stereo for anything else."""
    layout = "mono" if sound.codec_context.channels == 1 else "stereo"
    return target.add_stream("aac", rate=_AUDIO_RATE, layout=layout, bit_rate=_AUDIO_BITS)


def _fit(frame: Any, stream: Any, pts: int, time_base: Fraction) -> Any:
    """The frame upright, at the clip's size and in its colours."""
    import av

    if frame.rotation % 360:
        frame = av.VideoFrame.from_ndarray(demux.picture(frame), format="rgb24")
    fitted = frame.reformat(width=stream.width, height=stream.height, format="yuv420p")
    fitted.pts, fitted.time_base = pts, time_base
    return fitted


@contextmanager
def _whole_file(out: Path) -> Iterator[Path]:
    """A place to write to that takes the name ``out`` at the end, and leaves nothing behind on failure."""
    partial = out.with_name(f".{out.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            os.replace(partial, out)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as exc:
        raise FootageError(
            f"{out.name} cannot be written: {demux.why(exc)}",
            hint=f"is there space in {out.parent}, and may it be written to?",
        ) from exc
