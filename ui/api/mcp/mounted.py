"""Joins MCP to the HTTP API: the same tokens, roles, limits and audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from footage import __version__
from service.moment_media import MomentMedia
from ui.api.access import caller_in
from ui.api.links import LinkMaker
from ui.api.mcp.calls import McpCaller, OperationRunner
from ui.api.mcp.endpoint import McpEndpoint
from ui.api.mcp.server import McpContext, McpHost, McpTools
from ui.api.mcp.tools import McpOptions
from ui.api.media import link_maker

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from fastapi import FastAPI
    from starlette.types import Scope

    from service.operations import Operation
    from ui.api.state import ApiState


def mount(app: FastAPI, state: ApiState, path: str) -> None:
    """Serve MCP under a path of an application, and under "PATH/all" with a tool for every operation."""
    runner, media = _runner(state), MomentMedia(state.service)
    for place, all_tools in ((path, False), (f"{path}/all", True)):
        options = McpOptions(all_tools=all_tools, show_paths=state.access.show_paths)
        host = McpHost(runner, options, media, _caller, _links)
        endpoint = McpEndpoint(McpTools(host).server(__version__), _caller_in)
        app.router.routes.append(Route(place, endpoint, include_in_schema=False))
        app.router.lifespan_context = _with(endpoint, app.router.lifespan_context)


def _with(endpoint: McpEndpoint, around: Callable[[Any], AbstractAsyncContextManager[Any]]) -> Any:
    """The start and end of an application, with an endpoint that serves in between."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[Any]:
        async with around(app) as given, endpoint.running():
            yield given

    return lifespan


def _runner(state: ApiState) -> OperationRunner:
    def limiter(operation: Operation) -> CapacityLimiter:
        return state.readers if operation.work == "read" else state.workers

    @contextmanager
    def audited(operation: Operation, caller: McpCaller) -> Iterator[None]:
        who = {"role": caller.role, "token": caller.client}
        with state.audit.entry(operation.name, who=who, facts={"by": "mcp"}) as entry:
            try:
                yield
            except BaseException as error:
                entry.outcome, entry.reason = "failed", type(error).__name__
                raise

    return OperationRunner(state.service, limiter, state.running.token, audited)


def _caller_in(scope: Scope) -> McpCaller | None:
    """Who sends a request; None for one without a role."""
    caller = caller_in(scope)
    return None if caller.role is None else McpCaller(caller.name, caller.role)


def _caller(context: McpContext) -> McpCaller:
    """Who sends a message; its role is that of its own request, not of the one that opened the session."""
    caller = _caller_in(context.request.scope) if context.request is not None else None
    return caller or McpCaller("", "view")


def _links(context: McpContext) -> LinkMaker:
    return link_maker(context.request) if context.request is not None else LinkMaker()
