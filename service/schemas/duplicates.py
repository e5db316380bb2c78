"""Lines of JSON about what an index holds more than once: of `status --duplicates`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from service.schemas.base import Record, span_fields

if TYPE_CHECKING:
    from service.duplicates import DuplicatesResult


class SameBytesRecord(Record):
    """Files that hold the same bytes."""

    type: Literal["same bytes"] = Field(default="same bytes")
    """What the line is."""
    paths: list[str]
    """The files."""


class VideoCopyRecord(Record):
    """A video that shows nearly all of what another one shows, or of a part of it."""

    type: Literal["copy"] = Field(default="copy")
    """What the line is."""
    video: str
    """A file that holds the copy."""
    content_id: str
    """The copy, by its bytes."""
    start_seconds: float
    """First second of the copy that is in the original, in seconds of video time."""
    end_seconds: float
    """Where that ends."""
    original: str
    """A file that holds the original: the longer video, then that with more pixels."""
    original_content_id: str
    """The original, by its bytes."""
    original_start_seconds: float
    """Where the copy begins in the original."""
    original_end_seconds: float
    """Where it ends there."""
    share: float
    """Share of the copy that is in the original, 0 to 1."""
    agreement: float
    """How far the movement agrees: 1 is the same, 0 is what other moments of the two come to."""


class StretchPlaceFields(Record):
    """A stretch of a video."""

    video: str
    """A file that holds it."""
    content_id: str
    """The video in that file, by its bytes."""
    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""


class RepeatRecord(Record):
    """A stretch that is shown in several places."""

    type: Literal["repeat"] = Field(default="repeat")
    """What the line is."""
    seconds: float
    """Length of the longest place."""
    agreement: float
    """How far the movement agrees at least; as that of a copy."""
    places: list[StretchPlaceFields]
    """Where it is shown; no two overlap."""


class DuplicatesRecord(Record):
    """The last line of `status --duplicates`: what was compared, and what was not."""

    type: Literal["coverage"] = Field(default="coverage")
    """What the line is."""
    image_embedder: str
    """The image embedder whose vectors were compared; empty where the index has none, and only files of the
    same bytes are listed."""
    videos: int
    """Videos whose pictures were compared."""
    videos_without: list[str]
    """A file of each video that has no image vectors."""
    pictures: int
    """Pictures that were searched for in the whole index."""
    least_seconds: float
    """Shorter stretches may be missed."""
    alignments: int
    """Pairs of videos and offsets that were aligned."""
    alignments_left_out: int
    """Those that were left out because there are too many."""
    alike_pairs: int
    """Pairs of videos, or videos, that show one scene without being one recording; they are not listed."""
    alike_seconds: float
    """How long they do, at the offsets that were tried."""


def duplicate_records(result: DuplicatesResult) -> Iterator[Record]:
    """What an index holds more than once, as lines."""
    for group in result.same_bytes:
        yield SameBytesRecord(type="same bytes", paths=list(group))
    found = result.found
    for copy in found.copies if found else ():
        yield VideoCopyRecord(
            type="copy",
            video=result.paths[copy.content_id],
            content_id=copy.content_id,
            **span_fields(copy.span),
            original=result.paths[copy.original_id],
            original_content_id=copy.original_id,
            original_start_seconds=copy.original_span.start_seconds,
            original_end_seconds=copy.original_span.end_seconds,
            share=round(copy.share, 3),
            agreement=round(copy.agreement, 3),
        )
    for stretch in found.stretches if found else ():
        yield RepeatRecord(
            type="repeat",
            seconds=stretch.seconds,
            agreement=round(stretch.agreement, 3),
            places=[
                StretchPlaceFields(
                    video=result.paths[place.content_id],
                    content_id=place.content_id,
                    **span_fields(place.span),
                )
                for place in stretch.places
            ],
        )
    yield _coverage(result)


def _coverage(result: DuplicatesResult) -> DuplicatesRecord:
    coverage = result.found.coverage if result.found else None
    return DuplicatesRecord(
        type="coverage",
        image_embedder=result.embedder,
        videos=coverage.videos if coverage else 0,
        videos_without=[result.paths[each] for each in coverage.videos_without] if coverage else [],
        pictures=coverage.probes if coverage else 0,
        least_seconds=round(coverage.least_seconds, 3) if coverage else 0.0,
        alignments=coverage.alignments if coverage else 0,
        alignments_left_out=coverage.alignments_left_out if coverage else 0,
        alike_pairs=coverage.alike_pairs if coverage else 0,
        alike_seconds=round(coverage.alike_seconds, 3) if coverage else 0.0,
    )
