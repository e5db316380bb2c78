"""The clock that a camera burns into its picture, and overlays that only look like one; seeded, with truth.

Formats are those of the on-screen displays of common recorders. Where the order of day and month is open, the
clock runs on a day after the 12th, unless the weekday settles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from footage.synthetic.lettering import Colour, DrawnText, lay_text, lettering

Corner = Literal["top left", "top right", "bottom left", "bottom right"]
DecoyKind = Literal["stopwatch", "countdown", "frozen clock", "score", "counter", "number", "timecode"]

FORMATS: tuple[str, ...] = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%m-%d-%Y %a %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%d %b %Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%Y-%m-%d\n%H:%M:%S",
)
"""How the clock is written, in the notation of strftime."""
_EITHER_ORDER = ("%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y")
"""Dates in which day and month may be taken for each other."""
CORNERS: tuple[Corner, ...] = ("top left", "top right", "bottom left", "bottom right")
DECOYS: tuple[DecoyKind, ...] = (
    "stopwatch", "countdown", "frozen clock", "score", "counter", "number", "timecode",
)  # fmt: skip
"""Overlays that are no clock: time since the start, time to the end, a time that stands still, the score of a
match, a counter of pieces, a number of a camera, and a timecode that counts frames from one hour."""
LOOKS: tuple[tuple[Colour, Colour | None, Colour | None], ...] = (
    ((255, 255, 255), None, (0, 0, 0)),
    ((255, 255, 255), (0, 0, 0), None),
    ((255, 240, 90), None, (0, 0, 0)),
    ((20, 20, 20), (235, 235, 235), None),
)
"""Letters, board and rim."""
_FONTS = ("mono", "mono bold", "sans", "sans bold", "grotesque")
_SIZES = (0.036, 0.055)  # of the picture's height: 17 to 26 pixels of 480
_MARGIN = 0.025
_TIMECODE_FPS = 25


@dataclass(frozen=True, slots=True)
class Overlay:
    """How an overlay looks, and where it is."""

    corner: Corner
    """Its corner of the picture."""
    font: str
    """One of ``lettering.FONTS``."""
    size: float
    """Height of its letters, as a share of the picture's height."""
    look: int
    """Index into LOOKS."""

    def lay(self, frame: NDArray[np.uint8], text: str) -> None:
        """Write text into the frame."""
        height, width = frame.shape[:2]
        drawn = self.picture(text, height)
        side, edge = round(_MARGIN * width), round(_MARGIN * height)
        left = side if self.corner.endswith("left") else width - side - drawn.width
        top = edge if self.corner.startswith("top") else height - edge - drawn.height
        lay_text(frame, drawn, left=left, top=top)

    def picture(self, text: str, height: int) -> DrawnText:
        """The text as it is laid over a frame of this height."""
        colour, ground, rim = LOOKS[self.look]
        size = max(9, round(self.size * height))
        return lettering(
            text, font=self.font, size=size, colour=colour, ground=ground, rim=rim, margin=size // 4
        )


@dataclass(frozen=True, slots=True)
class BurnedInClock:
    """A running clock in the picture."""

    starts_at: datetime
    """Wall clock of the first frame, to the millisecond, without a zone: cameras show none."""
    format: str
    """One of FORMATS."""
    overlay: Overlay
    """Its look and corner."""
    rate: float = 1.0
    """Clock seconds for each second of video time; not 1 where the clock drifts against the frames."""
    jump_at_seconds: float = 0.0
    """Video time of its jump."""
    jump_seconds: float = 0.0
    """By how much it is put forward (or back) there; 0 for a clock that does not jump."""

    def shown_at(self, at_seconds: float) -> datetime:
        """The wall clock at one time of the video."""
        jump = self.jump_seconds if self.jump_seconds and at_seconds >= self.jump_at_seconds else 0.0
        return self.starts_at + timedelta(seconds=at_seconds * self.rate + jump)

    def text_at(self, at_seconds: float) -> str:
        """What is to be read at one time of the video."""
        return self.shown_at(at_seconds).strftime(self.format)

    def truth(self) -> dict[str, Any]:
        """The clock, ready for JSON."""
        entry: dict[str, Any] = {"first_frame": self.starts_at.isoformat(timespec="milliseconds")}
        entry |= {"format": self.format, "corner": self.overlay.corner, "rate": self.rate}
        if self.jump_seconds:
            entry |= {"jump_at": self.jump_at_seconds, "jump_seconds": self.jump_seconds}
        return entry


