"""What the index holds in a few numbers, and when it was last written to; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.tracks import CAPTION_TRACK

if TYPE_CHECKING:
    from service.session import Service


@dataclass(frozen=True, slots=True)
class Overview:
    """An index in a few numbers."""

    videos: int = 0
    """Videos that the index has anything of."""
    seconds: float = 0.0
    """Their length together."""
    events: int = 0
    """Events in captions."""
    has_captions: bool = False
    """Whether any video has captions, so that ``events`` says something."""
    words: tuple[str, ...] = ()
    """The tracks of what is said and written that it has."""
    updated_at: float = 0.0
    """When an index run last began or ended, in seconds since the epoch; 0 where none is known."""


def overview(service: Service) -> Overview:
    """An index in a few numbers; of an index that is not there yet, zeros.

    Raises:
        StoreError: the index cannot be read.
    """
    store = service.existing_store()
    if store is None:
        return Overview()
    status = store.status()
    counts = [status.videos, *(each.videos for each in status.tracks.values())]
    counts += [each.track.videos for each in status.images.values()]
    times = [max(run.started_at, run.ended_at) for run in store.runs.all()]
    return Overview(
        max(counts),
        status.seconds_total,
        status.events,
        status.videos > 0,
        tuple(track for track, each in status.tracks.items() if track != CAPTION_TRACK and each.videos),
        max(times, default=0.0),
    )
