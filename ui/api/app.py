"""Makes the application: the gate in front, then the routes of every part; knows no server.

A part is a module of this package with a function ``add_routes(app, state)``. A part that works beside the
requests has a function ``background(state)`` too, a context that is entered when the service starts and left
when it ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from footage.core.errors import FootageError, UsageError
from service.audit_log import AuditLog
from service.metrics import service_metrics
from service.tokens import TokenBook
from service.tracing import make_tracing
from service.work_queue import WorkQueue
from ui.api.access import ApiAccess
from ui.api.document import DESCRIPTION, TITLE, openapi
from ui.api.gate import ApiGate
from ui.api.problems import Refusal, problem_response
from ui.api.rates import RateLimiter
from ui.api.request_log import RequestLog
from ui.api.state import ApiState, RunningWork

if TYPE_CHECKING:
    from types import ModuleType

    from service.session import Service
    from ui.api.commands import RunCommand

PARTS = ("health", "document", "operations", "jobs", "media", "mcp", "metrics", "commands", "calls", "alerts")
"""Modules of this package that add routes, in this order."""


def create_app(
    service: Service, *, access: ApiAccess | None = None, run_command: RunCommand | None = None
) -> FastAPI:
    """The HTTP API of one index.

    Args:
        service: Answers the requests.
        access: The rules of this start.
        run_command: Runs commands for the owner's clients; they run their commands themselves when None.
    """
    state = _state(service, access or ApiAccess(), run_command)
    parts = [import_module(f"ui.api.{name}") for name in PARTS]
    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=_lifespan(state, parts),
        redirect_slashes=False,
    )
    app.state.api = state
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign] # the way that FastAPI documents
    for part in parts:
        part.add_routes(app, state)
    _word_errors(app, state)
    app.add_middleware(ApiGate, state=state)
    app.add_middleware(RequestLog, state=state)  # the outermost: what is refused counts
    return app


def _state(service: Service, access: ApiAccess, run_command: RunCommand | None) -> ApiState:
    limits = access.limits
    service.use_queue(WorkQueue())
    return ApiState(
        service=service,
        access=access,
        tokens=TokenBook(service),
        audit=AuditLog(service.settings.audit_log),
        rates=RateLimiter(per_second=limits.requests_per_second, burst=limits.burst_requests),
        running=RunningWork(),
        metrics=service_metrics(service),
        tracing=make_tracing(service.settings.traces),
        readers=CapacityLimiter(limits.most_readers),
        workers=CapacityLimiter(limits.most_streams),
        run_command=run_command,
    )


def _lifespan(state: ApiState, parts: list[ModuleType]) -> Any:
    """What happens when the service starts and ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            threads = ExitStack()
            stack.push_async_callback(to_thread.run_sync, threads.close)
            for part in parts:
                if hasattr(part, "background"):
                    await to_thread.run_sync(threads.enter_context, part.background(state))
                if hasattr(part, "lifespan"):
                    await stack.enter_async_context(part.lifespan(state))
            stack.callback(state.running.stop)
            yield

    return lifespan


def _word_errors(app: FastAPI, state: ApiState) -> None:
    """Answer every error with a problem."""

    async def problem(request: Request, error: Exception) -> Response:
        return problem_response(error, request.scope, state.access)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(_worded(error), request.scope, state.access)

    app.add_exception_handler(FootageError, problem)
    app.add_exception_handler(HTTPException, problem)
    app.add_exception_handler(RequestValidationError, invalid)


def _worded(error: RequestValidationError) -> Exception:
    """The first thing that is wrong with a request, in one sentence."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Refusal.unreadable()
    place = [str(part) for part in first["loc"][1:]] or ["request"]
    given = "" if first["type"] == "missing" else f", got {str(first.get('input'))[:200]!r}"
    return UsageError(f"{'.'.join(place)}: {first['msg'].removeprefix('Value error, ')}{given}.")
