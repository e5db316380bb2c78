"""A judge of captions that answers from a table, and a check of whole captions with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from footage.core.errors import DecodeError
from footage.core.types import CaptionEvent, Span, Video
from search.claims.records import (
    CheckedClaim,
    CheckedEntry,
    CheckedVideo,
    Claim,
    ClaimError,
    ClaimJudge,
    TextEntry,
    Vote,
)


@dataclass
class StandinJudge:
    """Contradicts the captions that it has another text for; the others it supports."""

    instead: Mapping[str, str]
    """What it sees, by caption."""
    name: str = "standin judge"
    silent: frozenset[str] = frozenset()
    """Captions that it cannot judge."""
    asked: list[str] = field(default_factory=list)
    """The claims it was asked about."""
    broken: frozenset[str] = frozenset()
    """Content ids of videos that it cannot read."""

    def check(self, video: Video, path: str, claims: list[Claim]) -> list[Vote]:
        if video.content_id in self.broken:
            raise DecodeError(f"{path} cannot be decoded")
        self.asked += [claim.text for claim in claims]
        return [self._vote(claim) for claim in claims]

    def _vote(self, claim: Claim) -> Vote:
        if claim.text in self.silent:
            return Vote(self.name, None, problem="It is too dark.")
        other = self.instead.get(claim.text, "")
        ruling = "contradicted" if other else "supported"
        return Vote(
            self.name, ruling, instead=other, frames=(claim.span.start_seconds,) if claim.span else ()
        )


def check_whole(
    video: Video,
    path: str,
    entries: Sequence[TextEntry],
    judges: Sequence[ClaimJudge],
    *,
    seen: Sequence[CaptionEvent] | None = None,
) -> CheckedVideo:
    """Check each caption as one claim about an object."""
    checked = []
    for entry in entries:
        claim = Claim(entry.text, "object", entry.spans[0])
        votes = tuple(vote for judge in judges for vote in judge.check(video, path, [claim]))
        ruled = [vote for vote in votes if vote.ruling is not None]
        against = [vote for vote in ruled if vote.ruling == "contradicted"]
        errors = (
            (
                ClaimError(
                    "object",
                    "major",
                    f'The video shows "{against[0].instead}", not "{entry.text}".',
                    len(against),
                    len(ruled),
                    Span(0, 1),
                    against[0].instead,
                    against[0].frames,
                ),
            )
            if against
            else ()
        )
        problem = "" if ruled else votes[0].problem
        checked.append(CheckedEntry(entry, (CheckedClaim(claim, votes),), errors, problem))
    return CheckedVideo(video, path, tuple(checked))
