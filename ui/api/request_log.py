"""Logs, counts and traces every HTTP request; knows its route and status, and looks at nothing else.

The address of a request can hold a query text, and its headers a token: neither is read.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders

from service.logs import SERVICE_LOGGER
from ui.api.access import REQUEST_ID_KEY, caller_in

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ui.api.state import ApiState

logger = logging.getLogger(SERVICE_LOGGER)

ID_HEADER = "X-Request-Id"
UNMATCHED = "unmatched"
"""Route of an address that no route has."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestLog:
    """ASGI middleware, the outermost: one line, one count and one span per request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        state: ApiState,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Stand in front of an app.

        Args:
            app: The app.
            state: Has the figures and traces.
            clock: Seconds that only grow.
        """
        self._app = app
        self._metrics, self._tracing, self._clock = state.metrics, state.tracing, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note what comes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # 1. Its id: the caller's, if it is one, so that both can be found in one search.
        request_id = scope[REQUEST_ID_KEY] = _request_id(Headers(scope=scope))
        began, status = self._clock(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[ID_HEADER] = request_id
            await send(message)

        # 2. The request itself.
        with self._tracing.request(scope["method"]) as span:
            try:
                await self._app(scope, receive, noted)
            finally:
                # 3. What came of it; 0 where the caller left before any answer.
                route, seconds = _template(scope), self._clock() - began
                span.route, span.status = route, status
                self._metrics.answered(scope["method"], route, status, seconds)
                _log(scope, route, status, seconds)


def _log(scope: Scope, route: str, status: int, seconds: float) -> None:
    method = scope["method"]
    fields = {
        "request_id": scope[REQUEST_ID_KEY],
        "method": method if method.isalpha() and len(method) < 10 else "other",
        "route": route,
        "status": status,
        "milliseconds": round(1000 * seconds, 1),
        "client": caller_in(scope).name or "-",
    }
    logger.info("request", extra={"fields": fields})


def _request_id(headers: Headers) -> str:
    """The id that a client gives its request, if it is a sound one; else a new one."""
    given = headers.get(ID_HEADER, "")
    return given if _ID.fullmatch(given) else uuid4().hex


def _template(scope: Scope) -> str:
    """The template of the route that answered, such as "/api/v1/videos/{video_id}"; refusals have none."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else UNMATCHED
