"""The frame grid of a video as editors count it: rate, counting of frames, start timecode; decodes nothing.

Editors know a handful of rates. A camera's 12.5 frames per second are counted as every second frame of 25; a
rate that is uneven is counted by the nearest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from footage.core.timeout import Pulse, supervise
from footage.media.audio_tracks import AudioTrack
from footage.media.containers import check, display_name
from footage.media.decode import open_source
from footage.media.demux import FrameTable
from footage.media.segment import read_streams
from footage.media.video import is_variable

RATES = (
    *(Fraction(24_000, 1001), Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(30)),
    *(Fraction(48), Fraction(50), Fraction(60_000, 1001), Fraction(60)),
)
"""Frame rates that editors count in, frames per second."""
_MOST_REPEATS = 6
"""Maximum ratio of the timecode rate to the frame rate: 10 fps is counted as every third frame of 30."""
_SAME_RATE = 0.0004
"""Rates that differ by less are one; 29.97 and 30 differ by 0.001."""
_HEADER_TRUSTED = 0.01
"""The header's rate counts while the frames bear it out this well: times rounded to milliseconds do not."""


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """One file, as an editor counts it."""

    table: FrameTable
    """Where its frames lie."""
    rate: Fraction
    """One of ``RATES``: what its frames are counted in."""
    timecode: str
    """Of the first frame, as the container has it; empty where there is none."""
    tracks: tuple[AudioTrack, ...]
    """Its audio tracks."""
    warnings: tuple[str, ...] = ()
    """Why counting it in frames is not exact, a sentence each."""

    def frame(self, ticks: int) -> int:
        """The number of the frame that begins at some ticks of the file, from 0, at ``rate``."""
        return round((ticks - int(self.table.pts[0])) * self.table.time_base * self.rate)


def read_grid(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> FrameGrid:
    """Find out how the frames of a file are counted.

    Raises:
        VideoError: It cannot be read.
    """
    absolute, _ = check(path)
    name = display_name(absolute)

    def work(pulse: Pulse) -> FrameGrid:
        table = open_source(absolute, pulse).table
        streams = read_streams(absolute)
        rate, exact = counted_in(measured_rate(table, streams.rate))
        warnings = []
        if is_variable(table):
            warnings.append(f"{name} has a variable frame rate; timecodes use {shown(rate)} fps")
        elif not exact:
            warnings.append(f"{name} has a non-standard frame rate; timecodes use {shown(rate)} fps")
        return FrameGrid(table, rate, streams.timecode, streams.tracks, tuple(warnings))

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def measured_rate(table: FrameTable, header: Fraction) -> Fraction:
    """Frames per second of a file: what its header says if its frames bear that out, else by its frames.

    Where frames are uneven the usual step decides: of a camera's 25 that skips what does not move, it is 25.
    """
    if len(table.pts) < 2:
        return header
    if is_variable(table):
        return 1 / (int(np.median(np.diff(table.pts))) * table.time_base)
    mean = (len(table.pts) - 1) / (int(table.pts[-1] - table.pts[0]) * table.time_base)
    return header if abs(header / mean - 1) <= _HEADER_TRUSTED else mean


def counted_in(rate: Fraction) -> tuple[Fraction, bool]:
    """The one of ``RATES`` that frames of some rate are counted in, and whether each falls on one of it."""
    for repeats in range(1, _MOST_REPEATS + 1):
        for known in RATES:
            if abs(rate * repeats / known - 1) < _SAME_RATE:
                return known, True
    return min(RATES, key=lambda known: abs(rate / known - 1)), False


def shown(rate: Fraction) -> str:
    """A rate as people write it: "23.976", "25", "29.97"."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")