@dataclass(frozen=True, slots=True)
class Decoy:
    """An overlay that is no clock."""

    kind: DecoyKind
    """What it is."""
    overlay: Overlay
    """Its look and corner."""
    seed: int
    """Decides its numbers."""

    def text_at(self, at_seconds: float) -> str:
        """What is to be read at one time of the video."""
        rng = np.random.default_rng(self.seed)
        number = int(rng.integers(3, 900))
        if self.kind == "stopwatch":
            return _hours(at_seconds + number)
        if self.kind == "countdown":
            return _hours(max(0.0, 60 + number - at_seconds))
        if self.kind == "frozen clock":
            return _moment(rng).strftime(FORMATS[int(rng.integers(2))])
        if self.kind == "score":
            goals = [int(at_seconds // (11 + rng.integers(20))) for _ in range(2)]
            return f"HOME {goals[0]} : {goals[1]} AWAY"
        if self.kind == "counter":
            return f"{number + int(at_seconds * (1 + number % 4)):06d}"
        if self.kind == "timecode":
            frames = int(at_seconds * _TIMECODE_FPS)
            return f"{_hours(3600 + frames // _TIMECODE_FPS)}:{frames % _TIMECODE_FPS:02d}"
        return f"CAM {number:03d}"


def random_clock(rng: np.random.Generator, *, duration_seconds: float) -> BurnedInClock:
    """Some clock: one in five drifts against the frames, one in five jumps once."""
    style = FORMATS[int(rng.integers(len(FORMATS)))]
    starts_at = _moment(rng)
    if style.startswith(_EITHER_ORDER) and "%a" not in style and starts_at.day <= 12:
        starts_at += timedelta(days=12)
    oddity = rng.random()
    rate, jump_at, jump = 1.0, 0.0, 0.0
    if oddity < 0.2:
        rate = 1 + float(rng.choice([-1, 1])) * float(rng.uniform(0.002, 0.01))
    elif oddity < 0.4:
        jump_at = round(float(rng.uniform(0.3, 0.7)) * duration_seconds, 2)
        jump = float(rng.choice([-1, 1])) * float(rng.integers(3, 240))
    return BurnedInClock(starts_at, style, random_overlay(rng), round(rate, 5), jump_at, jump)


def random_decoy(rng: np.random.Generator) -> Decoy:
    """Some overlay that is no clock."""
    kind = DECOYS[int(rng.integers(len(DECOYS)))]
    return Decoy(kind, random_overlay(rng), int(rng.integers(2**31)))


def random_overlay(rng: np.random.Generator) -> Overlay:
    """Some look in some corner."""
    return Overlay(
        CORNERS[int(rng.integers(len(CORNERS)))],
        _FONTS[int(rng.integers(len(_FONTS)))],
        float(rng.uniform(*_SIZES)),
        int(rng.integers(len(LOOKS))),
    )


def draw_overlays(
    frame: NDArray[np.uint8], overlays: Sequence[BurnedInClock | Decoy], at_seconds: float
) -> None:
    """Draw clocks and decoys as they are at one time."""
    for each in overlays:
        each.overlay.lay(frame, each.text_at(at_seconds))


def _moment(rng: np.random.Generator) -> datetime:
    """Some moment of the years 2018 to 2026."""
    first = datetime(2018, 1, 1, tzinfo=UTC).timestamp()
    last = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    moment = datetime.fromtimestamp(round(float(rng.uniform(first, last)), 3), UTC)
    return moment.replace(tzinfo=None)


def _hours(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
