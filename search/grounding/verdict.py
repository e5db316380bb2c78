"""Turns confidence into a verdict (found, uncertain, not found) and ranks matches; asks no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from footage.core.types import Match, Verdict
from footage.core.verdicts import FOUND_FROM

NEAR = 0.5
"""Least similarity of a text that may mean the same as the query. In drawn footage, queries about things that
never occur reach 0.2 to 0.36, paraphrases 0.5 and more."""
MATCHES_PER_VIDEO = 3
"""Most matches of one video that are not "found", so that a long video does not fill the list."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least confidence of each verdict."""

    found: float = FOUND_FROM
    """Least confidence of "found"."""
    not_found: float = 0.2
    """Confidence below which it is "not found"."""

    def verdict(self, confidence: float | None) -> Verdict:
        """The verdict for a confidence; for None (the model was not asked) always "uncertain"."""
        if confidence is None:
            return "uncertain"
        return (
            "found"
            if confidence >= self.found
            else "not found"
            if confidence < self.not_found
            else "uncertain"
        )


CAUTIOUS = Thresholds()
"""The thresholds unless a setting says otherwise."""


def rank(
    matches: Iterable[tuple[Match, float]], *, limit: int, per_video: int = MATCHES_PER_VIDEO
) -> list[Match]:
    """Order matches and cut the list: found matches, video by video and in time order, then all others.

    Videos and the other matches go by the number that comes with each match, highest first; ties by content
    id, then start, then end. At most ``per_video`` matches of one video that are not "found" stay.
    """
    pairs = [(match, -round(order, 6)) for match, order in matches]
    found = [(match, order) for match, order in pairs if match.verdict == "found"]
    best: dict[str, float] = {}
    for match, order in found:
        best[match.video.content_id] = min(order, best.get(match.video.content_id, order))
    found.sort(key=lambda pair: (best[pair[0].video.content_id], pair[0].video.content_id, pair[0].span))
    kept = [match for match, _ in found]
    count: Counter[str] = Counter()
    for match, _ in sorted(pairs, key=lambda pair: (pair[1], pair[0].video.content_id, pair[0].span)):
        if match.verdict != "found" and count[match.video.content_id] < per_video:
            count[match.video.content_id] += 1
            kept.append(match)
    return kept[:limit]
