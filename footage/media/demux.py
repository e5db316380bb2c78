"""Opens containers through PyAV and reads their packets: where every frame of a file lies in time.

Decodes nothing (``footage.media.frame_reader`` does) and knows neither windows nor models; times here are the
container's own ticks. PyAV is imported in these two for reading; modules that write video import it for that.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from footage.core.errors import DecodeError, NotAVideoError
from footage.core.timeout import Pulse
from footage.core.types import Span, footage_seconds
from footage.media.boxes import sample_bytes
from footage.media.containers import check, display_name, held_bytes, open_regular
from footage.media.creation_time import recorded_tag
from footage.media.deinterlace import Interlacing
from footage.media.discontinuities import GAP_SECONDS, Parts, Stamps, find_parts, follows_on, shown_ticks
from footage.objects.address import is_object_address
from footage.objects.blocks import ObjectFile
from footage.objects.paths import media_path

MAX_PIXELS = 1 << 27
"""Most pixels of one picture (16K, 15360 x 8640, fits)."""
MAX_PICTURE_BYTES = 256 << 20
"""Most bytes of one picture as its decoder brings it; 12K with 8 bits a channel (12288 x 6480) fits."""
LARGE_PIXELS = 36_000_000
"""Pictures of more pixels (8K has 35 million) are scaled down while they are decoded, one at a time."""
_BITS_WHERE_UNKNOWN = 24
_SAME_BYTES = 4
"""How many times as long as the file its packets may be together; honest files come to 2 at most."""
_SLACK_BYTES = 1 << 16
MAX_FRAMES = 20_000_000
"""Most frames in one file: more than four days at 50 frames per second."""
MAX_GAPS = 50_000
"""Most gaps in one file: half a month of a picture every 31 seconds has fewer."""
MAX_SECONDS = 31 * 86_400.0
"""Longest footage of one file, its gaps left out."""
MAX_CLAIMED_SECONDS = 100 * 366 * 86_400.0
"""Longest time from the first to the last frame of one file, with its gaps."""
MAX_PARTS = 10_000
"""Most parts of one file (see ``parts``)."""
_PACKETS_PER_BEAT = 256
_COLUMNS = 4
"""What is noted of a packet: time, decoding time, length, whether it is a keyframe."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """Where every frame of one video stream lies in time, read from the packets without decoding."""

    path: str
    """Absolute path."""
    stream_index: int
    """The best video stream's index in the container."""
    time_base: Fraction
    """Seconds per tick."""
    pts: np.ndarray
    """int64 (frames,), presentation times in ticks, strictly ascending; never empty. Where there are
    ``parts`` these are not those in the file."""
    durations: np.ndarray
    """int64 (frames,), how long each frame is on show, in ticks, at least 1; before a gap the usual time."""
    keyframes: np.ndarray
    """int64 (keyframes,), indices into ``pts``, ascending; the first is 0."""
    codec: str
    """FFmpeg's name of the codec."""
    size: tuple[int, int]
    """Width and height of a coded picture as the header has it, in pixels."""
    pixel_format: str
    """FFmpeg's name of how the decoder brings its pixels; empty where that is not known yet."""
    container: str
    """FFmpeg's name of the container."""
    reordered: bool
    """Whether packets come in another order than frames are shown, as they do where there are B-frames."""
    promised_seconds: float | None
    """Length of all streams together as the header has it, or None when it says nothing."""
    read_seconds: float
    """Length of all streams together as the packets have it."""
    created_at: str = ""
    """When it was recorded according to its metadata (see ``footage.media.creation_time``); empty where
    unknown."""
    interlacing: Interlacing = ""
    """How its frames are interlaced, as far as known (see ``footage.media.interlacing``)."""
    parts: Parts | None = None
    """The parts of the file, where its time stamps do not follow one another; all times of packets and frames
    read through this module are on the one clock of the table."""

    @property
    def times_seconds(self) -> np.ndarray:
        """float64 (frames,), seconds since the first frame."""
        return self.seconds(self.pts)

    @property
    def duration_seconds(self) -> float:
        """From the first frame to the end of the last."""
        return float(self.seconds(self.pts[-1] + self.durations[-1]))

    @property
    def gap_frames(self) -> np.ndarray:
        """int64 (gaps,), indices of the frames that a gap comes after, ascending."""
        return np.flatnonzero(self.pts[1:] > self.pts[:-1] + self.durations[:-1])

    @property
    def gaps(self) -> tuple[Span, ...]:
        """Where no frame lies (see ``parts.GAP_SECONDS``), in video time."""
        numbers = self.gap_frames
        starts, ends = self.pts[numbers] + self.durations[numbers], self.pts[numbers + 1]
        return tuple(map(Span, self.seconds(starts).tolist(), self.seconds(ends).tolist()))

    def seconds(self, pts: Any) -> np.ndarray:
        """Ticks of the container as video time in seconds, on the grid of ``types.on_grid``."""
        exact = np.asarray((pts - self.pts[0]) * self.time_base.numerator / self.time_base.denominator)
        return exact.round(6)

    def keyframe_at(self, index: int) -> int:
        """Index of the last keyframe shown at or before frame ``index``."""
        return int(self.keyframes[np.searchsorted(self.keyframes, index, side="right") - 1])


