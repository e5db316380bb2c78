"""What is said and written in a video, as the player gets it; pure, knows neither page nor index.

The browser fetches it once, as a file named by its bytes, and not with every change of the page: an hour of
talk with the times of its words is a megabyte.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from footage.core.types import CaptionEvent
from service.transcript import Transcript
from ui.text import TRACK_NAMES, plain
from ui.web.components.player.lanes import Kind, LaneMark

KINDS: dict[str, Kind] = {
    SPEECH_TRACK: "speech",
    SUBTITLE_TRACK: "subtitles",
    SCREEN_TEXT_TRACK: "screen-text",
}
"""The colour of each in the timeline."""
UNSURE = 0.5
"""A line whose recogniser is less sure is marked as such."""


@dataclass(frozen=True)  # without slots: what is encoded once is kept
class VideoWords:
    """The words of one video."""

    transcripts: Sequence[Transcript] = field(default=())
    """By track, each with at least one line."""
    track: str = ""
    """The track to show first; the one that was chosen last when empty."""

    def __bool__(self) -> bool:
        return bool(self.transcripts)

    @cached_property
    def marks(self) -> dict[str, list[LaneMark]]:
        """The pieces of a lane for each track, by its name on the page."""
        marks: dict[str, list[LaneMark]] = {}
        for each in self.transcripts:
            own = [LaneMark(line.span, line.text, KINDS[each.track]) for line in each.lines]
            marks.setdefault(TRACK_NAMES[each.track], []).extend(own)
        return marks

    @cached_property
    def encoded(self) -> bytes:
        """What the browser gets, as JSON; empty where there are no words.

        ``entries``: a list of ``track``, ``name``, ``language`` and ``lines``. A line is a list: start and
        end in seconds, text, 1 where it is unsure, its words (start, end, text) and its boxes (time, left,
        top, right and bottom as shares of the picture, and the reading there where it is another).
        """
        if not self.transcripts:
            return b""
        entries = [
            {
                "track": each.track,
                "name": TRACK_NAMES[each.track],
                "language": each.language,
                "lines": [_line(line) for line in each.lines],
            }
            for each in self.transcripts
        ]
        return json.dumps({"entries": entries}, ensure_ascii=False, separators=(",", ":")).encode()


def _line(line: CaptionEvent) -> list[object]:
    words = [[word.span.start_seconds, word.span.end_seconds, plain(word.text)] for word in line.words]
    boxes = [
        [
            box.at_seconds,
            *(round(side, 4) for side in (box.left, box.top, box.right, box.bottom)),
            *([plain(box.text)] if box.text else []),
        ]
        for box in line.boxes
    ]
    unsure = line.confidence is not None and line.confidence < UNSURE
    return [line.span.start_seconds, line.span.end_seconds, plain(line.text), int(unsure), words, boxes]
