"""Searches the index for events like one that it holds; asks no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from search.pages import LISTED
from service.fold import SceneGrouping, folded
from service.requests import Request

if TYPE_CHECKING:
    from search.results import SearchResult
    from service.session import Service


class SimilarRequest(Request):
    """A moment of an indexed video, for more of what happens there."""

    moment: str
    """VIDEO@TIME, such as "garden.mp4@1:23"."""
    track: str = ""
    """The track of the event, such as "speech"; when empty, captions or what else is there at that moment."""
    limit: int = Field(default=LISTED, ge=1, le=1000)
    """Most matches."""
    group: SceneGrouping = "none"
    """As that of a search."""


def similar(service: Service, request: SimilarRequest) -> SearchResult:
    """Search for events like the one that the index holds at a moment, by their stored vectors.

    Raises:
        UsageError: the index holds no such video, or no event at that moment.
        StoreError: the index cannot be read, or holds no vectors of the embedder that the settings name.
    """
    from search.retrieval.similar import search_like

    result = search_like(
        service.store(),
        request.moment,
        embedder=service.settings.embedder,
        limit=request.limit,
        track=request.track,
    )
    return folded(service, result, request.group)