@contextmanager
def open_video(path: str, *, raw_clock: bool = False, times_only: bool = False) -> Iterator[tuple[Any, Any]]:
    """Open a file on the allow-list with the one reader its first bytes call for; it opens nothing else.

    Args:
        path: The file, or the address of an object.
        times_only: Whether only times and sizes of packets are looked at: of an object, what is in the
            packets is not fetched then where the container has a table of them.
        raw_clock: Take time stamps as they stand in the file; else FFmpeg adds a turn of a clock that wraps.

    Yields:
        The PyAV container and its best video stream; neither may be touched after the block.

    Raises:
        VideoNotFoundError: There is no such file to be read.
        NotAVideoError: It is no video, or has no video stream.
        DecodeError: Its header cannot be read, or its frames are too large.
    """
    import av

    absolute, demuxer = check(path)
    name = display_name(absolute)
    plain = is_utf8(absolute) and not is_object_address(absolute)
    raw = None if plain else open_regular(absolute)  # closed below, lives as long as the container
    skipped = sample_bytes(raw) if times_only and demuxer == "mov" and isinstance(raw, ObjectFile) else ()
    options = {"protocol_whitelist": "file", "correct_ts_overflow": str(int(not raw_clock))}
    if skipped:
        options["fflags"] = "noparse"  # else what is a keyframe is taken from the samples
    try:
        container = av.open(
            absolute if raw is None else raw,
            format=demuxer,
            metadata_errors="replace",
            options={"max_pixels": str(MAX_PIXELS)},  # of every decoder that looks for what the header lacks
            container_options=options,
        )
        if skipped and isinstance(raw, ObjectFile):
            raw.hollow(skipped)
    except (av.FFmpegError, OSError, ValueError) as exc:
        if raw:
            raw.close()
        if isinstance(exc, EOFError):
            raise DecodeError(f"{name} contains no frames") from exc
        if isinstance(exc, av.InvalidDataError):
            because = "the file may be damaged or incomplete, without an index"
            raise DecodeError(f"{name} cannot be opened: {because}") from exc
        raise DecodeError(f"{name} cannot be opened: {why(exc)}") from exc
    try:
        with container:
            yield container, _video_stream(container, name)
    finally:
        if raw:
            raw.close()


