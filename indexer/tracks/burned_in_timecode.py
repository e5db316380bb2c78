"""The timecode that is written into a picture, by its screen texts; pure, opens no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from footage.core.types import CaptionEvent, TextBox, Video
from indexer.tracks import clock_formats
from indexer.tracks.clock_formats import TimecodeReading

_BASES = (24, 25, 30, 48, 50, 60)
"""Frames a second that timecode counts in."""
_LEAST_READINGS = 3
_LEAST_SHARE = 0.6
_SLACK_FRAMES = 1
"""By how many frames readings of one timecode may differ: pictures of a variable rate fall between two."""
_CLEARLY_MORE = 1.2
_DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class BurnedInTimecode:
    """Timecode that is written into the picture."""

    start: str
    """Timecode of the first frame: HH:MM:SS:FF, with a semicolon before the frames for drop-frame."""
    frames_per_second: int
    """What it counts in; 30 for 29.97."""
    drop_frame: bool
    """Whether it leaves out numbers, as it is written."""
    region: TextBox
    """Where it stands."""
    readings: int
    """Readings that fit it."""


def read_timecode(events: Iterable[CaptionEvent], video: Video) -> BurnedInTimecode | None:
    """The timecode of a video's screen texts; None where none runs with the video, frame by frame."""
    best: BurnedInTimecode | None = None
    for event in events:
        readings = [
            (box.at_seconds, code)
            for box in event.boxes
            if (code := clock_formats.timecode(clock_formats.tidy(box.text))) is not None
        ]
        found = _fitted(readings, video, event.boxes[0]) if readings else None
        if found is not None and (best is None or found.readings > best.readings):
            best = found
    return best


def _fitted(
    readings: list[tuple[float, TimecodeReading]], video: Video, box: TextBox
) -> BurnedInTimecode | None:
    drop = sum(code.drop_frame for _, code in readings) * 2 > len(readings)
    frames = sorted(code.frames for _, code in readings)
    highest = frames[int(0.9 * (len(frames) - 1))]  # some are misread
    tried = [base for base in _BASES if base > highest] or [_BASES[-1]]
    nominal = round(video.fps)
    best: tuple[int, int, int] | None = None
    for base in sorted(tried, key=lambda each: abs(each - nominal)):
        rate = _rate(base, video.fps)
        dropping = drop and base % 30 == 0
        starts = Counter(
            frame_number(code, base, drop_frame=dropping) - round(at_seconds * rate)
            for at_seconds, code in readings
            if code.frames < base
        )
        if not starts:
            continue
        start, _ = starts.most_common(1)[0]
        agreeing = sum(count for each, count in starts.items() if abs(each - start) <= _SLACK_FRAMES)
        if best is None or agreeing > best[0] * _CLEARLY_MORE:  # the video's own rate where it fits as well
            best = agreeing, base, start
    if best is None:
        return None
    agreeing, base, start = best
    values = {code for _, code in readings}
    if agreeing < max(_LEAST_READINGS, _LEAST_SHARE * len(readings)) or len(values) < _LEAST_READINGS:
        return None
    dropping = drop and base % 30 == 0
    return BurnedInTimecode(spelled(start, base, drop_frame=dropping), base, dropping, box, agreeing)


def _rate(base: int, fps: float) -> Fraction:
    """The exact rate of a base: 30 counts 29.97 where the video has that."""
    whole = round(fps)
    is_slower = abs(fps - whole * 1000 / 1001) < abs(fps - whole)
    return Fraction(base * 1000, 1001) if is_slower else Fraction(base)


def frame_number(code: TimecodeReading, base: int, *, drop_frame: bool) -> int:
    """How many frames a timecode is after 00:00:00:00.

    Drop-frame timecode leaves out the first numbers of every minute but each tenth: 2 of 30, 4 of 60.
    """
    minutes = code.hours * 60 + code.minutes
    number = (minutes * 60 + code.seconds) * base + code.frames
    return number - (base // 15 * (minutes - minutes // 10) if drop_frame else 0)


def spelled(number: int, base: int, *, drop_frame: bool) -> str:
    """The timecode of a frame number, within one day."""
    dropped = base // 15 if drop_frame else 0
    ten_minutes = 600 * base - 9 * dropped
    number %= ten_minutes * 6 * _DAY_HOURS
    if dropped:
        tens, rest = divmod(number, ten_minutes)
        minute = 60 * base - dropped
        number += 9 * dropped * tens + dropped * max(0, (rest - dropped) // minute)
    seconds, frames = divmod(number, base)
    colon = ";" if drop_frame else ":"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{colon}{frames:02d}"
