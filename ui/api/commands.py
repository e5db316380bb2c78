"""Runs commands for clients on the Unix socket, which belongs to the user alone; knows no command.

What a command is, and what its output looks like, is known to the function that is passed in: this module
gives it the body of a request, in a thread, and streams the bytes that it makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.cancellation import CancelToken
from ui.api.access import LOCAL_KEY

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from ui.api.state import ApiState, RunningWork


class RunCommand(Protocol):
    """Runs commands, each in a thread."""

    def __call__(self, body: bytes, emit: Callable[[bytes], None], cancel: CancelToken) -> None:
        """Run one.

        Args:
            body: The body of the request.
            emit: Takes the bytes to send.
            cancel: Set when the client goes.
        """
        ...

    def prepare(self) -> None:
        """Load what most commands need; raises nothing."""
        ...


MOST_AT_ONCE = 16
"""Commands that run at the same time; more wait."""
_AHEAD = 64  # pieces of output that may wait for a slow client before the command waits


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add the route of commands; anywhere but on the Unix socket it is not there."""
    if (run := state.run_command) is None:
        return
    threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="command")

    async def command(request: Request) -> Response:
        if request.scope.get(LOCAL_KEY) is not True:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return _Output(run, await request.body(), threads, state.running)

    app.router.add_route("/commands", command, methods=["POST"], include_in_schema=False)


@contextmanager
def background(state: ApiState) -> Iterator[None]:
    """Prepare for the first command while the service starts."""
    if (run := state.run_command) is None:
        yield
        return
    preparing = Thread(target=run.prepare, name="prepare commands")
    preparing.start()
    try:
        yield
    finally:
        preparing.join()


class _Output(Response):
    """The output of a command, while it is made; a client that goes cancels it."""

    def __init__(
        self, run: RunCommand, body: bytes, threads: ThreadPoolExecutor, running: RunningWork
    ) -> None:
        super().__init__(media_type="application/octet-stream")
        self._running = running
        self._run = run
        self._request_body = body
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream it."""
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with self._running.token() as cancel:
            await self._relay(_Relay(asyncio.get_running_loop(), cancel), receive, send)

    async def _relay(self, relay: _Relay, receive: Receive, send: Send) -> None:
        """Run the command and send what it prints."""
        running = self._threads.submit(relay.fill, self._run, self._request_body)
        watching = asyncio.ensure_future(_gone(receive, relay))
        try:
            while (piece := await relay.next()) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if not relay.cancel.cancelled:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            pass  # the client has gone
        finally:
            watching.cancel()
            relay.stop()
            running.cancel()


async def _gone(receive: Receive, relay: _Relay) -> None:
    """Stop the command when the client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass
    relay.stop()


class _Relay:
    """Takes bytes from the thread of a command to the event loop; the thread waits for a slow client."""

    def __init__(self, loop: asyncio.AbstractEventLoop, cancel: CancelToken) -> None:
        self._loop = loop
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = Semaphore(_AHEAD)
        self.cancel = cancel
        """Set when the client has gone, or the service ends."""

    def fill(self, run: RunCommand, body: bytes) -> None:
        """Run the command, in this thread."""
        try:
            if not self.cancel.cancelled:
                run(body, self._put, self.cancel)
        finally:
            with suppress(RuntimeError):  # the service has ended in the meantime
                self._loop.call_soon_threadsafe(self._pieces.put_nowait, None)

    def _put(self, piece: bytes) -> None:
        self._room.acquire()
        if self.cancel.cancelled:
            self._room.release()
            raise BrokenPipeError("the client has gone")
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

    async def next(self) -> bytes | None:
        """The next bytes; None at the end."""
        piece = await self._pieces.get()
        self._room.release()
        return piece

    def stop(self) -> None:
        """Cancel the command."""
        self.cancel.cancel()
        self._pieces.put_nowait(None)
        self._room.release()  # the thread that waits for room sees that there is no client
