"""Searches the index by a picture, with or without words; asks no model but the image embedder."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self, TypeAlias

from pydantic import Field, model_validator

from footage.core.errors import FileError, NotAVideoError, SchemaMismatchError, UsageError, VideoError
from footage.core.timecode import format_time, gap_seconds
from footage.core.types import Span
from footage.objects.paths import media_path
from search.pages import LISTED
from service.events import Listener, Searched, ignore
from service.fold import SceneGrouping, folded
from service.requests import Request

if TYPE_CHECKING:
    import numpy as np

    from footage.embed.protocol import ImageEmbedder
    from search.picture_queries import QueryPicture
    from search.results import SearchResult
    from search.retrieval.images import ImageRetriever
    from service.session import Service

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom, as shares of a picture's width and height."""

MOST_BYTES = 64 << 20
"""Largest picture that is taken as bytes."""
LEAST_SIDE = 8
"""Fewest pixels of a side of a box."""


class PictureSource(Request):
    """A picture to search with: exactly one of a file, a moment of an indexed video, and bytes."""

    path: Path | None = None
    """An image file."""
    moment: str = ""
    """VIDEO@TIME of an indexed video, such as "garden.mp4@1:23"; its picture at that time."""
    data: bytes | None = Field(default=None, repr=False)
    """The bytes of an image file, such as one that was uploaded."""
    box: Box | None = None
    """The part of the picture that counts."""
    called: str = ""
    """What answers call it; the name of the file or the moment when empty."""

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
        if self.called:
            return self.called
        video, _, time = self.moment.rpartition("@")
        moment = f"{Path(video).name}@{time}" if video else self.moment
        return self.path.name if self.path is not None else moment or "the picture given"


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
    group: SceneGrouping = "none"
    """As that of a search."""


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
    from search.picture_queries import PictureQueries, check_words
    from search.picture_verdict import load_picture_calibration
    from search.query.parser import parse_query

    query = parse_query(request.words, wordless=True)
    check_words(query)
    sources = [request.picture, *request.exclude]
    # A bad picture is refused before a model is loaded.
    read = [picture_pixels(service, each) for each in sources]
    retriever = picture_retriever(service, on_event)
    picture, *excluded = [
        _embedded(service, source, pixels, retriever.embedder)
        for source, pixels in zip(sources, read, strict=True)
    ]
    queries = PictureQueries(service.store(), retriever, load_picture_calibration(retriever.embedder.name))
    result = queries.search(
        picture, query, exclude=excluded, limit=request.limit, thresholds=service.looking().thresholds
    )
    service.notice(Searched(result))
    return folded(service, result, request.group)


def search_like(
    service: Service,
    moment: str,
    *,
    track: str = "",
    limit: int = LISTED,
    group: SceneGrouping = "none",
    on_event: Listener = ignore,
) -> SearchResult:
    """Search for what is like a moment: by its event or, where nothing is captioned, by its picture.

    Raises:
        FootageError: as of ``service.similar.similar`` and, with image vectors, of ``search_pictures``.
    """
    from search.retrieval.similar import NoEventError
    from service.similar import SimilarRequest, similar

    try:
        return similar(service, SimilarRequest(moment=moment, track=track, limit=limit, group=group))
    except NoEventError:
        if track or not service.store().images.embedders():
            raise
    request = PictureSearchRequest(picture=PictureSource(moment=moment), limit=limit, group=group)
    result = search_pictures(service, request, on_event=on_event)
    note = f"Nothing is captioned at {moment}, so its picture was searched for."
    return replace(result, notes=(*result.notes, note))


def picture_retriever(service: Service, on_event: Listener = ignore) -> ImageRetriever:
    """What searches the index by pictures.

    Raises:
        SchemaMismatchError: the index holds no image vectors, or none of the embedder that is set.
        FootageError: the embedder cannot be loaded, or the index cannot be read.
    """
    retriever = service.image_retriever(on_event)
    if retriever is not None:
        return retriever
    held, named = service.store().images.embedders(), service.settings.image_embedder
    if not held:
        raise SchemaMismatchError(
            f"the index {service.settings.db} has no image vectors, so it cannot be searched by pictures",
            hint="Make them with `footage index FOLDER --tracks image`.",
        )
    raise SchemaMismatchError(
        f"the index {service.settings.db} has no image vectors of {named!r}, but of {', '.join(held)}",
        hint=f"Search with --image-embedder {held[0]}, or make those of {named!r} with `footage index FOLDER "
        f"--tracks image`.",
    )


