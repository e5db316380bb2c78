"""A window's frames as a server takes them: a small H.264 clip, or pictures with times; sends nothing."""

from __future__ import annotations

import base64
import io
from fractions import Fraction
from typing import Any

import numpy as np

from footage.errors import DecodeError
from footage.types import Frames
from footage.vlm.contract import pair_stamps

CRF = 8
"""x264's constant rate factor: what the model's answers bear, not what the eye does."""
JPEG_QUALITY = 95
_SINGLE_MILLISECONDS = 500
_BT_601 = 5  # FFmpeg's AVCOL_SPC_BT470BG: what decoders take small pictures for that say nothing
_LIMITED = 1  # FFmpeg's AVCOL_RANGE_MPEG

Part = dict[str, Any]
"""One part of a message's content, as the chat completions protocol has it."""


def clip_parts(frames: Frames, *, crf: int = CRF) -> list[Part]:
    """One "video_url" part: an MP4 as a data URL, with these frames alone at their times in the window.

    Readers that go by the presentation times have them to the millisecond; for those that count frames and
    divide by the rate the frames are evenly spaced, and the file's rate is the true one: frames that are not
    (a recording that pauses) are replaced by what is on show at as many evenly spaced moments.

    Raises:
        DecodeError: when there is no frame.
    """
    return [_part("video_url", "video/mp4", encode_clip(frames, crf=crf))]


def picture_parts(frames: Frames) -> list[Part]:
    """Every frame as a JPEG in an "image_url" part, and before each pair its time as text.

    Raises:
        DecodeError: when there is no frame.
    """
    from PIL import Image

    pixels, milliseconds = frames.pixels, window_milliseconds(frames)
    stamps = pair_stamps([*milliseconds, milliseconds[-1]] if len(milliseconds) % 2 else milliseconds)
    parts: list[Part] = []
    for number, picture in enumerate(pixels):
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
    from av.codec.context import Flags

    numbers, milliseconds = evenly(window_milliseconds(frames), round(frames.span.duration_seconds * 1000))
    if len(numbers) == 1:
        numbers, milliseconds = numbers * 2, [milliseconds[0], milliseconds[0] + _SINGLE_MILLISECONDS]
    step = (milliseconds[-1] - milliseconds[0]) / (len(milliseconds) - 1)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as target:
        # No B-frames: every reader then finds the first picture at the first time.
        options = {"crf": str(crf), "preset": "veryfast", "bf": "0"}
        stream = target.add_stream(
            "libx264", rate=Fraction(1000 / step).limit_denominator(1000), options=options
        )
        height, width = (side + side % 2 for side in frames.pixels.shape[1:3])  # 4:2:0 has no odd sides
        stream.height, stream.width = height, width
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 1000)
        context = stream.codec_context
        context.time_base, context.flags = Fraction(1, 1000), context.flags | Flags.frame_duration
        context.color_range, context.colorspace = _LIMITED, _BT_601
        steps = [*np.diff(milliseconds).tolist(), round(step)]
        for number, at, lasts in zip(numbers, milliseconds, steps, strict=True):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames.pixels[number]), format="rgb24")
            picture = picture.reformat(
                width, height, "yuv420p", dst_colorspace=_BT_601, dst_color_range=_LIMITED
            )
            picture.pts, picture.time_base, picture.duration = at, Fraction(1, 1000), lasts
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


def evenly(milliseconds: list[int], duration: int) -> tuple[list[int], list[int]]:
    """Which frames to show, and when: as they are, if none is further than half a step from an even spacing.

    Otherwise as many evenly spaced moments from the window's start, each with the frame that is on show.

    Args:
        milliseconds: of each frame, ascending.
        duration: of the window, in milliseconds.

    Returns:
        Numbers of frames, some perhaps several times, and their times, strictly ascending.
    """
    count, first, last = len(milliseconds), milliseconds[0], milliseconds[-1]
    even = np.linspace(first, last, count)
    step = (last - first) / max(1, count - 1)
    rising = count == 1 or bool(np.diff(milliseconds).min() > 0)
    if rising and np.abs(even - milliseconds).max() <= step / 2:
        return list(range(count)), milliseconds
    slots = [number * max(duration, count) // count for number in range(count)]
    shown = np.searchsorted(milliseconds, slots, side="right") - 1
    return [max(0, number) for number in shown.tolist()], slots


def _part(kind: str, mime: str, data: bytes) -> Part:
    return {"type": kind, kind: {"url": f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"}}
