"""SMPTE 12M timecode: frame numbers to labels and back, with and without drop frame; pure.

Integers throughout: a day of 29.97 in floating point is off by a frame sooner or later. Drop frame leaves out
labels, never frames: the first two of each minute that is no tenth one at 29.97, the first four at 59.94.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from footage.core.errors import UsageError
from footage.media.frame_grid import shown

_LABEL = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d)", re.ASCII)
_DROPPING = (Fraction(30_000, 1001), Fraction(60_000, 1001))


@dataclass(frozen=True, slots=True)
class Counting:
    """How the frames of a video are counted."""

    rate: Fraction
    """Frames per second."""
    drop: bool = False
    """Whether labels are dropped so that the timecode keeps up with the clock; at 29.97 and 59.94 only."""

    def __post_init__(self) -> None:
        if self.drop and self.rate not in _DROPPING:
            raise ValueError(f"drop frame is not possible at {shown(self.rate)} fps")

    @property
    def nominal(self) -> int:
        """Labels per second: 24, 25, 30, ..."""
        return round(self.rate)

    @property
    def name(self) -> str:
        """Such as "25" or "29.97df"."""
        return shown(self.rate) + ("df" if self.drop else "")

    @property
    def day(self) -> int:
        """Frames after which the labels begin anew."""
        return 144 * self._ten_minutes

    @property
    def _dropped(self) -> int:
        """Labels left out in a minute that leaves out any."""
        return self.nominal // 15 if self.drop else 0

    @property
    def _ten_minutes(self) -> int:
        return 600 * self.nominal - 9 * self._dropped

    def label(self, frame: int) -> str:
        """The timecode of a frame, such as "01:00:00:00", or "01:00:00;02" with drop frame."""
        tens, rest = divmod(frame % self.day, self._ten_minutes)
        minute = 60 * self.nominal - self._dropped  # frames of a minute that leaves labels out
        short = max(0, rest - self._dropped) // minute if self.drop else 0
        number = frame % self.day + self._dropped * (9 * tens + short)
        seconds, frames = divmod(number, self.nominal)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return f"{clock}{';' if self.drop else ':'}{frames:02d}"

    def frame(self, label: str) -> int:
        """The number of the frame with a timecode; whether ":" or ";" comes last makes no difference.

        Raises:
            UsageError: It is no timecode, or there is none like it at this rate.
        """
        hours, minutes, seconds, frames = read_label(label)
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= self.nominal:
            raise UsageError(
                f"{label!r} is not a valid timecode at {self.name} fps.",
                hint=f"The maximum is 23 hours, 59 minutes, 59 seconds and frame {self.nominal - 1}.",
            )
        if self.drop and seconds == 0 and frames < self._dropped and minutes % 10:
            raise UsageError(
                f"{label!r} does not exist in drop-frame timecode.",
                hint=f"The first timecode of that minute is {label.strip()[:8]};{self._dropped:02d}.",
            )
        total = 60 * hours + minutes
        number = (60 * total + seconds) * self.nominal + frames
        return number - self._dropped * (total - total // 10)


def read_label(label: str) -> tuple[int, int, int, int]:
    """Hours, minutes, seconds and frames of a timecode; whether there is one like it depends on the rate.

    Raises:
        UsageError: It is no timecode at any rate.
    """
    match = _LABEL.fullmatch(label.strip())
    if match is None:
        raise UsageError(f"{label!r} is not a timecode.", hint="Write hh:mm:ss:ff, such as 01:00:00:00.")
    return int(match[1]), int(match[2]), int(match[3]), int(match[5])


def counting(rate: Fraction, *, timecode: str = "", drop: bool = True) -> Counting:
    """How a video of some rate is counted: as its own timecode is, else with drop frame where there is one.

    Args:
        rate: Frames per second.
        timecode: The video's own, if it has one.
        drop: Whether a video that does not say is counted with drop frame at 29.97 and 59.94.
    """
    if rate not in _DROPPING:
        return Counting(rate)
    return Counting(rate, drop=timecode[8:9] in (";", ".", ",") if timecode else drop)


def usual(parts: Iterable[tuple[Counting, float]]) -> Counting:
    """The counting that most of the time has; each part is a counting and its seconds, at least one."""
    seconds: dict[Counting, float] = {}
    for counted, length in parts:
        seconds[counted] = seconds.get(counted, 0.0) + length
    return max(seconds, key=lambda counted: seconds[counted])
