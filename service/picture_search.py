"""Searches the index by a picture, with or without words; asks no model but the image embedder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from footage.core.errors import UsageError
from search.pages import LISTED
from service.events import Listener, ignore
from service.requests import Request

if TYPE_CHECKING:
    from search.results import SearchResult
    from service.session import Service

MOST_BYTES = 64 << 20
"""Largest picture that is taken as bytes."""


class PictureSource(Request):
    """A picture to search with: exactly one of a file, a moment of an indexed video, and bytes."""

    path: Path | None = None
    """An image file."""
    moment: str = ""
    """VIDEO@TIME of an indexed video, such as "garden.mp4@1:23"; its picture at that time."""
    data: bytes | None = Field(default=None, repr=False)
    """The bytes of an image file, such as one that was uploaded."""
    box: tuple[float, float, float, float] | None = None
    """The part of the picture that counts: left, top, right, bottom, as shares of its width and height."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.path is not None) + bool(self.moment) + (self.data is not None) != 1:
            raise UsageError(
                "A picture to search with is one of: an image file, a moment of an indexed video, or bytes."
            )
        if self.data is not None and not 0 < len(self.data) <= MOST_BYTES:
            raise UsageError(
                f"The picture has {len(self.data):,} bytes; 1 to {MOST_BYTES:,} are allowed.",
                hint="Use a smaller picture: a JPEG of a few megabytes shows as much.",
            )
        if self.box is not None:
            left, top, right, bottom = self.box
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                raise UsageError(
                    f"The box {left:g},{top:g},{right:g},{bottom:g} is not inside the picture.",
                    hint="Write left, top, right and bottom as shares of the picture: 0.1,0.2,0.5,0.6.",
                )
        return self

    @property
    def name(self) -> str:
        """What people call it."""
        return self.path.name if self.path is not None else self.moment or "the picture given"


class PictureSearchRequest(Request):
    """A picture to search for, and how."""

    picture: PictureSource
    """What to look for."""
    words: str = ""
    """What must be seen, too, with the filters and exclusions of the query language; may be filters alone."""
    exclude: tuple[PictureSource, ...] = ()
    """Moments that look like one of these are left out."""
    limit: int = Field(default=LISTED, ge=1, le=1000)
    """Most matches."""


def search_pictures(
    service: Service, request: PictureSearchRequest, *, on_event: Listener = ignore
) -> SearchResult:
    """Search the index for moments that look like a picture.

    Matches have the track "image" and are not grounded; ``text`` is the caption at that time, if there is
    one, and ``measures`` has "at_seconds", the time of the nearest frame, in video time.

    Events: ``Busy`` while the image embedder loads.

    Raises:
        UsageError: the words make no sense or ask for more than pictures show; the index holds no such video.
        VideoError: the picture cannot be read.
        StoreError: the index cannot be read, or holds no image vectors of the embedder that is set.
        ModelUnavailableError: the image embedder cannot be loaded.
    """
    raise NotImplementedError
