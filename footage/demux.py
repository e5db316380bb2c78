"""Reads containers through PyAV: where every frame lies in time, and frames when torchcodec gives up.

Knows neither windows nor models; times here are the container's own ticks. PyAV is imported here for reading;
modules that write video import it for that.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
import os
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from footage.clocktags import recorded_tag
from footage.containers import check, display_name
from footage.deinterlace import Interlacing, deinterlaced
from footage.errors import DecodeError, NotAVideoError
from footage.parts import WRAPPING, Parts, Stamps, find_parts, follows_on, shown_ticks
from footage.types import Span
from footage.watchdog import Pulse

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
_PACKETS_PER_BEAT = 256
_COLUMNS = 4
"""What is noted of a packet: time, decoding time, length, whether it is a keyframe."""
_STEPS_BACK = (0, 1, 4, 16, 64)
"""How many keyframes further back to seek when a seek lands too late."""
_REORDERED = 4
"""Most places by which times are out of order."""
_WORTH_SEEKING = 30
"""From so many frames in between on it is quicker to seek than to decode them."""
_REFERRED = "filter_units=discard=nonref:discard_flags=keep_non_vcl"
"""FFmpeg's bitstream filter that takes the pictures no other picture refers to out of the packets."""

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
    """When it was recorded according to its metadata (see ``footage.clocktags``); empty where unknown."""
    interlacing: Interlacing = ""
    """How its frames are interlaced, as far as known (see ``footage.interlacing``)."""
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


class InterlacedError(ValueError):
    """Frames turned out to be interlaced."""


class SoundFrame(NamedTuple):
    """Some sound, decoded."""

    stream_index: int
    """Which stream of the container it is of."""
    frame: Any
    """PyAV's frame, with the file's own times."""


class Decoded(NamedTuple):
    """One picture."""

    pts: int
    """Presentation time in ticks."""
    pixels: np.ndarray
    """uint8 (height, width, 3), RGB, in display orientation."""
    rotation_degrees: int
    """Counter-clockwise rotation that was applied."""
    damaged_packets: int
    """Packets up to here that did not decode."""
    size: tuple[int, int]
    """Width and height in its own pixels, in display orientation; ``pixels`` may be smaller."""


@dataclass(slots=True)
class Damage:
    """A count kept while decoding."""

    packets: int = 0
    """Packets that did not decode."""


