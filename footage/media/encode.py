"""Sets up H.264 and AAC in an MP4 and turns decoded frames into what goes in; knows no files of the index."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from footage.media.audio_tracks import AudioTrack, keep_names
from footage.media.segment import SOUND_RATE

_BLACK, _GREY = 16, 128
"""Luma and chroma of black, of limited range."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good what is written looks and sounds."""

    crf: int
    """x264's constant rate factor: lower is better, 18 is near what the eye can tell from the source."""
    preset: str
    """x264's preset: slower ones write smaller files."""
    sound_bits: int
    """Bits per second of sound."""
    max_width: int | None = None
    """Widest picture, in pixels; None for the source's own."""


PREVIEW = Quality(crf=26, preset="superfast", sound_bits=96_000, max_width=640)
"""Small and quick."""
FULL = Quality(crf=18, preset="fast", sound_bits=192_000)
"""To keep."""


@contextmanager
def open_mp4(place: Path | int) -> Iterator[Any]:
    """A new MP4 whose index comes first, so that it plays while it loads.

    Args:
        place: A path, or the descriptor of an open file that can be read and written.

    Raises:
        OSError: The file cannot be written.
    """
    import av

    options = {"movflags": "+faststart"}
    if isinstance(place, Path):
        with av.open(str(place), "w", format="mp4", options=options) as target:
            yield target
        return

    def reopened(*_: Any) -> _OpenFile:
        return _OpenFile(place)  # to move the index to the front, the muxer reads what it has written

    file = _OpenFile(place)
    try:
        with av.open(file, "w", format="mp4", options=options, io_open=reopened) as target:
            yield target
    except Exception as exc:
        if file.problem is not None:  # PyAV says no more than that something went wrong
            raise file.problem from exc
        raise


