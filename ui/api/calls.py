"""Searches for the owner's other processes, such as the app, on the Unix socket; knows no query."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.remote import PATH, SearchCalls
from ui.api.access import LOCAL_KEY
from ui.api.commands import ThreadOutput

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.api.state import ApiState

MOST_AT_ONCE = 16
"""Searches at the same time; more wait."""


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add the route; anywhere but on the Unix socket it is not there."""
    threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="call")
    calls = SearchCalls(state.service)

    async def search(request: Request) -> Response:
        if request.scope.get(LOCAL_KEY) is not True:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return ThreadOutput(calls, await request.body(), threads, state.running)

    app.router.add_route(PATH, search, methods=["POST"], include_in_schema=False)
