"""Serves MCP over streamable HTTP as a part of an application; knows no token and no operation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from starlette.types import Receive, Scope, Send

    from ui.api.mcp.calls import McpCaller

MOST_SESSIONS = 200
"""Most sessions that are open at once."""
IDLE_SECONDS = 1800.0
"""A session without a request for so long is closed."""


class McpEndpoint:
    """An ASGI application for the path of MCP; a session belongs to the client that opened it."""

    def __init__(self, server: Server[Any], caller: Callable[[Scope], McpCaller | None]) -> None:
        """Serve nothing yet.

        Args:
            server: The server.
            caller: Who sends a request; None for one that may not.
        """
        self._server, self._caller = server, caller
        self._sessions: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve as long as the context lasts."""
        self._sessions = StreamableHTTPSessionManager(
            self._server, max_sessions=MOST_SESSIONS, session_idle_timeout=IDLE_SECONDS
        )
        async with self._sessions.run():
            yield
        self._sessions = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caller = self._caller(scope)
        if caller is None or self._sessions is None:
            status, title = (403, "Forbidden") if caller is None else (503, "Not running")
            problem = {"type": "about:blank", "title": title, "status": status}
            refusal = JSONResponse(problem, status, media_type="application/problem+json")
            await refusal(scope, receive, send)
            return
        known = AccessToken(token="", client_id=caller.client, scopes=[caller.role])
        await self._sessions.handle_request({**scope, "user": AuthenticatedUser(known)}, receive, send)
