"""A lease in one object: one holder at a time, taken over when it is not renewed; knows no index.

The object says who holds the lease, for how long, and the number of the holding (its epoch), which only
grows. It is only ever created where there is none, or replaced by whoever has read what it replaces; the
storage checks both (If-None-Match, If-Match). Nothing compares the clocks of two machines:

- The holder counts from the moment before it asked, on a clock that goes on while the machine sleeps.
- Others count on the storage's clock: from the time at which the object was written to that of an object that
  they write to see what time it is. They add a margin.

So the holder knows that its lease has ended before anybody else may take it over.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from footage.core.errors import StoreError

logger = logging.getLogger(__name__)
_RENEWALS = 3
"""Renewals in the time after which a lease ends."""


class LeaseHeldError(StoreError):
    """Somebody else holds the lease."""

    def __init__(self, held: LeaseBody, *, ends_in_seconds: float) -> None:
        super().__init__(f"the lease is held by {held.holder}")
        self.held = held
        """What its holder wrote."""
        self.ends_in_seconds = ends_in_seconds
        """When it ends at the latest, unless it is renewed."""


class LeaseLostError(StoreError):
    """This process held the lease, and does no more."""


@dataclass(frozen=True, slots=True)
class LeaseBody:
    """What is written in the object."""

    holder: str
    """Who holds it, or held it last, for people."""
    owner: str
    """The same for programs: random, another one for each holding."""
    epoch: int
    """Number of the holding; grows by one with each."""
    duration_seconds: float
    """How long it lasts from the moment it was written."""
    is_released: bool = False
    """Whether the holder has finished."""
    is_fence_due: bool = False
    """Whether commits of an earlier holder, which never said that it has finished, may still arrive."""
    writes: int = 0
    """Number of the write: no two have the same content, from which storage derives the tag."""


@dataclass(frozen=True, slots=True)
class WrittenLease:
    """The object as it was read."""

    body: LeaseBody
    """Its content."""
    tag: str
    """Names this state of the object."""
    modified_seconds: float
    """When it was written, on the storage's clock."""


class LeaseCell(Protocol):
    """One object that can be created and replaced on conditions."""

    def read(self) -> WrittenLease | None:
        """The object as it is; None where there is none."""

    def create(self, body: LeaseBody) -> str | None:
        """Write it where there is none; its tag, or None where there is one."""

    def replace(self, body: LeaseBody, tag: str) -> str | None:
        """Write it in the place of the one with this tag; its tag, or None where that is gone."""

    def now_seconds(self) -> float:
        """The time on the storage's clock."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long a lease lasts."""

    duration_seconds: float = 60.0
    """From each renewal on."""
    margin_seconds: float = 10.0
    """How much later others take it over: storage dates in whole seconds, clocks run unequally fast."""


