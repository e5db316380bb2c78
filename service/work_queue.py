"""Lets one step of model work run at a time, in a fair order; knows no model.

A step is one batch of windows, seconds of work, and not a request: an index run of hours takes a turn for
every batch, and a search gets its turn between two of them.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import get_args

from footage.core.errors import FootageError
from service.callers import Priority
from service.cancellation import CancelToken

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""All priorities, the first one first."""
CANCEL_POLL_SECONDS = 0.05
"""How often a waiting caller looks whether it was cancelled."""
_NEWEST_WEIGHT = 0.2
"""Weight of the newest turn in the mean length of a turn."""
_CLIENTS_REMEMBERED = 1000
"""Clients whose last turn is remembered; one that is forgotten is next."""
_FIRST_GUESS_SECONDS = 2.0
"""Length of a turn before one was measured."""


class OverloadedError(FootageError):
    """Too much model work is waiting; nothing was done."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        seconds = max(1, math.ceil(retry_after_seconds))
        super().__init__(message, hint=f"Try again in about {seconds} s.")
        self.retry_after_seconds: float = seconds
        """When there is probably room again; whole seconds, at least 1."""


class _Waiter:
    """A thread that waits for its turn."""

    __slots__ = ("began", "client", "granted", "priority")

    def __init__(self, client: str, priority: Priority, began: float) -> None:
        self.client, self.priority, self.began = client, priority, began
        self.granted = threading.Event()


class _Line:
    """The waiters of one priority: first the client whose last turn is longest ago."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Waiter]] = {}
        self._served: OrderedDict[str, None] = OrderedDict()
        """Clients that had a turn, the one whose last turn is longest ago first."""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def of(self, client: str) -> int:
        """How many of a client wait."""
        return len(self._waiting.get(client, ()))

    def oldest_began(self) -> float:
        """When the first of them began to wait; infinite in an empty line."""
        return min((waiters[0].began for waiters in self._waiting.values()), default=math.inf)

    def add(self, waiter: _Waiter) -> None:
        """Take a waiter in."""
        self._waiting.setdefault(waiter.client, deque()).append(waiter)

    def remove(self, waiter: _Waiter) -> None:
        """Take a waiter out, which no longer waits or whose turn it is."""
        waiters = self._waiting[waiter.client]
        waiters.remove(waiter)
        if not waiters:
            del self._waiting[waiter.client]

    def next(self) -> _Waiter:
        """Take out the waiter whose turn it is: a client without a turn so far, else the longest ago."""
        new = [client for client in self._waiting if client not in self._served]
        client = new[0] if new else next(client for client in self._served if client in self._waiting)
        waiter = self._waiting[client][0]
        self.remove(waiter)
        self.note(client)
        return waiter

    def note(self, client: str) -> None:
        """Note that a client has a turn now."""
        self._served[client] = None
        self._served.move_to_end(client)
        if len(self._served) > _CLIENTS_REMEMBERED:
            self._served.popitem(last=False)


