"""Makes alerts of saved searches for people in the app, who can start no program and read no file here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from footage.core.alerts import Alert, LeastVerdict, SinkConfig
from footage.core.errors import UsageError
from service.alerts import manage
from service.alerts.sinks import check_made_remotely, shown_name
from service.requests import Request

if TYPE_CHECKING:
    from service.session import Service


class BellRequest(Request):
    """An alert to be made of a saved search."""

    search: str
    """Name of the saved search."""
    name: str = ""
    """Name of the alert; that of the search when empty."""
    sink_keys: tuple[str, ...] = ()
    """Keys of sinks that other alerts have already."""
    webhook: str = ""
    """Address of a new webhook; empty for none."""
    desktop: bool = False
    """Whether to show it on the desktop of the machine that runs footage."""
    least_verdict: LeastVerdict = "found"
    """The weakest verdict that is reported; "not checked" asks no model."""
    quiet_hours: str = ""
    """Times of day in which nothing is sent, such as 22:00-06:30."""
    cool_down_seconds: float = Field(default=0.0, ge=0)
    """Least distance of two moments of one camera that are sent."""


def known_sinks(service: Service) -> dict[str, SinkConfig]:
    """The sinks that alerts have, each once, by key; ordered by name.

    Raises:
        StoreError: the state cannot be read.
    """
    found = {sink.key: sink for status in manage.statuses(service) for sink in status.alert.sinks}
    return dict(sorted(found.items(), key=lambda item: shown_name(item[1])))


def ring(service: Service, request: BellRequest) -> Alert:
    """Make an alert of a saved search; it sees what comes into the index from now on.

    Raises:
        UsageError: a value makes no sense, or the name is taken.
        DependencyError: a sink needs a library that is not installed.
        StoreError: there is no index, or it cannot be read.
    """
    known = known_sinks(service)
    if any(key not in known for key in request.sink_keys):
        raise UsageError("A chosen sink is gone.", hint="Reload the page and choose again.")
    kept = [known[key] for key in request.sink_keys]
    new = [SinkConfig("webhook", request.webhook.strip())] if request.webhook.strip() else []
    new += [SinkConfig("desktop")] if request.desktop else []
    for config in new:
        check_made_remotely(config)
    sinks = {config.key: config for config in (*kept, *new)}
    return manage.add(
        service,
        manage.AddAlertRequest(
            name=request.name.strip() or request.search,
            search=request.search,
            sinks=tuple(
                manage.SinkRequest(
                    kind=sink.kind,
                    target=sink.target,
                    arguments=sink.arguments,
                    options=dict(sink.options),
                )
                for sink in sinks.values()
            ),
            least_verdict=request.least_verdict,
            quiet_hours=request.quiet_hours,
            cool_down_seconds=request.cool_down_seconds,
        ),
    )
