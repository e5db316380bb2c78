"""Writes words onto 4:2:0 pictures; knows nothing of what they say."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np

Corner = Literal["top", "bottom"]
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "Arial.ttf")
"""Tried in this order for their many scripts; the font that comes with Pillow has Latin letters alone."""
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
    letters, rim = _masks(clean, size, width - 2 * size)
    high, wide = letters.shape
    high, wide = min(high, height) // 2 * 2, min(wide, width - size) // 2 * 2
    letters, rim = letters[:high, :wide], rim[:high, :wide]
    left = size // 4 * 2
    top = left if corner == "top" else (height - high - left) // 2 * 2
    area = luma[top : top + high, left : left + wide]
    area[:] = area * (1 - rim) + _BLACK * rim
    area[:] = area * (1 - letters) + _WHITE * letters
    cover = np.maximum(rim, letters).reshape(high // 2, 2, wide // 2, 2).max(axis=(1, 3))
    for plane in planes[1:]:
        area = plane[top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2]
        area[:] = area * (1 - cover) + _GREY * cover


@lru_cache(maxsize=64)
def _masks(text: str, size: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel is letter, and how much is letter or rim: float32 (height, width), 0 to 1."""
    from PIL import Image, ImageDraw

    font = font_of(size)
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


@lru_cache(maxsize=8)
def font_of(size: int) -> Any:
    """Pillow's font for letters of this height, in pixels."""
    from PIL import ImageFont

    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
