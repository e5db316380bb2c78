"""A window's frames as a server takes them: a small H.264 clip, or pictures with times; sends nothing.

A clip has a constant frame rate: servers take a frame's number divided by the rate for its time, whatever the
presentation times say. Sampled frames are a little uneven (each is a whole frame of its source), so the rate
is the one whose pair stamps come nearest to the true ones, and what remains is measured.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from footage.core.errors import DecodeError
from footage.core.types import Frames
from footage.vlm.contract import pair_stamps

CRF = 8
"""x264's constant rate factor, chosen by its effect on the model's answers."""
_PRESET = "ultrafast"
"""x264's preset. On fourteen clips, at the same ``CRF``, the decoded frames are as near to the originals as
with "veryfast" (PSNR 0.02 dB lower to 0.8 dB higher), in 0.4 to 0.7 times the time, with 20 to 90 % more
bytes."""
JPEG_QUALITY = 95
MOST_FPS = 30
"""Highest frame rate that vLLM's loaders take (``Qwen3VLVideoBackend``, vLLM 0.32)."""
ALL_FRAMES = {"num_frames": -1, "fps": MOST_FPS}
"""Settings with which vLLM's loaders show every frame of a clip. Some read one field only: Qwen3-VL's ignores
``num_frames`` and samples 2 a second by default."""
STAMP_TOLERANCE_SECONDS = 0.05
"""Largest error of a stamp without a note: models write times in tenths of a second."""
_FASTEST_MICROSECONDS = 33_334
"""Step of a clip just slower than ``MOST_FPS``: loaders round the number of frames down."""
_BT_601 = 5  # FFmpeg's AVCOL_SPC_BT470BG: what decoders take small pictures for that say nothing
_LIMITED = 1  # FFmpeg's AVCOL_RANGE_MPEG

Part = dict[str, Any]
"""One part of a message's content, as the chat completions protocol has it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The frames of a clip, and its rate."""

    numbers: tuple[int, ...]
    """Of the window's frames, in order; some perhaps several times."""
    step_microseconds: int
    """From each frame to the next."""
    off_seconds: float
    """Largest error of the stamps of its pairs (number divided by rate)."""
    respaced: bool = False
    """Whether the frames were too uneven: the clip then shows those at evenly spaced moments."""

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(1_000_000, self.step_microseconds)


def clip_parts(frames: Frames, *, crf: int = CRF) -> list[Part]:
    """One "video_url" part: an MP4 as a data URL, with these frames alone, at a constant rate.

    Raises:
        DecodeError: when there is no frame.
    """
    return [_part("video_url", "video/mp4", encode_clip(frames, crf=crf))]


def clip_notes(frames: Frames) -> tuple[str, ...]:
    """Notes on the times at which a clip shows these frames; empty within the tolerance.

    Raises:
        DecodeError: when there is no frame.
    """
    timing = clip_timing(frames)
    if timing.respaced:
        return ("frames uneven in time, shown at even steps",)
    if timing.off_seconds > STAMP_TOLERANCE_SECONDS:
        return (f"time stamps up to {timing.off_seconds:.2f} s off",)
    return ()


