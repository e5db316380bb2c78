"""One video during a search: its hits in the index, and the replies of the model so far."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from footage.core.errors import FootageError
from footage.core.types import Candidate, Hit, Span, Video, Window
from footage.objects.paths import media_path
from search.grounding.evidence import Evidence
from search.grounding.pictures import VideoPictures
from search.grounding.span_merge import NamedSpan
from search.grounding.window_queries import Reply, WindowQuestion, unexpected_sentence

logger = logging.getLogger(__name__)
T = TypeVar("T")

SAME_WITHIN = 0.03
"""Largest difference of score between texts of one video that match a query equally well."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One span the model named, its evidence and its confidence."""

    evidence: Evidence
    """The evidence."""
    measures: Mapping[str, float]
    """The same as numbers."""
    confidence: float
    """What the calibration makes of them, 0 to 1."""

    @property
    def named(self) -> NamedSpan:
        """The span, and the replies that named it."""
        return self.evidence.named


@dataclass(eq=False)
class VideoState:
    """One candidate video, and the replies about it."""

    candidate: Candidate
    """The video, with its hits in the index."""
    path: str
    """A file that holds it; empty when there is none."""
    captions: Sequence[Hit] | None
    """Its captioned events, with their cosine to the query; None to do without."""
    pictures: VideoPictures | None = None
    """Its pictures, as the query sees them; None without image vectors."""
    windows: tuple[Window, ...] = ()
    """Its planned windows."""
    replies: list[Reply] = field(default_factory=list)
    """The replies so far, those about other windows than the planned ones included."""
    weighed: list[Weighed] | None = None
    """The spans named so far; None when a reply has come since they were weighed."""
    fault: str = ""
    """Why the video could not be checked, one sentence: an unexpected error."""

    @property
    def video(self) -> Video:
        """The video."""
        return self.candidate.video

    @cached_property
    def reachable(self) -> bool:
        """Whether its file is there."""
        return media_path(self.path).is_file()

    def was_asked(self, window: Span) -> bool:
        """Whether the model was asked about a window."""
        return any(reply.seen == window for reply in self.replies)

    def question(self, window: Span) -> WindowQuestion:
        """The question about a window; a planned one keeps its index."""
        index = next((planned.index for planned in self.windows if planned.span == window), -1)
        return WindowQuestion(self.video, self.path, Window(self.video.content_id, index, window))

    def add(self, reply: Reply) -> None:
        """Add a reply; what was weighed before is weighed again."""
        self.replies.append(reply)
        self.weighed = None
        if reply.unexpected:
            self.fault = reply.problem

    def contain(self, work: Callable[[], Iterable[T]]) -> list[T]:
        """The result of some work on this video.

        An unexpected error is logged and becomes the ``fault``, so that the other videos go on.

        Raises:
            FootageError: as the work raises it.
        """
        try:
            return list(work())
        except FootageError:
            raise
        except Exception as error:
            logger.exception("%s could not be searched", self.path)
            self.fault = unexpected_sentence(error)
            return []


def best_hits(candidate: Candidate) -> list[Hit]:
    """The best hit of a candidate, and those that match the query as well: occurrences of one event."""
    return [
        hit
        for hit in candidate.hits
        if hit.similarity >= candidate.hits[0].similarity - SAME_WITHIN
        and hit.owner_kind == candidate.hits[0].owner_kind
    ]
