"""Search and find, as operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from service.find import FindRequest, find
from service.operations.operation import Operation
from service.schemas.answers import (
    CombinedMatchRecord,
    FindRecord,
    MatchRecord,
    SearchRecord,
    answer_record,
    match_fields,
)
from service.search import SearchRequest, search

if TYPE_CHECKING:
    from search.results import SearchResult
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.schemas.base import Record
    from service.session import Service

Groups = Literal["video", "event", "scene", "none"]
"""The best answer per video, per text or per scene, or all answers."""


class SearchPageRequest(SearchRequest):
    """A query, how to answer it, and which of its answers to list."""

    page: int = Field(default=1, ge=1)
    """Number of the page, from 1."""
    page_size: int = Field(default=5, ge=1, le=100)
    """Answers on a page."""
    group: Groups = "none"  # type: ignore[assignment] # wider than that of a search
    """The best answer per video, per text or per scene, or all answers."""

    def search_request(self) -> SearchRequest:
        """The search whose answers are listed."""
        fields = self.model_dump(exclude={"page", "page_size", "group"})
        return SearchRequest(**fields, group="scene" if self.group == "scene" else "none")


def search_records(
    result: SearchResult, *, group: Groups, page: int, page_size: int
) -> Iterator[MatchRecord | CombinedMatchRecord | SearchRecord]:
    """One page of the answers of a search, then the answer as a whole.

    Raises:
        UsageError: there is no such page.
    """
    from search.pages import grouped
    from search.pages import page as cut

    groups = [
        (match, others + len(match.similar))
        for match, others in grouped(result.matches, "none" if group == "scene" else group)
    ]
    for rank, match, others in cut(groups, page, size=page_size):
        yield answer_record(result.query, match, rank=rank, others=others)
    yield SearchRecord.of(result)


def _search(
    service: Service, request: SearchPageRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    result = search(service, request.search_request(), on_event=on_event, cancel=cancel)
    return search_records(result, group=request.group, page=request.page, page_size=request.page_size)


class FindListRequest(FindRequest):
    """A file, what to look for in it, and how many answers to list."""

    limit: int = Field(default=5, ge=1, le=100)
    """Most answers."""


def _find(
    service: Service, request: FindListRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    wanted = FindRequest(**request.model_dump(exclude={"limit"}))
    result = find(service, wanted, on_event=on_event, cancel=cancel)
    for rank, match in enumerate(result.matches[: request.limit], 1):
        yield MatchRecord(type="match", rank=rank, **match_fields(match))
    yield FindRecord.of(result)


SEARCH = Operation(
    "search",
    "Search the index for an event.",
    SearchPageRequest,
    (MatchRecord, CombinedMatchRecord, SearchRecord),
    _search,
    work="model",
)
FIND = Operation(
    "find",
    "Find when something happens in one video file, without an index.",
    FindListRequest,
    (MatchRecord, FindRecord),
    _find,
    role="edit",  # it reads any file that it is given
    work="model",
)
