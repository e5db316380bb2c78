"""The timecode that is burned into the pictures of indexed videos, for exports; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from footage.core.errors import UsageError
from footage.core.track_events import events_from_json
from footage.core.tracks import SCREEN_TEXT_TRACK
from indexer.tracks.burned_in_timecode import read_timecode

if TYPE_CHECKING:
    from footage.core.types import Video
    from footage.store import Store
    from service.export import Clip

TimecodeFrom = Literal["container", "burned-in"]
"""Where the start timecode of a source comes from: its container, or the picture."""


def with_burned_in_timecodes(clips: Sequence[Clip], store: Store | None) -> list[Clip]:
    """Clips with the start timecode that is written into the picture of their videos.

    Raises:
        UsageError: A video has none, or its screen text was not read.
        StoreError: The index cannot be read.
    """
    known: dict[str, str] = {}
    for clip in clips:
        if clip.video.content_id not in known:
            known[clip.video.content_id] = _start(clip.video, clip.path, store)
    return [replace(clip, timecode=known[clip.video.content_id]) for clip in clips]


def _start(video: Video, path: str, store: Store | None) -> str:
    name = Path(path).name
    records = store.windows.of(video.content_id, track=SCREEN_TEXT_TRACK) if store else []
    if not records:
        raise UsageError(
            f"The burned-in timecode of {name} is not known: its screen text was not read.",
            hint="Run `footage index --tracks screen-text` on it, or use --timecode container.",
        )
    events = [event for record in records for event in events_from_json(record.caption.raw)]
    found = read_timecode(events, video)
    if found is None:
        raise UsageError(
            f"{name} has no burned-in timecode that runs with the video.",
            hint="Use --timecode container, or export the other videos alone.",
        )
    return found.start