def read_table(path: str, pulse: Pulse) -> FrameTable:
    """Scan every packet once and note where each frame lies.

    Raises:
        VideoError: As ``open_video``; also when there are no frames at all, or too many.
    """
    name = display_name(path)
    with open_video(path, times_only=True) as (container, stream):
        rows = array("q")  # what is noted of one packet after the other (see _COLUMNS)
        decoded_at: int | None = None
        ends: dict[int, tuple[int, int]] = {}  # of every stream, in its own ticks
        left_bytes = _SAME_BYTES * held_bytes(media_path(path).stat()) + _SLACK_BYTES
        for count, packet in enumerate(packets(container)):
            if count % _PACKETS_PER_BEAT == 0:
                pulse.beat()
            dts = packet.dts
            ticks = packet.pts if packet.pts is not None else dts
            if ticks is None or not packet.size:
                continue
            left_bytes -= packet.size
            if left_bytes < 0:
                raise DecodeError(f"{name} is damaged: its index refers to the same bytes many times")
            length, index = packet.duration or 0, packet.stream_index
            first, last = ends.get(index, (ticks, ticks))
            ends[index] = min(first, ticks), max(last, ticks + length)
            if index == stream.index and not packet.is_discard:
                decoded_at = dts if dts is not None else ticks if decoded_at is None else decoded_at
                rows.extend((ticks, decoded_at, length, packet.is_keyframe))
                if len(rows) > _COLUMNS * MAX_FRAMES:
                    raise DecodeError(f"{name} holds more than {MAX_FRAMES:,} frames, the maximum")
        if not rows:
            raise DecodeError(f"{name} contains no frames")
        packed = np.frombuffer(rows, np.int64).reshape(-1, _COLUMNS)
        pts, durations, keyframes, _ = _columns(packed, stream)
        bases = {index: container.streams[index].time_base for index in ends}
        table = FrameTable(
            path=path,
            stream_index=stream.index,
            time_base=stream.time_base,
            pts=pts,
            durations=durations,
            keyframes=keyframes,
            codec=stream.codec_context.codec.canonical_name,
            size=(stream.codec_context.width, stream.codec_context.height),
            pixel_format=stream.codec_context.pix_fmt or "",
            container=container.format.name,
            reordered=bool((packed[1:, 0] < packed[:-1, 0]).any()),
            promised_seconds=container.duration / 1e6 if container.duration else None,
            read_seconds=max(float(last * bases[index]) for index, (_, last) in ends.items())
            - min(float(first * bases[index]) for index, (first, _) in ends.items()),
            created_at=recorded_tag(container.metadata, stream.metadata),
        )
    nowhere = np.zeros(0, np.int64)
    stamps = Stamps(packed[:, 0], packed[:, 1], packed[:, 3] != 0, nowhere, table.time_base)
    if not follows_on(stamps, container=table.container):
        table = _in_parts(table, pulse)
        if table.parts is not None and len(table.parts.begins) > MAX_PARTS:
            raise DecodeError(f"{name} is damaged: its timestamps restart more than {MAX_PARTS:,} times")
    _refuse_endless(table, name)
    return table


def _refuse_endless(table: FrameTable, name: str) -> None:
    """Refuse a file that claims more footage, or more gaps in it, than anybody would look at, or none.

    Raises:
        DecodeError: It does.
    """
    ticks = int(table.pts[-1]) - int(table.pts[0]) + int(table.durations[-1])
    claimed = float(ticks * table.time_base)
    if claimed > MAX_CLAIMED_SECONDS:
        raise DecodeError(f"{name} is damaged: its frames span {claimed / 31_557_600:,.0f} years")
    gaps = len(table.gap_frames)
    if gaps > MAX_GAPS:
        raise DecodeError(
            f"{name} has {gaps:,} gaps of more than {GAP_SECONDS:g} s between its frames; "
            f"at most {MAX_GAPS:,} are read"
        )
    seconds = footage_seconds(table.duration_seconds, table.gaps)
    if seconds <= 0:
        raise DecodeError(f"{name} is damaged: its frames have no duration")
    if seconds > MAX_SECONDS:
        raise DecodeError(
            f"{name} claims to hold {seconds / 86_400:,.0f} days of footage; "
            f"at most {MAX_SECONDS / 86_400:.0f} are read"
        )


