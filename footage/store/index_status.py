"""How much an index holds, as dataclasses; counts nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from footage.core.types import Provenance


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """What an index holds of one track, of contents that a file holds."""

    videos: int
    """Contents with at least one window of it."""
    windows: int
    """Windows of those contents."""
    events: int
    """Events of those contents."""
    seconds: float
    """Footage seconds that its windows cover, overlaps counted once."""
    models: Mapping[Provenance, int]
    """Under what its windows were made and how many each time, most first."""


@dataclass(frozen=True, slots=True)
class ImageStatus:
    """What an index holds of one image embedder, of contents that a file holds."""

    vectors: int
    """Vectors of its table."""
    dimension: int
    """Numbers of a vector, 16 bits each."""
    track: TrackStatus
    """Its windows; it has no events."""
    size_bytes: int
    """Size of its table on disk, old versions and the index of its vectors included."""

    @property
    def bytes_per_hour(self) -> float:
        """Size on disk per hour of footage that its windows cover; 0 without any."""
        return 3600 * self.size_bytes / self.track.seconds if self.track.seconds else 0.0


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index holds."""

    videos: int
    """Contents with at least one captioned window and a file that holds them."""
    files: Mapping[str, int]
    """Number of files by state."""
    windows: int
    """Captioned windows of those contents."""
    events: int
    """Events of those contents."""
    seconds_indexed: float
    """Footage seconds covered by captioned windows, overlaps counted once."""
    seconds_total: float
    """Footage seconds of every content that a file holds, gaps left out."""
    gaps: int
    """How many gaps (times without frames) those contents have."""
    seconds_gaps: float
    """How long they are together."""
    embedders: tuple[str, ...]
    """Names of the embedders that have a vector table."""
    models: Mapping[Provenance, int]
    """Under what windows were captioned and how many each time, most first; more than one: a mix."""
    schema_version: int
    """Version of the tables."""
    tracks: Mapping[str, TrackStatus]
    """What the index holds of each track with texts, captions included; those without windows are absent."""
    images: Mapping[str, ImageStatus] = field(default_factory=dict)
    """What the index holds of image vectors, by image embedder."""
    failures: tuple[tuple[str, str], ...] = field(default=())
    """Path and reason of every file that failed in whole or in part."""

    @property
    def model(self) -> Provenance | None:
        """Under what most windows were captioned; None while there are none."""
        return next(iter(self.models), None)
