"""Runs operations in threads on behalf of requests; a client that goes away ends its work. Knows no route."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread

from service.callers import Caller, acting_for
from service.events import Listener, ignore
from ui.api.guard import caller_of
from ui.api.problems import Refusal
from ui.api.state import ApiState, state_of

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.requests import Request as HttpRequest

    from service.cancellation import CancelToken
    from service.operations import Operation
    from service.requests import Request
    from service.schemas.base import Record

T = TypeVar("T")
BUSY_SECONDS = 2.0
"""When to try again while all threads have work."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One operation that one request asks for."""

    operation: Operation
    """What to do."""
    request: Request
    """With what."""
    http: HttpRequest
    """Who asks, and from where."""

    @property
    def state(self) -> ApiState:
        """What the routes share."""
        return state_of(self.http)

    @property
    def limiter(self) -> CapacityLimiter:
        """The threads that it may be run in."""
        asks_model = self.operation.work == "model" and getattr(self.request, "ground", True)
        return self.state.workers if asks_model else self.state.readers

    def run(self, cancel: CancelToken, on_event: Listener = ignore) -> list[Record]:
        """Run it to its end, in the thread at hand; a change is noted in the audit log.

        Raises:
            FootageError: as the operation.
        """
        caller = caller_of(self.http)
        with acting_for(Caller(client=caller.name, cancel=cancel, is_remote=not caller.local)):
            if self.operation.role == "view":
                return list(self.operation.run(self.state.service, self.request, on_event, cancel))
            action, who = self.operation.name, caller.described()
            with self.state.audit.entry(action, who=who, facts={"by": "api"}) as entry:
                try:
                    return list(self.operation.run(self.state.service, self.request, on_event, cancel))
                except BaseException as error:
                    entry.outcome, entry.reason = "failed", type(error).__name__
                    raise


async def in_thread(
    http: HttpRequest, work: Callable[[CancelToken], T], *, limiter: CapacityLimiter | None = None
) -> T:
    """Run blocking work in a thread; its token is cancelled once the client is gone or the service stops.

    Args:
        http: The request that asks for it.
        work: The work; it looks at the token between two steps.
        limiter: The threads; those that read the index when None.

    Raises:
        Refusal: too many requests wait for a thread.
        Exception: whatever the work raises.
    """
    state = state_of(http)
    limiter = limiter or state.readers
    check_room(limiter, most_waiting=state.access.limits.most_waiting)
    results: list[T] = []
    failures: list[Exception] = []
    with state.running.token() as cancel:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_when_gone, http, cancel)
            try:
                results.append(
                    await to_thread.run_sync(work, cancel, limiter=limiter, abandon_on_cancel=True)
                )
            except Exception as error:  # a task group would wrap it
                failures.append(error)
            tasks.cancel_scope.cancel()
    if failures:
        raise failures[0]
    return results[0]


def check_room(limiter: CapacityLimiter, *, most_waiting: int) -> None:
    """Check that a request may wait for a thread.

    Raises:
        Refusal: too many wait already.
    """
    if limiter.statistics().tasks_waiting >= most_waiting:
        detail = f"{most_waiting} requests are waiting, which is the most."
        raise Refusal.later(HTTPStatus.SERVICE_UNAVAILABLE, detail, seconds=BUSY_SECONDS)


async def cancel_when_gone(http: HttpRequest, cancel: CancelToken) -> None:
    """Cancel the token when the client of a request closes its connection."""
    while (await http.receive())["type"] != "http.disconnect":
        pass
    cancel.cancel()


def json_records(records: Iterable[Record]) -> list[dict[str, object]]:
    """Records as the lines that ``--json`` prints."""
    return [record.fields() for record in records]
