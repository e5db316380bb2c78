"""Puts the parts of a file whose time stamps do not follow one another on one clock; opens no file.

Recordings that were joined end to end start their clock again at every joint; a clock of 33 bits (MPEG)
starts again after 26.5 hours; a recorder whose clock is set jumps. Within a part all time stamps are shifted
by the same amount, so that each part begins where the one before it in the file ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

GAP_SECONDS = 30.0
"""A longer time without a frame is a gap: as long as a window of the default length, so that no such window
is without a frame, however far apart the frames of a file claim to be. A frame before a gap is on show for
the usual time, and no longer than this."""
LONGEST_GAP_SECONDS = 7 * 24 * 3600
"""From here on a jump of the time stamps is not taken for a pause but for a clock that was set."""
_BACK_SECONDS = 0.2
"""Decoding times that go back by more than this have started again, also where no keyframe comes; muxers are
off by less."""
_WRAP = 1 << 33
"""MPEG program and transport streams count time modulo this many ticks (ISO/IEC 13818-1, 2.4.3.7)."""
_WRAP_SECONDS = 60.0
"""Time stamps that start again at 0 after they came this near to the wrap have wrapped; FFmpeg's own
limit."""
WRAPPING = frozenset({"mpegts", "mpeg"})
"""Containers, as FFmpeg spells them, whose time stamps wrap; they can be sought by byte, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Where the parts of a file begin, and how far the time stamps of each are moved."""

    begins: np.ndarray
    """int64 (parts,), where each part begins, ascending: the position of its first packet in the file, in
    bytes, or with ``by_time`` its first time stamp in the file, in ticks."""
    shifts: np.ndarray
    """int64 (parts,), ticks of the video stream that are added to the times of a part; the first is 0."""
    time_base: Fraction
    """Seconds per tick of the video stream."""
    joints: tuple[int, ...]
    """When parts begin that do not follow from the one before, in ticks of the result; a wrap is none."""
    wraps: bool = False
    """Whether time stamps count modulo ``_WRAP``."""
    by_time: bool = False
    """Whether time stamps ascend throughout the file, so that they identify the part for seeking."""
    positions: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """int64 (keyframes,), position in the file of the packet of each keyframe of the table, in bytes."""

    def moved(self, packets: Iterable[Any]) -> Iterator[Any]:
        """PyAV packets in file order with their time stamps on the one clock.

        Before another part comes an empty packet, which makes the decoder bring what it still holds.
        """
        from av import Packet

        reached: dict[int, int] = {}  # the part of the last packet, by stream
        for packet in packets:
            part, before = self._part(packet), reached.get(packet.stream_index)
            part = (before or 0) if part is None else part
            if before not in (None, part) and not self.by_time:
                flush = Packet()
                flush.stream, flush.time_base = packet.stream, packet.time_base
                yield flush
            reached[packet.stream_index] = part
            if packet.pts is not None:
                packet.pts = self._near(packet.pts, packet.dts) + self._shift(part, packet)
            if packet.dts is not None:
                packet.dts += self._shift(part, packet)
            yield packet

    def raw(self, pts: int) -> int:
        """The time stamp in the file of a time in ticks, where time stamps ascend throughout the file."""
        part = int(np.searchsorted(self.begins + self.shifts, pts, side="right")) - 1
        return pts - int(self.shifts[max(0, part)])

    def _part(self, packet: Any) -> int | None:
        """The part of a packet; None where it does not say, which is then that of the one before."""
        place = packet.pos
        if self.by_time:
            ticks = packet.pts if packet.pts is not None else packet.dts
            place = None if ticks is None else ticks * packet.time_base / self.time_base
        return None if place is None else max(0, int(np.searchsorted(self.begins, place, side="right")) - 1)

    def _shift(self, part: int, packet: Any) -> int:
        ticks: int = round(int(self.shifts[part]) * self.time_base / packet.time_base)
        return ticks

    def _near(self, pts: int, dts: int | None) -> int:
        return pts if dts is None or not self.wraps else int(_nearest(np.int64(pts), np.int64(dts)))


@dataclass(frozen=True, slots=True, eq=False)
class Stamps:
    """The time stamps of the packets of one stream, in file order, as they stand in the file."""

    pts: np.ndarray
    """int64 (packets,), presentation times in ticks."""
    dts: np.ndarray
    """int64 (packets,), decoding times in ticks."""
    is_key: np.ndarray
    """bool (packets,), which begin with a keyframe; all False where that tells nothing, as of sound."""
    positions: np.ndarray
    """int64 (packets,), positions in the file in bytes, ascending."""
    time_base: Fraction
    """Seconds per tick."""


def follows_on(stamps: Stamps, *, container: str) -> bool:
    """Whether the packets of a stream may have one clock: no time stamp goes back, or jumps very far.

    A jump of a clock that wraps, as FFmpeg reports it, may hide one that goes back.

    Args:
        stamps: As FFmpeg reports them.
        container: FFmpeg's name of the container.
    """
    longest = GAP_SECONDS if container in WRAPPING else LONGEST_GAP_SECONDS
    return not (_joints(stamps) or bool((np.diff(stamps.pts) > longest / stamps.time_base).any()))


def find_parts(
    video: Stamps, others: Sequence[Stamps], *, container: str, usual: int
) -> tuple[Parts, np.ndarray] | None:
    """Find where time stamps start again, and put the parts one after the other in the order of the file.

    Args:
        video: Of the video stream, not corrected for wraps.
        others: Of the other streams, likewise.
        container: FFmpeg's name of the container.
        usual: Ticks from one frame to the next, as a rule.

    Returns:
        The parts, without positions of keyframes, and int64 (packets,), the presentation times of the video
        packets on the one clock; None where there is one part only.
    """
    wraps = container in WRAPPING
    pts = _nearest(video.pts, video.dts) if wraps else video.pts
    video = replace(video, pts=pts)
    firsts = _joints(video)
    if not firsts:
        return _set_forward(video, usual)

    # 1. How far each part is moved.
    shifts, joints = [0], []
    moved = pts.copy()
    end = _end(pts[: firsts[0]], usual)
    for first, past in pairwise([*firsts, len(pts)]):
        over = int(video.dts[first] - video.dts[first - 1]) + _WRAP
        if wraps and 0 <= over <= _WRAP_SECONDS / video.time_base:
            shifts.append(shifts[-1] + _WRAP)
        else:
            shifts.append(end - int(pts[first:past].min()))
            joints.append(end)
        moved[first:past] += shifts[-1]
        end = max(end, _end(moved[first:past], usual))

    # 2. Where each part begins: the other streams of it may begin before its pictures do.
    begins = [0, *(_begin(video, others, first) for first in firsts)]
    parts = Parts(
        np.array(begins, np.int64), np.array(shifts, np.int64), video.time_base, tuple(joints), wraps=wraps
    )
    return parts, moved


def _set_forward(video: Stamps, usual: int) -> tuple[Parts, np.ndarray] | None:
    """The parts of a file whose clock was set forward by very much, without what lies between them."""
    times = np.unique(video.pts)
    jumps = np.flatnonzero(np.diff(times) > LONGEST_GAP_SECONDS / video.time_base)
    if not len(jumps):
        return None
    begins = np.append(np.iinfo(np.int64).min, times[jumps + 1])
    shifts = np.append(0, np.cumsum(usual - (times[jumps + 1] - times[jumps])))
    moved = video.pts + shifts[np.searchsorted(begins, video.pts, side="right") - 1]
    joints = tuple((begins + shifts)[1:].tolist())
    return Parts(begins, shifts, video.time_base, joints, by_time=True), moved


def shown_ticks(steps: np.ndarray, usual: int, last: int, time_base: Fraction) -> np.ndarray:
    """How long each frame is on show, at least a tick, gaps left out; all in ticks.

    Args:
        steps: int64 (frames - 1,), from each frame to the next.
        usual: The usual step.
        last: How long the last frame is on show as the file has it; 0 where it does not say.
        time_base: Seconds per tick.
    """
    longest = max(1, int(GAP_SECONDS / time_base))
    usual = max(1, min(usual, longest))
    last = last if 0 < last <= longest else usual if len(steps) or last <= 0 else longest
    shown: np.ndarray = np.append(np.where(steps > longest, usual, steps), last)
    return shown


def _joints(stamps: Stamps) -> list[int]:
    """Numbers of the packets that a part begins with, but for the first part.

    Decoding times ascend. What is decoded before a keyframe is shown before it, so a keyframe that comes on
    earlier starts again, too, by however little.
    """
    found: list[int] = []
    edges = [0, *_jumps(stamps).tolist(), len(stamps.dts)]
    for first, past in pairwise(edges):
        if first:
            found.append(first)
        while len(keys := np.flatnonzero(stamps.is_key[first:past])):
            pts = stamps.pts[first:past]
            early = keys[pts[keys] < np.maximum.accumulate(pts)[keys]]
            if not len(early):
                break
            first += int(early[0])
            found.append(first)
    return found


def _jumps(stamps: Stamps) -> np.ndarray:
    """Numbers of the packets whose decoding time lies before that of the packet before."""
    return np.flatnonzero(np.diff(stamps.dts) < -_BACK_SECONDS / stamps.time_base) + 1


def _begin(video: Stamps, others: Sequence[Stamps], first: int) -> int:
    """Position of the first packet of the part whose first video packet is ``first``."""
    low, begin = int(video.positions[first - 1]), int(video.positions[first])
    for other in others:
        places = other.positions[_jumps(other)]
        begin = min([begin, *places[(places > low) & (places < begin)].tolist()])
    return begin


def _end(pts: np.ndarray, usual: int) -> int:
    """When the last frame of a part goes off, given the usual step between frames for a part of one frame."""
    steps = np.diff(np.unique(pts))
    return int(pts.max()) + (int(np.median(steps)) if len(steps) else usual)


def _nearest(pts: Any, dts: Any) -> Any:
    """Presentation times that wrap, each as the one next to its decoding time."""
    return dts + (pts - dts + _WRAP // 2) % _WRAP - _WRAP // 2
