"""Reads image files: their pixels, upright, in RGB; knows neither videos nor models.

A file's first bytes choose its reader (``footage.media.containers``), and no other reader is tried. Runs in
a child process: ``footage.media.sandbox.read_image``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from footage.core.errors import DecodeError
from footage.core.timeout import Pulse, supervise
from footage.media.containers import check_image, display_name, open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_IMAGE_PIXELS = 1 << 27
"""Most pixels of an image that is decoded; as many as of a video's picture (``footage.media.demux``)."""
MOST_SIDE = 4096
"""Larger images are scaled down to this on their longer side, in pixels: more than any model here sees."""
_ORIENTATION, _TURNED = 0x0112, range(5, 9)  # EXIF 2.32, tag Orientation: the values that swap the sides
_WHITE = (255, 255, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class StillImage:
    """An image file, decoded."""

    pixels: np.ndarray
    """uint8 (height, width, 3), RGB, upright; at most ``MOST_SIDE`` pixels on either side."""
    width: int
    """Width of the upright image in the file, in pixels."""
    height: int
    """Its height, in pixels."""
    form: str
    """Pillow's name of its format, such as "JPEG"."""


def read_image(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> StillImage:
    """Decode an image file: of an animation the first picture, what is transparent as white.

    Args:
        path: A local file.
        timeout_seconds: Give up after this long.

    Raises:
        VideoNotFoundError: No such file, or it may not be read.
        NotAVideoError: It is no image of a supported format.
        DecodeError: It is damaged, or has more than ``MAX_IMAGE_PIXELS``.
    """
    absolute, form = check_image(path)
    name = display_name(absolute)
    import PIL.Image  # loading it is not the file's fault

    PIL.Image.init()

    def work(pulse: Pulse) -> StillImage:
        with open_regular(absolute) as file:
            try:
                return _decoded(file, form, name)
            except (DecodeError, MemoryError):
                raise
            except Exception as exc:  # Pillow's readers raise whatever their parsing meets
                raise DecodeError(
                    f"{name} cannot be decoded: {str(exc) or type(exc).__name__}",
                    hint="The image may be damaged or incomplete.",
                ) from exc

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def _decoded(file: BinaryIO, form: str, name: str) -> StillImage:
    import PIL.Image
    import PIL.ImageOps

    PIL.Image.MAX_IMAGE_PIXELS = None  # the limit is the one below, with a sentence of ours
    image: Any = PIL.Image.open(file, formats=[form])
    width, height = image.size
    if width * height > MAX_IMAGE_PIXELS:
        raise DecodeError(
            f"{name} has {width}x{height} pixels, but at most {MAX_IMAGE_PIXELS:,} are decoded",
            hint="Scale the image down.",
        )
    turned = image.getexif().get(_ORIENTATION) in _TURNED
    image.draft("RGB", (MOST_SIDE, MOST_SIDE))  # JPEG alone: decodes a large one at half its size, or less
    image = PIL.ImageOps.exif_transpose(_rgb(image))
    image.thumbnail((MOST_SIDE, MOST_SIDE), PIL.Image.Resampling.BICUBIC)
    pixels = np.ascontiguousarray(np.asarray(image, dtype=np.uint8))
    return StillImage(pixels, *((height, width) if turned else (width, height)), form)


def _rgb(image: Image) -> Image:
    """An image in RGB, 8 bits a channel, on white; its EXIF data stays with it."""
    import PIL.Image

    exif = image.getexif()
    if image.mode.startswith("I"):  # 16 bits of grey, which convert() cuts off at 255
        image = PIL.Image.fromarray((np.asarray(image) / 257).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        above = image.convert("RGBA")
        image = PIL.Image.alpha_composite(PIL.Image.new("RGBA", above.size, _WHITE), above)
    converted = image.convert("RGB")
    converted.info["exif"] = exif.tobytes()
    return converted
