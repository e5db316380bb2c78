"""Draws points and paths onto pictures; knows neither files nor models."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from footage.core.types import Point
from footage.media.text_overlay import font_of

COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""RGB; distinguishable for people of any colour vision (Okabe and Ito, "Color Universal Design", 2008)."""
HOLD_SECONDS = 0.25
"""How long before and after its time a point shows: half of what lies between frames at 2 a second."""
JOIN_SECONDS = 1.0
"""Points of an object no further apart than this are one movement."""
_DOTS = 45
"""Radii of a dot that fill a picture's height."""
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


class Drawing:
    """Numbered dots that move along their paths, on pictures of any size."""

    def __init__(
        self, paths: Sequence[Sequence[Point]], *, width: int, height: int, trails: bool = False
    ) -> None:
        """Note what to draw.

        Args:
            paths: The points of each object, by time.
            width: Of the pictures in whose pixels the points are.
            height: Of the same.
            trails: Draw the way an object came, too.
        """
        self._paths = [path for path in paths if path]
        self._size, self._trails = (width, height), trails

    def __call__(self, planes: list[np.ndarray], seconds: float) -> None:
        """Draw what there is at a moment.

        Args:
            planes: R, G and B, or Y, U and V of a 4:2:0 picture of limited range; uint8, changed in place.
            seconds: Video time.
        """
        height, width = planes[0].shape
        for mask, colour in self._layers(width, height, seconds):
            _lay(planes, mask, colour)

    def _layers(
        self, width: int, height: int, seconds: float
    ) -> Iterator[tuple[np.ndarray, tuple[int, int, int]]]:
        """Masks, uint8 (height, width), and the colour that each lets through, the lowest first."""
        from PIL import Image, ImageDraw

        radius = max(3, height // _DOTS)
        font = font_of(2 * radius)
        across, down = width / self._size[0], height / self._size[1]
        for path in self._paths:
            place = place_at(path, seconds)
            if place is None:
                continue
            x, y = place[0] * across, place[1] * down
            colour = COLOURS[(path[0].object_id - 1) % len(COLOURS)]
            rim, dot, number = (Image.new("L", (width, height)) for _ in range(3))
            if self._trails:
                behind = [(p.x * across, p.y * down) for p in path if p.time_seconds <= seconds]
                ImageDraw.Draw(dot).line([*behind, (x, y)], fill=255, width=max(2, radius // 2))
            for image, grown in ((rim, max(1, radius // 4)), (dot, 0)):
                reach = radius + grown
                ImageDraw.Draw(image).ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
            # The number stands to the right, or to the left where there is no room.
            text = str(path[0].object_id)
            left = x + 1.6 * radius
            if left + font.getlength(text) > width:
                left = x - 1.6 * radius - font.getlength(text)
            stroke = max(1, radius // 4)
            for image, rims in ((rim, stroke), (number, 0)):
                ImageDraw.Draw(image).text(
                    (left, y), text, fill=255, font=font, anchor="lm", stroke_width=rims
                )
            yield from zip(map(np.asarray, (rim, dot, number)), (_BLACK, colour, _WHITE), strict=True)


def place_at(path: Sequence[Point], seconds: float) -> tuple[float, float] | None:
    """Where an object is at a moment, in the points' pixels; None when it is not to be seen.

    Between two points no further apart than ``JOIN_SECONDS`` it moves evenly; else each point stays for
    ``HOLD_SECONDS`` before and after its time.
    """
    after = bisect_right(path, seconds, key=lambda point: point.time_seconds)
    if 0 < after < len(path):
        a, b = path[after - 1], path[after]
        gap = b.time_seconds - a.time_seconds
        if gap <= JOIN_SECONDS:
            share = (seconds - a.time_seconds) / gap
            return a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)
    near = min(path, key=lambda point: abs(point.time_seconds - seconds))
    return (near.x, near.y) if abs(near.time_seconds - seconds) <= HOLD_SECONDS else None


def _lay(planes: list[np.ndarray], mask: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Let a colour through a mask onto three planes; the second and third may be half as large."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    half = planes[1].shape != planes[0].shape
    values = _yuv(colour) if half else colour
    top, left = rows[0] // 2 * 2, columns[0] // 2 * 2
    bottom, right = (rows[-1] // 2 + 1) * 2, (columns[-1] // 2 + 1) * 2
    cover = mask[top:bottom, left:right].astype(np.float32) / 255
    for plane, value in zip(planes, values, strict=True):
        if plane.shape == planes[0].shape:
            area, part = plane[top:bottom, left:right], cover
        else:
            area = plane[top // 2 : bottom // 2, left // 2 : right // 2]
            part = cover.reshape(area.shape[0], 2, area.shape[1], 2).max(axis=(1, 3))
        area[:] = area * (1 - part) + value * part


def _yuv(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """A colour in 8 bits of limited range by ITU-R BT.601; near enough for a mark under BT.709."""
    red, green, blue = (part / 255 for part in colour)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (
        round(16 + 219 * luma),
        round(128 + 224 * (blue - luma) / 1.772),
        round(128 + 224 * (red - luma) / 1.402),
    )
