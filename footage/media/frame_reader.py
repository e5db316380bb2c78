"""Reads frames through PyAV where torchcodec does not serve, and packets from anywhere in a file.

Knows neither windows nor models; times here are ticks of the file's ``FrameTable``.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from footage.core.timeout import Pulse
from footage.core.types import Span
from footage.media.containers import display_name
from footage.media.deinterlace import deinterlaced
from footage.media.demux import LARGE_PIXELS, FrameTable, open_video, packets, why
from footage.media.discontinuities import WRAPPING, Parts

_STEPS_BACK = (0, 1, 4, 16, 64)
"""How many keyframes further back to seek when a seek lands too late."""
_REORDERED = 4
"""Most places by which times are out of order."""
_WORTH_SEEKING = 30
"""Minimum gap, in frames, for a seek to be faster than decoding."""
_MOST_LATE = 512
"""Packets after the end of what is wanted that are tried at most: decoders bring a picture after 64 or so."""
_REFERRED = "filter_units=discard=nonref:discard_flags=keep_non_vcl"
"""FFmpeg's bitstream filter that takes the pictures no other picture refers to out of the packets."""

log = logging.getLogger(__name__)


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


class SoundFrame(NamedTuple):
    """Some sound, decoded."""

    stream_index: int
    """Which stream of the container it is of."""
    frame: Any
    """PyAV's frame, with the file's own times."""


@dataclass(slots=True)
class Damage:
    """A count kept while decoding."""

    packets: int = 0
    """Packets that did not decode."""


class InterlacedError(ValueError):
    """Frames turned out to be interlaced."""


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
        frames = in_order(decoded(container, stream, pulse, damage, table.parts, until=end))
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
                    raise ValueError("it is not seekable")
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


def decoded(
    container: Any, streams: Any, pulse: Pulse, damage: Damage, parts: Parts | None, *, until: float
) -> Iterator[Any]:
    """Every frame from the container's current place on, counting and skipping packets that do not decode.

    Args:
        container: PyAV container.
        streams: The video stream, or a list that it is the first of.
        pulse: Beats once per packet.
        damage: Counts what does not decode.
        parts: Of the file.
        until: When the caller has all it wants, in ticks of the video stream. Where nothing decodes from
            there on, only some more packets are tried.

    Yields:
        Frames of PyAV; those of sound as ``SoundFrame``.
    """
    import av

    video = streams[0] if isinstance(streams, list) else streams
    late = 0
    for packet in packets(container, streams, parts):
        pulse.beat()
        try:
            frames = packet.decode()
        except av.FFmpegError as exc:
            damage.packets += 1
            log.info("%s: a packet does not decode: %s", display_name(container.name), why(exc))
            frames = []
        finally:
            if parts is not None and not packet.size:
                packet.stream.codec_context.flush_buffers()  # to go on with the next part
        for frame in frames:
            if frame.pts is not None:
                sound = isinstance(frame, av.AudioFrame)
                yield SoundFrame(packet.stream_index, frame) if sound else frame
        ticks = packet.dts if packet.dts is not None else packet.pts
        late += packet.stream_index == video.index and ticks is not None and ticks >= until
        if late > _MOST_LATE:
            log.info("%s: nothing more decodes", display_name(container.name))
            break


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


def _runs(table: FrameTable, picks: Sequence[int]) -> list[np.ndarray]:
    """Picks in groups; from one group to the next it is worth seeking."""
    frames = np.asarray(picks)
    starts = table.keyframes[np.searchsorted(table.keyframes, frames, side="right") - 1]
    return np.split(frames, np.flatnonzero(starts[1:] - frames[:-1] > _WORTH_SEEKING) + 1)


def _needed(container: Any, stream: Any, wanted: set[int]) -> Iterator[Any]:
    """Packets up to the last wanted frame, without pictures that nobody needs; then None, which flushes."""
    from av import Packet
    from av.bitstream import BitStreamFilterContext

    left, codec = set(wanted), stream.codec_context
    referred = BitStreamFilterContext(_REFERRED, stream)
    codec.skip_frame = skips = "NONREF"  # a packet without its picture is no damage
    for packet in container.demux(stream):
        its_own = packet.pts in wanted
        needed = "DEFAULT" if its_own else "NONREF"
        if skips != needed:  # setting it takes longer than comparing
            codec.skip_frame = skips = needed
        if its_own:
            left.discard(packet.pts)
            referred.filter(Packet(bytes(packet)))  # the filter has to see every parameter set, too
            yield packet
        elif packet.size:
            yield from referred.filter(packet)
        if not left:
            break
    codec.skip_frame = "DEFAULT"
    yield None


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
