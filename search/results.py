"""What a search returns: matches, what was searched, what the model looked at, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from footage.core.types import Match, Span
from search.grounding.verdict import NEAR
from search.query.lexical_match import clash
from search.query.parser import Query

LIKELY = 0.5
"""Confidence from which something is more likely there than not."""
Outcome = Literal["found", "uncertain", "not checked", "not found", "no caption matches", "not indexed"]


@dataclass(frozen=True, slots=True)
class TrackCoverage:
    """What was searched of one track."""

    videos: int
    """Videos with windows of it."""
    seconds: float
    """Footage seconds that these cover: heard, read, or captioned."""


@dataclass(frozen=True, slots=True)
class SearchCoverage:
    """What was searched: an answer is only as good as what it looked at."""

    videos: int
    """Videos with captioned windows."""
    seconds_indexed: float
    """Footage seconds that captioned windows cover."""
    seconds_total: float
    """Footage seconds of all videos the index knows."""
    files_failed: int
    """Files that could not be indexed, wholly or in part."""
    model: str
    """What captioned them; empty for an index without captions."""
    tracks: Mapping[str, TrackCoverage] = field(default_factory=dict)
    """What was searched of each track that the index has, captions included, in the order of ``TRACKS``;
    of a track that the index has and the filters leave nothing of, 0."""

    @property
    def is_empty(self) -> bool:
        """Whether the index holds no track of any video, as opposed to none that the filters leave."""
        return not (self.videos or self.model or self.tracks)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the model looked at."""

    windows: int = 0
    """Windows it was shown, now or when the same was asked before."""
    seconds: float = 0.0
    """Footage seconds of those, overlaps counted once."""
    videos: int = 0
    """Videos they are of."""
    unseen: int = 0
    """Windows it was to look at and did not, because the time was spent or the pictures could not be had."""
    shown: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """The windows, in video time, by content id."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Videos that could not be checked because of an unexpected error: the reason, one sentence, by path."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a search went, in seconds."""

    retrieve_seconds: float
    """Embedding the query and searching the index."""
    load_seconds: float
    """Loading the model; 0 when it was there already or not needed."""
    ground_seconds: float
    """Decoding windows and asking the model about them; 0 without grounding."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search answers."""

    query: Query
    """What was looked for."""
    matches: tuple[Match, ...]
    """Answers, best first; none to a query about one event only when the index holds nothing."""
    coverage: SearchCoverage
    """What was searched."""
    timings: Timings
    """Where the time went, all parts together."""
    looked: Looked = field(default_factory=Looked)
    """What the model looked at; for a combined query, for its last part."""
    notes: tuple[str, ...] = ()
    """Parts of the query that can match nothing, such as an unknown camera: a sentence each."""
    picture: str = ""
    """Name of the picture that was searched for; empty for a query of words alone."""

    @property
    def outcome(self) -> Outcome:
        """The answer as a whole.

        "uncertain" takes something that is more likely there than not, "not checked" a caption that comes
        near where the model did not look. "not found" is said only where the model looked; where it looked at
        nothing and no caption comes near, "no caption matches". Of a query about words alone, "not found"
        means that what was heard and read does not have them, "not indexed" that nothing was.
        """
        near = {match.verdict for match in self.matches if match.verdict == "found" or self.near(match)}
        for verdict in ("found", "uncertain", "not checked"):
            if verdict in near:
                return verdict
        if self.picture:
            return "not found" if self.coverage.tracks else "not indexed"
        if not self.query.needs_pictures:
            return "not found" if self.searched_words else "not indexed"
        return "not found" if self.looked.windows else "no caption matches"

    @property
    def searched_words(self) -> bool:
        """Whether the index has any of the tracks of every part that is to be said or written."""
        return all(
            any(track in self.coverage.tracks and self.coverage.tracks[track].videos for track in tracks)
            for tracks in _word_tracks(self.query)
        )

    def near(self, match: Match) -> bool:
        """Whether a match is likely it or, where the model did not look, its caption comes near."""
        if match.parts:
            return True  # combining the parts leaves out what is not near
        if match.confidence is not None:
            return match.confidence >= LIKELY
        return match.score >= NEAR and not clash(self.query.text, match.text)


def _word_tracks(query: Query) -> list[tuple[str, ...]]:
    """For each part of a query that needs no pictures, the tracks that it is looked for in."""
    if query.parts:
        return [tracks for part in query.parts for tracks in _word_tracks(part)]
    if query.term is not None:
        return [tuple(track for track in query.term.tracks if query.searches(track))]
    return [] if query.needs_pictures else [query.tracks]
