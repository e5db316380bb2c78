"""``/metrics`` for Prometheus, and the log of requests; what is counted is known to ``service.metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import Request, Response

from service.metrics import Metrics, Sources
from service.tracing import Tracing
from ui.api.request_log import RequestLog

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.params import Depends

    from service.session import Service

PATH = "/metrics"


def add_routes(
    app: FastAPI,
    service: Service,
    *,
    sources: Sources = Sources(),  # noqa: B008 - frozen
    tracing: Tracing | None = None,
    dependencies: Sequence[Depends] = (),
) -> Metrics:
    """Count what a service does, log and trace its requests, and answer with the figures.

    Call it after all other middleware was added, so that refused requests count, too.

    Args:
        app: The application.
        service: What it serves; its events are counted from now on.
        sources: Queue, jobs and alerts, where there are any.
        tracing: Receives the spans; none are made when None.
        dependencies: Of the route, such as the check of the role "view".

    Returns:
        The figures, for what else is to be counted.
    """
    metrics, tracing = Metrics(), tracing or Tracing()
    metrics.watch(service, sources)
    service.observe(metrics.heard)
    service.observe(tracing.heard)
    app.add_middleware(RequestLog, metrics=metrics, tracing=tracing)

    @app.get(
        PATH,
        summary="Figures for Prometheus.",
        tags=["monitoring"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        dependencies=list(dependencies),
    )
    def read_metrics(request: Request) -> Response:
        """Figures in Prometheus's text format, or in OpenMetrics' where it is asked for."""
        content, media_type = metrics.text(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media_type})

    return metrics
