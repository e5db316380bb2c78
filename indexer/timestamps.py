"""Says when a file was recorded, and by which camera; knows neither index nor model.

The wall clock of the first frame comes from the picture where a clock runs in it (``indexer.burned_in_times``
brings it once the text in the picture has been read), from the container or from the file's name
(``_compare`` says which), else, only where that is asked for, from the modification time less the duration.
Where it came from is kept beside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from footage.core.errors import UsageError
from footage.core.names import composed, folded
from footage.core.types import ClockSource
from indexer.name_times import EARLIEST_YEAR, LATEST_YEAR, NameTime, in_zone, named_time

ClockFrom = Literal["auto", "name", "container", "burned-in"]
"""Which clock comes first where a file has both."""
CLOCK_FROM: tuple[ClockFrom, ...] = get_args(ClockFrom)
NEAR_SECONDS = 5.0
"""Two clocks with a smaller difference agree: a recorder names, opens and closes the file at slightly
different times."""
ZONE_STEP_SECONDS = 900
"""Time zones differ by multiples of this."""
MOST_ZONE_SECONDS = 26 * 3600
"""No two time zones are further apart (-12:00 to +14:00)."""
MOST_OFFSET_SECONDS = 100 * 365.25 * 86_400
"""No clock is further off than a century."""


class Recorded(NamedTuple):
    """When a file was recorded."""

    at: str = ""
    """Wall clock of its first frame, ISO 8601 with a zone; empty where nothing is known."""
    source: ClockSource = ""
    """Where it comes from; empty where nothing is known."""
    zone_difference_seconds: float = 0.0
    """By how much the container's clock is ahead of the name's, where the two differ as time zones do and it
    cannot be said which is right; 0 otherwise."""
    burned_in_ahead_seconds: float = 0.0
    """By how much the clock in the picture is ahead of the other one that was found, where the two disagree
    and no choice was made; 0 otherwise."""


@dataclass(frozen=True, slots=True)
class _Clock:
    """What a container's clock says."""

    moment: datetime
    has_own_zone: bool
    """Whether it was written with the zone it was recorded in, and so can be relied upon."""
    may_be_local: bool
    """Whether it is UTC by the standard, but some cameras write local time there."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """How to read clocks and cameras off files; camera names compare by ``footage.core.names.folded``."""

    zone: tzinfo | None = None
    """Time zone for timestamps without one; None: the time zone of this machine."""
    camera_from: str = ""
    """"folder", or a pattern of the file name with {camera} in it and * for the rest; empty for neither."""
    offsets: Mapping[str, float] = field(default_factory=dict)
    """Seconds to add to the clock of each camera."""
    guess: bool = False
    """Whether the modification time may stand in for a clock."""
    clock_from: Mapping[str, str] = field(default_factory=dict)
    """Which clock comes first, a ``ClockFrom`` by camera; under "" that of all other cameras, else "auto"."""
    container_clocks: Mapping[str, str] = field(default_factory=dict)
    """What the clocks in containers are, by camera, and under "" for all others: "utc" (standard), "local"
    for ``zone``, or the name of a time zone. Where nothing is said they are UTC, with a warning where that
    looks wrong."""

    def __post_init__(self) -> None:
        if self.camera_from and self.camera_from != "folder" and self.camera_from.count("{camera}") != 1:
            raise UsageError(
                f"--camera-from cannot be {self.camera_from!r}: it must contain {{camera}} exactly once",
                hint='Use "folder", or a file name pattern such as "{camera}_*".',
            )
        for name in ("offsets", "clock_from", "container_clocks"):
            by_camera = getattr(self, name)
            object.__setattr__(self, name, {folded(camera): value for camera, value in by_camera.items()})

    def camera(self, path: Path) -> str:
        """Name of the camera that recorded a file; empty where the pattern does not fit."""
        if not self.camera_from:
            return ""
        if self.camera_from == "folder":
            return composed(path.parent.name)
        pattern = re.escape(composed(self.camera_from)).replace(r"\*", ".*?").replace(r"\{camera\}", "(.+?)")
        match = re.fullmatch(pattern, composed(path.stem), re.IGNORECASE)
        return match[1] if match else ""

    def recorded_at(
        self,
        path: Path,
        *,
        container_time: str,
        modified_at: float,
        duration_seconds: float,
        camera: str = "",
        after_seconds: float = 0.0,
        burned_in: str = "",
    ) -> Recorded:
        """Wall clock of a file's first frame, and where it comes from.

        Args:
            path: The file.
            container_time: What its container says, as ``footage.media.creation_time.recorded_tag`` has it.
            modified_at: Modification time, seconds since the epoch.
            duration_seconds: Length of the video.
            camera: Its camera, for what is known of that camera's clock.
            after_seconds: How long the recording had been going on when this file begins, where the container
                has the clock of the recording: a later chapter of a GoPro.
            burned_in: What the clock in the picture says at the first frame, ISO 8601 without a zone; empty
                where none runs.
        """
        camera = folded(camera)
        container = self._container(container_time, camera, after_seconds)
        name = named_time(path, self.zone)
        named, difference = name.moment if name else None, 0.0
        first = self.clock_from.get(camera) or self.clock_from.get("") or "auto"
        if container is not None and name is not None:
            if first == "auto":
                named, difference = _compare(container, name, duration_seconds)
            elif first == "container":
                named = None
        found: datetime | None = None
        source: ClockSource = ""
        if named is not None:
            found, source = named, "file name"
        elif container is not None:
            found, source = container.moment, "container"
        ahead = 0.0
        if burned_in and (found is None or first in ("auto", "burned-in")):
            shown = in_zone(datetime.fromisoformat(burned_in), self.zone)
            apart = (shown - found).total_seconds() if found is not None else 0.0
            if first == "auto" and min(abs(apart), abs(apart + duration_seconds)) > NEAR_SECONDS:
                ahead = apart
            # Apart as time zones are, the other clock is UTC by its standard, and the camera's zone unknown.
            if found is None or first == "burned-in" or not _zone_difference(apart, -duration_seconds):
                found, source, difference = shown, "burned-in", 0.0
        if found is None and self.guess and (guessed := _guessed(modified_at, duration_seconds)) is not None:
            found, source = guessed, "guessed"
        if found is None:
            return Recorded()
        # In UTC: adding to a local time would be wrong across a change to or from summer time.
        found = found.astimezone(UTC) + timedelta(seconds=self.offsets.get(camera, 0.0))
        return Recorded(found.astimezone(self.zone).isoformat(), source, difference, round(ahead, 3))

    def keeps_burned_in(self, camera: str) -> bool:
        """Whether the clock in the picture, once found, stays the recording time of a camera's files."""
        camera = folded(camera)
        return (self.clock_from.get(camera) or self.clock_from.get("") or "auto") in ("auto", "burned-in")

    def lacks_burned_in(self, camera: str, source: ClockSource) -> bool:
        """Whether a camera's files are to have the clock in the picture, and one has another."""
        first = self.clock_from.get(folded(camera)) or self.clock_from.get("")
        return first == "burned-in" and source != "burned-in"

    def _container(self, text: str, camera: str, after_seconds: float) -> _Clock | None:
        """A container's clock, unless it is unset or unreadable."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        if len(text) <= len("2024-07-14") or not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            return None
        says_utc = text.rstrip().upper().endswith("Z")
        meant = self._container_clock(camera)
        has_own_zone = moment.tzinfo is not None and not says_utc
        zone = self.zone if meant in ("", "local") else UTC if meant == "utc" else parse_zone(meant)
        if says_utc and meant not in ("", "utc"):
            moment = moment.replace(tzinfo=None)
        began = in_zone(moment, zone).astimezone(UTC) + timedelta(seconds=after_seconds)
        return _Clock(began, has_own_zone, may_be_local=says_utc and not meant)

    def _container_clock(self, camera: str) -> str:
        return self.container_clocks.get(camera) or self.container_clocks.get("") or ""


NO_CLOCKS = Clocks()
"""Reads the clocks of containers and file names in this machine's zone, and no cameras."""