def _in_parts(table: FrameTable, pulse: Pulse) -> FrameTable:
    """Scan a file whose time stamps seem to start again once more, as they are, and put them on one clock."""
    columns: dict[int, array[int]] = {}  # of every stream, see below
    with open_video(table.path, raw_clock=True, times_only=True) as (container, stream):
        for count, packet in enumerate(packets(container)):
            if count % _PACKETS_PER_BEAT == 0:
                pulse.beat()
            ticks = packet.pts if packet.pts is not None else packet.dts
            if ticks is None or not packet.size or packet.is_discard:
                continue
            column = columns.setdefault(packet.stream_index, array("q"))
            _, before, *_, place = column[-_COLUMNS - 1 :] or (0, ticks, 0)
            dts = before if packet.dts is None else packet.dts
            place = place if packet.pos is None else max(packet.pos, place)
            column.extend((ticks, dts, packet.duration or 0, packet.is_keyframe, place))
        packed = {
            i: np.frombuffer(column, np.int64).reshape(-1, _COLUMNS + 1) for i, column in columns.items()
        }
        stamps = {
            index: Stamps(
                rows[:, 0],
                rows[:, 1],
                (rows[:, 3] != 0) & (index == stream.index),
                rows[:, 4],
                container.streams[index].time_base,
            )
            for index, rows in packed.items()
        }
        video = stamps.pop(stream.index)
        usual = int(np.median(np.diff(table.pts))) if len(table.pts) > 1 else int(table.durations[0])
        found = find_parts(video, list(stamps.values()), container=table.container, usual=usual)
        if found is None:
            return table
        parts, ticks = found
        rows = np.column_stack([ticks, packed[stream.index][:, 1:_COLUMNS]])
        pts, durations, keyframes, order = _columns(rows, stream)
    moved = replace(
        table,
        pts=pts,
        durations=durations,
        keyframes=keyframes,
        promised_seconds=None,
        parts=replace(parts, positions=video.positions[order[keyframes]]),
    )
    return replace(moved, read_seconds=moved.duration_seconds)


def why(exc: BaseException) -> str:
    """The cause in an exception of FFmpeg, without its error number and path."""
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return text.strip().splitlines()[0][:200]


def packets(container: Any, streams: Any = None, parts: Parts | None = None) -> Iterator[Any]:
    """Packets up to the end, or up to where the container can no longer be read.

    Args:
        container: Where to read; opened with ``raw_clock`` where there are parts.
        streams: Which streams; all when None.
        parts: Of the file, whose packets come with times on one clock.
    """
    import av

    try:
        some = container.demux(streams) if streams is not None else container.demux()
        yield from some if parts is None else parts.moved(some)
    except (av.FFmpegError, OSError) as exc:
        log.info("%s: reading stopped early: %s", display_name(container.name), why(exc))


def _video_stream(container: Any, name: str) -> Any:
    """FFmpeg's choice among the video streams; cover art does not count."""
    import av

    stream = container.streams.best("video")
    if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
        what = "audio only" if container.streams.audio else "no pictures"
        raise NotAVideoError(f"{name} contains no video stream ({what})")
    if stream.codec_context is None:
        raise DecodeError(f"{name} cannot be decoded: no decoder for its codec is known")
    width, height = stream.codec_context.width, stream.codec_context.height
    pixels = stream.codec_context.format
    size_bytes = width * height * (pixels.bits_per_pixel if pixels else _BITS_WHERE_UNKNOWN) // 8
    if width * height > MAX_PIXELS or size_bytes > MAX_PICTURE_BYTES:
        raise DecodeError(
            f"{name} has pictures of {width}x{height} pixels, {size_bytes / 1e6:,.0f} MB each; "
            f"at most {MAX_PIXELS:,} pixels and {MAX_PICTURE_BYTES / 1e6:,.0f} MB are decoded",
            hint="scale it down with ffmpeg",
        )
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def _columns(packed: np.ndarray, stream: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Packets in file order as columns in order of presentation: pts, durations, keyframe indices.

    The fourth column is the number of each frame's packet.
    """
    pts, first = np.unique(packed[:, 0], return_index=True)
    lengths, is_key = packed[first, 2], packed[first, 3]
    steps = np.diff(pts)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    usual = int(np.median(steps)) if len(steps) else max(1, round(1 / (rate * stream.time_base)))
    durations = shown_ticks(steps, usual, int(lengths[-1]), stream.time_base)
    keyframes = np.union1d([0], np.flatnonzero(is_key))
    return pts, durations, keyframes.astype(np.int64), first


def is_utf8(path: str) -> bool:
    """False for a name made of bytes that are no text, which FFmpeg cannot be given as a path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
