"""``/metrics`` for Prometheus; what is counted is known to ``service.metrics``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import Request, Response

from ui.api.guard import guarded_router

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.api.state import ApiState

PATH = "/metrics"
MEDIA_TYPES = ("text/plain", "application/openmetrics-text")
"""Prometheus's own text format, and that of OpenMetrics."""


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Count what the service does, and answer with the figures."""
    router = guarded_router("view", prefix="", tags=["service"])
    state.service.observe(state.metrics.heard)
    state.service.observe(state.tracing.heard)

    @router.get(
        PATH,
        operation_id="getMetrics",
        summary="Figures for Prometheus, or in OpenMetrics' format where it is asked for.",
        response_class=Response,
        responses={200: {"content": {name: {"schema": {"type": "string"}} for name in MEDIA_TYPES}}},
    )
    async def read_metrics(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        content, media_type = await to_thread.run_sync(state.metrics.text, accept, limiter=state.readers)
        return Response(content, headers={"content-type": media_type})

    app.include_router(router)


@contextmanager
def background(state: ApiState) -> Iterator[None]:
    """Send the traces that are left when the service ends."""
    try:
        yield
    finally:
        state.tracing.close()
