"""Four ways to decode given frames of a file, tried in turn; knows frame numbers, no times and no models.

The only importer of torchcodec. The packets of a file are scanned once for the time of every frame
(``footage.media.demux``) and the scan is remembered. The ways: "pyav sparse" (for H.264 with B-frames; leaves
out what nothing refers to), "torchcodec" (seeking by that scan), "torchcodec exact" (by torchcodec's own) and
"pyav" (which goes over damage, and deinterlaces: interlaced files take no other). A way counts as working
only when it brings the very frames that were asked for. Sets of frames that are wanted one after the other,
as those of overlapping windows, are decoded in one pass (``Reader``).
"""

from __future__ import annotations

import functools
import logging
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from footage.core.errors import DecodeError, DependencyError
from footage.core.timeout import Pulse
from footage.media import demux, frame_reader, interlacing
from footage.media.containers import display_name, open_regular
from footage.objects.address import is_object_address
from footage.objects.paths import media_path

if TYPE_CHECKING:
    import torch

CHUNK_BYTES = 48 << 20
"""Full-size pictures held at once."""
_CHUNK_FRAMES = 16
_MOST_THREADS = 4
SETS_A_PASS = 16
"""Sets of frames that one pass goes over; what two passes share is decoded twice."""
_REMEMBERED_FILES = 256
_REMEMBERED_FRAMES = 4_000_000
"""Frames of all remembered scans together, 16 bytes each: more than a day and a half at 30 per second."""
_SPARSE = {("h264", "yuv420p"), ("h264", "yuvj420p")}
"""Codecs, and the pixels they bring, of which "pyav sparse" brings the very pictures that torchcodec brings.

HEVC is not among them: what no frame of its own layer refers to, frames of a higher one may. Neither are more
than 8 bits: FFmpeg's versions differ in how they make RGB of them.
"""
_GIVING_UP = (RuntimeError, ValueError, IndexError, AssertionError, OSError)
"""What a way raises when it cannot do it."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Source:
    """A scanned file, and which way of decoding is worth trying first."""

    table: demux.FrameTable
    """Where its frames lie."""
    first_way: int = 0
    """Index into the ways; those before it failed on this file."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """What one decoding run brought."""

    pixels: np.ndarray
    """uint8 (frames, height, width, 3), RGB, in display orientation."""
    pts: tuple[int, ...]
    """Presentation times in ticks, ascending."""
    way: str
    """Name of the way that worked."""
    rotation_degrees: int
    """Counter-clockwise rotation that was applied."""
    damaged_packets: int
    """Packets that did not decode."""
    size: tuple[int, int]
    """Width and height of the first picture in its own pixels, in display orientation."""


class _Chunk(NamedTuple):
    """A few full-size pictures on their way."""

    pts: list[int]
    """Presentation times in ticks, ascending."""
    frames: torch.Tensor
    """uint8 (frames, 3, height, width)."""
    rotation_degrees: int
    """Counter-clockwise rotation that was applied."""
    damaged_packets: int
    """Packets so far that did not decode."""
    size: tuple[int, int]
    """Width and height of the first one in its own pixels, which ``frames`` may have fewer of."""


Shrink = Callable[["torch.Tensor"], "torch.Tensor"]
"""Makes uint8 (frames, 3, height, width) smaller; the same output size every time."""
Way = Callable[[demux.FrameTable, Sequence[int], Pulse], Iterator[_Chunk]]
"""Decodes the frames of given ascending indices."""
Ways = Sequence[tuple[str, Way]]
"""Named, in the order in which they are tried."""


def decoding_ways(*, threads: int | None = None, chunk_bytes: int = CHUNK_BYTES) -> Ways:
    """The four ways of decoding, in the order in which they are tried.

    Args:
        threads: Decoder threads; None for all cores of a small machine, a few of a large one.
        chunk_bytes: Full-size pictures that torchcodec holds at once.
    """
    # Each thread holds a picture: 4 of LARGE_PIXELS at most.
    count = threads or min(_MOST_THREADS, os.cpu_count() or 1)
    torchcodec = functools.partial(_torchcodec, threads=count, chunk_bytes=chunk_bytes)
    return (
        ("pyav sparse", functools.partial(_pyav_sparse, threads=count)),
        ("torchcodec", functools.partial(torchcodec, exact=False)),
        ("torchcodec exact", functools.partial(torchcodec, exact=True)),
        ("pyav", _pyav),
    )


def open_source(absolute: str, pulse: Pulse, *, decoder: str = "") -> Source:
    """Scan a file, or remember the scan while its size, modification time and inode stay the same.

    Args:
        absolute: Absolute path.
        pulse: Beats while scanning.
        decoder: The way that worked before, if known.

    Raises:
        VideoError: It cannot be opened, or holds no frames.
    """
    status = media_path(absolute).stat()
    key = (absolute, status.st_size, (status.st_mtime_ns, status.st_ctime_ns))
    with _sources_lock:
        if key in _sources:
            _sources.move_to_end(key)
            return _sources[key]
    names = [way for way, _ in WAYS]
    table = demux.read_table(absolute, pulse)
    table = replace(table, interlacing=interlacing.detect(table, pulse))
    sparse = table.reordered and (table.codec, table.pixel_format) in _SPARSE
    usual = "pyav sparse" if sparse else "torchcodec"
    large = not 0 < math.prod(table.size) <= demux.LARGE_PIXELS  # the others bring pictures of any size whole
    if table.interlacing or table.parts is not None or large:  # they go by the time stamps, and weave fields
        decoder = "pyav"
    source = Source(table, names.index(decoder if decoder in names else usual))
    with _sources_lock:
        _sources[key] = source
        while len(_sources) > 1 and (
            len(_sources) > _REMEMBERED_FILES
            or sum(len(known.table.pts) for known in _sources.values()) > _REMEMBERED_FRAMES
        ):
            _sources.popitem(last=False)
    return source


def decode(
    source: Source,
    picks: Sequence[int],
    pulse: Pulse,
    *,
    shrink: Shrink | None = None,
    ways: Ways | None = None,
) -> Pictures:
    """Bring the picked frames by the first way that manages it.

    A way that failed is not tried again on this file. Only "pyav" may bring fewer than were asked for.

    Args:
        source: The file.
        picks: Ascending frame indices, at least one.
        pulse: Beats while decoding.
        shrink: Applied to each chunk as it comes, so that full-size pictures never pile up.
        ways: How to decode; ``WAYS`` by default, others under the same names.

    Raises:
        DecodeError: None of the ways brought a single frame.
    """
    name = display_name(source.table.path)
    cause: Exception | None = None
    ways = ways or WAYS
    for number, (way, read) in list(enumerate(ways))[source.first_way :]:
        try:
            pictures = _collect(way, read(source.table, picks, pulse), pulse, shrink)
            if way != "pyav" and pictures.pts != tuple(source.table.pts[list(picks)].tolist()):
                raise ValueError(_OTHER_FRAMES)
        except frame_reader.InterlacedError:
            source.table = replace(source.table, interlacing="by frame")
            source.first_way = len(ways) - 1
            return decode(source, picks, pulse, shrink=shrink, ways=ways)
        except _GIVING_UP as exc:
            cause = exc
            log.info("%s: %s gave up: %s", name, way, demux.why(exc))
        else:
            source.first_way = number
            return pictures
    reason = demux.why(cause) if cause else "unknown cause"
    if not math.prod(source.table.size):
        reason = f"its frames are damaged, or larger than {demux.MAX_PIXELS:,} pixels"
    raise DecodeError(
        f"{name} cannot be decoded: {reason}",
        hint="the file may be damaged; try to re-encode it with ffmpeg",
    ) from cause


class Wanted(NamedTuple):
    """A set of frames, as of one window."""

    picks: Sequence[int]
    """Ascending frame indices; none where there is nothing to decode."""
    shrink: Shrink | None
    """As for ``decode``."""


@dataclass(slots=True)
class _Gathered:
    """The pictures of a set so far, in one array from the first on."""

    ticks: set[int]
    """Presentation times of all its frames."""
    pts: list[int] = field(default_factory=list)
    """Presentation times of those that came."""
    pixels: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    """uint8 (frames, height, width, 3); as many of them are filled as came."""

    def add(self, small: np.ndarray, pts: list[int]) -> None:
        """Take pictures of one size; a ValueError where there are more than there should be."""
        if not self.pts:
            self.pixels = np.empty((len(self.ticks), *small.shape[1:]), np.uint8)
        self.pixels[len(self.pts) : len(self.pts) + len(pts)] = small
        self.pts += pts


@dataclass(slots=True)
class _Pass:
    """One run of a decoder over the frames of several sets, as far as it has come."""

    way: str
    chunks: Iterator[_Chunk]
    reached: int
    """Presentation time of the last frame that came, in ticks."""
    sets: dict[int, _Gathered]
    """By number of the set, for those that are not complete."""
    rotation_degrees: int = 0
    size: tuple[int, int] | None = None


class Reader:
    """Brings the sets of one file, one after the other; a frame that is in several is decoded once.

    What comes is what ``decode`` brings, frame for frame. Where a pass does not work out, the set at hand is
    left to ``decode``, and the next one begins another pass, unless the file takes "pyav".
    """

    def __init__(self, source: Source, sets: Sequence[Wanted], *, ways: Ways | None = None) -> None:
        """Note what is wanted; ``ways`` as for ``decode``."""
        self.source = source
        self._sets = sets
        self._ways = ways or WAYS
        self._pass: _Pass | None = None

    def read(self, number: int, pulse: Pulse) -> Pictures:
        """Bring one set; asked for in order, the decoder goes on where it was.

        Raises:
            DecodeError: As ``decode``.
        """
        begun, self._pass = self._pass, None  # a thread that hangs in it, given up, keeps it to itself
        if begun is None or number not in begun.sets:
            begun = self._begin(number, pulse)
        if begun is not None:
            try:
                pictures = self._take(begun, number, pulse)
            except _GIVING_UP as exc:
                log.info("%s: a pass ended early: %s", display_name(self.source.table.path), demux.why(exc))
            else:
                self._pass = begun
                return pictures
        wanted = self._sets[number]
        return decode(self.source, wanted.picks, pulse, shrink=wanted.shrink, ways=self._ways)

    def _begin(self, number: int, pulse: Pulse) -> _Pass | None:
        """A pass over a set and those after it; None for the last one, and where "pyav" is the way."""
        way, read = self._ways[self.source.first_way]
        numbers = range(number, min(number + SETS_A_PASS, len(self._sets)))
        if way == "pyav" or len(numbers) < 2:
            return None
        table = self.source.table
        union = sorted({pick for each in numbers for pick in self._sets[each].picks})
        sets = {each: _Gathered(set(table.pts[list(self._sets[each].picks)].tolist())) for each in numbers}
        return _Pass(way, read(table, union, pulse), int(table.pts[0]) - 1, sets)

    def _take(self, begun: _Pass, number: int, pulse: Pulse) -> Pictures:
        """Go on until a set is complete; what else comes by is made small and kept for the sets after it."""
        table = self.source.table
        ticks = table.pts[list(self._sets[number].picks)]
        while begun.reached < ticks[-1]:
            pulse.beat()
            chunk = next(begun.chunks, None)
            if chunk is None:
                raise ValueError(_OTHER_FRAMES)
            for each, gathered in begun.sets.items():
                mine = [place for place, tick in enumerate(chunk.pts) if tick in gathered.ticks]
                if mine:
                    frames = chunk.frames if len(mine) == len(chunk.pts) else chunk.frames[mine]
                    small = _small(frames, self._sets[each].shrink)
                    gathered.add(small, [chunk.pts[place] for place in mine])
            begun.reached, begun.rotation_degrees = chunk.pts[-1], chunk.rotation_degrees
            begun.size = begun.size or chunk.size
        whole = begun.sets.pop(number)
        if whole.pts != ticks.tolist():
            raise ValueError(_OTHER_FRAMES)
        size = begun.size or (0, 0)
        return Pictures(whole.pixels, tuple(whole.pts), begun.way, begun.rotation_degrees, 0, size)


def decoder_class() -> Any:
    """The decoder of torchcodec; the one place that imports it.

    Raises:
        DependencyError: FFmpeg's shared libraries are missing or incompatible.
    """
    try:
        from torchcodec.decoders import VideoDecoder
    except (ImportError, OSError, RuntimeError) as exc:
        raise DependencyError(
            "torchcodec cannot be loaded: FFmpeg's shared libraries are missing or incompatible",
            hint="install FFmpeg: 'apt-get install ffmpeg' (Debian, Ubuntu) or 'brew install ffmpeg' (macOS)",
        ) from exc
    return VideoDecoder


def _collect(way: str, chunks: Iterator[_Chunk], pulse: Pulse, shrink: Shrink | None) -> Pictures:
    """Make each chunk small as it comes, then put all of them together."""
    parts: list[np.ndarray] = []
    pts: list[int] = []
    size = 0, 0
    for chunk in chunks:
        pulse.beat()
        size = size if parts else chunk.size
        parts.append(_small(chunk.frames, shrink))
        pts += chunk.pts
    if not parts:
        raise ValueError("none of its frames can be decoded")
    pixels = np.concatenate(parts)
    return Pictures(pixels, tuple(pts), way, chunk.rotation_degrees, chunk.damaged_packets, size)


def _small(frames: torch.Tensor, shrink: Shrink | None) -> np.ndarray:
    """Pictures made small, as uint8 (frames, height, width, 3)."""
    small = shrink(frames) if shrink else frames
    pixels: np.ndarray = small.permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def _torchcodec(
    table: demux.FrameTable,
    picks: Sequence[int],
    pulse: Pulse,
    *,
    exact: bool,
    threads: int,
    chunk_bytes: int,
) -> Iterator[_Chunk]:
    """Decode with torchcodec, from the keyframe before the first pick on; who takes a chunk beats."""
    start = 0 if exact else table.keyframe_at(picks[0])
    seeking = (
        {"seek_mode": "exact"} if exact else {"custom_frame_mappings": _mapping(table, start, picks[-1] + 1)}
    )
    with _place(table.path) as place:
        decoder = decoder_class()(
            place, stream_index=table.stream_index, device="cpu", num_ffmpeg_threads=threads, **seeking
        )
        metadata = decoder.metadata
        rotation = round(metadata.rotation or 0) % 360
        size = _chunk_frames(metadata.width, metadata.height, chunk_bytes)
        for begin in range(0, len(picks), size):
            batch = decoder.get_frames_at([pick - start for pick in picks[begin : begin + size]])
            ticks = np.rint(batch.pts_seconds.numpy() / float(table.time_base)).astype(np.int64)
            height, width = batch.data.shape[-2:]
            yield _Chunk(ticks.tolist(), batch.data, rotation, 0, (width, height))


def _pyav_sparse(
    table: demux.FrameTable, picks: Sequence[int], pulse: Pulse, *, threads: int
) -> Iterator[_Chunk]:
    """Decode with PyAV what is picked or referred to, one picture at a time."""
    return _chunks(frame_reader.decode_sparse(table, picks, pulse, threads=threads))


def _pyav(table: demux.FrameTable, picks: Sequence[int], pulse: Pulse) -> Iterator[_Chunk]:
    """Decode with PyAV, one picture at a time; fewer come when the file is damaged."""
    return _chunks(frame_reader.decode(table, picks, pulse))


def _chunks(frames: Iterator[frame_reader.Decoded]) -> Iterator[_Chunk]:
    """Pictures of PyAV as chunks of one."""
    import torch

    for pts, pixels, rotation, damaged, size in frames:
        yield _Chunk([pts], torch.from_numpy(pixels).permute(2, 0, 1)[None], rotation, damaged, size)


WAYS = decoding_ways()
"""As every caller decodes that names no others."""
_OTHER_FRAMES = "it returned other frames than requested"
_sources: OrderedDict[tuple[str, int, tuple[int, int]], Source] = OrderedDict()
_sources_lock = threading.Lock()


def _mapping(table: demux.FrameTable, start: int, stop: int) -> str:
    """Frames ``start`` to ``stop`` in the form torchcodec takes, which spares it a scan of the whole file."""
    low, high = np.searchsorted(table.keyframes, (start, stop))
    keys = set(table.keyframes[low:high].tolist())
    rows = zip(table.pts[start:stop].tolist(), table.durations[start:stop].tolist(), strict=True)
    frames = (
        f'{{"pts": {pts}, "duration": {duration}, "key_frame": {int(index in keys)}}}'
        for index, (pts, duration) in enumerate(rows, start)
    )
    return f'{{"frames": [{", ".join(frames)}]}}'


def _chunk_frames(width: int | None, height: int | None, chunk_bytes: int) -> int:
    """How many full-size pictures fit the chunk's memory."""
    return max(1, min(_CHUNK_FRAMES, chunk_bytes // (3 * (width or 1) * (height or 1))))


@contextmanager
def _place(path: str) -> Iterator[Any]:
    """What torchcodec is given: the path, or an open file of an object or a name that is no text."""
    if demux.is_utf8(path) and not is_object_address(path):
        yield path
    else:
        with open_regular(path) as file:
            yield file
