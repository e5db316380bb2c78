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

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.metrics import Metrics
    from service.tracing import Tracing

logger = logging.getLogger(SERVICE_LOGGER)

ID_HEADER = "X-Request-Id"
UNMATCHED = "unmatched"
"""Route of an address that no route has."""
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestLog:
    """ASGI middleware, the outermost: one line, one count and one span per request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        tracing: Tracing,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics, self._tracing, self._clock = metrics, tracing, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note what comes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # 1. Its id: the caller's, if it is one, so that both can be found in one search.
        given = Headers(scope=scope).get(ID_HEADER, "")
        request_id = given if _ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
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
                self._log(request_id, scope["method"], route, status, seconds)

    def _log(self, request_id: str, method: str, route: str, status: int, seconds: float) -> None:
        fields = {
            "request_id": request_id,
            "method": method if method.isalpha() and len(method) < 10 else "other",
            "route": route,
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
        }
        logger.info("request", extra={"fields": fields})


def _template(scope: Scope) -> str:
    """The template of the route that a request went to, such as "/api/v1/videos/{video_id}"."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else UNMATCHED
