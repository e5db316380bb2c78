"""Takes the frames that a report shows, as small JPEGs within a bound; knows no page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.audit.results import AuditedEntry, AuditedVideo
from evaluation.audit.suggestions import suggested_span
from footage.core.errors import VideoError
from footage.core.types import Span
from footage.media import sandbox
from search.claims.records import ClaimError

WIDTH = 320
"""Wider frames are scaled down to this, pixels."""
QUALITY = 72
"""JPEG quality."""
MOST_BYTES = 12_000_000
"""Most bytes of all frames of a report together."""
MOST_FRAMES = 3
"""Frames of one entry."""
APART_SECONDS = 0.4
"""Two frames nearer than this show the same."""

OnProgress = Callable[[str, int, int], None]
"""Called with (stage, how many are done, how many there are)."""


@dataclass(frozen=True, slots=True)
class ReportPicture:
    """A frame in a report."""

    at_seconds: float
    """Which frame, video time."""
    what: str
    """What it shows: "claimed", "suggested" or "evidence"."""
    jpeg: bytes
    """The frame."""

    @property
    def address(self) -> str:
        """It as a data URI."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode('ascii')}"


Pictures = dict[tuple[str, str], list[ReportPicture]]
"""Frames by name of the video and of the entry; an empty entry name stands for the video's missing events."""


def take_pictures(
    found: Sequence[tuple[AuditedVideo, AuditedEntry]],
    *,
    on_progress: OnProgress,
    most_bytes: int = MOST_BYTES,
) -> Pictures:
    """The frames of entries, at the claimed moment, at the suggested one, and one that a judge names.

    Frames are taken in the order of the entries until the bound is reached. A frame that cannot be decoded is
    left out.
    """
    taken: Pictures = {}
    left = most_bytes
    for number, (video, entry) in enumerate(found, start=1):
        if left <= 0:
            break
        if video.path and video.duration_seconds:
            pictures = _pictures(video, moments(entry, video.duration_seconds))
            taken[video.name, entry.written.id] = pictures
            left -= sum(len(picture.jpeg) for picture in pictures)
        on_progress("pictures", number, len(found))
    return taken


def missing_pictures(videos: Sequence[AuditedVideo], *, most: int, on_progress: OnProgress) -> Pictures:
    """A frame of each missing event, of so many events at most."""
    taken: Pictures = {}
    events = [(video, error) for video in videos for error in video.missing][:most]
    for number, (video, error) in enumerate(events, start=1):
        if (at := _looked_at(error)) is not None:
            taken.setdefault((video.name, ""), []).extend(_pictures(video, [(at, "evidence")]))
        on_progress("pictures", number, len(events))
    return taken


def moments(entry: AuditedEntry, duration_seconds: float) -> list[tuple[float, str]]:
    """Which frames show an entry's errors, each with what it shows; at most ``MOST_FRAMES``."""
    wanted: list[tuple[float, str]] = []
    wrong = [error.span for error in entry.errors if error.kind == "time" and error.span is not None]
    first = entry.written.pairs[0] if entry.written.pairs else None
    if wrong and wrong[0] in {Span.clamped(max(a, 0.0), max(b, 0.0)) for a, b in entry.written.pairs}:
        first = (wrong[0].start_seconds, wrong[0].end_seconds)
    if first is not None:
        wanted.append((sum(first) / 2, "claimed"))
    for error in entry.errors:
        if (span := suggested_span(error)) is not None:
            wanted.append((span.middle_seconds, "suggested"))
    for error in entry.errors:
        if suggested_span(error) is None:
            wanted += [(frame, "evidence") for frame in error.frames[:1]]
        if not entry.written.pairs and error.span is not None:
            wanted.append((error.span.middle_seconds, "evidence"))
    kept: list[tuple[float, str]] = []
    for at, what in wanted:
        inside = 0 <= at < duration_seconds
        if inside and all(abs(at - other) >= APART_SECONDS for other, _ in kept) and len(kept) < MOST_FRAMES:
            kept.append((at, what))
    return kept


def _pictures(video: AuditedVideo, wanted: Sequence[tuple[float, str]]) -> list[ReportPicture]:
    taken = []
    for at, what in wanted:
        try:
            taken.append(ReportPicture(at, what, _jpeg(video.path, at)))
        except VideoError:
            continue  # the report is about the text; a frame that is damaged shows nothing
    return taken


def _jpeg(path: str, at_seconds: float) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    image = Image.fromarray(sandbox.frame_at(path, at_seconds, max_width=WIDTH))
    image.save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()


def _looked_at(error: ClaimError) -> float | None:
    if error.frames:
        return error.frames[0]
    return None if error.span is None else error.span.middle_seconds
