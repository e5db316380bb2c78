"""Reads video files: what they are, and frames by presentation time; knows neither models nor the index.

How many frames are looked at is in ``footage.vlm.contract``, which ones in ``footage.media.sampling``, how
they are decoded in ``footage.media.decode``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from footage.core.errors import DecodeError
from footage.core.frame_budget import frames_for
from footage.core.timeout import Pulse, supervise
from footage.core.types import Frames, Span, Video, footage_seconds
from footage.media import decode
from footage.media.containers import check, display_name
from footage.media.creation_time import recorded_tag
from footage.media.demux import FrameTable, open_video
from footage.media.frame_reader import packet_digests
from footage.media.sampling import spread, target_size
from footage.objects.paths import media_path

if TYPE_CHECKING:
    import torch

WHOLE = 1 << 16
"""As ``max_width``: the picture in its own size."""
_MOST_NAMED = 3
"""Most times that a warning lists."""
_SAME_SECONDS = 1e-6
"""The grid that times are on."""
_UNEVEN_SHARE = 0.25
"""A step between frames that is off the usual one by more than this share makes the rate variable."""


def scan(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> decode.Source:
    """Scan a file that may grow meanwhile: what it holds now is what counts wherever the result is handed on.

    Raises:
        VideoError: As ``probe``.
        DependencyError: FFmpeg's shared libraries are missing.
    """
    absolute, name = _checked(path)
    return supervise(
        lambda pulse: decode.open_source(absolute, pulse), name=name, timeout_seconds=timeout_seconds
    )


def digests(source: decode.Source, spans: Sequence[Span], *, timeout_seconds: float = 120) -> list[str]:
    """A digest of the coded pictures of some spans (see ``framereader.packet_digests``).

    Raises:
        VideoError: The file cannot be read.
    """
    if not spans:
        return []
    return supervise(
        lambda pulse: packet_digests(source.table, spans, pulse),
        name=display_name(source.table.path),
        timeout_seconds=timeout_seconds,
    )


def probe(
    path: str | os.PathLike[str],
    *,
    content_id: str = "",
    source: decode.Source | None = None,
    timeout_seconds: float = 120,
    ways: decode.Ways | None = None,
) -> Video:
    """Find out what a video file is, decoding its first and last frame to be sure.

    Args:
        path: A local file.
        content_id: Identity to note in the result.
        source: What ``scan`` brought, if it is not to be scanned as it is now.
        timeout_seconds: Give up after this long without progress.
        ways: How to decode, as for ``decode.decode``.

    Returns:
        The video. Its size is that of the picture turned upright; the shape of single pixels is left alone.

    Raises:
        VideoNotFoundError: No such file, or it may not be read.
        NotAVideoError: Not a container on the allow-list, or no video stream in it.
        DecodeError: Nothing in it can be decoded, or it hangs.
        DependencyError: FFmpeg's shared libraries are missing.
    """
    absolute, name = _checked(path)

    def work(pulse: Pulse) -> Video:
        scanned = source or decode.open_source(absolute, pulse)
        table = scanned.table
        sizes = _Sizes()
        ends = decode.decode(scanned, sorted({0, len(table.pts) - 1}), pulse, shrink=sizes, ways=ways)
        width, height = ends.size
        return Video(
            content_id=content_id,
            duration_seconds=table.duration_seconds,
            width=width,
            height=height,
            fps=len(table.pts) / footage_seconds(table.duration_seconds, table.gaps),
            codec=table.codec,
            container=table.container,
            rotation_degrees=ends.rotation_degrees,
            start_pts_seconds=float(table.pts[0] * table.time_base),
            variable_frame_rate=is_variable(table),
            stream_index=table.stream_index,
            decoder=ends.way,
            size_bytes=media_path(absolute).stat().st_size,
            created_at=table.created_at,
            warnings=_warnings(table, ends, sizes),
            gaps=table.gaps,
        )

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def recorded_tag_of(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> str:
    """When a file was recorded according to its header, as ``Video.created_at``; reads the header alone.

    Raises:
        VideoError: As ``probe``.
    """
    absolute, name = _checked(path)

    def work(pulse: Pulse) -> str:
        with open_video(absolute) as (container, stream):
            return recorded_tag(container.metadata, stream.metadata)

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def sample(
    path: str | os.PathLike[str],
    span: Span,
    *,
    fps: float = 2.0,
    min_frames: int = 4,
    max_frames: int = 240,
    pixels_per_frame: int = 200_704,
    video: Video | None = None,
    timeout_seconds: float = 120,
) -> Frames:
    """Take frames of a window evenly, both ends included, resized to the model's budget.

    Of the N frames whose time lies in the half-open window, ``round(linspace(0, N - 1, n))`` are taken, where
    n is its length times ``fps``, from ``min_frames`` to ``max_frames``, made even, and N at most. A single
    frame is doubled. A window between two frames gets the picture on show, doubled, with the window's start
    for its time. Of a damaged file the frames that decode are brought, fewer than n.

    Args:
        path: A local file.
        span: The window, in video time; what lies past the video's end counts for nothing.
        fps: Frames to take per second.
        min_frames: Fewest frames to ask for.
        max_frames: Most frames to ask for.
        pixels_per_frame: Budget for one frame, in pixels.
        video: What ``probe`` found, if at hand; spares the ways of decoding that failed then.
        timeout_seconds: Give up after this long without progress.

    Returns:
        The frames and their true presentation times.

    Raises:
        VideoError: As ``probe``; also a DecodeError when the window lies past the end or does not decode.
        DependencyError: FFmpeg's shared libraries are missing.
    """
    sampler = Sampler(
        path,
        [span],
        fps=fps,
        min_frames=min_frames,
        max_frames=max_frames,
        pixels_per_frame=pixels_per_frame,
        video=video,
        timeout_seconds=timeout_seconds,
    )
    return sampler.take(0)


class Sampler:
    """Takes frames of several windows of one file, each as ``sample`` takes them.

    Taken in order, windows that overlap share what they have in common, and the decoder goes on where it was:
    no frame is decoded twice. Memory for the frames that later windows have in common with earlier ones is
    held until those are taken.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        spans: Sequence[Span],
        *,
        fps: float = 2.0,
        min_frames: int = 4,
        max_frames: int = 240,
        pixels_per_frame: int = 200_704,
        video: Video | None = None,
        source: decode.Source | None = None,
        timeout_seconds: float = 120,
        ways: decode.Ways | None = None,
        on_ticks: bool = False,
    ) -> None:
        """Note what is wanted, as for ``sample``; the spans in order of their starts. Opens nothing yet.

        Of a file that may grow meanwhile, ``source`` is what ``scan`` brought. ``ways`` are those of
        ``decode.decode``. With ``on_ticks``, the frames are those on show at the span's start and at every
        ``1 / fps`` seconds from there, whatever their least and largest number; a single one is not doubled.
        """
        self._path = path
        self._spans = spans
        self._count = partial(frames_for, fps=fps, min_frames=min_frames, max_frames=max_frames)
        self._tick_seconds = 1 / fps if on_ticks else 0.0
        self._pixels_per_frame = pixels_per_frame
        self._decoder = video.decoder if video else ""
        self._source = source
        self._timeout_seconds = timeout_seconds
        self._ways = ways
        self._reader: decode.Reader | None = None

    def take(self, number: int) -> Frames:
        """Take the frames of one window.

        Raises:
            VideoError: As ``sample``; the other windows can be taken all the same.
            DependencyError: FFmpeg's shared libraries are missing.
        """
        absolute, name = _checked(self._path)
        _load_resizing()
        span = self._spans[number]

        def work(pulse: Pulse) -> Frames:
            # 1. Which frames each window holds, and which of them to take.
            source = self._source or decode.open_source(absolute, pulse, decoder=self._decoder)
            table = source.table
            end_seconds = table.duration_seconds
            if span.start_seconds >= end_seconds:
                raise DecodeError(
                    f"{name} ends at {end_seconds:.1f} s; there is no video at {span.start_seconds:.1f} s"
                )
            if self._reader is None or self._reader.source is not source:
                self._reader = decode.Reader(source, self._sets(table, name), ways=self._ways)

            # 2. Decode those alone, each made small before the next chunk comes.
            pictures = self._reader.read(number, pulse)

            # 3. Their times, in a window between two frames its start; at least two of them.
            pixels = pictures.pixels
            times = np.maximum(table.seconds(np.array(pictures.pts)), span.start_seconds).tolist()
            if len(times) == 1 and not self._tick_seconds:
                pixels, times = np.repeat(pixels, 2, axis=0), times * 2
            return Frames(pixels=pixels, times_seconds=tuple(times), span=span, decoder=pictures.way)

        return supervise(work, name=name, timeout_seconds=self._timeout_seconds)

    def _sets(self, table: FrameTable, name: str) -> list[decode.Wanted]:
        """For each window the frames to take of it, none where the video has ended."""
        times_seconds, end_seconds = table.times_seconds, table.duration_seconds
        sets = []
        for span in self._spans:
            picks: list[int] = []
            if span.start_seconds < end_seconds:
                picks = self._picks(times_seconds, span, min(span.end_seconds, end_seconds))
            shrink = _Shrink(name, frames=len(picks), pixels_per_frame=self._pixels_per_frame)
            sets.append(decode.Wanted(picks, shrink))
        return sets

    def _picks(self, times_seconds: np.ndarray, span: Span, end_seconds: float) -> list[int]:
        """Which frames to take of a span that the video reaches to ``end_seconds``."""
        if self._tick_seconds:
            ticks = np.arange(span.start_seconds, end_seconds - _SAME_SECONDS, self._tick_seconds)
            on_show = np.searchsorted(times_seconds, ticks + _SAME_SECONDS, side="right") - 1
            return np.unique(np.maximum(on_show, 0)).tolist()  # type: ignore[no-any-return]
        first, past = np.searchsorted(times_seconds, (span.start_seconds, span.end_seconds)).tolist()
        count = self._count(end_seconds - span.start_seconds)
        return (first + spread(past - first, count)).tolist() or [first - 1]