def _compare(container: _Clock, name: NameTime, duration_seconds: float) -> tuple[datetime | None, float]:
    """The clock in the name if it is the better one, and the difference if it equals that of two time zones.

    1. Written with its own zone, as by Apple's cameras, the container's is the better one.
    2. Where they say the same, it is the container's, unless the container says when the recording ended, as
       Android's does: then it is the name's.
    3. Where the container's is the name's local time taken for UTC, and names of that maker are known to be
       local time, it is the name's.
    4. Else it is the container's; apart by a multiple of ``ZONE_STEP_SECONDS`` one of them is wrong.
    """
    if container.has_own_zone:
        return None, 0.0
    moments = [name.moment]
    if name.is_local:  # where clocks are set back an hour comes twice
        moments.append(name.moment.replace(fold=1))
    aheads = [(container.moment - moment.astimezone(UTC)).total_seconds() for moment in moments]
    ahead, moment = min(
        zip(aheads, moments, strict=True), key=lambda pair: min(abs(pair[0]), abs(pair[0] - duration_seconds))
    )
    from_end = abs(ahead - duration_seconds)
    if min(abs(ahead), from_end) <= NEAR_SECONDS:
        return (moment if from_end < abs(ahead) else None), 0.0
    difference = _zone_difference(ahead, duration_seconds) if container.may_be_local else 0.0
    offset = moment.utcoffset() or timedelta()
    if difference and name.is_local and name.pattern.maker_is_known and difference == offset.total_seconds():
        return moment, 0.0
    return None, difference


