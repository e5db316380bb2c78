"""Searches as operations: by words, by a picture, for what is like a moment, and in one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Base64Bytes, Field, model_validator

from service.find import FindRequest, FindResult, find
from service.fold import SceneGrouping
from service.operations.operation import Operation
from service.picture_search import Box, PictureSearchRequest, PictureSource, search_like, search_pictures
from service.requests import Request
from service.schemas.answers import (
    CombinedMatchRecord,
    FindRecord,
    MatchRecord,
    SearchRecord,
    answer_record,
    match_fields,
)
from service.search import SearchRequest, search
from service.similar import SimilarRequest, similar

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
        return SearchRequest(**fields, group=_scenes(self.group))


class PictureGiven(Request):
    """A picture to search by: a moment of an indexed video, or the bytes of an image file."""

    moment: str = ""
    """VIDEO@TIME of an indexed video, such as "garden.mp4@1:23"; its picture at that time."""
    image_base64: Base64Bytes | None = Field(default=None, repr=False)
    """The bytes of an image file, as base64."""
    box: Box | None = None
    """The part of the picture that counts: left, top, right and bottom, as shares of its size."""
    name: str = ""
    """What answers call the picture."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.source()
        return self

    def source(self) -> PictureSource:
        """The picture.

        Raises:
            UsageError: it is not exactly one of the two, or too large.
        """
        return PictureSource(moment=self.moment, data=self.image_base64, box=self.box, called=self.name)


class PicturePageRequest(Request):
    """A picture to search for, how, and which of its answers to list."""

    picture: PictureGiven
    """What to look for."""
    words: str = ""
    """What must be seen, too, with the filters and exclusions of the query language; may be filters alone."""
    exclude: tuple[PictureGiven, ...] = ()
    """Moments that look like one of these are left out."""
    limit: int = Field(default=100, ge=1, le=1000)
    """Most matches."""
    page: int = Field(default=1, ge=1)
    """Number of the page, from 1."""
    page_size: int = Field(default=5, ge=1, le=100)
    """Answers on a page."""
    group: Groups = "none"
    """The best answer per video, per text or per scene, or all answers."""

    def search_request(self) -> PictureSearchRequest:
        """The search whose answers are listed."""
        return PictureSearchRequest(
            picture=self.picture.source(),
            words=self.words,
            exclude=tuple(each.source() for each in self.exclude),
            limit=self.limit,
            group=_scenes(self.group),
        )


class SimilarPageRequest(SimilarRequest):
    """A moment, for more of what happens there, and which of the answers to list."""

    captions_only: bool = False
    """Fail where nothing is captioned at that moment, instead of searching for its picture."""
    page: int = Field(default=1, ge=1)
    """Number of the page, from 1."""
    page_size: int = Field(default=5, ge=1, le=100)
    """Answers on a page."""
    group: Groups = "none"  # type: ignore[assignment] # wider than that of a search
    """The best answer per video, per text or per scene, or all answers."""


class FindListRequest(FindRequest):
    """A file, what to look for in it, and how many answers to list."""

    limit: int = Field(default=20, ge=1, le=1000)
    """Most answers."""


def _scenes(group: Groups) -> SceneGrouping:
    return "scene" if group == "scene" else "none"


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


def check_page(page: int, page_size: int) -> None:
    """Refuse a page that cannot be, before anything is loaded.

    Raises:
        UsageError: there is no such page.
    """
    from search.pages import page as cut

    cut([], page, size=page_size)


def find_records(result: FindResult, *, limit: int) -> Iterator[MatchRecord | FindRecord]:
    """The best answers about a file, then the answer as a whole."""
    for rank, match in enumerate(result.matches[:limit], 1):
        yield MatchRecord(type="match", rank=rank, **match_fields(match))
    yield FindRecord.of(result)


def _search(
    service: Service, request: SearchPageRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    check_page(request.page, request.page_size)
    result = search(service, request.search_request(), on_event=on_event, cancel=cancel)
    return search_records(result, group=request.group, page=request.page, page_size=request.page_size)


def _search_pictures(
    service: Service, request: PicturePageRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    check_page(request.page, request.page_size)
    result = search_pictures(service, request.search_request(), on_event=on_event)
    return search_records(result, group=request.group, page=request.page, page_size=request.page_size)


def _similar(
    service: Service, request: SimilarPageRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    check_page(request.page, request.page_size)
    fields = request.model_dump(include={"moment", "track", "limit"})
    fields["group"] = _scenes(request.group)
    if request.captions_only:
        result = similar(service, SimilarRequest(**fields))
    else:
        result = search_like(service, **fields, on_event=on_event)
    return search_records(result, group=request.group, page=request.page, page_size=request.page_size)


def _find(
    service: Service, request: FindListRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    wanted = FindRequest(**request.model_dump(exclude={"limit"}))
    result = find(service, wanted, on_event=on_event, cancel=cancel)
    return find_records(result, limit=request.limit)


SEARCH = Operation(
    "search",
    "Search the index for an event.",
    SearchPageRequest,
    (MatchRecord, CombinedMatchRecord, SearchRecord),
    _search,
    work="model",
)
SEARCH_PICTURES = Operation(
    "search pictures",
    "Search the index for moments that look like a picture.",
    PicturePageRequest,
    (MatchRecord, SearchRecord),
    _search_pictures,
    work="model",
    printed_by="search --image",
)
SIMILAR = Operation(
    "similar",
    "Search the index for what is like a moment of an indexed video.",
    SimilarPageRequest,
    (MatchRecord, SearchRecord),
    _similar,
    work="model",
    printed_by="search --like",
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
ALL = (SEARCH, SEARCH_PICTURES, SIMILAR, FIND)
"""The operations of this module."""
