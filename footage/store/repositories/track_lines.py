"""The events of all tracks but captions, column by column: a hundred thousand utterances as a few lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from footage.core.types import Hit, Span

LINE_COLUMNS = (
    *("owner_id", "content_id", "track", "window_indexes", "start_seconds", "end_seconds"),
    *("text", "confidence", "language"),
)
"""The columns of ``events`` that are read."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackLines:
    """Utterances, subtitles and texts on screen: by video, track, language, then time."""

    ids: Sequence[str]
    """Id of each event."""
    content_ids: Sequence[str]
    """Its video."""
    tracks: Sequence[str]
    """Its track."""
    window_indexes: Sequence[Sequence[int]]
    """Its windows, ascending."""
    starts_seconds: Sequence[float]
    """When it begins, in video time."""
    ends_seconds: Sequence[float]
    """When it ends."""
    texts: Sequence[str]
    """What is said or written."""
    confidences: Sequence[float | None]
    """How sure the recogniser is of it, 0 to 1; None where nothing says so."""
    languages: Sequence[str]
    """Language of the text; empty while unknown."""

    @classmethod
    def of(cls, cells: Mapping[str, Sequence[Any]], kept: Sequence[int]) -> TrackLines:
        """Sort some rows, given every column and the numbers of the rows."""
        if not kept:
            return cls(*([] for _ in LINE_COLUMNS))
        languages = [language or "" for language in cells["language"]]
        order = sorted(
            kept,
            key=lambda n: (
                cells["content_id"][n],
                cells["track"][n],
                languages[n],
                cells["start_seconds"][n],
                cells["end_seconds"][n],
                cells["owner_id"][n],
            ),
        )
        cells = {**cells, "language": languages}
        return cls(*([cells[name][n] for n in order] for name in LINE_COLUMNS))

    def __len__(self) -> int:
        return len(self.ids)

    def span(self, number: int) -> Span:
        """When a line is said or shown."""
        return Span(self.starts_seconds[number], self.ends_seconds[number])

    def hit(self, number: int) -> Hit:
        """A line as a hit with the score 0."""
        return Hit(
            "event",
            self.ids[number],
            self.content_ids[number],
            tuple(self.window_indexes[number]),
            self.span(number),
            self.texts[number],
            0.0,
            track=self.tracks[number],
            confidence=self.confidences[number],
            language=self.languages[number],
        )
