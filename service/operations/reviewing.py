"""Saved searches, as operations: save, review, decide, list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from service import saved
from service.operations.operation import Operation
from service.requests import Request
from service.schemas.review import ItemRecord, SavedSearchRecord, item_fields

if TYPE_CHECKING:
    from footage.store import Mark, Search
    from search.saved_searches import Item
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.saved import SavedSearch
    from service.schemas.base import Record
    from service.session import Service


class SearchesRequest(Request):
    """All saved searches, by name."""


class RecentSearchesRequest(Request):
    """The last queries that were asked without being saved, latest first."""


class ReviewItemsRequest(saved.ReviewRequest):
    """A saved search to be reviewed, and which of its items to list."""

    state: saved.ItemState = "new"
    """State of the listed items."""


class ItemsRequest(Request):
    """A saved search, for what it has found so far."""

    name: str
    """Name of the saved search."""
    state: Literal["open", "reviewed", "flagged", "all"] = "all"
    """State of the listed items."""


def search_record(search: Search, *, removed: bool) -> SavedSearchRecord:
    """A search that was saved or removed."""
    return SavedSearchRecord(type="search", removed=removed, **asdict(search))


def searches_records(searches: Iterable[SavedSearch]) -> Iterator[SavedSearchRecord]:
    """Saved searches, with their items by state."""
    for each in searches:
        yield SavedSearchRecord.model_validate({"type": "search", **asdict(each.search), **each.counts})


def item_record(service: Service, mark: Mark, **about: Any) -> ItemRecord:
    """An item of a saved search."""
    path = service.store().files.path_of(mark.content_id)
    return ItemRecord(type="item", **about, **item_fields(mark, path))


def items_records(service: Service, items: Iterable[Item]) -> Iterator[ItemRecord]:
    """Items of a saved search, with what the review says about them."""
    for item in items:
        verdict = item.match.verdict if item.match else None
        yield item_record(service, item.mark, new=item.new, verdict=verdict)


def recent_records(searches: Iterable[Search]) -> Iterator[SavedSearchRecord]:
    """Queries that were asked without being saved."""
    for search in searches:
        yield SavedSearchRecord(type="search", **asdict(search))


def _save(service: Service, request: saved.SaveRequest, *_: Any) -> Iterator[Record]:
    yield search_record(saved.save(service, request), removed=False)


def _remove(service: Service, request: saved.RemoveSearchRequest, *_: Any) -> Iterator[Record]:
    yield search_record(saved.remove(service, request), removed=True)


def _searches(service: Service, request: SearchesRequest, *_: Any) -> Iterator[Record]:
    return searches_records(saved.searches(service))


def _recent(service: Service, request: RecentSearchesRequest, *_: Any) -> Iterator[Record]:
    return recent_records(saved.recent(service))


def _review(
    service: Service, request: ReviewItemsRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    wanted = saved.ReviewRequest(name=request.name, closely=request.closely)
    found = saved.review(service, wanted, on_event=on_event, cancel=cancel)
    return items_records(service, saved.in_state(found, request.state))


def _items(service: Service, request: ItemsRequest, *_: Any) -> Iterator[Record]:
    found = saved.items(service, saved.named(service, request.name))
    return items_records(service, saved.in_state(found, request.state))


def _decide(service: Service, request: saved.DecideRequest, *_: Any) -> Iterator[Record]:
    yield item_record(service, saved.decide(service, request))


ALL = (
    Operation(
        "save",
        "Save a search for repeated review.",
        saved.SaveRequest,
        (SavedSearchRecord,),
        _save,
        role="edit",
    ),
    Operation(
        "remove search",
        "Remove a saved search; the decisions about its results stay.",
        saved.RemoveSearchRequest,
        (SavedSearchRecord,),
        _remove,
        role="edit",
        printed_by="save --remove",
    ),
    Operation(
        "saved searches",
        "List the saved searches, with how many items of each state they have found.",
        SearchesRequest,
        (SavedSearchRecord,),
        _searches,
        printed_by="review",
    ),
    Operation(
        "recent searches",
        "List the last queries that were asked in the app without being saved.",
        RecentSearchesRequest,
        (SavedSearchRecord,),
        _recent,
        printed_by="review --recent",
    ),
    Operation(
        "review",
        "Run a saved search again, store new results, and list items.",
        ReviewItemsRequest,
        (ItemRecord,),
        _review,
        role="edit",
        work="model",
    ),
    Operation(
        "items",
        "List what a saved search has found so far, without running it again.",
        ItemsRequest,
        (ItemRecord,),
        _items,
        printed_by="review --found",
    ),
    Operation(
        "decide",
        "Set the state of an item of a saved search, and its note.",
        saved.DecideRequest,
        (ItemRecord,),
        _decide,
        role="edit",
        printed_by="review --mark",
    ),
)
"""The operations of this module."""
