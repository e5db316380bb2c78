"""Lines of JSON, and parts of them, about the tracks of an index and about the models that made them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from service.schemas.base import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from footage.store.index_status import ImageStatus, TrackStatus
    from indexer.progress import TrackReport


class ModelFields(Record):
    """A model and its settings, and how much of the index it captioned."""

    model: str
    """Repository or folder name of the model."""
    revision: str
    """Commit, or content hash for a local folder."""
    prompt_version: str
    """Version of the prompt contract."""
    budget: str
    """Pixel and frame budget, spelled out."""
    cutting: str
    """How videos were cut into windows."""
    windows: int
    """Windows that it captioned."""


class TrackRunRecord(Record):
    """What a run of `index` or `retry` did about one track other than captions."""

    type: Literal["track"] = Field(default="track")
    """What the line is."""
    track: str
    """The track."""
    windows: int
    """Windows that were read."""
    seconds: float
    """Footage seconds of those."""
    events: int
    """What was read in them."""
    vectors: int
    """Image vectors that were made of them."""
    notes: dict[str, int]
    """What there is to know, such as "no sound track", and of how many videos."""
    kept: dict[str, int]
    """Other models whose windows were kept, and of how many videos."""
    broken: str
    """Why it could not be read to the end; empty where it could."""

    @classmethod
    def of(cls, track: str, report: TrackReport) -> Self:
        """What a run did about a track."""
        return cls(
            type="track",
            track=track,
            windows=report.windows,
            seconds=round(report.seconds, 3),
            events=report.events,
            vectors=report.vectors,
            notes=dict(report.notes),
            kept=dict(report.others),
            broken=report.broken,
        )


class TrackLeftOutRecord(Record):
    """A track that `index` or `retry` did not make because it cannot be made here."""

    type: Literal["track left out"] = Field(default="track left out")
    """What the line is."""
    track: str
    """The track."""
    reason: str
    """Why, one sentence."""


class TrackForecastFields(Record):
    """What a run would do about one track other than captions."""

    windows_new: int
    """Windows to read."""
    seconds_new: float
    """Footage seconds of those."""


class ImageVectorFields(Record):
    """What the index holds of one image embedder."""

    embedder: str
    """The image embedder."""
    vectors: int
    """Its vectors."""
    dimension: int
    """Numbers of a vector, 16 bits each."""
    videos: int
    """Videos with windows of it."""
    windows: int
    """Windows of those, half a minute each."""
    seconds: float
    """Footage seconds that its windows cover; compare with ``seconds_total``."""
    size_bytes: int
    """Size of its table on disk."""
    bytes_per_hour: int
    """Size on disk per hour of footage that its windows cover; 0 without any."""
    models: list[ModelFields]
    """Under what its windows were made."""
    notes: dict[str, int]
    """What there is to know about its videos, and of how many."""

    @classmethod
    def of(cls, embedder: str, status: ImageStatus, notes: Mapping[str, int]) -> Self:
        """What the index holds of an image embedder."""
        track = status.track
        return cls(
            embedder=embedder,
            vectors=status.vectors,
            dimension=status.dimension,
            videos=track.videos,
            windows=track.windows,
            seconds=round(track.seconds, 3),
            size_bytes=status.size_bytes,
            bytes_per_hour=round(status.bytes_per_hour),
            models=[ModelFields(**asdict(made), windows=count) for made, count in track.models.items()],
            notes=dict(notes),
        )


class TrackFields(Record):
    """What the index holds of one track."""

    track: str
    """The track."""
    videos: int
    """Videos with windows of it."""
    windows: int
    """Windows of those."""
    events: int
    """Events of those."""
    seconds: float
    """Footage seconds that its windows cover; compare with ``seconds_total``."""
    models: list[ModelFields]
    """Under what its windows were made."""
    notes: dict[str, int]
    """What there is to know, such as "no sound track", and of how many videos."""

    @classmethod
    def of(cls, track: str, status: TrackStatus, notes: Mapping[str, int]) -> Self:
        """What the index holds of a track."""
        return cls(
            track=track,
            videos=status.videos,
            windows=status.windows,
            events=status.events,
            seconds=round(status.seconds, 3),
            models=[ModelFields(**asdict(made), windows=count) for made, count in status.models.items()],
            notes=dict(notes),
        )
