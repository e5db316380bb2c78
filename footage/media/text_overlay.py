"""Writes words onto 4:2:0 pictures; knows nothing of what they say."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Literal

import numpy as np

Corner = Literal["top", "bottom"]
_FONTS = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "Arial.ttf"),
    *(
        "NotoSansCJK-Regular.ttc",
        "wqy-zenhei.ttc",
        "wqy-microhei.ttc",
        "Hiragino Sans GB.ttc",
        "msgothic.ttc",
    ),
    *("NotoSansDevanagari-Regular.ttf", "NotoSansArabic-Regular.ttf", "NotoSansThai-Regular.ttf"),
)
"""Tried in this order for their many scripts; the font that comes with Pillow has Latin letters alone."""
SAFE_SHARE = 0.05
"""Share of the picture at each side that subtitles keep free: the usual title-safe area is 90 % of it."""
_NARROWEST_LINE = 18
"""Letters that are as wide as a narrow (upright) picture, at least: there they are smaller."""
_LINES = 22
"""Lines of text that would fill a picture's height."""
_WHITE, _BLACK, _GREY = 235, 16, 128  # of 8-bit limited range


def write_on(planes: list[np.ndarray], text: str, corner: Corner) -> None:
    """Write one line, white with a dark rim, into the left corner of a picture, shortened to fit.

    Args:
        planes: Y, U and V, uint8, of a 4:2:0 picture; changed in place.
        text: What to write; what is no character that can be shown is left out.
        corner: Which of the two on the left.
    """
    luma = planes[0]
    height, width = luma.shape
    clean = "".join(char for char in " ".join(text.split()) if char.isprintable())
    size = max(10, height // _LINES)
    if not clean or width < 4 * size or height < 2 * size:
        return
    letters, rim = _masks(clean, size, width - 2 * size, 0)
    high = min(letters.shape[0], height) // 2 * 2
    letters, rim = letters[:high, : (width - size) // 2 * 2], rim[:high, : (width - size) // 2 * 2]
    left = size // 4 * 2
    top = left if corner == "top" else (height - high - left) // 2 * 2
    _blend(planes, letters, rim, left=left, top=top)


def write_subtitle(planes: list[np.ndarray], text: str, *, above_title: bool = False) -> None:
    """Write lines in the middle of the lower part of a picture, wrapped to fit into the safe area.

    Args:
        planes: Y, U and V, uint8, of a 4:2:0 picture; changed in place.
        text: What to write; line ends in it are kept as far as they fit.
        above_title: Whether the lower left corner has a title that is not to be covered.
    """
    height, width = planes[0].shape
    size = max(10, min(height // _LINES, width // _NARROWEST_LINE))
    rows = _rows(text, size, round(width * (1 - 2 * SAFE_SHARE)))
    if not rows or width < 4 * size or height < 2 * size * (len(rows) + 1):
        return
    bottom = height - max(size // 4, round(height * SAFE_SHARE)) - above_title * 2 * size
    for row in reversed(rows):
        letters, rim = _masks(row, size, width - 2 * size, _font_number(row))
        high, wide = letters.shape
        top = max(0, bottom - high) // 2 * 2
        _blend(planes, letters, rim, left=(width - min(wide, width)) // 4 * 2, top=top)
        bottom -= round(1.3 * size)


def can_write(text: str) -> bool:
    """Whether a font on this machine has every letter of a text."""
    return all(
        char.isspace() or unicodedata.category(char)[0] in "CM" or _has_letter(_font_number(char), char)
        for char in set(text)
    )


def _blend(planes: list[np.ndarray], letters: np.ndarray, rim: np.ndarray, *, left: int, top: int) -> None:
    """Draw letters, white with a dark rim, at an even place; what does not fit is cut off."""
    height, width = planes[0].shape
    high, wide = letters.shape
    high, wide = min(high, height - top) // 2 * 2, min(wide, width - left) // 2 * 2
    letters, rim = letters[:high, :wide], rim[:high, :wide]
    area = planes[0][top : top + high, left : left + wide]
    area[:] = area * (1 - rim) + _BLACK * rim
    area[:] = area * (1 - letters) + _WHITE * letters
    cover = np.maximum(rim, letters).reshape(high // 2, 2, wide // 2, 2).max(axis=(1, 3))
    for plane in planes[1:]:
        area = plane[top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2]
        area[:] = area * (1 - cover) + _GREY * cover


@lru_cache(maxsize=64)
def _rows(text: str, size: int, most: int) -> tuple[str, ...]:
    """The lines of a text, each at most so many pixels wide; scripts without spaces are cut anywhere."""
    font = font_of(size, _font_number(text))
    rows = ["".join(char for char in row if char.isprintable()).strip() for row in text.splitlines()]
    if all(font.getlength(row) <= most for row in rows):
        return tuple(filter(None, rows))
    made = [""]
    for word in re.findall(r"\S+\s*", " ".join(rows)):
        if made[-1] and font.getlength((made[-1] + word).rstrip()) > most:
            made.append("")
        for char in word:
            if made[-1] and font.getlength((made[-1] + char).rstrip()) > most:
                made.append("")
            made[-1] += char
    return tuple(row.strip() for row in made if row.strip())


@lru_cache(maxsize=64)
def _masks(text: str, size: int, most: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel is letter, and how much is letter or rim: float32 (height, width), 0 to 1."""
    from PIL import Image, ImageDraw

    font = font_of(size, number)
    if font.getlength(text) > most:
        while text and font.getlength(text + "…") > most:
            text = text[:-1]
        text += "…"
    rim = max(1, size // 10)
    shape = (int(font.getlength(text)) + 4 * rim + 2, round(1.6 * size) + 2 * rim)
    masks = []
    for stroke in (0, rim):
        image = Image.new("L", (shape[0] // 2 * 2, shape[1] // 2 * 2))
        ImageDraw.Draw(image).text((2 * rim, rim), text, fill=255, font=font, stroke_width=stroke)
        masks.append(np.asarray(image, np.float32) / 255)
    return masks[0], masks[1]


@lru_cache(maxsize=32)
def font_of(size: int, number: int = 0) -> Any:
    """Pillow's font for letters of this height, in pixels.

    Args:
        size: Height, in pixels.
        number: Which of the fonts of this machine, the first being the usual one.
    """
    from PIL import ImageFont

    names = _fonts_here()
    return ImageFont.truetype(names[number], size) if names else ImageFont.load_default(size)


@lru_cache(maxsize=1)
def _fonts_here() -> tuple[str, ...]:
    """The fonts of this machine, in order of preference."""
    from PIL import ImageFont

    found = []
    for name in _FONTS:
        try:
            ImageFont.truetype(name, 10)
        except OSError:
            continue
        found.append(name)
    return tuple(found)


@lru_cache(maxsize=256)
def _font_number(text: str) -> int:
    """The font that has most letters of a text; the first of those."""
    letters = {char for char in text if not char.isspace()}
    return max(
        range(max(1, len(_fonts_here()))),
        key=lambda number: (sum(_has_letter(number, char) for char in letters), -number),
    )


@lru_cache(maxsize=4096)
def _has_letter(number: int, char: str) -> bool:
    """Whether a font has a picture of its own for a letter; those that it lacks all look alike."""
    font = font_of(20, number)
    return bytes(font.getmask(char)) != bytes(font.getmask("\U0010ffff"))
