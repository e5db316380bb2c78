"""Finds what a query has in some windows: for free in the index, then with the model; records nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from footage.core.alerts import LeastVerdict
from footage.core.timecode import overlap_seconds
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, is_image_track
from footage.core.types import Match, Span
from service.events import ignore, steps

if TYPE_CHECKING:
    from search.engine import Engine
    from search.query.parser import Query
    from search.results import SearchResult
    from service.cancellation import CancelToken

TEXTS_PER_WINDOW = 20
"""Texts that a window has at most, by and large: a search brings back as many as the videos have."""
LEAST_TEXTS, MOST_TEXTS = 200, 20_000

NewSpans = Mapping[str, Mapping[str, Sequence[Span]]]
"""Spans of the windows to look at, by content id and track."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Matches one query."""

    engine: Engine
    """Answers queries."""
    query: Query
    """What to look for."""
    least_verdict: LeastVerdict
    """The weakest verdict that counts."""

    def matches(self, windows: NewSpans, *, texts: int, cancel: CancelToken | None = None) -> list[Match]:
        """The matches in some windows, best first.

        The index is asked first, which costs nothing; the model sees only what matches there. A match whose
        file cannot be looked at counts as "not checked", so that nothing is lost.

        Args:
            windows: The windows.
            texts: Windows of their videos in all.
            cancel: Ends it between two steps of the model.

        Raises:
            FootageError: the index cannot be read, or the model cannot be used.
            Cancelled: it was cancelled.
        """
        most = min(max(LEAST_TEXTS, TEXTS_PER_WINDOW * texts), MOST_TEXTS)
        free = self.engine.search(
            self.query, ground=False, limit=most, per_video=most, content_ids=list(windows)
        )
        leads = [match for match in _near(free) if is_inside(match, windows)]
        if not leads:
            return []
        if not self.query.needs_pictures or self.least_verdict == "not checked":
            return leads
        moments: dict[str, list[Span]] = defaultdict(list)
        for match in leads:
            moments[match.video.content_id].append(match.span)
        few = max(self.engine.looking.max_windows, len(moments)) if self.query.parts else 0
        checked = self.engine.search(
            self.query,
            limit=most,
            per_video=most,
            content_ids=list(moments),
            looking=replace(self.engine.looking, at=dict(moments), max_windows=few),
            on_progress=steps("alerts", ignore, cancel),
        )
        return [match for match in _near(checked) if self._counts(match) and is_inside(match, windows)]

    def _counts(self, match: Match) -> bool:
        return match.verdict != "not found" and (
            match.verdict != "uncertain" or self.least_verdict == "uncertain"
        )


def _near(result: SearchResult) -> list[Match]:
    """The matches that are likely it, or come near where the model did not look."""
    return [match for match in result.matches if match.verdict == "found" or result.near(match)]


def is_inside(match: Match, windows: NewSpans) -> bool:
    """Whether a match lies in one of some windows of its track, at least in part."""
    if match.parts:
        return any(is_inside(part, windows) for part in match.parts)
    spans = windows.get(match.video.content_id, {})
    return any(
        shares_time(match.span, span)
        for track, each in spans.items()
        if _answers(track, match)
        for span in each
    )


def _answers(track: str, match: Match) -> bool:
    """Whether windows of a track are where a match comes from: pictures are seen in captioned ones, too."""
    if match.track in (CAPTION_TRACK, IMAGE_TRACK):
        return track == CAPTION_TRACK or is_image_track(track)
    return track == match.track


def shares_time(one: Span, other: Span) -> bool:
    """Whether a span lies in another at least in part; an instant at its very end does, too."""
    return overlap_seconds(one, other) > 0 or (
        one.duration_seconds == 0 and other.start_seconds <= one.start_seconds <= other.end_seconds
    )
