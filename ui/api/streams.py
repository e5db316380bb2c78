"""Answers as server-sent events: hits and progress while an operation runs, then its records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.responses import StreamingResponse

from service.events import Busy, Hits, ServiceEvent, StageProgress, WindowsPlanned
from service.operations.streaming import hit_records
from ui.api.guard import caller_of
from ui.api.problems import as_json, problem_of
from ui.api.running import ApiCall, cancel_when_gone, check_room, json_records
from ui.api.server_paths import redacted

if TYPE_CHECKING:
    from service.cancellation import CancelToken

MEDIA_TYPE = "text/event-stream"
PING_SECONDS = 15.0
"""Time between two comments while nothing happens, so that proxies keep the connection."""
MOST_EVENTS = 1000
"""Events that wait for a slow client; further progress is left out."""
DOCUMENTATION = (
    "Server-sent events: `hits` (records, whenever there are better ones), `progress`, then `answer` for "
    "each record and `end`; or `problem`."
)


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One server-sent event."""

    name: str
    """Its name."""
    data: Any
    """A JSON value."""

    def encoded(self) -> bytes:
        """As it is sent."""
        return b"event: %s\ndata: %s\n\n" % (self.name.encode("ascii"), as_json(self.data))


def event_stream(call: ApiCall, *, show_paths: bool) -> StreamingResponse:
    """Run an operation and send what it reports, then its records.

    Raises:
        Refusal: too many requests wait for a thread.
        OverloadedError: too many requests wait for the model.
    """
    check_room(call.limiter, most_waiting=call.state.access.limits.most_waiting)
    if call.state.service.queue is not None:
        call.state.service.queue.check_room(caller_of(call.http).name)
    events = _events(call)
    chunks = _chunks(events, show_paths=show_paths)
    return StreamingResponse(chunks, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


async def _chunks(events: AsyncIterator[SentEvent | None], *, show_paths: bool) -> AsyncIterator[bytes]:
    async for event in events:
        if event is None:
            yield b": waiting\n\n"
        else:
            data = event.data if show_paths or event.name == "problem" else redacted(event.data)
            yield SentEvent(event.name, data).encoded()


async def _events(call: ApiCall) -> AsyncIterator[SentEvent | None]:
    """The events of a call; None from time to time while there are none."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[SentEvent | None] = asyncio.Queue()

    def add(event: SentEvent) -> None:
        if event.name != "progress" or queue.qsize() < MOST_EVENTS:
            queue.put_nowait(event)

    def on_event(event: ServiceEvent) -> None:
        sent = _sent(event, call)
        if sent is not None:
            loop.call_soon_threadsafe(add, sent)

    async def work(cancel: CancelToken) -> None:
        try:
            run = lambda: call.run(cancel, on_event)  # noqa: E731
            records = await to_thread.run_sync(run, limiter=call.limiter, abandon_on_cancel=True)
            for record in json_records(records):
                add(SentEvent("answer", record))
            add(SentEvent("end", {"records": len(records)}))
        except Exception as error:
            add(SentEvent("problem", problem_of(error, call.http.scope, call.state.access).model_dump()))
        finally:
            queue.put_nowait(None)

    with call.state.running.token() as cancel:
        tasks = [asyncio.create_task(work(cancel)), asyncio.create_task(cancel_when_gone(call.http, cancel))]
        try:
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), PING_SECONDS)
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                yield event
        finally:
            cancel.cancel()
            for task in tasks:
                task.cancel()


def _sent(event: ServiceEvent, call: ApiCall) -> SentEvent | None:
    """What a client is sent of an event of the service; None for nothing."""
    match event:
        case Hits():
            return SentEvent("hits", {"records": json_records(hit_records(call.request, event))})
        case StageProgress():
            fields = {"stage": event.stage, "done": event.done, "total": event.total, "detail": event.detail}
            return SentEvent("progress", fields)
        case Busy():
            return SentEvent("progress", {"stage": event.what, "done": int(event.ended), "total": 1})
        case WindowsPlanned():
            fields = {"stage": "planned", "windows": event.windows, "seconds": event.seconds}
            return SentEvent("progress", fields)
    return None
