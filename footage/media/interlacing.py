"""Finds out whether the pictures of a file are interlaced; changes none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footage.core.timeout import Pulse
from footage.media import demux, frame_reader
from footage.media.deinterlace import FilterGraph, Interlacing

NEVER_INTERLACED = frozenset({"av1", "theora", "vp8", "vp9"})
"""Codecs that have no interlaced form."""
_PROGRESSIVE = 1
"""FFmpeg's AV_FIELD_PROGRESSIVE. 0 is unknown; those above are interlaced, and of them the even ones (TT, TB)
have the top field first."""
_SPOTS = (0.0, 0.5, 1.0)
"""Where in a file frames are looked at, as shares of its keyframes."""
_RUN = 8
"""Frames looked at in a row where only their content can tell."""


def detect(table: demux.FrameTable, pulse: Pulse) -> Interlacing:
    """Find out how a file is interlaced, by the flags of a few of its frames and by its header.

    A frame's own flag counts more than the header: the header may say "progressive" of a file that mixes
    both, and "interlaced" of progressive pictures in an interlaced container (PsF). Where the header says
    interlaced and no frame does (HEVC and Motion JPEG have no flag), FFmpeg's idet looks at the pictures;
    those in which nothing moves count as interlaced.

    Raises:
        VideoError: The file cannot be opened.
    """
    if table.codec in NEVER_INTERLACED:
        return ""
    with demux.open_video(table.path, raw_clock=table.parts is not None) as (container, stream):
        order = stream.codec_context.field_order
        said = order > _PROGRESSIVE
        last = len(table.keyframes) - 1
        spots = sorted({int(table.keyframes[round(share * last)]) for share in _SPOTS})
        runs = frame_reader.frames_at(container, stream, table, spots, _RUN if said else 1, pulse)
        if any(frame.interlaced_frame for run in runs for frame in run):
            return "by frame"
        if not said or _looks_progressive(runs):
            return ""
        return "bottom first" if order % 2 else "top first"


def _looks_progressive(runs: Sequence[Sequence[Any]]) -> bool:
    """Whether idet takes more of the frames for progressive than for interlaced."""
    progressive = interlaced = 0.0
    for run in runs:
        if not run:
            continue
        graph = FilterGraph(run[0], "idet")
        seen = [made for frame in (*run, None) for made in graph.take(frame)]
        counts = seen[-1].metadata if seen else {}
        progressive += float(counts.get("lavfi.idet.multiple.progressive", 0))
        interlaced += sum(float(counts.get(f"lavfi.idet.multiple.{each}", 0)) for each in ("tff", "bff"))
    return progressive > interlaced