class _Shrink:
    """Resizes frames to a model's budget; the first ones say to what size.

    Frames of another shape, where the picture changes its size, are fitted in with black beside them.
    """

    def __init__(self, name: str, *, frames: int, pixels_per_frame: int) -> None:
        self._target = partial(_target, name, frames=frames, pixels_per_frame=pixels_per_frame)
        self._sizes: dict[tuple[int, int], tuple[int, int]] = {}

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        height, width = frames.shape[-2:]
        if (width, height) not in self._sizes:
            self._sizes[width, height] = self._target(width, height)
        size = next(iter(self._sizes.values()))
        same_shape = self._sizes[width, height] == size
        return _resize(frames, *size) if same_shape else _fitted(frames, *size)


class _Sizes:
    """Notes the sizes of frames, and fits them into the size of the first."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        """Width and height of the frames, in pixels."""

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        height, width = frames.shape[-2:]
        self.seen.append((width, height))
        return frames if self.seen[0] == self.seen[-1] else _fitted(frames, *self.seen[0])


def frame_at(
    path: str | os.PathLike[str], seconds: float, *, max_width: int = 480, timeout_seconds: float = 120
) -> np.ndarray:
    """The picture on show at a moment, for thumbnails.

    Args:
        path: A local file.
        seconds: Video time; before the start or past the end gives the first or last frame.
        max_width: Wider pictures are scaled down to this, in pixels.
        timeout_seconds: Give up after this long without progress.

    Returns:
        uint8 array (height, width, 3), RGB, upright.

    Raises:
        VideoError: As ``probe``.
        DependencyError: FFmpeg's shared libraries are missing.
    """
    absolute, name = _checked(path)
    _load_resizing()

    def shrink(frames: torch.Tensor) -> torch.Tensor:
        height, width = frames.shape[-2:]
        if width <= max_width:
            return frames
        return _resize(frames, max_width, max(1, round(height * max_width / width)))

    def work(pulse: Pulse) -> np.ndarray:
        source = decode.open_source(absolute, pulse)
        index = int(np.searchsorted(source.table.times_seconds, seconds, side="right")) - 1
        pixels: np.ndarray = decode.decode(source, [max(0, index)], pulse, shrink=shrink).pixels[0]
        return pixels

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def cut_start(path: str | os.PathLike[str], span: Span, *, timeout_seconds: float = 120) -> float:
    """Presentation time of the frame that a cut of a span begins with (see ``footage.media.clip``).

    That is the first frame at or after the span's start, or the one on show in a span without a frame.

    Args:
        path: A local file.
        span: What is to be cut, in video time.
        timeout_seconds: Give up after this long without progress.

    Returns:
        Video time, in seconds.

    Raises:
        VideoError: It cannot be read.
    """
    absolute, name = _checked(path)

    def work(pulse: Pulse) -> float:
        times_seconds = decode.open_source(absolute, pulse).table.times_seconds
        first, past = np.searchsorted(times_seconds, (span.start_seconds, span.end_seconds)).tolist()
        return float(times_seconds[first if past > first else max(0, first - 1)])

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def _checked(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Absolute path and display name of a file on the allow-list, with torchcodec loaded."""
    absolute, _ = check(path)
    decode.decoder_class()
    return absolute, display_name(absolute)


