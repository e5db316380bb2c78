"""Writes tiny clips whose pictures say which frame they are; knows nothing of the project."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

_STEP, _FLOOR, _LEVELS = 18, 20, 12


def picture_of(index, width=64, height=48):
    """A picture that says ``index`` (below 144): the left half its units, the right half its dozens."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2] = _FLOOR + _STEP * (index % _LEVELS)
    pixels[:, width // 2 :] = _FLOOR + _STEP * (index // _LEVELS)
    return pixels


def index_of(pixels):
    """Which frame an upright picture is, however it was scaled and compressed."""
    quarter = pixels.shape[1] // 4
    units = round((float(pixels[:, :quarter].mean()) - _FLOOR) / _STEP)
    dozens = round((float(pixels[:, -quarter:].mean()) - _FLOOR) / _STEP)
    return units + _LEVELS * dozens


def write_clip(
    path,
    times=None,
    *,
    count=20,
    fps=10,
    start=0.0,
    size=(64, 48),
    codec="libx264",
    pix_fmt="yuv420p",
    time_base=None,
    rotation=0,
    keyframe_every=5,
    options=None,
    audio_seconds=0.0,
    container_options=None,
):
    """Write frames 0, 1, 2, … shown at ``times`` seconds (default: ``count`` of them, evenly) plus ``start``.

    The file's clock is ``time_base`` where the format allows it; ``fps`` should be near the truth.
    """
    times = [index / fps for index in range(count)] if times is None else times
    with av.open(str(path), "w", options=container_options or {}) as target:
        stream = target.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.bit_rate = 2_000_000
        stream.codec_context.gop_size = keyframe_every
        base = time_base or Fraction(1, 1000 if codec in ("libx264", "libx265", "libvpx") else fps)
        stream.codec_context.time_base = base
        if rotation:
            stream.set_display_rotation(rotation)
        sound = target.add_stream("aac", rate=48_000, layout="mono") if audio_seconds else None
        for index, seconds in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture_of(index, *size), format="rgb24")
            frame.pts, frame.time_base = round((seconds + start) / base), base
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
        if sound is not None:
            write_sound(target, sound, audio_seconds)
    return path


def write_sound(target, stream, seconds):
    """A tone, so many seconds long."""
    samples = np.sin(np.arange(int(seconds * 48_000)) / 20).astype(np.float32)[None]
    for begin in range(0, samples.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(samples[:, begin : begin + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def write_audio_only(path, seconds=1.0):
    """A file with sound and no pictures."""
    with av.open(str(path), "w") as target:
        write_sound(target, target.add_stream("aac", rate=48_000, layout="mono"), seconds)
    return path
