"""What the browser needs of one day to play it without asking again, as JSON; pure, knows no page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from footage.core.types import Span
from ui.text import plain
from ui.web.components import camera_timeline
from ui.web.components.camera_timeline import Recording, Row, View

Kind = Literal["event", "match", "alert"]
"""What a block on a lane stands for: something indexed, a result of a saved search, an alert."""
MOST_CHARACTERS = 300
"""A longer text is cut for the wall."""
_GUESSED, _UNINDEXED = 1, 2
_USUAL_FPS = 25.0


@dataclass(frozen=True, slots=True)
class Happening:
    """Something with a place on the clock but in no file, such as a period without what an alert seeks."""

    start: datetime
    """When it begins."""
    end: datetime
    """When it ends."""
    text: str
    """What it is."""
    camera: str
    """The camera's name; empty for all cameras."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of all cameras, and what is known of it."""

    recorded: Sequence[Recording]
    """The recordings around the day."""
    whole: View
    """From its midnight to the next."""
    spans: Mapping[Kind, Mapping[str, Sequence[tuple[Span, str]]]]
    """What happens in the videos, by kind and content id, each with its words."""
    happenings: Sequence[Happening] = ()
    """Alerts that are in no video."""
    fps: Mapping[str, float] | None = None
    """Frames per second by content id, where known."""


def encoded(day: Day, clips: Mapping[str, str]) -> str:
    """The day as JSON; times are milliseconds since the epoch, spans of files seconds of video time.

    Args:
        day: What to show.
        clips: By path, the address of an empty clip at its beginning (``addresses.clip_address``), from
            which the browser makes the addresses of its pictures and clips.
    """
    inside = [each for each in day.recorded if each.end > day.whole.start and each.start < day.whole.end]
    lanes = camera_timeline.lanes(inside)
    fit = camera_timeline.fitting(inside, day.whole)
    blocks = [
        [number, kind, _ms(start), _ms(end), _short(text)]
        for kind, spans in day.spans.items()
        for number, lane in enumerate(lanes)
        for start, end, text in camera_timeline.placed(spans, lane, day.whole)
    ]
    blocks += [
        [number, "alert", _ms(each.start), _ms(each.end), _short(each.text)]
        for each in day.happenings
        if each.end > day.whole.start and each.start < day.whole.end
        for number in _first_lanes(lanes, each.camera)
    ]
    fps = day.fps or {}
    return json.dumps(
        {
            "day": [_ms(day.whole.start), _ms(day.whole.end)],
            "fit": [_ms(fit.start), _ms(fit.end)],
            "offsets": [
                [_ms(moment), offset.total_seconds()]
                for moment, offset in camera_timeline.offsets(day.recorded, day.whole)
            ],
            "lanes": [_lane(lane.row) for lane in lanes],
            "recordings": [
                [
                    number,
                    _ms(each.start),
                    _ms(each.end),
                    round(each.start_seconds, 6),
                    clips.get(each.path, ""),
                    each.guessed * _GUESSED + (not each.indexed) * _UNINDEXED,
                    plain(each.path.replace("\\", "/").rpartition("/")[2]),
                    round(fps.get(each.content_id) or _USUAL_FPS, 3),
                    each.content_id,
                ]
                for number, lane in enumerate(lanes)
                for each in lane.recordings
            ],
            "blocks": sorted(blocks, key=lambda block: (block[2], block[0])),
        }
    )


def _lane(row: Row) -> dict[str, str | bool]:
    return {"name": plain(row.name) or "(no name)", "named": row.named}


def _first_lanes(lanes: Sequence[camera_timeline.WallLane], camera: str) -> list[int]:
    """The first lane of a camera, or of each."""
    first: dict[Row, int] = {}
    for number, lane in enumerate(lanes):
        if not camera or (lane.row.named and lane.row.name == camera):
            first.setdefault(lane.row, number)
    return list(first.values())


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _short(text: str) -> str:
    words = plain(text)
    return words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1].rstrip() + "…"
