"""Output of segments and moments, for all commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ui.cli import console

if TYPE_CHECKING:
    from footage.core.types import Span


def note_unseen(unseen: Iterable[tuple[Span, str]]) -> None:
    """Print on stderr which windows could not be read, and why."""
    for span, problem in unseen:
        where = f"{times(span)}, {console.plain(problem)}"
        console.notes().print(f"Not read: {where}", soft_wrap=True)


def name_and_times(name: str, span: Span, *, is_image: bool) -> str:
    """Reads "gate.mp4 0:01.0 - 0:03.5"; of an image the name alone."""
    return console.plain(name) if is_image else f"{console.plain(name)} {times(span)}"


def times(span: Span) -> str:
    """Reads "0:01.0 - 0:03.5", or one time for a moment."""
    from footage.core.timecode import format_time

    start = format_time(span.start_seconds)
    return f"{start} - {format_time(span.end_seconds)}" if span.duration_seconds else start
