"""What each person who reviews has for themselves: what is new to them, and where they were last.

Decisions about items are shared and are not here. A person is a name, in any case of letters; for the empty
name nothing is kept.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from footage.core.names import folded
from footage.store.state.people import PeopleRepository, Visit
from footage.store.state.people import ReviewPlace as ReviewPlace

if TYPE_CHECKING:
    from service.session import Service

VISIT_GAP_SECONDS = 1800.0
"""Who comes back later than this begins another visit; a reload of the page is none."""
ALERTS = "alerts"
"""The place of the moments that alerts reported; other places are ids of saved searches."""


def visit(
    service: Service, person: str, place: str, *, first_since: float = 0.0, at: float | None = None
) -> Visit:
    """Note that a person sees a place now; what came after ``since`` of the result is new to them.

    Args:
        service: Has the state.
        person: The name; for the empty one nothing is kept.
        place: The id of a saved search, or ``ALERTS``.
        first_since: From when on things are new to somebody who was never there.
        at: When, seconds since the epoch; now when None.

    Raises:
        StoreError: the state cannot be read or written.
    """
    at = time.time() if at is None else at
    if not (name := _key(person)):
        return Visit(first_since, at)
    people = PeopleRepository(service.state())
    before = people.visits(name).get(place)
    if before is None:
        now = Visit(first_since, at)
    elif at - before.seen_at > VISIT_GAP_SECONDS:
        now = Visit(before.seen_at, at)
    else:
        now = replace(before, seen_at=max(at, before.seen_at))
    people.visit(name, place, now)
    return now


def look_anew(service: Service, person: str, place: str, *, at: float | None = None) -> Visit:
    """Note that a person has seen all that a place had until now.

    Raises:
        StoreError: the state cannot be read or written.
    """
    at = time.time() if at is None else at
    now = Visit(at, at)
    if name := _key(person):
        PeopleRepository(service.state()).visit(name, place, now)
    return now


def last_seen(service: Service, person: str, place: str) -> float | None:
    """When a person last saw a place, seconds since the epoch; None for never, or for no name.

    Raises:
        StoreError: the state cannot be read.
    """
    name = _key(person)
    seen = PeopleRepository(service.state()).visits(name).get(place) if name else None
    return seen.seen_at if seen else None


def last_place(service: Service, person: str) -> ReviewPlace | None:
    """Where a person was last in the queue; None for nowhere, or for no name.

    Raises:
        StoreError: the state cannot be read.
    """
    name = _key(person)
    return PeopleRepository(service.state()).place(name) if name else None


def stay(service: Service, person: str, place: ReviewPlace) -> None:
    """Keep where a person is in the queue.

    Raises:
        StoreError: the state cannot be written.
    """
    if name := _key(person):
        PeopleRepository(service.state()).stay(name, place)


def _key(person: str) -> str:
    return folded(" ".join(person.split()))
