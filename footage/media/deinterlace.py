"""Deinterlaces decoded frames with FFmpeg's bwdif; knows no files, and not how a file is interlaced.

Cameras (AVCHD, DV) and broadcast record two half pictures, 1/50 s or 1/60 s apart, in the lines of one frame.
What moves shows as a comb then. One progressive picture is made of each frame, with the frame's own time, so
that times and numbers of frames stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

Interlacing = Literal["", "by frame", "top first", "bottom first"]
"""How the frames of a stream are interlaced: not at all; those whose own flag says so; or all of them, with
the top or the bottom field first."""

_BWDIF: dict[Interlacing, str] = {
    "by frame": "mode=send_frame:parity=auto:deint=interlaced",
    "top first": "mode=send_frame:parity=tff:deint=all",
    "bottom first": "mode=send_frame:parity=bff:deint=all",
}
_THREADS = 2


def deinterlaced(frames: Iterator[Any], interlacing: Interlacing) -> Iterator[Any]:
    """Pictures with their combs taken out, each with its own time; sound and progressive frames as they are.

    A picture comes once the one after it is there, because it is made of both its neighbours.

    Args:
        frames: Decoded by PyAV, in order of presentation.
        interlacing: How they are interlaced.
    """
    import av

    if not interlacing:
        yield from frames
        return
    graph: FilterGraph | None = None
    for frame in frames:
        if not isinstance(frame, av.VideoFrame):
            yield frame
            continue
        if graph is not None and not graph.fits(frame):
            yield from graph.take(None)
            graph = None
        graph = graph or FilterGraph(frame, "bwdif", _BWDIF[interlacing])
        yield from graph.take(frame)
    if graph is not None:
        yield from graph.take(None)


class FilterGraph:
    """One of FFmpeg's filters, for frames of one size and format."""

    def __init__(self, frame: Any, name: str, options: str = "") -> None:
        """Set up a filter.

        Args:
            frame: The first frame that it is to take.
            name: FFmpeg's name of the filter.
            options: Its options, as FFmpeg writes them.
        """
        from av.filter import Graph

        self._shape = _shape(frame)
        self._time_base: Fraction = frame.time_base
        self._graph = Graph()
        self._graph.threads = _THREADS
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        filtering, sink = self._graph.add(name, options), self._graph.add("buffersink")
        self._graph.link_nodes(source, filtering, sink)
        self._graph.configure()

    def fits(self, frame: Any) -> bool:
        """Whether a frame has the size and format that the filter was set up for."""
        return _shape(frame) == self._shape

    def take(self, frame: Any) -> Iterator[Any]:
        """The frames that are ready once a frame has gone in, or, for None, that were still held back."""
        import av

        self._graph.vpush(frame)
        while True:
            try:
                made: Any = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            made.pts = round(made.pts * made.time_base / self._time_base)  # bwdif counts in half ticks
            made.time_base = self._time_base
            yield made


def _shape(frame: Any) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