class _OpenFile:
    """An open file, read and written at a place of its own."""

    name = "draft"

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._at = descriptor, 0
        self.problem: OSError | None = None
        """Why it could not be written."""

    def read(self, count: int) -> bytes:
        """Read up to this number of bytes."""
        some = os.pread(self._descriptor, count, self._at)
        self._at += len(some)
        return some

    def write(self, some: bytes) -> int:
        """Write all of it."""
        view = memoryview(some)
        while view:
            try:
                written = os.pwrite(self._descriptor, view, self._at)
            except OSError as exc:
                self.problem = exc
                raise
            self._at, view = self._at + written, view[written:]
        return len(some)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go elsewhere."""
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._at = begin[whence] + offset
        return self._at

    def tell(self) -> int:
        """Where it is."""
        return self._at

    def readable(self) -> bool:
        """Yes."""
        return True

    writable = seekable = readable


def add_pictures(
    target: Any, size: tuple[int, int], quality: Quality, *, rate: Fraction, time_base: Fraction
) -> Any:
    """An H.264 stream of 8-bit 4:2:0 pictures, which every player plays.

    Args:
        target: The file.
        size: Width and height, both even.
        quality: How good.
        rate: Frames per second, about; times may be uneven.
        time_base: Seconds per tick of the times that frames will have.
    """
    from av.codec.context import Flags

    options = {"crf": str(quality.crf), "preset": quality.preset}
    stream = target.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = time_base
    stream.codec_context.flags |= Flags.frame_duration  # else the last picture is as long as the rate has it
    return stream


def keep_timecode(stream: Any, timecode: str) -> None:
    """Give a file a timecode track: the timecode of the first picture; none where it is empty."""
    if timecode:
        stream.metadata["timecode"] = timecode


class SoundTrack:
    """A new AAC stream that samples are written to, each right after the one before."""

    def __init__(
        self, target: Any, layout: str, quality: Quality, *, named: AudioTrack | None = None
    ) -> None:
        """Add the stream to a file.

        Args:
            target: The file.
            layout: "mono" or "stereo".
            quality: How good.
            named: The track that it takes its language and title from.
        """
        self._target, self._layout, self._samples = target, layout, 0
        self._stream = target.add_stream("aac", rate=SOUND_RATE, layout=layout, bit_rate=quality.sound_bits)
        if named is not None:
            keep_names(self._stream, named)

    def write(self, values: np.ndarray) -> None:
        """Write samples, float32 (channels, samples)."""
        import av

        frame = av.AudioFrame.from_ndarray(values, format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._samples, Fraction(1, SOUND_RATE)
        self._samples += values.shape[1]
        self._target.mux(self._stream.encode(frame))


def upright_size(frame: Any) -> tuple[int, int]:
    """Width and height of a decoded frame as it is shown, in its own pixels."""
    turned = round(frame.rotation / 90) % 2
    return (frame.height, frame.width) if turned else (frame.width, frame.height)


def shown_size(frame: Any, pixel_shape: Fraction) -> tuple[int, int]:
    """Width and height of a decoded frame as it is shown, in square pixels.

    Args:
        frame: Decoded.
        pixel_shape: Width of its pixels by their height, before any rotation.
    """
    width, height = upright_size(frame)
    shape = 1 / pixel_shape if round(frame.rotation / 90) % 2 else pixel_shape
    wide, high = (round(width * shape), height) if shape >= 1 else (width, round(height / shape))
    return max(2, wide), max(2, high)


def even_size(width: int, height: int, max_width: int | None) -> tuple[int, int]:
    """Scaled down to ``max_width``, both sides even, as 4:2:0 colour needs."""
    wide = min(width, max_width or width)
    return max(2, wide - wide % 2), max(2, 2 * round(height * wide / width / 2))


def upright(frame: Any, size: tuple[int, int], *, matrix: int | None = None) -> Any:
    """A decoded frame as 4:2:0 of limited range, scaled to ``size`` (as shown) and turned upright.

    The matrix of its colours stays that of the source; ``matrix`` is FFmpeg's number
    of another.
    """
    import av
    from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

    turns = round(frame.rotation / 90) % 4
    wide, high = reversed(size) if turns % 2 else size
    fitted = VideoReformatter().reformat(
        frame,
        width=wide,
        height=high,
        format="yuv420p",
        interpolation=Interpolation.BICUBIC,
        dst_colorspace=matrix,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
    if not turns:
        return fitted
    planes = [np.rot90(plane, turns) for plane in planes_of(fitted)]
    turned = av.VideoFrame.from_ndarray(stacked(planes), format="yuv420p")
    turned.color_range, turned.colorspace = fitted.color_range, fitted.colorspace
    return turned


def within(frame: Any, size: tuple[int, int], shape: tuple[int, int], *, matrix: int | None = None) -> Any:
    """A decoded frame as ``upright`` makes it, as large as fits into the middle of a black picture.

    Args:
        frame: Decoded.
        size: Width and height of the picture, both even.
        shape: Width and height of the frame as shown, in any unit: only their ratio counts.
        matrix: As for ``upright``.
    """
    import av

    scale = min(size[0] / shape[0], size[1] / shape[1])
    inner = [min(whole, max(2, 2 * round(side * scale / 2))) for side, whole in zip(shape, size, strict=True)]
    fitted = upright(frame, (inner[0], inner[1]), matrix=matrix)
    if tuple(inner) == size:
        return fitted
    canvas = []
    top, left = (size[1] - inner[1]) // 4, (size[0] - inner[0]) // 4  # in chroma, so that luma lies even
    for step, plane, empty in zip((2, 1, 1), planes_of(fitted), (_BLACK, _GREY, _GREY), strict=True):
        whole = np.full((size[1] * step // 2, size[0] * step // 2), empty, np.uint8)
        area = whole[top * step :, left * step :]
        area[: plane.shape[0], : plane.shape[1]] = plane
        canvas.append(whole)
    made = av.VideoFrame.from_ndarray(stacked(canvas), format="yuv420p")
    made.color_range, made.colorspace = fitted.color_range, fitted.colorspace
    return made


def painted(frame: Any, paint: Callable[[list[np.ndarray]], None]) -> Any:
    """A 4:2:0 frame that was drawn on; its colours mean what they meant.

    Args:
        frame: What ``upright`` made.
        paint: Draws onto Y, U and V, in place.
    """
    import av

    planes = planes_of(frame)
    paint(planes)
    made = av.VideoFrame.from_ndarray(stacked(planes), format="yuv420p")
    made.color_range, made.colorspace = frame.color_range, frame.colorspace
    return made


def planes_of(frame: Any) -> list[np.ndarray]:
    """Y, U and V of a 4:2:0 frame, uint8 (height, width) and twice (height / 2, width / 2)."""
    values = frame.to_ndarray(format="yuv420p").reshape(-1)
    luma, chroma = frame.width * frame.height, frame.width * frame.height // 4
    half = (frame.height // 2, frame.width // 2)
    parts = np.split(values, [luma, luma + chroma])
    return [parts[0].reshape(frame.height, frame.width), parts[1].reshape(half), parts[2].reshape(half)]


def stacked(planes: list[np.ndarray]) -> np.ndarray:
    """Y, U and V in one array (height * 3 / 2, width), as PyAV takes them."""
    flat = np.concatenate([np.ascontiguousarray(plane).reshape(-1) for plane in planes])
    return flat.reshape(-1, planes[0].shape[1])


def keep_colours(stream: Any, frame: Any, colours: tuple[int, int]) -> None:
    """Note in a stream how its colours are to be read: as a frame that goes into it has them.

    Args:
        stream: Of pictures.
        frame: What ``upright`` made.
        colours: FFmpeg's numbers of the colour primaries and of the transfer characteristic.
    """
    context = stream.codec_context
    context.color_range, context.colorspace = int(frame.color_range), int(frame.colorspace)
    context.color_primaries, context.color_trc = colours
