"""Draws lines of text as small cached pictures in several fonts; knows neither signs nor clocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

FONTS: dict[str, tuple[str, ...]] = {
    "sans": ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf"),
    "sans bold": ("DejaVuSans-Bold.ttf", "LiberationSans-Bold.ttf", "Arial Bold.ttf"),
    "narrow": ("LiberationSansNarrow-Bold.ttf", "DejaVuSansCondensed-Bold.ttf", "Arial Narrow Bold.ttf"),
    "grotesque": ("LiberationSans-Bold.ttf", "DejaVuSans-Bold.ttf", "Arial Bold.ttf"),
    "serif": ("LiberationSerif-Bold.ttf", "DejaVuSerif-Bold.ttf", "Times New Roman Bold.ttf"),
    "mono": ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "Courier New.ttf"),
    "mono bold": ("LiberationMono-Bold.ttf", "DejaVuSansMono-Bold.ttf", "Courier New Bold.ttf"),
    "pillow": (),
}
"""Font files by style, tried in order; the font that comes with Pillow stands in where none is installed. The
same seed gives the same picture on machines with the same fonts."""


@dataclass(frozen=True, slots=True)
class DrawnText:
    """A picture of some text, ready to be laid over a frame."""

    pixels: NDArray[np.uint8]
    """Colour, (height, width, 3)."""
    opacity: NDArray[np.uint8]
    """How much of the frame it hides, 0 to 255, (height, width)."""

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.opacity.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.opacity.shape[0])


@lru_cache(maxsize=256)
def lettering(
    text: str,
    *,
    font: str,
    size: int,
    colour: Colour,
    ground: Colour | None = None,
    ground_opacity: int = 255,
    rim: Colour | None = None,
    margin: int = 0,
) -> DrawnText:
    """Draw text, one line or several.

    Args:
        text: What to write; line feeds part lines.
        font: One of FONTS.
        size: Height of a line of letters, pixels.
        colour: Of the letters.
        ground: Of a board behind them; none when None.
        ground_opacity: How much of the frame the board hides, 0 to 255.
        rim: Of a thin line around each letter; none when None.
        margin: Pixels between letters and edge.
    """
    from PIL import Image, ImageDraw

    face = _face(font, size)
    stroke = max(1, size // 12) if rim is not None else 0
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    box = probe.multiline_textbbox((0, 0), text, font=face, stroke_width=stroke, align="center")
    left, top, right, bottom = (round(edge) for edge in box)
    shape = (right - left + 2 * margin, bottom - top + 2 * margin)
    back = (*ground, ground_opacity) if ground is not None else (*(rim or colour), 0)
    image = Image.new("RGBA", shape, back)
    ImageDraw.Draw(image).multiline_text(
        (margin - left, margin - top), text, font=face, fill=(*colour, 255), align="center",
        stroke_width=stroke, stroke_fill=(*rim, 255) if rim is not None else None,
    )  # fmt: skip
    array = np.asarray(image)
    return DrawnText(array[..., :3].copy(), array[..., 3].copy())


def lay_text(frame: NDArray[np.uint8], drawn: DrawnText, *, left: int, top: int) -> None:
    """Lay text over a frame, cut off at its edges."""
    height, width = frame.shape[:2]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + drawn.width), min(height, top + drawn.height)
    if x0 >= x1 or y0 >= y1:
        return
    rows, columns = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    cover = drawn.opacity[rows, columns, None].astype(np.uint16)
    area = frame[y0:y1, x0:x1]
    area[:] = (area * (255 - cover) + drawn.pixels[rows, columns] * cover + 127) // 255


@lru_cache(maxsize=64)
def _face(style: str, size: int) -> Any:
    from PIL import ImageFont

    for name in FONTS[style]:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
