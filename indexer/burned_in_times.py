"""Gives a file the recording time that a clock in its picture says; knows no index and opens no file.

To be called once all of a video's screen text is there, for each file that holds the video.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from footage.core.types import CaptionEvent, File, Video
from footage.objects.paths import media_path
from indexer.timestamps import Clocks, Recorded
from indexer.tracks.burned_in_clock import ClockInPicture, read_clock

_AGREE_SECONDS = 120.0
"""A clock without a date gets that of the other clock where the two differ by no more than this ..."""
_ZONE_SECONDS = 1800.0
"""... but for a multiple of this, by which time zones differ."""


@dataclass(frozen=True, slots=True)
class BurnedInTime:
    """A file after the clock in its picture was read."""

    file: File
    """The file, with the recording time that counts now."""
    clock: ClockInPicture | None
    """The clock; None where none runs."""
    ahead_seconds: float = 0.0
    """By how much it is ahead of the container or the file name, where they disagree and no choice was made:
    to be reported as a doubt. ``file.clock_source`` says which was used."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What there is to know about the clock, a sentence each; empty where all is well."""
        return self.clock.sentences if self.clock else ()


def with_burned_in_time(
    file: File, video: Video, events: Iterable[CaptionEvent], clocks: Clocks, *, after_seconds: float = 0.0
) -> BurnedInTime:
    """A file with the recording time by the clock in its picture, in the order of trust of ``clocks``.

    Args:
        file: The file, with its camera.
        video: Its video.
        events: All screen-text events of the video, with their boxes.
        clocks: How clocks are read.
        after_seconds: As for ``Clocks.recorded_at``.
    """

    def recorded(burned_in: str = "") -> Recorded:
        return clocks.recorded_at(
            media_path(file.path),
            container_time=video.created_at,
            modified_at=file.modified_at,
            duration_seconds=video.duration_seconds,
            camera=file.camera,
            after_seconds=after_seconds,
            burned_in=burned_in,
        )

    before = recorded()
    known = before.source in ("container", "file name")
    other = datetime.fromisoformat(before.at) if known else None
    clock = read_clock(events, video, near=other.date() if other else None)
    if clock is None:
        return BurnedInTime(file, None)
    burned_in = clock.recorded_at or (_dated(clock.day_seconds, other) if other else "")
    if not burned_in:
        return BurnedInTime(file, clock)
    found = recorded(burned_in)
    file = replace(file, recorded_at=found.at, clock_source=found.source)
    return BurnedInTime(file, clock, found.burned_in_ahead_seconds)


def _dated(day_seconds: float, other: datetime) -> str:
    """A time of day with the date of another clock, where the two agree but for a time zone; else empty."""
    local = other.replace(tzinfo=None)
    midnight = datetime(local.year, local.month, local.day)
    moments = [midnight + timedelta(days=days, seconds=day_seconds) for days in (-1, 0, 1)]
    moment = min(moments, key=lambda each: abs(each - local))
    apart = (moment - local).total_seconds()
    rest = (apart + _ZONE_SECONDS / 2) % _ZONE_SECONDS - _ZONE_SECONDS / 2
    return moment.isoformat(timespec="milliseconds") if abs(rest) <= _AGREE_SECONDS else ""
