"""Parses locators of files, moments and segments: FILE, FILE@t or FILE@start-end; FILE may be an address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from footage.core.errors import UsageError
from footage.core.timecode import format_time, parse_time
from footage.core.types import Span, Video
from footage.objects.address import is_object_address
from footage.objects.paths import typed_path

_ADDRESS = re.compile("https?://", re.IGNORECASE)
_TIMES = re.compile("[0-9:.]+(?:-[0-9:.]+)?")


@dataclass(frozen=True, slots=True)
class Locator:
    """A video, and what of it."""

    path: Path
    """The file."""
    start_seconds: float | None = None
    """The moment, or where the stretch begins; None for the whole video."""
    end_seconds: float | None = None
    """Where the stretch ends; None for a moment, and for the whole video."""
    address: str = ""
    """The http or https address of the file; empty for a file of this machine."""

    def span(self, video: Video) -> Span:
        """The stretch, or the whole video, inside a video that was probed.

        Raises:
            UsageError: when the locator is a moment, or outside the video.
        """
        if self.start_seconds is None:
            return Span(0.0, video.duration_seconds)
        if self.end_seconds is None:
            raise UsageError(
                f"{self.path.name}@{format_time(self.start_seconds)} is a moment, but this command needs a "
                f"segment",
                hint="Add the end time, as in match.mp4@1:10-1:25.",
            )
        end = min(self.end_seconds, video.duration_seconds)
        if self.start_seconds >= end:
            raise self._nothing_there(video)
        return Span(self.start_seconds, end)

    def moment(self, video: Video) -> float:
        """The moment, in seconds of a video that was probed.

        Raises:
            UsageError: when the locator is a segment or a whole video, or after the end of the video.
        """
        if self.start_seconds is None or self.end_seconds is not None:
            raise UsageError(
                f"the time of the frame in {self.path.name} is missing",
                hint="Add the time after the file name, as in match.mp4@1:10.5.",
            )
        if self.start_seconds >= video.duration_seconds:
            raise self._nothing_there(video)
        return self.start_seconds

    def _nothing_there(self, video: Video) -> UsageError:
        assert self.start_seconds is not None
        return UsageError(
            f"there is no video at {format_time(self.start_seconds)} in {self.path.name}, "
            f"which lasts {format_time(video.duration_seconds)}"
        )


def parse_locator(text: str, *, addresses: bool = False) -> Locator:
    """Read ``"a.mp4"``, ``"a.mp4@83.5"`` or ``"a.mp4@1:10-1:25"``.

    A file whose own name reads so is taken for that file.

    Args:
        text: What a user typed.
        addresses: Whether the file may be an http or https address; otherwise it is the name of a file.

    Raises:
        UsageError: what stands behind the last "@" is to be a time (it begins like one, or what stands before
            is a file) and is none, or ends before it starts.
    """
    name, at, when = text.rpartition("@")
    is_address = addresses and bool(_ADDRESS.match(text))
    if is_address and not _TIMES.fullmatch(when):
        return Locator(Path(text), address=text)
    if is_object_address(text) and not _ADDRESS.match(text):
        timed = bool(at and _TIMES.fullmatch(when))
        path = typed_path(name if timed else text)
        return _timed(path, when) if timed else Locator(path)
    if not is_address:
        typed_path(text)  # refuses an address of another kind
    if (
        not at
        or not name
        or _there(Path.exists, text)
        or not (when[:1].isdigit() or _there(Path.is_file, name))
    ):
        return Locator(Path(text))
    return replace(_timed(Path(name), when), address=name if is_address else "")


def _timed(path: Path, when: str) -> Locator:
    first, dash, last = when.partition("-")
    start, end = parse_time(first), parse_time(last) if dash else None
    if end is not None and end <= start:
        raise UsageError(
            f"{when!r} ends before it starts", hint="Use a start before the end, as in 1:10-1:25."
        )
    return Locator(path, start, end)


def _there(asks: Callable[[Path], bool], name: str) -> bool:
    """Whether something has a name; nothing has one that the system finds too long."""
    try:
        return asks(Path(name))
    except OSError:
        return False
