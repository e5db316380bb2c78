"""Chapters of one video as WebVTT; pure text."""

from __future__ import annotations

from collections.abc import Sequence

from footage.core.types import Span
from service.export.names import one_line
from service.export.overlaps import Marker, apart


def vtt(chapters: Sequence[tuple[Span, str]]) -> str:
    """A WebVTT file of chapters, in order and none over another.

    Args:
        chapters: When each is, in seconds of the video, and its title.
    """
    moments = [
        Marker(
            start := round(span.start_seconds * 1000),
            max(start + 1, round(span.end_seconds * 1000)),
            (title,),
        )
        for span, title in chapters
    ]
    lines = ["WEBVTT", ""]
    for number, moment in enumerate(apart(moments), 1):
        title = one_line(" / ".join(moment.names)) or f"Chapter {number}"
        lines += [str(number), f"{_clock(moment.start)} --> {_clock(moment.end)}", _escaped(title), ""]
    return "\n".join(lines)


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def _escaped(text: str) -> str:
    """As WebVTT wants it in a cue; with no ">" there is no "-->" either."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
