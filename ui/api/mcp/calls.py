"""Runs an operation in a thread for an asynchronous caller, with progress and cancellation; knows no tool."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from service.callers import Caller, acting_for
from service.cancellation import CancelToken
from service.events import Busy, StageProgress

if TYPE_CHECKING:
    from service.events import ServiceEvent
    from service.operations import Operation
    from service.requests import Request
    from service.schemas.base import Record
    from service.session import Service

Report = Callable[[int, str], Awaitable[None]]
"""Sends progress: a number that grows with every call, and what is going on."""
_WAITING_EVENTS = 100
"""Events that wait to be sent; further ones are dropped."""


async def run_operation(
    operation: Operation, service: Service, request: Request, *, client: str, report: Report
) -> list[Record]:
    """Run an operation to its end.

    When the caller is cancelled, the operation is asked to end and not waited for.

    Raises:
        FootageError: as the operation.
    """
    cancel = CancelToken()
    loop = asyncio.get_running_loop()
    sender, receiver = anyio.create_memory_object_stream[str](_WAITING_EVENTS)

    def listen(event: ServiceEvent) -> None:
        if message := progress_message(event):
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(send, message)

    def send(message: str) -> None:
        with suppress(anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
            sender.send_nowait(message)

    def work() -> list[Record]:
        with acting_for(Caller(client, cancel=cancel)):
            return operation(service, request, on_event=listen, cancel=cancel)

    async def forward() -> None:
        number = 0
        async with receiver:
            async for message in receiver:
                number += 1
                await report(number, message)

    failure: Exception | None = None
    records: list[Record] = []
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(forward)
            try:
                records = await to_thread.run_sync(work, abandon_on_cancel=True)
            except Exception as error:
                failure = error  # raised below, outside of the group, which would wrap it
            finally:
                sender.close()
    finally:
        cancel.cancel()
    if failure is not None:
        raise failure
    return records


def progress_message(event: ServiceEvent) -> str:
    """An event in words; empty for one that is not reported."""
    if isinstance(event, StageProgress):
        return f"{event.stage}: {event.done} of {event.total}" if event.total else event.stage
    if isinstance(event, Busy) and not event.ended:
        return event.what
    return ""
