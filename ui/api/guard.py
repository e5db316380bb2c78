"""Routes that need a role: a caller without it is refused before its request is read; knows no operation."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from service.roles import Role
from ui.api.access import ApiCaller, caller_in
from ui.api.problems import Refusal
from ui.api.state import state_of

PREFIX = "/api/v1"
"""Where all routes of this version are."""


def caller_of(request: Request) -> ApiCaller:
    """Who sends a request."""
    return caller_in(request.scope)


def guarded_router(role: Role, *, prefix: str = PREFIX, **options: Any) -> APIRouter:
    """A router whose routes need a role; every route below ``PREFIX`` belongs to one.

    Args:
        role: The least role.
        prefix: Beginning of the path of each route.
        options: Further arguments of ``APIRouter``.
    """

    class Guarded(APIRoute):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            named["openapi_extra"] = {**(named.get("openapi_extra") or {}), "x-role": role}
            super().__init__(*arguments, **named)

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                await check_role(request, role)
                return await handle(request)

            return guarded

    return APIRouter(prefix=prefix, route_class=Guarded, **options)


async def check_role(request: Request, role: Role) -> None:
    """Check that the caller may do what needs a role; a refusal of a change is noted in the audit log.

    Raises:
        Refusal: it may not.
    """
    caller = caller_of(request)
    if caller.may(role):
        return
    if role != "view":
        from anyio import to_thread

        await to_thread.run_sync(_note_refusal, request, caller, limiter=state_of(request).readers)
    raise Refusal(
        HTTPStatus.FORBIDDEN,
        f'This needs a token of the role "{role}"; that of this one is "{caller.role}".',
        hint="Ask whoever runs the service for a token of that role: footage tokens create NAME --role ROLE",
    )


def _note_refusal(request: Request, caller: ApiCaller) -> None:
    facts = {"method": request.method, "path": request.scope["path"]}
    with state_of(request).audit.entry("request", who=caller.described(), facts=facts) as entry:
        entry.outcome = "refused"
