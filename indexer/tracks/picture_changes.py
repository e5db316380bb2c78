"""Says cheaply where a picture changed, and how near two cuttings of text are; reads nothing.

Pictures are compared at ``SIDE_PIXELS`` in blocks of ``BLOCK_PIXELS``: text that appears brings edges into a
row of blocks, and stands still there, unlike what moves through the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

SIDE_PIXELS = 320
"""Longer side of the small picture that is compared."""
BLOCK_PIXELS = 8
_MOVED_LEVELS = 4.0
"""Mean difference of a block, in grey levels of 256, from which on it moved; noise of cameras is below 3."""
_EDGE_LEVELS = 5.0
"""How much steeper a block has become, in grey levels a pixel, where text may have appeared."""
_EDGE_SHARE = 1.25
_STILL_SHARE = 0.004
"""Share of the blocks that may move in a picture that counts as still: three of the 920 of a 16:9 picture."""
PATCH_HEIGHT = 24
"""Height in pixels that cuttings are compared at."""
_CELL = 12
"""Width in pixels of the cells of a cutting: one digit or so."""
_NOISE_LEVELS = 7.0
"""Standard deviation in grey levels below which a cell is blank."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of whole pixels: left, top, right, bottom, the latter two outside."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, corners: np.ndarray, size: tuple[int, int]) -> Place:
        """The rectangle around some points, inside a picture of (height, width)."""
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        left, top = (int(min(max(v, 0), side - 1)) for v, side in zip(low, size[::-1], strict=True))
        right = int(min(max(high[0], left + 1), size[1]))
        return cls(left, top, right, int(min(max(high[1], top + 1), size[0])))

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def area(self) -> int:
        """In pixels."""
        return self.width * self.height

    def covered(self, other: Place) -> float:
        """What both cover, as a share of the smaller one, 0 to 1."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, wide) * max(0, high) / min(self.area, other.area)

    def enclosing(self, other: Place) -> Place:
        """The smallest rectangle with both in it."""
        left, top = min(self.left, other.left), min(self.top, other.top)
        return Place(left, top, max(self.right, other.right), max(self.bottom, other.bottom))

    def shifted(self, across: int, down: int, size: tuple[int, int]) -> Place:
        """The rectangle moved, as far as it stays inside a picture of (height, width)."""
        left = min(max(0, self.left + across), size[1] - 1)
        top = min(max(0, self.top + down), size[0] - 1)
        right = max(left + 1, min(size[1], self.right + across))
        return Place(left, top, right, max(top + 1, min(size[0], self.bottom + down)))


@dataclass(frozen=True, slots=True)
class Change:
    """What changed since the picture that was last marked."""

    still: bool
    """Nothing did."""
    settled: bool
    """Edges appeared somewhere in a row of blocks, and stand still since the picture before."""
    region: Place | None = None
    """What encloses all that changed, with a margin; None where that is unknown, or all of the picture."""


class PictureChanges:
    """Compares the pictures of one video, in order."""

    def __init__(self) -> None:
        self._small: np.ndarray | None = None
        self._edges: np.ndarray | None = None
        self._marked: tuple[np.ndarray, np.ndarray] | None = None

    def see(self, grey: np.ndarray, known: Iterable[Place] = ()) -> Change:
        """Take the next picture, uint8 (height, width), and compare it, but for the places of known texts."""
        import cv2

        height, width = grey.shape
        scale = SIDE_PIXELS / max(height, width)
        blocks = [max(1, round(side * scale / BLOCK_PIXELS)) for side in (width, height)]
        size = (blocks[0] * BLOCK_PIXELS, blocks[1] * BLOCK_PIXELS)
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        across = np.abs(np.diff(small, axis=1, append=small[:, -1:]))
        down = np.abs(np.diff(small, axis=0, append=small[-1:]))
        edges = _by_block(across + down)
        before, self._small, self._edges = self._small, small, edges
        if self._marked is None or before is None or before.shape != small.shape:
            return Change(still=False, settled=False)
        marked, marked_edges = self._marked
        changed = _by_block(np.abs(small - marked)) > _MOVED_LEVELS
        moving = _by_block(np.abs(small - before)) > _MOVED_LEVELS
        steeper = (edges > marked_edges + _EDGE_LEVELS) & (edges > marked_edges * _EDGE_SHARE)
        for place in known:
            rows, columns = (
                slice(int(low * scale // BLOCK_PIXELS), int(high * scale // BLOCK_PIXELS) + 1)
                for low, high in ((place.top, place.bottom), (place.left, place.right))
            )
            changed[rows, columns] = moving[rows, columns] = steeper[rows, columns] = False
        fresh = steeper & ~moving
        in_a_row = fresh[:, 2:] & fresh[:, 1:-1] & fresh[:, :-2]
        return Change(
            still=changed.mean() <= _STILL_SHARE,
            settled=bool(in_a_row.any()),
            region=_region(changed | fresh, scale, (height, width)),
        )

    def mark(self) -> None:
        """What follows is compared with the last picture seen."""
        if self._small is not None and self._edges is not None:
            self._marked = self._small, self._edges


def _region(changed: np.ndarray, scale: float, size: tuple[int, int]) -> Place | None:
    """The part of a picture that some blocks lie in."""
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    block = BLOCK_PIXELS / scale
    low = np.array([columns[0] - _MARGIN_BLOCKS, rows[0] - _MARGIN_BLOCKS]) * block
    high = np.array([columns[-1] + 1 + _MARGIN_BLOCKS, rows[-1] + 1 + _MARGIN_BLOCKS]) * block
    place = Place.around(np.array([low, high]), size)
    return place if place.area < _MOST_REGION * size[0] * size[1] else None


_MARGIN_BLOCKS = 3
"""Around what changed, so that a text that is there in part is seen whole."""
_MOST_REGION = 0.7
"""Larger parts of a picture are no cheaper than all of it."""


def _by_block(values: np.ndarray) -> np.ndarray:
    """Means of square blocks."""
    rows, columns = values.shape[0] // BLOCK_PIXELS, values.shape[1] // BLOCK_PIXELS
    means: np.ndarray = values.reshape(rows, BLOCK_PIXELS, columns, BLOCK_PIXELS).mean(axis=(1, 3))
    return means


def patch_of(grey: np.ndarray, place: Place) -> np.ndarray:
    """A cutting of a picture, ``PATCH_HEIGHT`` high, without its slow changes of brightness: float32."""
    import cv2

    cut = grey[place.top : place.bottom, place.left : place.right]
    if cut.shape[0] > 1.5 * cut.shape[1]:
        cut = np.rot90(cut)
    width = min(max(_CELL, round(cut.shape[1] / cut.shape[0] * PATCH_HEIGHT)), 60 * _CELL)
    small = cv2.resize(np.ascontiguousarray(cut), (width, PATCH_HEIGHT), interpolation=cv2.INTER_AREA)
    levels = small.astype(np.float32)
    flat: np.ndarray = levels - cv2.blur(levels, (15, 15))
    return flat


def difference(patch: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """How far two cuttings differ: as a whole, and in the cell where they differ most.

    0 for equal ones, about 1 for two that have nothing to do with each other. Where the edge of the picture
    cuts one of them off, what both have is compared.
    """
    width = min(patch.shape[1], other.shape[1])
    patch, other = patch[:, :width], other[:, :width]
    apart = ((patch - other) ** 2).sum(axis=0)
    held = (patch**2).sum(axis=0) + (other**2).sum(axis=0)
    noise = PATCH_HEIGHT * _NOISE_LEVELS**2
    whole = float(apart.sum() / max(held.sum(), noise * len(held)))
    count = max(1, len(held) // _CELL)
    cells = zip(np.array_split(apart, count), np.array_split(held, count), strict=True)
    return whole, max(float(a.sum() / max(h.sum(), noise * len(h))) for a, h in cells)


def moved_to(grey: np.ndarray, before: np.ndarray, place: Place, *, hint: tuple[int, int]) -> Place | None:
    """Where a cutting of the picture before has moved to; None where it is not found near by.

    Args:
        grey: The picture.
        before: The picture before, of the same size.
        place: Where the text was in that.
        hint: How far it moved at last, in pixels across and down.
    """
    import cv2

    scale = min(1.0, 16 / max(1, min(place.height, place.width)))
    reach = 1.2 * min(place.height, place.width) + 4
    size = grey.shape
    middle = place.shifted(*hint, size)
    left, top = max(0, int(middle.left - reach)), max(0, int(middle.top - reach))
    area = grey[top : int(middle.bottom + reach), left : int(middle.right + reach)]
    cut = before[place.top : place.bottom, place.left : place.right]
    area, cut = (_strokes(each, scale) for each in (area, cut))
    if cut.shape[0] > area.shape[0] or cut.shape[1] > area.shape[1] or min(cut.shape) < 4:
        return None
    _, best, _, where = cv2.minMaxLoc(cv2.matchTemplate(area, cut, cv2.TM_CCOEFF_NORMED))
    if best < _FOUND_AGAIN:
        return None
    across, down = round(left + where[0] / scale) - place.left, round(top + where[1] / scale) - place.top
    return place.shifted(across, down, size)


def _strokes(grey: np.ndarray, scale: float) -> np.ndarray:
    """A part of a picture, smaller, without its slow changes of brightness: what is left is mostly text."""
    import cv2

    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    flat: np.ndarray = small - cv2.blur(small, (9, 9))
    return flat


_FOUND_AGAIN = 0.6
"""Least correlation of a text that moved, before a background that does not."""
