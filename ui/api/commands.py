"""Runs commands for clients on the Unix socket, which belongs to the user alone; knows no command.

What a command is, and what its output looks like, is known to the function that is passed in: this module
gives it the body of a request, in a thread, and streams the bytes that it makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from typing import TYPE_CHECKING, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.cancellation import CancelToken

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send

RunCommand: TypeAlias = Callable[[bytes, Callable[[bytes], None], CancelToken], None]
"""Runs a command: the body of the request, a function that takes the bytes to send, and a token that is set
when the client goes."""

MOST_AT_ONCE = 16
"""Commands that run at the same time; more wait."""
MAX_BODY_BYTES = 2**20
_AHEAD = 64  # pieces of output that may wait for a slow client before the command waits


def add_routes(app: Starlette, run: RunCommand) -> None:
    """Add the route of commands; anywhere but on the Unix socket it is not there."""
    threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="command")

    async def command(request: Request) -> Response:
        if not on_unix_socket(request.scope):
            return JSONResponse({"title": "Not Found", "status": 404}, status_code=404)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return JSONResponse({"title": "Content Too Large", "status": 413}, status_code=413)
        return _Output(run, bytes(body), threads)

    app.router.add_route("/commands", command, methods=["POST"], include_in_schema=False)


def on_unix_socket(scope: Scope) -> bool:
    """Whether a request came through a Unix socket: its server has a path, and no port."""
    server = scope.get("server")
    return server is not None and server[1] is None


class _Output(Response):
    """The output of a command, while it is made; a client that goes cancels it."""

    def __init__(self, run: RunCommand, body: bytes, threads: ThreadPoolExecutor) -> None:
        super().__init__(media_type="application/octet-stream")
        self._run = run
        self._request_body = body
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream it."""
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        relay = _Relay(asyncio.get_running_loop())
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

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = Semaphore(_AHEAD)
        self.cancel = CancelToken()
        """Set when the client has gone."""

    def fill(self, run: RunCommand, body: bytes) -> None:
        """Run the command, in this thread."""
        try:
            if not self.cancel.cancelled:
                run(body, self._put, self.cancel)
        finally:
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
        if not self.cancel.cancelled:
            self.cancel.cancel()
            self._pieces.put_nowait(None)
            self._room.release()