class WorkQueue:
    """Gives out turns, one at a time; safe to use from threads.

    Interactive turns come before batch turns. Within a priority clients take turns, whatever the number of
    their waiting requests. Batch work that waits gets a turn after ``interactive_turns`` others or
    ``batch_wait_seconds``, whichever is first.
    """

    def __init__(
        self,
        *,
        most_waiting: int = 64,
        most_per_client: int = 8,
        interactive_turns: int = 8,
        batch_wait_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody waits yet.

        Args:
            most_waiting: Most requests that wait at once; a further one is refused.
            most_per_client: Most of them of one client.
            interactive_turns: Most interactive turns in a row while batch work waits.
            batch_wait_seconds: Longest time without a batch turn while batch work waits, up to the end of the
                turn at hand.
            clock: Measures time, in seconds.
        """
        self._most_waiting, self._most_per_client = most_waiting, most_per_client
        self._interactive_turns, self._batch_wait_seconds = interactive_turns, batch_wait_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[Priority, _Line] = {priority: _Line() for priority in PRIORITIES}
        self._holder: int | None = None
        """The thread that has the turn, by its ident; 0 while a waiter has been chosen and not yet woken."""
        self._in_a_row = 0
        """Interactive turns since the last batch turn, counted while batch work waits."""
        self._last_batch = -math.inf
        self._mean_seconds = _FIRST_GUESS_SECONDS

    @contextmanager
    def turn(
        self,
        *,
        client: str,
        priority: Priority = "interactive",
        cancel: CancelToken | None = None,
        admitted: bool = False,
    ) -> Iterator[None]:
        """Wait for a turn and have it for as long as the context lasts; a turn inside a turn is the same one.

        Args:
            client: Whose work it is.
            priority: Whether somebody waits for it.
            cancel: Ends the waiting.
            admitted: Never refuse it: it is a later step of work that has begun.

        Raises:
            Cancelled: the token was cancelled before the turn came.
            OverloadedError: too many wait already.
        """
        if self._holder == threading.get_ident():
            yield
            return
        self._wait(client, priority, cancel, admitted)
        began = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._measure(self._clock() - began)
                self._pass_on()

    def check_room(self, client: str) -> None:
        """Check that another request of a client would be let in, before any of its work is done.

        Raises:
            OverloadedError: too many wait already.
        """
        with self._lock:
            self._check_room(client)

    def depths(self) -> Mapping[str, int]:
        """How many wait, by priority, and under "running" whether one has the turn (0 or 1)."""
        with self._lock:
            waiting: dict[str, int] = {priority: len(line) for priority, line in self._lines.items()}
            return {**waiting, "running": int(self._holder is not None)}

    @property
    def mean_turn_seconds(self) -> float:
        """How long turns took of late."""
        return self._mean_seconds

    def _wait(self, client: str, priority: Priority, cancel: CancelToken | None, admitted: bool) -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()
        with self._lock:
            if self._holder is None:  # then the lines are empty
                self._give(priority)
                self._lines[priority].note(client)
                self._holder = threading.get_ident()
                return
            if not admitted:
                self._check_room(client)
            waiter = _Waiter(client, priority, self._clock())
            self._lines[priority].add(waiter)
        try:
            while not waiter.granted.wait(None if cancel is None else CANCEL_POLL_SECONDS):
                assert cancel is not None
                cancel.raise_if_cancelled()
        except BaseException:
            self._leave(waiter)
            raise
        self._holder = threading.get_ident()

    def _leave(self, waiter: _Waiter) -> None:
        """Stop waiting; a turn that came at the same moment goes to the next one."""
        with self._lock:
            if waiter.granted.is_set():
                self._pass_on()
            else:
                self._lines[waiter.priority].remove(waiter)

    def _check_room(self, client: str) -> None:
        waiting = sum(map(len, self._lines.values()))
        own = sum(line.of(client) for line in self._lines.values())
        if own >= self._most_per_client:
            message = (
                f"{own} requests of this client are waiting for the model, which is the most of one client."
            )
        elif waiting >= self._most_waiting:
            message = f"{waiting} requests are waiting for the model, which is the most."
        else:
            return
        raise OverloadedError(message, retry_after_seconds=waiting * self._mean_seconds)

    def _pass_on(self) -> None:
        """End the turn at hand and give one to the next waiter, if any."""
        self._holder = None
        interactive, batch = self._lines["interactive"], self._lines["batch"]
        if not interactive and not batch:
            return
        priority: Priority = (
            "batch" if batch and (not interactive or self._batch_is_due(batch)) else "interactive"
        )
        self._give(priority)
        self._holder = 0
        self._lines[priority].next().granted.set()

    def _batch_is_due(self, batch: _Line) -> bool:
        waited = self._clock() - max(self._last_batch, batch.oldest_began())
        return self._in_a_row >= self._interactive_turns or waited >= self._batch_wait_seconds

    def _give(self, priority: Priority) -> None:
        """Note that a turn of a priority begins."""
        if priority == "batch":
            self._in_a_row, self._last_batch = 0, self._clock()
        elif self._lines["batch"]:
            self._in_a_row += 1

    def _measure(self, seconds: float) -> None:
        self._mean_seconds += _NEWEST_WEIGHT * (seconds - self._mean_seconds)
