"""Puts the parts of a file whose time stamps do not follow one another on one clock; opens no file.

Recordings that were joined end to end start their clock again at every joint; a clock of 33 bits (MPEG) starts
again after 26.5 hours; a recorder whose clock is set jumps. Within a part all time stamps are shifted by the same
amount, so that each part begins where the one before it in the file ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

GAP_SECONDS = 30.0
"""Shortest time without a frame that is a gap: as long as a window of the default length. A shorter one leaves no
such window without a frame. Where frames are always far apart (see ``GAP_STEPS``) it takes more."""
GAP_STEPS = 10
"""A gap is longer than so many usual steps between frames: at a frame every 2 s 30 s are none yet, at a frame a
minute it takes more than 10 minutes."""
LONGEST_GAP_SECONDS = 7 * 24 * 3600
"""From here on a jump of the time stamps is not taken for a pause but for a clock that was set."""
_BACK_SECONDS = 0.2
"""Decoding times that go back by more than this have started again, also where no keyframe comes; muxers are off
by less."""
_WRAP = 1 << 33
"""MPEG program and transport streams count time modulo this many ticks (ISO/IEC 13818-1, 2.4.3.7)."""
_WRAP_SECONDS = 60.0
"""Time stamps that start again at 0 after they came this near to the wrap have wrapped; FFmpeg's own limit."""
WRAPPING = frozenset({"mpegts", "mpeg"})
"""Containers, as FFmpeg spells them, whose time stamps wrap; they can be sought by byte, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Where the parts of a file begin, and how far the time stamps of each are moved."""

    begins: np.ndarray
    """int64 (parts,), position in the file of the first packet of each part, in bytes; the first is 0."""
    shifts: np.ndarray
    """int64 (parts,), ticks of the video stream that are added to the time stamps of a part; the first is 0."""
    time_base: Fraction
    """Seconds per tick of the video stream."""
    wraps: bool
    """Whether time stamps count modulo ``_WRAP``."""
    joints: tuple[int, ...]
    """Times at which a part begins that does not follow from the one before, in ticks of the result; a wrap is
    none."""
    positions: np.ndarray
    """int64 (keyframes,), position in the file of the packet of each keyframe of the table, in bytes."""

    def moved(self, packets: Iterable[Any]) -> Iterable[Any]:
        """PyAV packets in file order with their time stamps on the one clock."""
        known: dict[int, int] = {}  # the part that each stream has reached; not every packet has a position
        for packet in packets:
            if packet.pos is not None:
                known[packet.stream_index] = int(np.searchsorted(self.begins, packet.pos, side="right")) - 1
            shift = int(self.shifts[known.get(packet.stream_index, 0)])
            if packet.time_base and packet.time_base != self.time_base:
                shift = round(shift * self.time_base / packet.time_base)
            if packet.pts is not None:
                pts = packet.pts if packet.dts is None else self._near(packet.pts, packet.dts)
                packet.pts = pts + shift
            if packet.dts is not None:
                packet.dts += shift
            yield packet

    def raw(self, keyframe: int, pts: int) -> int:
        """The time stamp in the file of a keyframe of the table, given its number and its time in ticks."""
        part = int(np.searchsorted(self.begins, self.positions[keyframe], side="right")) - 1
        return pts - int(self.shifts[part])

    def _near(self, pts: int, dts: int) -> int:
        return int(_nearest(np.int64(pts), np.int64(dts))) if self.wraps else pts


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
    return not (_joints(stamps) or bool((np.diff(stamps.dts) > longest / stamps.time_base).any()))


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
        return None

    # 1. How far each part is moved.
    edges = [0, *firsts, len(pts)]
    shifts, joints = [0], []
    moved = pts.copy()
    end = int(pts[: edges[1]].max()) + usual
    for first, past in zip(edges[1:-1], edges[2:], strict=True):
        over = int(video.dts[first] - video.dts[first - 1]) + _WRAP
        if wraps and 0 <= over <= _WRAP_SECONDS / video.time_base:
            shifts.append(shifts[-1] + _WRAP)
        else:
            shifts.append(end - int(pts[first:past].min()))
            joints.append(end)
        moved[first:past] += shifts[-1]
        end = max(end, int(moved[first:past].max()) + usual)

    # 2. Where each part begins: the other streams of it may begin before its pictures do.
    begins = [0, *(_begin(video, others, first) for first in firsts)]
    parts = Parts(
        begins=np.array(begins, np.int64),
        shifts=np.array(shifts, np.int64),
        time_base=video.time_base,
        wraps=wraps,
        joints=tuple(joints),
        positions=np.zeros(0, np.int64),
    )
    return parts, moved


def gap_mask(steps: np.ndarray, usual: int, time_base: Fraction) -> np.ndarray:
    """Which steps between frames are gaps, given the usual one; all in ticks."""
    mask: np.ndarray = steps > max(GAP_SECONDS / time_base, GAP_STEPS * usual)
    return mask


def _joints(stamps: Stamps) -> list[int]:
    """Numbers of the packets that a part begins with, but for the first part.

    Decoding times ascend. What is decoded before a keyframe is shown before it, so a keyframe that comes on
    earlier starts again, too, by however little.
    """
    found: list[int] = []
    edges = [0, *_jumps(stamps).tolist(), len(stamps.dts)]
    for first, past in zip(edges[:-1], edges[1:], strict=True):
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
    """Numbers of the packets whose decoding time does not follow from that of the packet before."""
    steps = np.diff(stamps.dts)
    odd = (steps < -_BACK_SECONDS / stamps.time_base) | (steps > LONGEST_GAP_SECONDS / stamps.time_base)
    return np.flatnonzero(odd) + 1


def _begin(video: Stamps, others: Sequence[Stamps], first: int) -> int:
    """Position of the first packet of the part whose first video packet is ``first``."""
    low, begin = int(video.positions[first - 1]), int(video.positions[first])
    for other in others:
        places = other.positions[_jumps(other)]
        begin = min([begin, *places[(places > low) & (places < begin)].tolist()])
    return begin


def _nearest(pts: Any, dts: Any) -> Any:
    """Presentation times that wrap, each as the one next to its decoding time."""
    return dts + (pts - dts + _WRAP // 2) % _WRAP - _WRAP // 2