def steady_seconds() -> float:
    """A clock that is never set, and goes on while the machine sleeps."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):  # Linux; macOS, where the second one does not stop
        if hasattr(time, name):
            return time.clock_gettime(getattr(time, name))
    return time.monotonic()


class Lease:
    """A lease that this process may take once; its methods may be called from several threads."""

    def __init__(
        self,
        cell: LeaseCell,
        *,
        holder: str,
        times: LeaseTimes,
        clock: Callable[[], float] = steady_seconds,
    ) -> None:
        """Nothing is taken yet.

        Args:
            cell: The object.
            holder: Who this is, for people.
            times: How long it lasts.
            clock: Seconds on this machine.
        """
        self._cell, self._times, self._clock = cell, times, clock
        self._body = LeaseBody(holder, uuid.uuid4().hex, 0, times.duration_seconds)
        self._tag = ""
        self._writes = 0
        self._valid_until = float("-inf")
        self._lost = False
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def epoch(self) -> int:
        """Number of this holding; 0 before it is taken."""
        return self._body.epoch

    @property
    def is_fence_due(self) -> bool:
        """Whether commits of an earlier holder may still arrive, and are to be shut out (``note_fenced``)."""
        return self._body.is_fence_due

    def acquire(self) -> None:
        """Take the lease.

        Raises:
            LeaseHeldError: somebody else holds it.
            StoreError: the storage does not answer.
        """
        with self._lock:
            began, found = self._clock(), self._cell.read()
            if found is None:
                body = self._next(self._body, epoch=1)
                tag = self._cell.create(body)
            else:
                fence_due = self._require_free(found) or found.body.is_fence_due
                body = self._next(self._body, epoch=found.body.epoch + 1, is_fence_due=fence_due)
                tag = self._cell.replace(body, found.tag)
            tag = tag or self._tag_if_ours(body)
            if tag is None:  # somebody was faster
                raise self._held_now(body)
            self._body, self._tag, self._valid_until = body, tag, began + self._times.duration_seconds

    def _next(self, body: LeaseBody, **changes: Any) -> LeaseBody:
        self._writes += 1
        return replace(body, writes=self._writes, **changes)

    def _require_free(self, found: WrittenLease) -> bool:
        """Make sure that a lease may be taken; says whether its holder never released it."""
        if found.body.is_released:
            return False
        passed = self._cell.now_seconds() - found.modified_seconds
        left = found.body.duration_seconds + self._times.margin_seconds - passed
        if left >= 0:
            raise LeaseHeldError(found.body, ends_in_seconds=left)
        return True

    def _tag_if_ours(self, body: LeaseBody) -> str | None:
        """The tag of the object if it is of this holding: the answer to a write was lost, not the write."""
        found = self._cell.read()
        ours = found is not None and (found.body.owner, found.body.epoch) == (body.owner, body.epoch)
        return found.tag if ours and found is not None else None

    def _held_now(self, body: LeaseBody) -> LeaseHeldError:
        found = self._cell.read()
        held = found.body if found else body
        return LeaseHeldError(held, ends_in_seconds=held.duration_seconds + self._times.margin_seconds)

    def renew(self) -> None:
        """Extend the lease.

        Raises:
            LeaseLostError: somebody else has taken it over.
            StoreError: the storage does not answer; the lease may still be held.
        """
        with self._lock:
            self._write()

    def note_fenced(self) -> None:
        """Note that earlier holders are shut out; errors as ``renew``."""
        with self._lock:
            self._write(is_fence_due=False)

    def _write(self, **changes: Any) -> None:
        if self._lost:
            raise LeaseLostError("the lease is lost")
        began, body = self._clock(), self._next(self._body, **changes)
        tag = self._cell.replace(body, self._tag)
        if tag is None and (ours := self._tag_if_ours(body)):  # an earlier write came through, unanswered
            began, body = self._clock(), self._next(body)
            tag = self._cell.replace(body, ours)
        if tag is None:
            self._lost = True
            raise LeaseLostError("the lease is lost")
        self._body, self._tag, self._valid_until = body, tag, began + self._times.duration_seconds

    def check(self) -> None:
        """Make sure that the lease is held now; one that has ended is renewed if nobody has taken it.

        Raises:
            LeaseLostError: it is not.
            StoreError: it has ended, and the storage does not answer.
        """
        with self._lock:
            if self._lost:
                raise LeaseLostError("the lease is lost")
            if self._clock() >= self._valid_until:
                self.renew()
            if self._clock() >= self._valid_until:
                raise LeaseLostError("the lease ended before the storage answered")

    def start_renewing(self) -> None:
        """Renew it in a thread until it is released or lost."""
        self._thread = threading.Thread(target=self._renew_always, name="lease", daemon=True)
        self._thread.start()

    def _renew_always(self) -> None:
        while not self._stop.wait(self._times.duration_seconds / _RENEWALS):
            try:
                self.renew()
            except LeaseLostError:
                return  # the next commit says so
            except StoreError as error:  # it may answer the next time; until then the lease runs out
                logger.info("The lease could not be renewed: %s.", error)

    def release(self) -> None:
        """Give the lease back; one that cannot be reached ends by itself. Nothing if it is not held."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            if not self._tag or self._lost:
                return
            try:
                self._write(is_released=True)
            except StoreError as error:
                total = self._times.duration_seconds + self._times.margin_seconds
                logger.warning("The lease could not be released and ends by itself within %g s.", total)
                logger.info("The lease could not be released: %s.", error)
            self._lost = True


def encoded(body: LeaseBody) -> bytes:
    """The content of the object."""
    return json.dumps(asdict(body)).encode()


def decoded(content: bytes) -> LeaseBody:
    """What the content of the object says.

    Raises:
        StoreError: it is none that ``encoded`` made.
    """
    try:
        return LeaseBody(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise StoreError(
            "the lease of the index cannot be read",
            hint="Make sure that no process writes to the index, and remove its objects named *-lease.json.",
        ) from error
