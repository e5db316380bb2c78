"""Writes drawn pictures, and sound where there is any, as mp4; knows nothing of what is drawn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Draw = Callable[[list[float]], NDArray[np.uint8]]
"""Pictures at some times of a clip, in seconds: (times, height, width, 3)."""

_CHUNK = 48
_SOUND_BITS = 40_000
"""Bits a second of mono speech in AAC."""
_SOUND_CHUNK = 1024


def write_video(
    path: str | os.PathLike[str],
    draw: Draw,
    *,
    duration_seconds: float,
    fps: float | Fraction,
    width: int,
    height: int,
    crf: float,
    preset: str = "medium",
    recorded_at: datetime | None = None,
    sound: NDArray[np.float32] | None = None,
    sound_rate: int = 0,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write an mp4 (H.264, yuv420p, and AAC for sound); frame n is what is seen at n / fps seconds.

    Args:
        path: The file; it appears only when complete.
        draw: Draws the pictures, some at a time.
        duration_seconds: Length.
        fps: Frames a second; 29.97 and the like are best given as a Fraction.
        width: Pixels, even.
        height: Pixels, even.
        crf: Quality of x264, lower is better.
        preset: How much work x264 takes, "ultrafast" to "veryslow".
        recorded_at: The wall clock at the first frame, for the file's creation_time; UTC if it names no zone.
        sound: Mono samples from -1 to 1; a file without a sound track when None.
        sound_rate: Samples a second of the sound.
        progress: Called with the seconds written so far.
    """
    try:
        import av
    except ImportError as exc:
        raise ImportError("writing footage needs PyAV: pip install av") from exc
    if width < 2 or height < 2 or width % 2 or height % 2:
        raise ValueError(f"H.264 wants an even width and height, not {width}x{height}")
    rate = Fraction(fps).limit_denominator(1001)
    if rate <= 0:
        raise ValueError(f"fps must be positive, not {fps}")
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    count = max(1, round(duration_seconds * rate))
    try:
        # 1. Open the file.
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            if recorded_at is not None:
                moment = aware(recorded_at).astimezone(UTC)
                container.metadata["creation_time"] = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            options = {"crf": str(crf), "preset": preset, "g": str(max(1, round(10 * rate)))}
            stream = container.add_stream("libx264", rate=rate, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = 1 / rate
            packets = iter(()) if sound is None else _sound_packets(container, sound, sound_rate)
            # 2. Draw and encode a few frames at a time, so that an hour fits in memory.
            for first in range(0, count, _CHUNK):
                numbers = range(first, min(first + _CHUNK, count))
                pictures = draw([float(n / rate) for n in numbers])
                for number, picture in zip(numbers, pictures, strict=True):
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    frame.pts, frame.time_base = number, 1 / rate
                    container.mux(stream.encode(frame))
                written = float(numbers.stop / rate)
                _mux_until(container, packets, written)
                if progress is not None:
                    progress(written)
            container.mux(stream.encode(None))
            _mux_until(container, packets, float("inf"))
        # 3. Give it its name.
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def aware(moment: datetime) -> datetime:
    """The moment with a zone: UTC if it names none."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _sound_packets(
    container: Any, sound: NDArray[np.float32], sound_rate: int
) -> Iterator[tuple[float, list[Any]]]:
    """The encoded sound, piece after piece: until when it reaches, and its packets."""
    import av

    stream = container.add_stream("aac", rate=sound_rate, layout="mono", bit_rate=_SOUND_BITS)

    def pieces() -> Iterator[tuple[float, list[Any]]]:
        for first in range(0, len(sound), _SOUND_CHUNK):
            piece = np.ascontiguousarray(sound[None, first : first + _SOUND_CHUNK], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = sound_rate, first, Fraction(1, sound_rate)
            yield (first + piece.shape[1]) / sound_rate, stream.encode(frame)
        yield float("inf"), stream.encode(None)

    return pieces()


def _mux_until(container: Any, packets: Iterator[tuple[float, list[Any]]], seconds: float) -> None:
    for reached, encoded in packets:
        container.mux(encoded)
        if reached >= seconds:
            return
