"""The items of a saved search as the queue lists them, for a person; where each person is and was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import StoreError
from service import people, review_queue
from ui.web.components import live_items, pages, review_cards
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from service.review_queue import ItemCheck, Located
    from service.saved import Item, Mark, Search

FILTERS = ("New", "Open", "Flagged", "Reviewed", "All")
ORDERS = ("Newest first", "Oldest first")
_VISIT_NOTED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item as the list shows it."""

    mark: Mark
    """Place, state, note, author and time."""
    place: Located
    """Where its video is."""
    new: bool
    """Whether it came up since the person's last visit."""
    check: ItemCheck | None
    """What the model's check of it came to."""

    @property
    def moment(self) -> datetime | None:
        """Its wall-clock time; None where the clock of the file is unknown."""
        return review_cards.wall_moment(self.place.file, self.mark.span.start_seconds)

    def fits(self, name: str) -> bool:
        """Whether a filter lists it."""
        if name == "New":
            return self.new and self.mark.state == "open"
        return name in ("All", self.mark.state.capitalize())


def listed(desk: Desk, search: Search, found: Sequence[Item], since: float) -> list[ListedItem]:
    """The items that are admitted to the list, in the order of the wall clock."""
    admitted = live_items.admitted(search.id, [item.mark.id for item in found])
    shown = [item.mark for item in found if item.mark.id in admitted]
    places = review_queue.located(desk.service, {mark.content_id for mark in shown})
    checks = review_queue.checks(desk.service, [mark.id for mark in shown])
    held = [
        ListedItem(mark, places[mark.content_id], mark.found_at >= since, checks.get(mark.id))
        for mark in shown
    ]
    newest = st.session_state.get("queue_order", ORDERS[0]) == ORDERS[0]
    timed = sorted((each for each in held if each.moment), key=_clock, reverse=newest)
    return timed + sorted((each for each in held if not each.moment), key=_position)


def _clock(each: ListedItem) -> tuple[float, str]:
    moment = each.moment or datetime.min
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp(), each.mark.id


def _position(each: ListedItem) -> tuple[str, float, str]:
    return each.place.path, each.mark.span.start_seconds, each.mark.id


def last_place(desk: Desk, searches: Sequence[str]) -> None:
    """Begin where the person was last, once a session; with the fullest search for somebody new."""
    state = st.session_state
    if state.get("queue_search") in searches:
        return
    place = None
    if "queue_search" not in state:
        with suppress(StoreError):
            place = people.last_place(desk.service, pages.person(desk))
    if place and place.search_id in searches:
        state.queue_search, state.queue_item, state.queue_follow = place.search_id, place.item, True
        if place.state in FILTERS:
            state.queue_filter = place.state
    else:
        state.queue_search = searches[0]
    state.queue_kept = place


def stay(desk: Desk, search: Search, name: str, item: str) -> None:
    """Keep where the person is, if that has changed."""
    place = people.ReviewPlace(search.id, name, item)
    if st.session_state.get("queue_kept") != place:
        st.session_state.queue_kept = place
        with suppress(StoreError):  # where the state cannot be written, a session is all there is
            people.stay(desk.service, pages.person(desk), place)


def since(desk: Desk, search: Search) -> float:
    """From when on items are new to the person; noted once a minute."""
    state, person, now = st.session_state, pages.person(desk), time.time()
    held = state.get("queue_visit")
    if held and held[:2] == (person, search.id) and now - held[2] < _VISIT_NOTED_SECONDS:
        return float(held[3])
    try:
        begun = people.visit(desk.service, person, search.id, first_since=search.looked_at).since
    except StoreError:
        begun = search.looked_at
    state.queue_visit = person, search.id, now, begun
    return begun
