"""Says whether the process is up, and whether it can answer; needs no token and says nothing more."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from anyio import to_thread
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from footage.core.errors import FootageError, StoreMissingError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.api.state import ApiState

Missing = Literal["index", "readable index"]
"""What a service lacks."""


class Health(BaseModel):
    """The process is up."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["up"] = "up"
    """Always "up"."""


class Readiness(BaseModel):
    """Whether requests can be answered."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ready: bool
    """Whether they can."""
    missing: list[Missing]
    """What is missing; empty where nothing is."""


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add both addresses."""
    router = APIRouter(tags=["service"])

    @router.get("/health", operation_id="getHealth", summary="Say that the process is up.")
    async def health() -> Health:
        return Health()

    @router.get(
        "/ready",
        operation_id="getReadiness",
        summary="Say whether the index can be opened.",
        responses={503: {"model": Readiness, "description": "It cannot be opened."}},
    )
    async def ready(response: Response) -> Readiness:
        missing = await to_thread.run_sync(_missing, state, limiter=state.readers)
        if missing:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Readiness(ready=not missing, missing=missing)

    app.include_router(router)


def _missing(state: ApiState) -> list[Missing]:
    try:
        state.service.store()
    except StoreMissingError:
        return ["index"]
    except FootageError:
        return ["readable index"]
    return []
