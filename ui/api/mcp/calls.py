"""Runs operations in threads for asynchronous callers, with progress and cancellation; knows no tool."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from service.callers import Caller, acting_for
from service.cancellation import CancelToken
from service.events import Busy, StageProgress
from service.roles import Role

if TYPE_CHECKING:
    from anyio import CapacityLimiter

    from service.events import ServiceEvent
    from service.operations import Operation
    from service.requests import Request
    from service.schemas.base import Record
    from service.session import Service

Report = Callable[[int, str], Awaitable[None]]
"""Sends progress: a number that grows with every call, and what is going on."""
_WAITING_EVENTS = 100
"""Events that wait to be sent; further ones are dropped."""


@dataclass(frozen=True, slots=True)
class McpCaller:
    """Who calls a tool."""

    client: str
    """Id of the client, for the queue in front of the model."""
    role: Role
    """What it may do."""


@dataclass(frozen=True, slots=True)
class OperationRunner:
    """Where operations run, and what surrounds each."""

    service: Service
    """Answers."""
    limiter: Callable[[Operation], CapacityLimiter | None] = lambda _: None
    """The threads for an operation; those of the process when None."""
    token: Callable[[], AbstractContextManager[CancelToken]] = lambda: nullcontext(CancelToken())
    """A token for one piece of work."""
    audited: Callable[[Operation, McpCaller], AbstractContextManager[object]] = lambda *_: nullcontext()
    """Notes an operation that changes something."""

    async def run(
        self, operation: Operation, request: Request, caller: McpCaller, report: Report
    ) -> list[Record]:
        """Run an operation to its end.

        When the awaiting task is cancelled, the operation is asked to end and not waited for.

        Raises:
            FootageError: as the operation.
        """
        sender, receiver = anyio.create_memory_object_stream[str](_WAITING_EVENTS)
        listen = _listener(sender.send_nowait)
        with self.token() as cancel:

            def work() -> list[Record]:
                with acting_for(_agent(caller, cancel)), self._noted(operation, caller):
                    return operation(self.service, request, on_event=listen, cancel=cancel)

            async def forward() -> None:
                number = 0
                async with receiver:
                    async for message in receiver:
                        number += 1
                        await report(number, message)

            results: list[list[Record]] = []
            failures: list[Exception] = []
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(forward)
                    limiter = self.limiter(operation)
                    try:
                        done = await to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=True)
                        results.append(done)
                    except Exception as error:  # the group would wrap it
                        failures.append(error)
                    finally:
                        sender.close()
            finally:
                cancel.cancel()
        if failures:
            raise failures[0]
        return results[0]

    def _noted(self, operation: Operation, caller: McpCaller) -> AbstractContextManager[object]:
        return nullcontext() if operation.role == "view" else self.audited(operation, caller)


def _agent(caller: McpCaller, cancel: CancelToken) -> Caller:
    """An agent counts as remote on this machine, too: texts in footage may have made it ask."""
    return Caller(caller.client, cancel=cancel, is_remote=True)


def _listener(send: Callable[[str], None]) -> Callable[[ServiceEvent], None]:
    """A listener for events from any thread that hands their messages to the loop at hand."""
    loop = asyncio.get_running_loop()

    def hand_over(message: str) -> None:
        with suppress(anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
            send(message)

    def listen(event: ServiceEvent) -> None:
        if message := progress_message(event):
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(hand_over, message)

    return listen


def progress_message(event: ServiceEvent) -> str:
    """An event in words; empty for one that is not reported."""
    if isinstance(event, StageProgress):
        return f"{event.stage}: {event.done} of {event.total}" if event.total else event.stage
    if isinstance(event, Busy) and not event.ended:
        return event.what
    return ""
