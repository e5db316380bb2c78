"""Readings of clocks as the screen-text track brings them, made up for tests."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from footage.core.types import CaptionEvent, File, Span, TextBox, Video
from indexer.tracks.text_sightings import range_text

UNAMBIGUOUS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d %H.%M.%S",
    "%Y-%m-%d %I:%M:%S %p",
    "%d-%b-%Y %H:%M:%S",
    "%d %B %Y %H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
    "%Y年%m月%d日 %H:%M:%S",
    "CAM 02 %Y-%m-%d %H:%M:%S GATE",
    "%Y-%m-%d %a %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y%m%d %H%M%S",
    "%H:%M:%S %Y-%m-%d",
)
"""Clocks of cameras whose dates can be read in one way."""
FORMATS = (
    *UNAMBIGUOUS,
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%m-%d-%Y %a %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y  %H:%M:%S",
    "%d/%m/%y %H:%M:%S",
    "%y-%m-%d %H:%M:%S",
    "%H:%M:%S %d/%m/%Y",
)
"""All of them."""
_BOX = (0.1, 0.05, 0.5, 0.1)


def readings_of(
    show: Callable[[float], str],
    seconds: float,
    *,
    every: float = 0.25,
    begin: float = 0.0,
    misread: float = 0.0,
    rng: random.Random | None = None,
) -> list[tuple[float, str]]:
    """What is read of a clock, some of it with one wrong digit."""
    rng = rng or random.Random(0)
    readings = []
    for number in range(int(seconds / every)):
        at_seconds = begin + number * every
        text = show(at_seconds)
        digits = [place for place, char in enumerate(text) if char.isdigit()]
        if digits and rng.random() < misread:
            place = rng.choice(digits)
            text = text[:place] + rng.choice("0123456789OIl") + text[place + 1 :]
        readings.append((at_seconds, text))
    return readings


def event_of(readings: Sequence[tuple[float, str]]) -> CaptionEvent:
    """The event of a number that runs."""
    boxes = tuple(TextBox(at_seconds, *_BOX, text or "-") for at_seconds, text in readings)
    text = range_text(readings[0][1], readings[-1][1])
    return CaptionEvent(Span(readings[0][0], readings[-1][0] + 0.25), text, 0.99, boxes=boxes)


def video_of(seconds: float, *, fps: float = 25.0, created_at: str = "") -> Video:
    """A video of a length."""
    return Video("c", seconds, 640, 360, fps, "h264", created_at=created_at)


def file_named(name: str) -> File:
    """A file with a name and nothing else."""
    return File(f"/footage/{name}", "c")
