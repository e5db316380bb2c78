"""OpenTelemetry traces of requests and searches, off unless they are asked for; knows no HTTP.

A span holds times, a route template, a status and counts; never a query, a path or a token.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from footage.core.extras import EXTRAS, require_extra
from service.events import Searched, ServiceEvent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from search.results import SearchResult

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables of OpenTelemetry that name the collector."""
_SECOND = 1_000_000_000
"""In nanoseconds, OpenTelemetry's unit."""


class RequestSpan:
    """What is noted about a request while it goes on; without traces nothing comes of it."""

    __slots__ = ("route", "status")

    def __init__(self) -> None:
        self.route = ""
        """Template of the route."""
        self.status = 0
        """Status code of the answer; 0 where there was none."""


class Tracing:
    """Makes spans and sends them to a collector; without a provider, does nothing."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """Trace into a provider.

        Args:
            provider: Has a processor and an exporter; None for no traces.
        """
        self._provider = provider
        self._tracer = provider.get_tracer("footage", version("footage")) if provider else None

    @property
    def is_on(self) -> bool:
        """Whether spans are made."""
        return self._tracer is not None

    @contextmanager
    def request(self, method: str) -> Iterator[RequestSpan]:
        """A span that lasts as long as a request; spans of the searches that it asks for are inside."""
        noted = RequestSpan()
        if self._tracer is None:
            yield noted
            return
        from opentelemetry.trace import SpanKind

        with self._tracer.start_as_current_span(
            method, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield noted
            finally:
                _end_request(span, method, noted)

    def heard(self, event: ServiceEvent) -> None:
        """Make spans of the stages of a search that has ended: a ``service.events.Listener``."""
        if self._tracer is not None and isinstance(event, Searched):
            self._trace_search(event.result)

    def _trace_search(self, result: SearchResult) -> None:
        assert self._tracer is not None
        from opentelemetry.trace import set_span_in_context

        timings = result.timings
        stages = {"retrieval": timings.retrieve_seconds}
        if result.looked.windows:
            stages |= {"load": timings.load_seconds, "ground": timings.ground_seconds}
        end = time.time_ns()
        at = end - sum(_nanoseconds(seconds) for seconds in stages.values())
        whole = self._tracer.start_span(
            "search", start_time=at, attributes={"outcome": result.outcome, "matches": len(result.matches)}
        )
        whole.set_attribute("windows", result.looked.windows)
        inside = set_span_in_context(whole)
        for stage, seconds in stages.items():
            span = self._tracer.start_span(stage, context=inside, start_time=at)
            at += _nanoseconds(seconds)
            span.end(at)
        whole.end(end)

    def close(self) -> None:
        """Send what is left, and end."""
        if self._provider is not None:
            self._provider.shutdown()


def _end_request(span: Span, method: str, noted: RequestSpan) -> None:
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {noted.route}".rstrip())
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": noted.route,
            "http.response.status_code": noted.status,
        }
    )
    if noted.status == 0 or noted.status >= 500:
        span.set_status(StatusCode.ERROR)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _SECOND)


def make_tracing(wanted: bool | None, environment: Mapping[str, str] = os.environ) -> Tracing:
    """Traces as the setting says; sent to the collector that OpenTelemetry's own variables name.

    Args:
        wanted: The setting ``traces``: no never sends any, yes fails where that is impossible, None sends
            where a collector is named and the extra is installed.
        environment: The environment variables.

    Raises:
        UsageError: traces are wanted, and no collector is named.
        DependencyError: traces are wanted, and the extra otel is not installed.
    """
    named = any(environment.get(variable) for variable in ENDPOINT_VARIABLES)
    if wanted is False or (wanted is None and not (named and EXTRAS["otel"].is_installed)):
        return Tracing()
    require_extra("otel")
    if not named:
        raise UsageError(
            "Traces are switched on, and no collector is named.",
            hint=f"Set {ENDPOINT_VARIABLES[1]}, for example to http://localhost:4318.",
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(
        resource=Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME", "footage")})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