@contextmanager
def open_video(path: str, *, raw_clock: bool = False) -> Iterator[tuple[Any, Any]]:
    """Open a file on the allow-list with the one reader its first bytes call for; nothing but local files.

    Args:
        path: The file.
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
    raw = None if is_utf8(absolute) else open(absolute, "rb")  # noqa: SIM115 (closed below, lives as long as the container)
    try:
        container = av.open(
            raw or absolute,
            format=demuxer,
            metadata_errors="replace",
            options={"max_pixels": str(MAX_PIXELS)},  # of every decoder that looks for what the header lacks
            container_options={"protocol_whitelist": "file", "correct_ts_overflow": str(int(not raw_clock))},
        )
    except (av.FFmpegError, OSError, ValueError) as exc:
        if raw:
            raw.close()
        if isinstance(exc, EOFError):
            raise DecodeError(f"{name} has not a single frame in it") from exc
        raise DecodeError(
            f"{name} cannot be opened: {why(exc)}",
            hint="the file may be damaged, or cut short before its index was written",
        ) from exc
    try:
        with container:
            yield container, _video_stream(container, name)
    finally:
        if raw:
            raw.close()


@contextmanager
def open_before(table: FrameTable, index: int) -> Iterator[tuple[Any, Any]]:
    """Open a file placed so that decoding reaches frame ``index`` with everything it needs.

    Some containers (transport streams) seek only roughly, so where a seek landed is looked at. Where no seek
    lands well, the file is read from its start.

    Yields:
        As ``open_video``.

    Raises:
        VideoError: As ``open_video``.
    """
    raw_clock = table.parts is not None
    with open_video(table.path, raw_clock=raw_clock) as (container, stream):
        if _seek(container, stream, table, index):
            yield container, stream
            return
    with open_video(table.path, raw_clock=raw_clock) as opened:
        yield opened


def read_table(path: str, pulse: Pulse) -> FrameTable:
    """Scan every packet once and note where each frame lies.

    Raises:
        VideoError: As ``open_video``; also when there are no frames at all, or too many.
    """
    name = display_name(path)
    with open_video(path) as (container, stream):
        rows = array("q")  # what is noted of one packet after the other (see _COLUMNS)
        decoded_at: int | None = None
        ends: dict[int, tuple[int, int]] = {}  # of every stream, in its own ticks
        left_bytes = _SAME_BYTES * os.path.getsize(path) + _SLACK_BYTES
        for count, packet in enumerate(packets(container)):
            if count % _PACKETS_PER_BEAT == 0:
                pulse.beat()
            dts = packet.dts
            ticks = packet.pts if packet.pts is not None else dts
            if ticks is None or not packet.size:
                continue
            left_bytes -= packet.size
            if left_bytes < 0:
                raise DecodeError(f"{name} is damaged: its index names the same bytes again and again")
            length, index = packet.duration or 0, packet.stream_index
            first, last = ends.get(index, (ticks, ticks))
            ends[index] = min(first, ticks), max(last, ticks + length)
            if index == stream.index and not packet.is_discard:
                decoded_at = dts if dts is not None else ticks if decoded_at is None else decoded_at
                rows.extend((ticks, decoded_at, length, packet.is_keyframe))
                if len(rows) > _COLUMNS * MAX_FRAMES:
                    raise DecodeError(
                        f"{name} holds more than {MAX_FRAMES:,} frames; footage reads no longer files"
                    )
        if not rows:
            raise DecodeError(f"{name} has not a single frame in it")
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
    if follows_on(stamps, container=table.container):
        return table
    return _in_parts(table, pulse)


def _in_parts(table: FrameTable, pulse: Pulse) -> FrameTable:
    """Scan a file whose time stamps seem to start again once more, as they are, and put them on one clock."""
    columns: dict[int, array[int]] = {}  # of every stream, see below
    with open_video(table.path, raw_clock=True) as (container, stream):
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


def decode(table: FrameTable, picks: Sequence[int], pulse: Pulse) -> Iterator[Decoded]:
    """Decode the picked frames; in place of one that does not decode comes the next that does.

    Args:
        table: Of the file; where it is interlaced, pictures are deinterlaced.
        picks: Ascending indices into the table.
        pulse: Beats once per packet.

    Yields:
        Pictures in ascending order, none later than the last pick; fewer when the file is damaged.
    """
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    wanted: list[int] = table.pts[list(picks)].tolist()
    end = wanted[-1] + int(table.durations[picks[-1]])
    position = 0
    damage = Damage()
    with open_before(table, before(table, picks[0])) as (container, stream):
        if table.interlacing:
            stream.codec_context.thread_type = "AUTO"
        frames = in_order(decoded(container, stream, pulse, damage, table.parts))
        for frame in deinterlaced(frames, table.interlacing):
            if frame.pts >= end:
                return
            if frame.pts < wanted[position]:
                continue
            yield _decoded(frame, reformatter, damage.packets)
            position = bisect_right(wanted, frame.pts)
            if position == len(wanted):
                return


def decode_sparse(
    table: FrameTable, picks: Sequence[int], pulse: Pulse, *, threads: int
) -> Iterator[Decoded]:
    """Decode the picked frames of H.264, and of the others only those that some frame refers to.

    Which frames are referred to stands in the packets (``nal_ref_idc`` is not 0), so the pictures are those
    that come when all are decoded.

    Args:
        table: Of the file.
        picks: Ascending indices into the table.
        pulse: Beats once per packet that is decoded.
        threads: Decoder threads.

    Yields:
        Pictures in the order in which the decoder brings them.

    Raises:
        InterlacedError: Frames are interlaced: their fields may lie in packets each.
        ValueError: A packet does not decode.
    """
    import av
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    try:
        with open_before(table, picks[0]) as (container, stream):
            stream.codec_context.thread_count = threads
            stream.codec_context.thread_type = "AUTO"
            for number, run in enumerate(_runs(table, picks)):
                if number and not _seek(container, stream, table, int(run[0])):
                    raise ValueError("it cannot be sought")
                wanted = set(table.pts[run].tolist())
                for packet in _needed(container, stream, wanted):
                    pulse.beat()
                    for frame in stream.decode(packet):
                        if frame.pts not in wanted:
                            continue
                        if frame.interlaced_frame:
                            raise InterlacedError("its frames are interlaced")
                        if frame.is_corrupt:
                            raise ValueError("its frames are damaged")
                        yield _decoded(frame, reformatter, 0)
    except av.FFmpegError as exc:
        raise ValueError(why(exc)) from exc


def packet_digests(table: FrameTable, spans: Sequence[Span], pulse: Pulse) -> list[str]:
    """A digest of the coded pictures of some spans: equal for equal pictures at equal times.

    Args:
        table: Of the file.
        spans: In video time; at least one.
        pulse: Beats once per packet.

    Returns:
        Hex digits (SHA-256) for each span; empty for one without frames, or of which not all can be read.

    Raises:
        VideoError: As ``open_video``.
    """
    times = table.times_seconds
    places = [np.searchsorted(times, (span.start_seconds, span.end_seconds)).tolist() for span in spans]
    places = [(first, past) for first, past in places]
    wanted = set().union(*(table.pts[first:past].tolist() for first, past in places))
    if not wanted:
        return [""] * len(places)
    last = max(wanted)
    seen: dict[int, Any] = {}
    with open_before(table, min(first for first, past in places if past > first)) as (container, stream):
        for packet in packets(container, stream):
            pulse.beat()
            ticks = packet.pts if packet.pts is not None else packet.dts
            if ticks in wanted:
                seen.setdefault(ticks, hashlib.sha256()).update(bytes(packet))
            elif ticks is not None and ticks > last and len(seen) == len(wanted):
                break
    found = []
    for first, past in places:
        whole = hashlib.sha256()
        ticks = table.pts[first:past].tolist()
        for tick in ticks:
            if tick in seen:
                whole.update(f"{tick - int(table.pts[0])} {seen[tick].hexdigest()}\n".encode())
        found.append(whole.hexdigest() if ticks and seen.keys() >= set(ticks) else "")
    return found


def before(table: FrameTable, index: int) -> int:
    """The frame from which on to decode for frame ``index``: deinterlacing needs the one before it, too."""
    return max(0, index - 1) if table.interlacing else index


def frames_at(
    container: Any, stream: Any, table: FrameTable, keyframes: Sequence[int], count: int, pulse: Pulse
) -> list[list[Any]]:
    """A few decoded frames from some keyframes on; none of those that cannot be reached or do not decode.

    Args:
        container: PyAV container, just opened.
        stream: Its video stream.
        table: Of the file.
        keyframes: Ascending indices of keyframes.
        count: Packets from each on.
        pulse: Beats once per packet.
    """
    import av

    runs: list[list[Any]] = []
    for number, index in enumerate(keyframes):
        if index and not _seek(container, stream, table, index):
            break
        if number:
            stream.codec_context.flush_buffers()
        run: list[Any] = []
        try:
            for packet in islice((each for each in packets(container, stream) if each.size), count):
                pulse.beat()
                run += packet.decode()
            run += stream.codec_context.decode(None)
        except av.FFmpegError as exc:
            log.info("%s: a packet does not decode: %s", display_name(container.name), why(exc))
        runs.append(run)
    return runs


def _runs(table: FrameTable, picks: Sequence[int]) -> list[np.ndarray]:
    """Picks in groups; from one group to the next it is worth seeking."""
    frames = np.asarray(picks)
    starts = table.keyframes[np.searchsorted(table.keyframes, frames, side="right") - 1]
    return np.split(frames, np.flatnonzero(starts[1:] - frames[:-1] > _WORTH_SEEKING) + 1)


def _needed(container: Any, stream: Any, wanted: set[int]) -> Iterator[Any]:
    """Packets up to the last wanted frame, without pictures that nobody needs; then None, which flushes."""
    from av import Packet
    from av.bitstream import BitStreamFilterContext

    left = set(wanted)
    referred = BitStreamFilterContext(_REFERRED, stream)
    for packet in container.demux(stream):
        if packet.pts in wanted:
            left.discard(packet.pts)
            referred.filter(Packet(bytes(packet)))  # the filter has to see every parameter set, too
            stream.codec_context.skip_frame = "DEFAULT"
            yield packet
        elif packet.size:
            stream.codec_context.skip_frame = "NONREF"  # a packet without its picture is no damage
            yield from referred.filter(packet)
        if not left:
            break
    stream.codec_context.skip_frame = "DEFAULT"
    yield None


def decoded(container: Any, streams: Any, pulse: Pulse, damage: Damage, parts: Parts | None) -> Iterator[Any]:
    """Every frame from the container's current place on, counting and skipping packets that do not decode.

    Yields:
        Frames of PyAV; those of sound as ``SoundFrame``.
    """
    import av

    for packet in packets(container, streams, parts):
        pulse.beat()
        try:
            frames = packet.decode()
        except av.FFmpegError as exc:
            damage.packets += 1
            log.info("%s: a packet does not decode: %s", display_name(container.name), why(exc))
            continue
        finally:
            if parts is not None and not packet.size:
                packet.stream.codec_context.flush_buffers()  # to go on with the next part
        for frame in frames:
            if frame.pts is not None:
                sound = isinstance(frame, av.AudioFrame)
                yield SoundFrame(packet.stream_index, frame) if sound else frame


def in_order(frames: Iterator[Any]) -> Iterator[Any]:
    """Frames with their times put in ascending order.

    Decoders bring pictures in the order they are shown, but a few old files (MPEG-4 packed into AVI) carry
    times that jump back and forth by a frame or two; sorted within a short queue, each picture gets its own.
    Sound passes as it is.
    """
    queue: deque[Any] = deque()
    ticks: list[int] = []
    for frame in frames:
        if isinstance(frame, SoundFrame):
            yield frame
            continue
        queue.append(frame)
        heapq.heappush(ticks, frame.pts)
        if len(queue) > _REORDERED:
            queue[0].pts = heapq.heappop(ticks)
            yield queue.popleft()
    for frame in queue:
        frame.pts = heapq.heappop(ticks)
        yield frame


def picture(frame: Any, reformatter: Any) -> np.ndarray:
    """A decoded PyAV frame as a uint8 array (height, width, 3), RGB, turned upright.

    The ``VideoReformatter`` is kept from frame to frame, as it takes longer to set up than to use.
    """
    turns = round(frame.rotation / 90) % 4
    width, height = within_large(frame.width, frame.height)
    upright = reformatter.reformat(frame, width=width, height=height, format="rgb24", threads=1)
    return np.ascontiguousarray(np.rot90(upright.to_ndarray(), turns))


def _decoded(frame: Any, reformatter: Any, damaged_packets: int) -> Decoded:
    turned = round(frame.rotation / 90) % 2
    size = (frame.height, frame.width) if turned else (frame.width, frame.height)
    return Decoded(frame.pts, picture(frame, reformatter), frame.rotation % 360, damaged_packets, size)


def within_large(width: int, height: int) -> tuple[int, int]:
    """The size of a picture in pixels, halved until it has at most ``LARGE_PIXELS``."""
    while width * height > LARGE_PIXELS:
        width, height = max(1, width // 2), max(1, height // 2)
    return width, height


def why(exc: BaseException) -> str:
    """The cause in an exception of FFmpeg, without its error number and path."""
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return text.strip().splitlines()[0][:200]


def _seek(container: Any, stream: Any, table: FrameTable, index: int) -> bool:
    """Go to the keyframe before a frame; False when that cannot be done, and the start is as good a place."""
    import av

    position = int(np.searchsorted(table.keyframes, index, side="right")) - 1
    needed = table.pts[table.keyframes[position]]
    for back in _STEPS_BACK:
        if position <= back:
            return False
        try:
            _go_to(container, stream, table, position - back)
            some = packets(container, stream, table.parts)
            landed = next((p for p in some if p.is_keyframe and p.pts is not None), None)
            if landed is not None and landed.pts <= needed:
                _go_to(container, stream, table, position - back)
                return True
        except av.FFmpegError as exc:
            log.info("%s: cannot seek: %s", display_name(container.name), why(exc))
            return False
    return False


def _go_to(container: Any, stream: Any, table: FrameTable, keyframe: int) -> None:
    """Seek to a keyframe, given its number: by its time, or by its place where times come twice."""
    ticks, parts = int(table.pts[table.keyframes[keyframe]]), table.parts
    if parts is None:
        container.seek(ticks, stream=stream)
    elif table.container in WRAPPING:
        container.seek(int(parts.positions[keyframe]), unsupported_byte_offset=True)
    else:
        container.seek(parts.raw(ticks), stream=stream)


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
        what = "audio only" if container.streams.audio else "no pictures of any kind"
        raise NotAVideoError(f"{name} holds no video stream ({what})")
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