def picture_pixels(service: Service, source: PictureSource) -> np.ndarray | None:
    """The picture, or the part of it in the box, uint8 (height, width, 3); decoded in a child process.

    Returns:
        None for a moment of which only the index is left.

    Raises:
        UsageError: the index holds no such video, or the box is too small.
        VideoError: the picture cannot be read, or its video is not the one that was indexed.
        FileError: the video cannot be reached, so nothing can be cut out of its picture.
        StoreError: the index cannot be read.
    """
    from footage.media.sandbox import WHOLE, frame_at, read_image
    from service.sources import unchanged

    if source.moment:
        content_id, seconds = place(service, source.moment)
        file = service.store().files.path_of(content_id)
        if not media_path(file).is_file():
            if source.box is None:
                return None
            raise FileError(
                f"The file {file} cannot be reached, so nothing can be cut out of its picture.",
                hint="Search by the whole picture, without a box: its vector is in the index.",
            )
        with unchanged(file, service.store().files.at(file)):
            pixels = frame_at(file, seconds, max_width=WHOLE)
    elif source.path is not None:
        try:
            pixels = read_image(source.path).pixels
        except NotAVideoError as error:
            if not _is_video(source.path):
                raise
            raise UsageError(
                f"{source.name} is a video, and a search by picture takes an image file.",
                hint=f"Name a moment of it, after indexing it: --like {source.name}@0:05 --by picture",
            ) from error
    else:
        assert source.data is not None
        with TemporaryDirectory(prefix="footage-picture-") as folder:
            written = Path(folder) / "picture"
            written.write_bytes(source.data)
            pixels = read_image(written).pixels
    return _cut(pixels, source.box)


def _is_video(path: Path) -> bool:
    """Whether a file begins like a video."""
    from footage.media.containers import check

    try:
        check(path)
    except VideoError:
        return False
    return True


def _cut(pixels: np.ndarray, box: Box | None) -> np.ndarray:
    """The part of a picture in a box; of uint8 (height, width, 3) at least ``LEAST_SIDE`` pixels a side."""
    if box is None:
        return pixels
    height, width = pixels.shape[:2]
    left, right = math.floor(box[0] * width), math.ceil(box[2] * width)
    top, bottom = math.floor(box[1] * height), math.ceil(box[3] * height)
    if min(right - left, bottom - top) < LEAST_SIDE:
        raise UsageError(
            f"The box is {right - left}x{bottom - top} pixels of {width}x{height}; at least {LEAST_SIDE} a "
            f"side are needed to see anything.",
            hint="Draw a larger box.",
        )
    return pixels[top:bottom, left:right]


def _embedded(
    service: Service, source: PictureSource, pixels: np.ndarray | None, embedder: ImageEmbedder
) -> QueryPicture:
    """The vector of a picture, with where it is from."""
    from search.picture_queries import QueryPicture

    content_id, seconds = place(service, source.moment) if source.moment else ("", 0.0)
    if pixels is not None:
        vector = embedder.embed_pictures([pixels])[0]
    else:
        held = service.store().images.of(embedder.name, content_id)
        if not held:
            raise FileError(
                f"The file of {source.moment} cannot be reached, and the index has no image vectors of it.",
                hint="Connect its drive, or search by another picture.",
            )
        vector = min(held, key=lambda row: gap_seconds(row.span, Span(seconds, seconds))).vector
    return QueryPicture(vector, source.name, content_id, seconds)


def place(service: Service, moment: str) -> tuple[str, float]:
    """The content and the time of a moment of an indexed video."""
    from search.retrieval.similar import content_of, read_moment_in_video

    video, seconds = read_moment_in_video(moment)
    content_id = content_of(service.store(), video)
    length = service.store().videos.known([content_id])[content_id].duration_seconds
    if seconds >= length:
        raise UsageError(
            f"There is no picture at {format_time(seconds)} of {video}, which lasts {format_time(length)}."
        )
    return content_id, seconds
