"""A judge of claims that says what a test wants it to say, and counts what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from footage.core.types import CaptionEvent, Span
from search.claims.records import Claim, SeenVideo, Vote

Says = Callable[[Claim], Mapping[str, object] | None]
"""What a judge says of a claim, as fields of a vote; None for support."""


class StandinAuditor:
    """Supports every claim unless ``says`` has something else; ``unnamed``: events by the end of the path."""

    def __init__(
        self,
        name: str = "standin@1",
        says: Says = lambda claim: None,
        *,
        unnamed: Mapping[str, Sequence[CaptionEvent]] | None = None,
        fails_at: int | None = None,
        failure: Exception | None = None,
    ) -> None:
        self.name = name
        self.asked: list[tuple[str, list[Claim]]] = []
        self._says, self._unnamed = says, unnamed or {}
        self._fails_at, self._failure = fails_at, failure

    def check(self, video, path: str, claims: list[Claim]) -> list[Vote]:
        return list(self.watch(video, path, claims).votes)

    def watch(self, video, path: str, claims: list[Claim], *, seen=None) -> SeenVideo:
        if self._failure is not None and len(self.asked) == self._fails_at:
            raise self._failure
        self.asked.append((path, list(claims)))
        votes = [Vote(self.name, **{"ruling": "supported", **(self._says(claim) or {})}) for claim in claims]
        unnamed = [event for end, events in self._unnamed.items() if path.endswith(end) for event in events]
        return SeenVideo(tuple(votes), tuple(unnamed))


def shifted(**spans: tuple[float, float]) -> Says:
    """Contradicts each time of the entries with these ids, and sees them in another span."""

    def says(claim: Claim) -> Mapping[str, object] | None:
        span = spans.get(claim.entry)
        if span is None or claim.kind != "time":
            return None
        return {"ruling": "contradicted", "span": Span(*span), "frames": (sum(span) / 2,)}

    return says
