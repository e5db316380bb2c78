"""Signs and banners in drawn footage: seeded texts at known times and places; knows nothing of sound.

As with what is said, texts come from few patterns and short lists, so that each has neighbours that differ in
one word or number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from footage.synthetic.lettering import Colour, DrawnText, lay_text, lettering

Movement = Literal["static", "banner", "moving"]

LISTS: dict[str, tuple[str, ...]] = {
    "number": tuple(str(number) for number in (2, 3, 4, 5, 7, 8, 9, 12, 14, 16, 23, 25, 31, 46, 58, 64, 79)),
    "letter": tuple("ABCDEF"),
    "city": (
        "Denver", "Boston", "Chicago", "Paris", "Berlin", "Madrid", "London", "Oxford", "Vienna", "Houston",
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "street": ("Market", "Station", "Church", "Garden", "Bridge", "Harbour", "Castle", "Mill"),
    "shop": ("Bakery", "Pharmacy", "Bookshop", "Barber", "Cinema", "Museum", "Library", "Theatre"),
    "action": ("parking", "smoking", "entry", "fishing", "swimming", "cycling"),
    "hazard": ("Wet floor", "Falling rocks", "Strong current", "Road works", "High voltage", "Loose gravel"),
    "name": ("Miller", "Turner", "Baker", "Fisher", "Carter", "Mason", "Cooper"),
}  # fmt: skip
"""The words that fill the gaps of PATTERNS, by the name of the gap."""
PATTERNS: tuple[str, ...] = (
    "Platform {number}",
    "Exit {number}",
    "Gate {letter}{number}",
    "Room {number}",
    "{city} {number} km",
    "Welcome to {city}",
    "No {action}",
    "{shop} open on {day}",
    "{shop} closed on {day}",
    "{street} Street",
    "Caution: {hazard}",
    "Vote for {name}",
    "{name} and Sons",
    "Sale {number}% off",
    "Bus {number} to {street} Street",
)
"""The texts; each word in braces is one of the list of that name."""
COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((255, 255, 255), (12, 92, 46)),
    ((255, 255, 255), (20, 62, 150)),
    ((20, 20, 24), (250, 206, 30)),
    ((24, 24, 28), (242, 242, 238)),
    ((255, 255, 255), (170, 24, 28)),
    ((255, 220, 60), (28, 28, 32)),
    ((120, 20, 30), (238, 226, 200)),
)
"""Letters and board."""
FONTS: tuple[str, ...] = ("sans", "sans bold", "narrow", "grotesque", "serif", "mono bold", "pillow")
"""Styles of letters, of ``lettering.FONTS``."""
SIZES = (0.045, 0.085)
"""Smallest and largest letters, as shares of the picture's height (22 to 41 pixels of 480)."""
SHORTEST_SECONDS = 3.0
"""Shortest time that a banner or a moving sign is on show."""

_GAP = re.compile(r"\{(\w+)\}")
_ROWS = (0.18, 0.33, 0.48)
"""Where signs hang: upper edges, as shares of the height, clear of the corners of clocks."""
_BANNER_ROW = 0.71