def _load_resizing() -> None:
    """Import what resizing needs now: loading libraries takes seconds, which are not the file's fault."""
    import qwen_vl_utils  # noqa: F401
    import torchvision.transforms.v2  # noqa: F401


def _resize(frames: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Resize uint8 (frames, 3, height, width) as the model's own processor would: bicubic, antialiased."""
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2.functional import resize

    if tuple(frames.shape[-2:]) == (height, width):
        return frames
    small: torch.Tensor = resize(frames, [height, width], InterpolationMode.BICUBIC, antialias=True)
    return small


def _fitted(frames: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Resize uint8 (frames, 3, height, width) as far as they fit into a size, with black beside them."""
    from torchvision.transforms.v2.functional import pad

    tall, wide = frames.shape[-2:]
    scale = min(width / wide, height / tall)
    inner = _resize(frames, max(1, min(width, round(wide * scale))), max(1, min(height, round(tall * scale))))
    left, top = (width - inner.shape[-1]) // 2, (height - inner.shape[-2]) // 2
    margins = [left, top, width - inner.shape[-1] - left, height - inner.shape[-2] - top]
    padded: torch.Tensor = pad(inner, margins)
    return padded


def _target(name: str, width: int, height: int, *, frames: int, pixels_per_frame: int) -> tuple[int, int]:
    """``target_size``, with a sentence for pictures no model takes."""
    try:
        return target_size(width, height, frames=frames, pixels_per_frame=pixels_per_frame)
    except ValueError as exc:
        raise DecodeError(f"{name} has frames of {width}x{height} pixels: too narrow, 200:1 at most") from exc


def is_variable(table: FrameTable) -> bool:
    """Whether any step between frames is clearly off the usual one; neither gaps count nor two ticks."""
    steps = np.diff(table.pts)
    steps = steps[table.pts[1:] <= table.pts[:-1] + table.durations[:-1]]
    if len(steps) < 2:
        return False
    usual = float(np.median(steps))
    return bool(np.abs(steps - usual).max() > max(_UNEVEN_SHARE * usual, 2))


def _warnings(table: FrameTable, ends: decode.Pictures, sizes: _Sizes) -> tuple[str, ...]:
    """What is known to be wrong, a sentence each."""
    found = []
    promised = table.promised_seconds
    if promised and promised - table.read_seconds > max(1.0, 0.02 * promised):
        found.append(f"{table.read_seconds:.1f} s of {promised:.1f} s are readable")
    if ends.damaged_packets or len(ends.pts) < min(2, len(table.pts)):
        found.append("some of its frames cannot be decoded")
    if table.parts is not None and table.parts.joints:
        joints = table.seconds(np.array(table.parts.joints)).tolist()
        times = ", ".join(f"{seconds:.1f} s" for seconds in joints[:_MOST_NAMED])
        more = f" and {len(joints) - _MOST_NAMED} more times" if len(joints) > _MOST_NAMED else ""
        found.append(
            f"its timestamps restart or jump at {times}{more}; its parts are read in file order with the "
            f"slower decoder"
        )
    if len(set(sizes.seen)) > 1:
        (first, last) = (f"{width}x{height}" for width, height in (sizes.seen[0], sizes.seen[-1]))
        found.append(f"its frame size changes from {first} to {last}; each frame is scaled separately")
    return tuple(found)