def picture_parts(frames: Frames) -> list[Part]:
    """Every frame as a JPEG in an "image_url" part, and before each pair its time as text.

    The times are those of the prompts that the models were trained on, one for two frames.

    Raises:
        DecodeError: when there is no frame.
    """
    from PIL import Image

    milliseconds = window_milliseconds(frames)
    stamps = pair_stamps([*milliseconds, milliseconds[-1]] if len(milliseconds) % 2 else milliseconds)
    parts: list[Part] = []
    for number, picture in enumerate(frames.pixels):
        if number % 2 == 0:
            parts.append({"type": "text", "text": stamps[number // 2]})
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "jpeg", quality=JPEG_QUALITY, subsampling="4:4:4")
        parts.append(_part("image_url", "image/jpeg", file.getvalue()))
    return parts


def encode_clip(frames: Frames, *, crf: int = CRF) -> bytes:
    """The MP4 of ``clip_parts``; of a single frame it shows two, as no processor takes fewer.

    Raises:
        DecodeError: when there is no frame.
    """
    import av
    from av.video.reformatter import VideoReformatter

    timing, reformatter = clip_timing(frames), VideoReformatter()
    step = timing.step_microseconds
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as target:
        # No B-frames: every reader then finds the first picture at the first time.
        options = {"crf": str(crf), "preset": _PRESET, "bf": "0"}
        stream = target.add_stream("libx264", rate=timing.rate, options=options)
        height, width = (side + side % 2 for side in frames.pixels.shape[1:3])  # 4:2:0 has no odd sides
        stream.height, stream.width = height, width
        stream.pix_fmt, stream.time_base = "yuv420p", 1 / timing.rate
        context = stream.codec_context
        context.time_base = 1 / timing.rate
        context.color_range, context.colorspace = _LIMITED, _BT_601
        for at, number in enumerate(timing.numbers):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames.pixels[number]), format="rgb24")
            picture = reformatter.reformat(
                picture, width, height, "yuv420p", dst_colorspace=_BT_601, dst_color_range=_LIMITED, threads=1
            )
            picture.pts, picture.time_base, picture.duration = at * step, Fraction(1, 1_000_000), step
            target.mux(stream.encode(picture))
        target.mux(stream.encode())
    return file.getvalue()


def window_milliseconds(frames: Frames) -> list[int]:
    """The time of each frame from the window's start.

    Raises:
        DecodeError: when there is no frame.
    """
    start, end = frames.span.start_seconds, frames.span.end_seconds
    if not frames.times_seconds:
        raise DecodeError(f"there is no frame between {start} and {end} s")
    return [round((time - start) * 1000) for time in frames.times_seconds]


def clip_timing(frames: Frames) -> Timing:
    """How a clip shows these frames; see ``timing_of``.

    Raises:
        DecodeError: when there is no frame.
    """
    return timing_of(window_milliseconds(frames), round(frames.span.duration_seconds * 1000))


def timing_of(milliseconds: list[int], duration: int) -> Timing:
    """The constant rate at which frames are shown nearest to their times, the first of them at 0.

    The step is the least-squares fit of the pairs' stamps. Frames of a recording that pauses (one is further
    than half a step from an even spacing, or the first comes more than a step late) are replaced by what is
    on show at as many evenly spaced moments.

    Args:
        milliseconds: of each frame, from the window's start; ascending, at least one.
        duration: of the window, in milliseconds.
    """
    count, first, last = len(milliseconds), milliseconds[0], milliseconds[-1]
    if first == last:  # one picture, perhaps twice
        step = max(_FASTEST_MICROSECONDS, 2000 * first)
        return Timing((0, 0), step, abs(step / 2e6 - first / 1000))
    times = np.asarray(milliseconds, dtype=np.float64)
    usual = (last - first) / (count - 1)
    uneven = float(np.abs(np.linspace(first, last, count) - times).max())
    if np.diff(times).min() <= 0 or uneven > usual / 2 or first > usual:
        step = max(_FASTEST_MICROSECONDS, round(1000 * duration / count))
        shown = np.searchsorted(1000 * times, np.arange(count) * step, side="right") - 1
        return Timing(tuple(np.maximum(0, shown).tolist()), step, 0.0, respaced=True)
    places, stamps = _pair_means(np.arange(count, dtype=np.float64)), 1000 * _pair_means(times)
    step = max(_FASTEST_MICROSECONDS, round(float(places @ stamps) / float(places @ places)))
    off = float(np.abs(places * step - stamps).max()) / 1e6
    return Timing(tuple(range(count)), step, off)


def _pair_means(values: np.ndarray) -> np.ndarray:
    """What stands for each pair of frames; of an odd number the last one is a pair by itself."""
    padded = np.append(values, values[-1]) if len(values) % 2 else values
    means: np.ndarray = (padded[::2] + padded[1::2]) / 2
    return means


def _part(kind: str, mime: str, data: bytes) -> Part:
    return {"type": kind, kind: {"url": f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"}}