@dataclass(frozen=True, slots=True)
class SignText:
    """What a sign says, and what of it came from a list."""

    text: str
    """The words as they are written."""
    pattern: str
    """The pattern they were made of, with its gaps."""
    filled: tuple[tuple[str, str], ...]
    """For each gap, in order, the list and the word chosen from it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A text in the picture for one stretch of time."""

    what: SignText
    """What it says."""
    movement: Movement
    """A sign that hangs there, a banner at the foot of the picture, or a sign that crosses the picture."""
    start_seconds: float
    """When it comes into view, in video time."""
    end_seconds: float
    """When it is gone (half-open)."""
    font: str
    """One of FONTS."""
    size: float
    """Height of its letters, as a share of the picture's height."""
    colours: tuple[Colour, Colour]
    """Letters and board."""
    left: float
    """Left edge as a share of the free width; where it begins for a moving sign."""
    left_at_end: float
    """Left edge when it goes, as a share of the free width; ``left`` unless it moves."""
    top: float
    """Upper edge as a share of the height."""
    upper_case: bool
    """Whether it is written in capitals."""

    @property
    def text(self) -> str:
        """What is to be read."""
        return self.what.text.upper() if self.upper_case else self.what.text

    def picture(self, width: int, height: int) -> DrawnText:
        """Its board with the letters on it, never wider than the picture."""
        size = max(8, round(self.size * height))
        while True:
            drawn = lettering(
                self.text, font=self.font, size=size, colour=self.colours[0], ground=self.colours[1],
                margin=max(3, size // 3),
            )  # fmt: skip
            if drawn.width <= width or size <= 8:
                return drawn
            size -= 1

    def corner(self, at_seconds: float, width: int, height: int) -> tuple[int, int]:
        """Pixels of its upper left corner at one time."""
        length = self.end_seconds - self.start_seconds
        done = (at_seconds - self.start_seconds) / length
        left = self.left + (self.left_at_end - self.left) * done
        return round(left * max(0, width - self.picture(width, height).width)), round(self.top * height)

    def box(self, at_seconds: float, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of its board at one time, as shares of the picture."""
        left, top = self.corner(at_seconds, width, height)
        drawn = self.picture(width, height)
        return left / width, top / height, (left + drawn.width) / width, (top + drawn.height) / height


def random_text(rng: np.random.Generator) -> SignText:
    """Some text of a sign."""
    pattern = PATTERNS[int(rng.integers(len(PATTERNS)))]
    filled = []
    for gap in _GAP.findall(pattern):
        options = LISTS[gap]
        filled.append((gap, options[int(rng.integers(len(options)))]))
    return filled_in(pattern, filled)


def filled_in(pattern: str, filled: Sequence[tuple[str, str]]) -> SignText:
    """A text from its pattern and the words for its gaps, in order."""
    words = iter(word for _, word in filled)
    return SignText(_GAP.sub(lambda gap: next(words), pattern), pattern, tuple(filled))


def random_signs(rng: np.random.Generator, *, duration_seconds: float, count: int) -> tuple[Sign, ...]:
    """Signs for one clip, each with another text; those on show together hang in different rows.

    Args:
        rng: Where the randomness comes from.
        duration_seconds: Length of the clip.
        count: How many to aim for; fewer where they do not fit.
    """
    signs: list[Sign] = []
    for _ in range(count):
        for _ in range(20):
            sign = _random_sign(rng, duration_seconds)
            if not any(_clash(sign, other) for other in signs):
                signs.append(sign)
                break
    return tuple(sorted(signs, key=lambda sign: (sign.start_seconds, sign.top)))


def _random_sign(rng: np.random.Generator, duration_seconds: float) -> Sign:
    movement: Movement = ("static", "banner", "banner", "moving")[int(rng.integers(4))]
    start, end = 0.0, duration_seconds
    if movement != "static" or rng.random() < 0.6:
        length = float(rng.uniform(SHORTEST_SECONDS, max(SHORTEST_SECONDS, min(12.0, duration_seconds / 2))))
        start = float(rng.uniform(0, max(0.0, duration_seconds - length)))
        end = min(duration_seconds, start + length)
    left = left_at_end = float(rng.uniform(0, 1))
    if movement == "moving":
        left, left_at_end = (0.0, 1.0) if rng.random() < 0.5 else (1.0, 0.0)
    return Sign(
        what=random_text(rng),
        movement=movement,
        start_seconds=round(start, 2),
        end_seconds=round(end, 2),
        font=FONTS[int(rng.integers(len(FONTS)))],
        size=float(rng.uniform(*SIZES)),
        colours=COLOURS[int(rng.integers(len(COLOURS)))],
        left=left,
        left_at_end=left_at_end,
        top=_BANNER_ROW if movement == "banner" else _ROWS[int(rng.integers(len(_ROWS)))],
        upper_case=bool(rng.random() < 0.5),
    )


def _clash(one: Sign, other: Sign) -> bool:
    """Whether two signs of one clip say the same, or are in one row less than a second apart."""
    if one.what.text == other.what.text:
        return True
    apart = one.start_seconds >= other.end_seconds + 1 or other.start_seconds >= one.end_seconds + 1
    return one.top == other.top and not apart


def draw_signs(frame: NDArray[np.uint8], signs: Sequence[Sign], at_seconds: float) -> None:
    """Draw the signs that are on show at one time."""
    height, width = frame.shape[:2]
    for sign in signs:
        if sign.start_seconds <= at_seconds < sign.end_seconds:
            left, top = sign.corner(at_seconds, width, height)
            lay_text(frame, sign.picture(width, height), left=left, top=top)


def signs_truth(signs: Sequence[Sign], *, width: int, height: int) -> list[dict[str, Any]]:
    """What is written, ready for JSON: text, span, and the board's box when it comes and when it goes."""
    entries = []
    for sign in signs:
        first, last = sign.box(sign.start_seconds, width, height), sign.box(sign.end_seconds, width, height)
        entries.append(
            {
                "text": sign.text,
                "start": sign.start_seconds,
                "end": sign.end_seconds,
                "kind": sign.movement,
                "box": [round(edge, 4) for edge in first],
                "box_at_end": [round(edge, 4) for edge in last],
            }
        )
    return entries