def _zone_difference(ahead_seconds: float, duration_seconds: float) -> float:
    """The difference of two time zones that explains how far one clock is ahead; 0 where none does."""
    for ahead in (ahead_seconds, ahead_seconds - duration_seconds):
        step = round(ahead / ZONE_STEP_SECONDS) * ZONE_STEP_SECONDS
        if 0 < abs(step) <= MOST_ZONE_SECONDS and abs(ahead - step) <= NEAR_SECONDS:
            return float(step)
    return 0.0


def _guessed(modified_at: float, duration_seconds: float) -> datetime | None:
    """The modification time less the duration, unless it lies in the future or was never set."""
    try:
        found = datetime.fromtimestamp(modified_at, UTC) - timedelta(seconds=duration_seconds)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.year >= EARLIEST_YEAR and found < datetime.now(UTC) + timedelta(days=1) else None


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
        if not camera or not math.isfinite(offsets[camera]) or abs(offsets[camera]) > MOST_OFFSET_SECONDS:
            raise UsageError(f"--clock-offset cannot be {text!r}: use CAMERA=SECONDS, as in cam1=-2.5")
    return offsets


def parse_clock_from(texts: list[str]) -> dict[str, str]:
    """Read which clock comes first, such as "name" (for all cameras) and "gate=container"; by camera.

    Raises:
        UsageError: one of them is no such thing.
    """
    chosen: dict[str, str] = {}
    for text in texts:
        camera, equals, which = text.rpartition("=")
        if which not in CLOCK_FROM or (equals and not camera):
            raise UsageError(
                f"--clock-from cannot be {text!r}: use name, container, burned-in or auto",
                hint="For one camera, use CAMERA=name, as in gate=name.",
            )
        chosen[camera] = which
    return chosen


def parse_container_clocks(texts: list[str]) -> dict[str, str]:
    """Read what the clocks in containers are, such as "drone=local" and "utc" (for all cameras); by camera.

    Raises:
        UsageError: one of them is no such thing.
    """
    chosen: dict[str, str] = {}
    for text in texts:
        camera, equals, which = text.rpartition("=")
        if not which or (equals and not camera):
            raise UsageError(
                f"--container-clock cannot be {text!r}: use CAMERA=local, CAMERA=utc or CAMERA=ZONE",
                hint="For example: drone=local or gopro=Europe/Berlin. Without CAMERA=, the value applies "
                "to all cameras.",
            )
        if which not in ("local", "utc"):
            parse_zone(which)
        chosen[camera] = which
    return chosen


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
