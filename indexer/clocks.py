"""Says when a file was recorded, and by which camera; knows neither index nor model.

The wall clock of the first frame comes from the container, else from the file's name, else, only where that
is asked for, from the modification time less the duration. Where it came from is kept beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from footage.errors import UsageError
from footage.types import ClockSource

EARLIEST_YEAR = 1990
"""A container's clock before this was never set: cameras start at 1904, 1970 or 1980."""

_NAME = re.compile(
    r"""(?<!\d)
    (?P<year>(?:19|20)\d\d)[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)
    [-_.T ]{0,3}(?:at[-_. ])?
    (?P<hour>\d\d)[-_.:h]?(?P<minute>\d\d)[-_.:m]?(?P<second>\d\d)
    (?P<utc>Z(?![A-Za-z]))?
    (?!\d)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """How to read clocks and cameras off files."""

    zone: tzinfo | None = None
    """Where clocks without a zone hang; None for this machine's."""
    camera_from: str = ""
    """"folder", or a pattern of the file name with {camera} in it and * for the rest; empty for neither."""
    offsets: Mapping[str, float] = field(default_factory=dict)
    """Seconds to add to the clock of each camera."""
    guess: bool = False
    """Whether the modification time may stand in for a clock."""

    def __post_init__(self) -> None:
        if self.camera_from and self.camera_from != "folder" and self.camera_from.count("{camera}") != 1:
            raise UsageError(
                f"--camera-from cannot be {self.camera_from!r}: it needs {{camera}} in it exactly once",
                hint='Give "folder", or a pattern for the file name such as "{camera}_*".',
            )

    def camera(self, path: Path) -> str:
        """Name of the camera that recorded a file; empty where the pattern does not fit."""
        if not self.camera_from:
            return ""
        if self.camera_from == "folder":
            return path.parent.name
        pattern = re.escape(self.camera_from).replace(r"\*", ".*?").replace(r"\{camera\}", "(.+?)")
        match = re.fullmatch(pattern, path.stem)
        return match[1] if match else ""

    def recorded_at(
        self,
        path: Path,
        *,
        container_time: str,
        modified_at: float,
        duration_seconds: float,
        camera: str = "",
    ) -> tuple[str, ClockSource]:
        """Wall clock of a file's first frame, and where it comes from.

        Args:
            path: The file.
            container_time: What its container says, ISO 8601; empty where it says nothing.
            modified_at: Modification time, seconds since the epoch.
            duration_seconds: Length of the video.
            camera: Its camera, for the offset of that camera's clock.

        Returns:
            ISO 8601 with a zone, and the source; both empty where nothing is known.
        """
        found: datetime | None
        source: ClockSource
        if found := _plausible(container_time, self.zone):
            source = "container"
        elif found := named_time(path.stem, self.zone):
            source = "file name"
        elif self.guess:
            found, source = (
                datetime.fromtimestamp(modified_at, UTC) - timedelta(seconds=duration_seconds),
                "guessed",
            )
        else:
            return "", ""
        found += timedelta(seconds=self.offsets.get(camera, 0.0))
        return found.astimezone(self.zone).isoformat(), source


NO_CLOCKS = Clocks()
"""Reads the clocks of containers and file names in this machine's zone, and no cameras."""


def named_time(name: str, zone: tzinfo | None) -> datetime | None:
    """The first date with a time in a file name, such as "cam1_20260102_030405"; None where there is none.

    A "Z" right behind it makes it UTC, otherwise it is read in ``zone`` (None: this machine's).
    """
    for match in _NAME.finditer(name):
        parts = [int(match[name]) for name in ("year", "month", "day", "hour", "minute", "second")]
        try:
            moment = datetime(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5])
        except ValueError:  # 31 February, or a number that is no date at all
            continue
        return _in_zone(moment, UTC if match["utc"] else zone)
    return None


def parse_offsets(texts: list[str]) -> dict[str, float]:
    """Read clock offsets such as "cam1=+2.5" and "yard=-3600", in seconds.

    Raises:
        UsageError: one of them is no such offset.
    """
    offsets = {}
    for text in texts:
        camera, _, seconds = text.rpartition("=")
        try:
            offsets[camera] = float(seconds)
        except ValueError:
            camera = ""
        if not camera:
            raise UsageError(f"--clock-offset cannot be {text!r}: give CAMERA=SECONDS, as in cam1=-2.5")
    return offsets


def parse_zone(name: str | None) -> tzinfo | None:
    """The time zone of a name such as "Europe/Berlin" or "UTC"; None for none.

    Raises:
        UsageError: there is no such zone.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"there is no time zone {name!r}",
            hint="Use a name such as Europe/Berlin, America/New_York or UTC.",
        ) from error


def _plausible(text: str, zone: tzinfo | None) -> datetime | None:
    """A container's clock, unless it is unset or unreadable."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _in_zone(moment, zone) if moment.year >= EARLIEST_YEAR else None


def _in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """A moment with a zone: its own, else ``zone``, else this machine's."""
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
