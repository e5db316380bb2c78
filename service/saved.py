"""Saved searches, their new results, and the decisions about them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from footage.core.errors import StoreError, UsageError
from footage.store.state.item_checks import ItemCheck, ItemCheckRepository
from search import saved_searches
from search.query.parser import parse_query
from search.saved_searches import MOST_CHARACTERS as MOST_CHARACTERS
from search.saved_searches import STATES, Mode
from search.saved_searches import Item as Item
from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from footage.store import Mark as Mark
    from footage.store import Search as Search
    from service.cancellation import CancelToken
    from service.session import Service


ItemState = Literal["new", "open", "reviewed", "flagged", "all"]
"""Which items are listed; "new" are those that the last review was the first to find."""


class SaveRequest(Request):
    """A search to be saved."""

    name: str
    """Name of the saved search."""
    query: str
    """The query, with optional filters."""
    closely: bool = False
    """Check results with the model at each review."""
    author: str = ""
    """The person who saves it."""


class RemoveSearchRequest(Request):
    """A saved search to be removed."""

    name: str
    """Name of the saved search."""


class ReviewRequest(Request):
    """A saved search to be reviewed."""

    name: str
    """Name of the saved search."""
    closely: bool | None = None
    """Whether to check results with the model; as the search was saved when None."""


class DecideRequest(Request):
    """A decision about a result of a saved search."""

    item: str
    """Its id, or the beginning of it."""
    state: str | None = None
    """"open", "reviewed" or "flagged"; None keeps the existing state."""
    note: str | None = None
    """Note; None keeps the existing note."""
    author: str = ""
    """The person who decides."""


class RememberRequest(Request):
    """A query that somebody asked."""

    query: str
    """The query as typed."""
    mode: str = ""
    """How it was looked for."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A saved search, and how much it has found."""

    search: Search
    """The search."""
    counts: Mapping[str, int]
    """Items by state: "open", "flagged", "reviewed"."""


def save(service: Service, request: SaveRequest) -> Search:
    """Save a search under a name; saving the same search again changes only its mode.

    Raises:
        UsageError: the query makes no sense, or the name is empty, too long, or that of another search.
        StoreError: there is no index, or it cannot be written.
    """
    mode: Mode = "closely" if request.closely else "captions"
    return saved_searches.save(
        service.store().annotations, request.name, request.query, mode=mode, author=request.author
    )


def remove(service: Service, request: RemoveSearchRequest) -> Search:
    """Remove a saved search; the decisions about its results stay in the index.

    Raises:
        UsageError: there is no search of that name.
        StoreError: there is no index, or it cannot be written.
    """
    annotations = service.store().annotations
    search = saved_searches.saved(annotations, request.name)
    annotations.searches.remove([search.id])
    return search


def names(service: Service) -> list[Search]:
    """All saved searches, by name.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return service.store().annotations.searches.saved()


def named(service: Service, name: str) -> Search:
    """The saved search of a name.

    Raises:
        UsageError: there is none.
        StoreError: there is no index, or it cannot be read.
    """
    return saved_searches.saved(service.store().annotations, name)


def recent(service: Service) -> list[Search]:
    """The last queries that were asked without being saved, latest first.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return service.store().annotations.searches.recent()


def remember(service: Service, request: RememberRequest) -> None:
    """Remember that a query was asked.

    Raises:
        StoreError: there is no index, or it cannot be written.
    """
    service.store().annotations.searches.note(request.query, mode=request.mode, at=time.time())


def items(service: Service, search: Search) -> list[Item]:
    """What a saved search has found so far, without running it again, in the order found.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return saved_searches.items(service.store().annotations, search)


def in_state(items: Iterable[Item], state: ItemState) -> list[Item]:
    """The items of a state."""
    return [item for item in items if state in ("all", item.mark.state) or (state == "new" and item.new)]


def searches(service: Service) -> tuple[SavedSearch, ...]:
    """All saved searches, and how many items of each state they have found.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    annotations = service.store().annotations
    listed = []
    for search in annotations.searches.saved():
        states = [item.mark.state for item in saved_searches.items(annotations, search)]
        listed.append(
            SavedSearch(
                search,
                {
                    "open": states.count("open"),
                    "flagged": states.count("flagged"),
                    "reviewed": states.count("reviewed"),
                },
            )
        )
    return tuple(listed)


def review(
    service: Service,
    request: ReviewRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
    without_model: str = "",
) -> tuple[Item, ...]:
    """Run a saved search again and store new results; returns all items.

    ``without_model`` is as that of ``service.search.search``.

    Raises:
        FootageError: there is no such search, or the index or one of the models cannot be used.
        Cancelled: the token was cancelled while the model was asked.
    """
    store = service.store()
    search = saved_searches.saved(store.annotations, request.name)
    mode: Mode = "captions"
    closely = search.mode == "closely" if request.closely is None else request.closely
    query = parse_query(search.query)
    if closely and query.needs_pictures and store.status().videos:
        mode = "closely"
        service.check_model("find", store=store, instead=without_model, on_event=on_event)
        service.find_model(on_event)
    found = saved_searches.look(
        store,
        service.engine(on_event, embed=not query.only_words),
        search,
        mode=mode,
        on_progress=steps("searching", on_event, cancel),
    )
    if mode == "closely":
        _keep_checks(service, found)
    return tuple(found)


def _keep_checks(service: Service, found: Iterable[Item]) -> None:
    """Keep what the model's check of each item came to; where the state cannot be written, nothing."""
    at = time.time()
    made = [
        ItemCheck(item.mark.id, item.mark.content_id, item.match.verdict, item.match.confidence, at)
        for item in found
        if item.match and item.match.confidence is not None and item.match.verdict != "not checked"
    ]
    if made:
        with suppress(StoreError):
            ItemCheckRepository(service.state()).put(made)


def decide(service: Service, request: DecideRequest) -> Mark:
    """Set the state of an item, and its note.

    Raises:
        UsageError: there is no such item or state, or the note is too long.
        StoreError: there is no index, or it cannot be written.
    """
    annotations = service.store().annotations
    if request.state not in (None, *STATES):
        raise UsageError(f"unknown state {request.state!r}", hint=f"Use one of {', '.join(STATES)}.")
    item = saved_searches.item_of(annotations, request.item)
    state = next(known for known in STATES if known == (request.state or item.state))
    return saved_searches.decide(annotations, item, state, note=request.note, author=request.author)
