"""Small pictures of the moments of an answer; cuts none itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from footage.core.errors import FootageError

if TYPE_CHECKING:
    from service.moment_media import MomentMedia
    from service.session import Service

LONGEST_SIDE = 512
"""Longer sides of pictures are scaled down to this, in pixels."""


@dataclass(frozen=True, slots=True)
class MomentFrame:
    """A picture of a moment, or why there is none."""

    record: int
    """Number of the record, from 0."""
    seconds: float
    """Video time."""
    jpeg: bytes
    """The picture; empty where it cannot be had."""
    why_not: str = ""
    """Why it cannot be had, one sentence."""


def frames_of(
    service: Service, media: MomentMedia, records: Sequence[Mapping[str, Any]], most: int
) -> list[MomentFrame]:
    """A picture from the middle of each of the first moments; of a video as a whole several, evenly spaced.

    Raises:
        StoreError: the index cannot be read.
    """
    from service import browse

    moments = _moments(records, most)
    videos = browse.videos(service, {content_id for _, content_id, _ in moments})
    frames = []
    for number, content_id, seconds in moments:
        if (video := videos.get(content_id)) is None:
            continue
        width = LONGEST_SIDE
        if video.height > video.width > 0:
            width = max(16, LONGEST_SIDE * video.width // video.height)
        try:
            jpeg = media.picture(content_id, seconds, width=width).path.read_bytes()
        except (FootageError, OSError) as error:
            frames.append(MomentFrame(number, seconds, b"", str(error)))
        else:
            frames.append(MomentFrame(number, seconds, jpeg))
    return frames


def _moments(records: Sequence[Mapping[str, Any]], most: int) -> list[tuple[int, str, float]]:
    """Number of the record, content id and seconds of the first moments."""
    moments = [
        (number, str(record["content_id"]), (record["start_seconds"] + record["end_seconds"]) / 2)
        for number, record in enumerate(records)
        if record.get("content_id") and "start_seconds" in record
    ]
    whole = next((each for each in records if each.get("type") == "video"), None)
    if whole is not None:
        length = float(whole["duration_seconds"])
        moments = [(0, str(whole["content_id"]), length * (n + 0.5) / most) for n in range(most)]
    return moments[:most]
