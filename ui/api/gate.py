"""The gate in front of the API: every request passes it, or gets a refusal; knows no operation.

In this order: how many requests are answered, the host (DNS rebinding), the origin and what the browser
reports about the asking page (foreign pages), the token, the rate of the token. What passes carries who the
caller is, and a body that is neither too large nor too slow; what goes back carries security headers.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders

from ui.api.access import LOCAL, LOCAL_KEY, NOBODY, REQUEST_ID_KEY, SCOPE_KEY, ApiCaller
from ui.api.problems import Refusal, problem_response
from ui.hosts import allows_host, is_own_origin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ui.api.access import ApiLimits
    from ui.api.state import ApiState

OPEN_PATHS = frozenset({"/health", "/ready", "/openapi.json", "/docs"})
"""Answered without a token: they say nothing of the index."""
OPEN_PREFIXES = ("/docs/", "/media/")
"""Beginnings of more such paths: files of the documentation, and addresses that carry a signature instead."""
ABORT_KEY = "footage.abort"
"""In the scope: drops the connection, with whatever is still to be sent."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_BEARER = re.compile(r"Bearer +([!-~]+)", re.IGNORECASE)
_RECOGNISING = 4
"""Threads that recognise tokens, apart from those that read: a long read delays no other request."""
_SINGLE = ("host", "origin", "authorization", "content-length")
_SITES_OF_OTHERS = ("cross-site", "same-site")

logger = logging.getLogger(__name__)


class SlowClientError(Exception):
    """A client did not receive an answer in time."""


class ApiGate:
    """ASGI middleware, to be put in front of everything else."""

    def __init__(self, app: ASGIApp, *, state: ApiState) -> None:
        """Stand in front of an app."""
        self._app = app
        self._state = state
        self._answering = 0
        self._recognising = CapacityLimiter(_RECOGNISING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, or refuse it."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":  # the start and the end of the app itself
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope[SCOPE_KEY] = NOBODY
        answer = _Answer(scope, send, self._state.access.limits)
        self._answering += 1
        try:
            await self._pass_on(scope, headers, receive, answer)
        except SlowClientError:
            scope.get(ABORT_KEY, lambda: None)()
        finally:
            self._answering -= 1

    async def _pass_on(self, scope: Scope, headers: Headers, receive: Receive, answer: _Answer) -> None:
        try:
            self._check_load()
            self._check_place(scope, headers)
            scope[SCOPE_KEY] = await self._caller(scope, headers)
            self._check_rate(scope[SCOPE_KEY])
            body = _Body(headers, receive, self._state.access.limits)
            await self._app(scope, body, answer)
        except SlowClientError:
            raise
        except Exception as error:
            if answer.status:  # it has begun: the connection is closed in the middle of it
                logger.exception("request %s failed", scope[REQUEST_ID_KEY])
                scope.get(ABORT_KEY, lambda: None)()
                return
            await problem_response(error, scope, self._state.access)(scope, receive, answer)

    def _check_load(self) -> None:
        if self._state.running.stopping:
            raise Refusal.later(HTTPStatus.SERVICE_UNAVAILABLE, "The service is stopping.", seconds=5)
        most = self._state.access.limits.most_requests
        if self._answering > most:
            detail = f"The service answers {most} requests already, which is the most."
            raise Refusal.later(HTTPStatus.SERVICE_UNAVAILABLE, detail, seconds=2)

    def _check_place(self, scope: Scope, headers: Headers) -> None:
        """Check host and origin; nothing but the owner's programs reaches the Unix socket."""
        for name in _SINGLE:
            if len(headers.getlist(name)) > 1:
                raise Refusal(HTTPStatus.BAD_REQUEST, f"There are several {name} headers.")
        if scope.get(LOCAL_KEY) is True:
            return
        access, host, origin = self._state.access, headers.get("host"), headers.get("origin")
        if host is None or not allows_host(host, listens_on=access.host, proxy_hosts=access.proxy_hosts):
            raise Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The service does not accept this host name.",
                hint="Behind a proxy, start it with: footage serve --allow-host NAME",
            )
        encrypted = scope["scheme"] == "https"
        foreign = origin is not None and not is_own_origin(origin, host, encrypted=encrypted)
        opens_page = (
            headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        )
        if foreign or (headers.get("sec-fetch-site") in _SITES_OF_OTHERS and not opens_page):
            raise Refusal(HTTPStatus.FORBIDDEN, "The service rejects requests from pages of other sites.")

    async def _caller(self, scope: Scope, headers: Headers) -> ApiCaller:
        if scope.get(LOCAL_KEY) is True:
            return LOCAL
        address = scope["client"][0] if scope.get("client") else ""
        given = headers.get("authorization")
        if given is not None and (bearer := _BEARER.fullmatch(given)):
            find = self._state.tokens.holder
            holder = await to_thread.run_sync(find, bearer[1], limiter=self._recognising)
            if holder is not None:
                return ApiCaller(holder.name, holder.role, address=address)
        elif given is None and _is_open(scope["path"]):
            return ApiCaller("", None, address=address)
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "This needs a token." if given is None else "The token is not valid.",
            hint="Send the header Authorization: Bearer TOKEN; `footage serve` prints where the token is.",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _check_rate(self, caller: ApiCaller) -> None:
        if caller.local:
            return
        wait = self._state.rates.wait_seconds(caller.name or f"address {caller.address}")
        if wait:
            detail = "This token sends too many requests." if caller.name else "Too many requests."
            raise Refusal.later(HTTPStatus.TOO_MANY_REQUESTS, detail, seconds=wait)


class _Body:
    """What a client sends, no more and no longer than is allowed."""

    def __init__(self, headers: Headers, receive: Receive, limits: ApiLimits) -> None:
        self._receive, self._limits = receive, limits
        self._left = limits.body_bytes
        self._until = time.monotonic() + limits.body_seconds
        self._complete = False
        announced = headers.get("content-length", "0")
        if announced.isascii() and announced.isdecimal() and int(announced[:20]) > limits.body_bytes:
            raise self._too_large()

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(
                HTTPStatus.REQUEST_TIMEOUT, "The request was not received in time.", headers=_CLOSE
            ) from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise self._too_large()
            self._complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> Refusal:
        most = self._limits.body_bytes
        detail = f"The request is too large: at most {most:,} bytes are allowed."
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, headers=_CLOSE)


_CLOSE = {"Connection": "close"}


class _Answer:
    """What goes back: with security headers, and to a client that receives it in time."""

    def __init__(self, scope: Scope, send: Send, limits: ApiLimits) -> None:
        self._send = send
        # The owner's own programs may take their time, such as a pager that shows what a command prints.
        self._seconds = None if scope.get(LOCAL_KEY) is True else limits.send_seconds
        self.status = 0
        """Status of the answer; 0 until it begins."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(message)
        except TimeoutError:
            raise SlowClientError from None


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)
