"""Pictures to search by, as small JPEGs to show; decoded in a child process, searches nothing."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.picture_search import PictureSource
    from service.session import Service

_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class PicturePreview:
    """A picture as it is shown: all of it, upright."""

    jpeg: bytes = field(repr=False)
    """The picture."""
    width: int
    """Its width in pixels."""
    height: int
    """Its height in pixels."""


def picture_preview(service: Service, source: PictureSource, *, max_side: int) -> PicturePreview | None:
    """A picture to search by, without its box cut out.

    Args:
        service: Its index has the videos that moments are of.
        source: The picture; its box is not looked at.
        max_side: Longer sides are scaled down to this, in pixels.

    Returns:
        None for a moment of a video whose files cannot be reached: only the index is left of it.

    Raises:
        UsageError: the index holds no such video, or the moment is none.
        VideoError: the picture cannot be read.
        StoreError: the index cannot be read.
    """
    from PIL import Image

    from service.picture_search import picture_pixels

    pixels = picture_pixels(service, source.model_copy(update={"box": None}))
    if pixels is None:
        return None
    image = Image.fromarray(pixels)
    image.thumbnail((max_side, max_side))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_JPEG_QUALITY)
    return PicturePreview(out.getvalue(), image.width, image.height)
