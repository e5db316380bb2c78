"""Adds up how much of the footage on disk an index covers; pure, knows neither disk nor database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from footage.core.timeline import covered_seconds
from footage.core.types import File, Span, Window

Share = Literal["indexed", "failed", "waiting", "skipped", "offline"]
"""The state of a second of footage on disk: exactly one of these."""
SHARES: tuple[Share, ...] = get_args(Share)
_SHARE_OF: dict[str, Share] = {
    "indexed": "indexed",
    "failed": "failed",
    "partial": "failed",
    "new": "waiting",
    "waiting": "waiting",
    "skipped": "skipped",
    "offline": "offline",
}
"""What becomes of the seconds of a file in each state that no committed window covers."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a set of files is indexed. ``seconds`` of all shares add up to ``seconds_found``."""

    files: Mapping[str, int]
    """Number of files by state."""
    seconds: Mapping[Share, float]
    """Footage seconds by what became of them, every share present."""
    seconds_gaps: float
    """Seconds in gaps, where files on disk have no frames; no part of what was found."""
    seconds_gone: float
    """Footage seconds of files that are no longer there; no part of what was found."""
    files_of_unknown_length: int
    """Files on disk that count for no second: they could not be read, or were not looked at."""

    @property
    def seconds_found(self) -> float:
        """Footage seconds on disk."""
        return sum(self.seconds.values())

    @property
    def files_found(self) -> int:
        """Files on disk."""
        return sum(number for state, number in self.files.items() if state != "gone")


def counts_windows(file: File) -> bool:
    """Whether the windows of a file's content say how much of it is indexed; else its state does."""
    return _SHARE_OF.get(file.state) in ("failed", "waiting")


def counts_other_tracks(file: File) -> bool:
    """Whether, where nothing is captioned, windows of another track say how much of a file is indexed.

    While it is being captioned ("new"), speech that is read before the first caption says nothing.
    """
    return counts_windows(file) and file.state != "new"


def coverage(
    files: Iterable[File],
    committed: Mapping[str, Mapping[int, Span]],
    gap_seconds: Mapping[str, float] = MappingProxyType({}),
    *,
    other_tracks: Mapping[str, Mapping[int, Span]] = MappingProxyType({}),
) -> Coverage:
    """Add up files, each with its own length: two copies of one content lie on disk twice.

    Args:
        files: The files.
        committed: Spans of the captioned windows by content id and index.
        gap_seconds: By content id, how long a video's gaps are together; it may lack those that have none.
        other_tracks: As ``committed``, the windows of another track, which count where nothing is captioned.
    """
    states: Counter[str] = Counter()
    seconds: dict[Share, float] = dict.fromkeys(SHARES, 0.0)
    gone, unknown, gaps = 0.0, 0, 0.0
    for file in files:
        states[file.state] += 1
        without = min(file.duration_seconds, gap_seconds.get(file.content_id, 0.0))
        length = file.duration_seconds - without
        if file.state == "gone":
            gone += length
            continue
        gaps += without
        unknown += file.duration_seconds == 0
        rest = _SHARE_OF[file.state]
        covered = 0.0
        if file.content_id and counts_windows(file):
            spans = committed.get(file.content_id, {})
            if not spans and counts_other_tracks(file):
                spans = other_tracks.get(file.content_id, {})
            windows = (Window(file.content_id, index, span) for index, span in spans.items())
            covered = min(length, covered_seconds(windows))
        seconds["indexed"] += covered
        seconds[rest] += length - covered
    return Coverage(dict(states), seconds, gaps, gone, unknown)


def by_collection(
    files: Iterable[File],
    committed: Mapping[str, Mapping[int, Span]],
    gap_seconds: Mapping[str, float] = MappingProxyType({}),
    *,
    other_tracks: Mapping[str, Mapping[int, Span]] = MappingProxyType({}),
) -> dict[str, Coverage]:
    """The coverage of each collection, by name; files that were named by themselves are under ""."""
    groups: dict[str, list[File]] = defaultdict(list)
    for file in files:
        groups[file.collection].append(file)
    return {
        name: coverage(group, committed, gap_seconds, other_tracks=other_tracks)
        for name, group in sorted(groups.items())
    }
