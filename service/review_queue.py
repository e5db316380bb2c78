"""The queue of all saved searches: decisions about many items at once, undoing them, and how much is left."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import StoreError, UsageError
from footage.core.index_place import state_folder
from footage.store.state.alerts import AlertRepository
from footage.store.state.database import FILE_NAME
from footage.store.state.item_checks import ItemCheck as ItemCheck
from footage.store.state.item_checks import ItemCheckRepository
from search import saved_searches
from search.query.parser import parse_query
from search.saved_searches import STATES
from service import people
from service.events import ignore
from service.requests import Request

if TYPE_CHECKING:
    from footage.core.types import File
    from footage.store import Mark, Search
    from service.session import Service


class DecideManyRequest(Request):
    """One decision about several items of saved searches."""

    items: tuple[str, ...]
    """Their ids."""
    state: str
    """"open", "reviewed" or "flagged"."""
    author: str = ""
    """The person who decides."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was made, with all that is needed to take it back."""

    before: tuple[Mark, ...]
    """The items as they were."""
    after: tuple[Mark, ...]
    """The items as they were left."""

    @property
    def reversed(self) -> Decided:
        """The decision that takes this one back."""
        return Decided(self.after, self.before)


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """How much there is to review."""

    open_items: Mapping[str, int]
    """Items without a decision, by saved search; only those with any."""
    captions: int = 0
    """Captions that an audit contradicts, and that nobody decided about."""
    alerts: int = 0
    """Moments that alerts reported since the person last looked at them."""

    @property
    def items(self) -> int:
        """Items without a decision."""
        return sum(self.open_items.values())


def decide_many(service: Service, request: DecideManyRequest) -> Decided:
    """Set the state of several items in one step; notes stay.

    Raises:
        UsageError: there is no such state, or no such item any more.
        StoreError: there is no index, or it cannot be written.
    """
    annotations = service.store().annotations
    state = next((known for known in STATES if known == request.state), None)
    if state is None:
        raise UsageError(f"unknown state {request.state!r}", hint=f"Use one of {', '.join(STATES)}.")
    before = _items(service, request.items)
    if len(before) < len(set(request.items)):
        raise UsageError("Some of these items are gone.", hint="Reload the page.")
    after = saved_searches.decide_all(annotations, before, state, author=request.author)
    return Decided(tuple(before), tuple(after))


def put_back(service: Service, decided: Decided) -> Decided:
    """Give items back the state that they had before a decision, unless somebody changed them since.

    Returns:
        What was put back, as a decision that can itself be taken back.

    Raises:
        UsageError: somebody changed all of the items since.
        StoreError: there is no index, or it cannot be written.
    """
    now = {mark.id: mark for mark in _items(service, [mark.id for mark in decided.after])}
    pairs = [
        (was, left)
        for was, left in zip(decided.before, decided.after, strict=True)
        if now.get(left.id) == left
    ]
    if not pairs:
        who = next((mark.author for mark in now.values() if mark.author), "somebody")
        raise UsageError(f"This cannot be undone: {who} has changed it since.", hint="Decide again instead.")
    service.store().annotations.marks.put([was for was, _ in pairs])
    return Decided(tuple(left for _, left in pairs), tuple(was for was, _ in pairs))


def checks(service: Service, ids: Collection[str]) -> dict[str, ItemCheck]:
    """What the model's checks of some items came to, by item; empty where the state cannot be read."""
    if not (state_folder(service.settings.db) / FILE_NAME).is_file():
        return {}
    try:
        return ItemCheckRepository(service.state()).of(ids)
    except StoreError:
        return {}


@dataclass(frozen=True, slots=True)
class Located:
    """Where the video of an item is."""

    path: str
    """A file that holds it, one that can be reached if there is one; empty when none is known."""
    file: File | None
    """What the index knows of that file."""


def located(service: Service, content_ids: Collection[str]) -> dict[str, Located]:
    """Where some videos are, by content id.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    store = service.store()
    with store.at_once():
        paths = {content_id: store.files.path_of(content_id) for content_id in content_ids}
        files = store.files.by_path()
    return {content_id: Located(path, files.get(path)) for content_id, path in paths.items()}


def waiting(service: Service, search: Search) -> int:
    """How many new items the next review of a saved search would find, by its captions; stores nothing.

    Raises:
        FootageError: the index or an embedder cannot be used, or the query makes no sense.
    """
    query = parse_query(search.query)
    engine = service.engine(ignore, embed=not query.only_words)
    return saved_searches.count_new(service.store(), engine, search)


def version(service: Service) -> tuple[object, ...]:
    """Changes whenever ``counts`` may have changed; cheap.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    tables = ("marks", "searches", "audits", "events")
    return (*service.store().versions(tables), state_version(service))


def state_version(service: Service) -> tuple[int, int]:
    """Changes whenever alerts report something, or a person's state changes."""
    try:
        stat = (state_folder(service.settings.db) / FILE_NAME).stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def counts(service: Service, person: str) -> ReviewCounts:
    """How much there is to review for a person.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    annotations = service.store().annotations
    known = {search.id for search in annotations.searches.saved()}
    open_items: dict[str, int] = {}
    for mark in annotations.marks.all(kinds=["review"]):
        if mark.state == "open" and mark.search_id in known:
            open_items[mark.search_id] = open_items.get(mark.search_id, 0) + 1
    found = annotations.audits.standing(service.store().events)
    captions = sum(each.ruling == "contradicted" and not each.decision for each in found)
    return ReviewCounts(open_items, captions, _new_alerts(service, person))


def _new_alerts(service: Service, person: str) -> int:
    """Moments since a person last looked; all of them for one who never did, none without a name."""
    if not person or state_version(service) == (0, 0):
        return 0
    seen = people.last_seen(service, person, people.ALERTS) or 0.0
    return AlertRepository(service.state()).recorded_since(seen)


def _items(service: Service, ids: Sequence[str]) -> list[Mark]:
    wanted = set(ids)
    marks = service.store().annotations.marks.all(kinds=["review"])
    return [mark for mark in marks if mark.id in wanted]
