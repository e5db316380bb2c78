"""Reads a box that was drawn on a picture; pure. What the browser sends is not trusted."""

from __future__ import annotations

import math

Box = tuple[float, float, float, float]
"""Part of a picture: left, top, right and bottom, as shares of its width and height, 0 to 1."""
_DIGITS = 4
"""Decimals of a side: finer than a pixel of any picture that is embedded."""


def read_box(value: object) -> Box | None:
    """A box that lies inside its picture and is not empty, or None.

    Args:
        value: What the browser sent: a list of four numbers, left, top, right and bottom.
    """
    if not isinstance(value, list | tuple) or len(value) != 4:
        return None
    if any(isinstance(side, bool) or not isinstance(side, int | float) for side in value):
        return None
    if not all(0 <= side <= 1 and math.isfinite(side) for side in value):
        return None
    left, top, right, bottom = (round(float(side), _DIGITS) for side in value)
    return (left, top, right, bottom) if left < right and top < bottom else None


def spelled(box: Box) -> str:
    """A box as four numbers with commas between, as in an address."""
    return ",".join(f"{side:g}" for side in box)


def parsed(text: str) -> Box | None:
    """The box that ``spelled`` wrote; None where it is none."""
    try:
        return read_box([float(side) for side in text.split(",")])
    except ValueError:
        return None
