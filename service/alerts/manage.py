"""Adds, changes, removes and tests alerts, and lists what they did; matches nothing."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from footage.core.alerts import Alert, AlertMoment, Delivery, LeastVerdict, SinkConfig, SinkKind
from footage.core.errors import FootageError, UsageError
from footage.store.state.alert_deliveries import DeliveryRepository
from footage.store.state.alerts import AlertRepository
from search import saved_searches
from search.query.filters import read_hours
from service.alerts.delivery import MakeSink, sink_of
from service.alerts.labels import sink_label
from service.alerts.model import Notification
from service.alerts.policy import parse_quiet_hours, parse_zone
from service.alerts.scan import alert_query
from service.alerts.sinks import check_made_remotely
from service.alerts.windows import by_key, committed
from service.callers import current_caller
from service.requests import Request

if TYPE_CHECKING:
    from service.alerts.windows import Windows
    from service.session import Service

MOST_ALERTS = 1_000
MOST_CHARACTERS = 200
"""Longest name."""


class SinkRequest(Request):
    """Where an alert is sent to."""

    kind: SinkKind
    """Which kind of sink."""
    target: str = ""
    """The address: a URL of a webhook or an MQTT broker with topic, an e-mail address; empty for others."""
    arguments: tuple[str, ...] = ()
    """The program and its arguments, for a command alone."""
    options: dict[str, str] = Field(default_factory=dict)
    """Further options of the sink by name; secrets are named as env:NAME or file:PATH."""

    def config(self) -> SinkConfig:
        """The sink as it is kept."""
        return SinkConfig(self.kind, self.target.strip(), self.arguments, tuple(sorted(self.options.items())))


class AddAlertRequest(Request):
    """An alert to be made."""

    name: str
    """For people; unique in any case of letters."""
    query: str = ""
    """What to look for, with optional filters; empty where a saved search says it."""
    search: str = ""
    """Name of a saved search, in place of a query."""
    cameras: tuple[str, ...] = ()
    """Only footage of these cameras; of all when empty."""
    collections: tuple[str, ...] = ()
    """Only footage of these collections, such as the areas of a site; of all when empty."""
    sinks: tuple[SinkRequest, ...] = ()
    """Where to send it; with none it is only kept in the history."""
    least_verdict: LeastVerdict = "found"
    """The weakest verdict that is reported; "not checked" asks no model."""
    quiet_hours: str = ""
    """Times of day in which nothing is sent, such as 22:00-06:30; moments wait until they end."""
    time_zone: str = ""
    """Zone of the times of day, such as Europe/Berlin; empty for that of this machine."""
    cool_down_seconds: float = Field(default=0.0, ge=0)
    """Least distance of two moments of one camera that are sent; nearer ones are only in the history."""
    digest_seconds: float = Field(default=0.0, ge=0)
    """Collect moments for so long and send them together; 0 sends each by itself."""
    absent_for_seconds: float = Field(default=0.0, ge=0)
    """Report when nothing was found for so long; 0 for an alert about what is found."""
    absent_between: str = ""
    """Report each day when nothing was found between these times of day, such as 18:00-22:00."""
    from_start: bool = False
    """Whether footage counts that is in the index already."""

    @model_validator(mode="after")
    def _one_query(self) -> AddAlertRequest:
        if bool(self.query.strip()) == bool(self.search.strip()):
            raise UsageError("An alert needs a query or a saved search.", hint="Give --query or --search.")
        return self


class AlertNameRequest(Request):
    """An alert by its name."""

    name: str
    """Name of the alert, in any case of letters."""


class AlertHistoryRequest(Request):
    """What to list of the history of alerts."""

    name: str = ""
    """Only of this alert; of all when empty."""
    limit: int = Field(default=50, ge=1, le=10_000)
    """Most moments, the latest ones."""
    failed: bool = False
    """Only moments that a receiver has not taken: dead letters, and those that are tried again."""


class RetryAlertsRequest(Request):
    """Which dead letters to send again."""

    name: str = ""
    """Only of this alert; of all when empty."""


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """An alert, and what became of what it found."""

    alert: Alert
    """The alert."""
    moments: int
    """Moments that it recorded."""
    delivered: int = 0
    """Deliveries that receivers took."""
    pending: int = 0
    """Deliveries that are still to be sent."""
    failed: int = 0
    """Dead letters."""
    suppressed: int = 0
    """Deliveries that fell into the cool-down."""


@dataclass(frozen=True, slots=True)
class AlertHistoryEntry:
    """A moment, and what became of it."""

    alert: Alert
    """The alert."""
    moment: AlertMoment
    """The moment."""
    deliveries: tuple[Delivery, ...]
    """One for each sink."""


@dataclass(frozen=True, slots=True)
class SinkTest:
    """What came back from a sink that was sent a test."""

    sink: SinkConfig
    """The sink."""
    name: str
    """Its name for people, without secrets."""
    error: str = ""
    """Why it did not take the test, one sentence; empty where it did."""
    hint: str = ""
    """What to do about it."""


def add(service: Service, request: AddAlertRequest) -> Alert:
    """Make an alert; it sees what comes into the index from now on.

    Raises:
        UsageError: a value makes no sense, or the name is taken.
        DependencyError: a sink needs a library that is not installed.
        StoreError: there is no index, or it cannot be read.
    """
    store = service.store()
    name = " ".join(request.name.split())
    if not name or len(name) > MOST_CHARACTERS:
        raise UsageError(f"An alert needs a name of 1 to {MOST_CHARACTERS} characters, got {len(name)}.")
    query, search_id = request.query.strip(), ""
    if request.search:
        saved = saved_searches.saved(store.annotations, request.search)
        query, search_id = saved.query, saved.id
    alert = Alert(
        id=uuid.uuid4().hex,
        name=name,
        query=query,
        search_id=search_id,
        filters=_filters(request),
        sinks=tuple(sink.config() for sink in request.sinks),
        quiet_hours=request.quiet_hours.strip(),
        time_zone=request.time_zone.strip() or local_zone(),
        cool_down_seconds=request.cool_down_seconds,
        digest_seconds=request.digest_seconds,
        least_verdict=request.least_verdict,
        absent_for_seconds=request.absent_for_seconds,
        absent_between=request.absent_between.strip(),
        from_start=request.from_start,
        created_at=time.time(),
    )
    _check(service, alert)
    alerts = AlertRepository(service.state())
    if len(alerts.all()) >= MOST_ALERTS:
        raise UsageError(f"There are {MOST_ALERTS:,} alerts already.", hint="Remove one first.")
    if not alerts.add(alert, {} if alert.from_start else _now_there(service, alerts)):
        raise UsageError(
            f"There is already an alert {name!r}.", hint="Choose another name, or remove that alert first."
        )
    return alert


def remove(service: Service, request: AlertNameRequest) -> Alert:
    """Remove an alert with its history and what is still to be sent.

    Raises:
        UsageError: there is none of that name.
        StoreError: the state cannot be written.
    """
    alert = named(service, request.name)
    AlertRepository(service.state()).remove(alert.id)
    return alert


def enable(service: Service, request: AlertNameRequest) -> Alert:
    """Let an alert look and send again; footage that came meanwhile does not count.

    Raises:
        UsageError: there is none of that name.
        StoreError: the index cannot be read, or the state not be written.
    """
    alert, alerts = named(service, request.name), AlertRepository(service.state())
    return alert if alert.enabled else alerts.set_enabled(alert, True, _now_there(service, alerts))


def disable(service: Service, request: AlertNameRequest) -> Alert:
    """Let an alert neither look nor send.

    Raises:
        UsageError: there is none of that name.
        StoreError: the state cannot be written.
    """
    alert = named(service, request.name)
    return AlertRepository(service.state()).set_enabled(alert, False, {})


def named(service: Service, name: str) -> Alert:
    """The alert of a name, in any case of letters.

    Raises:
        UsageError: there is none.
        StoreError: the state cannot be read.
    """
    alerts = AlertRepository(service.state())
    found = alerts.named(name)
    if found is None:
        known = ", ".join(alert.name for alert in alerts.all())
        hint = f"There are: {known}." if known else 'Make one with: footage alerts add NAME --query "…"'
        raise UsageError(f"There is no alert {name!r}.", hint=hint)
    return found


def statuses(service: Service) -> list[AlertStatus]:
    """Every alert by name, and how much it found and sent.

    Raises:
        StoreError: the state cannot be read.
    """
    alerts = AlertRepository(service.state())
    counts = DeliveryRepository(service.state()).counts()
    return [
        AlertStatus(
            alert,
            len(alerts.spans(alert.id)),
            **{str(state): number for state, number in counts.get(alert.id, {}).items()},
        )
        for alert in alerts.all()
    ]


def history(service: Service, request: AlertHistoryRequest) -> list[AlertHistoryEntry]:
    """What alerts found and what became of it, the latest first.

    Raises:
        UsageError: there is no alert of that name.
        StoreError: the state cannot be read.
    """
    alerts, state = AlertRepository(service.state()), DeliveryRepository(service.state())
    chosen = named(service, request.name) if request.name else None
    known = {alert.id: alert for alert in alerts.all()}
    moments = alerts.moments(chosen.id if chosen else None, limit=None if request.failed else request.limit)
    deliveries = state.of([moment.id for moment in moments])
    found = [
        AlertHistoryEntry(known[moment.alert_id], moment, tuple(deliveries.get(moment.id, ())))
        for moment in moments
        if moment.alert_id in known
    ]
    if request.failed:
        found = [each for each in found if any(_is_open(delivery) for delivery in each.deliveries)]
    return found[: request.limit]


def retry(service: Service, request: RetryAlertsRequest) -> int:
    """Have dead letters sent again by the next run, and what waits for another try; returns how many letters.

    Raises:
        UsageError: there is no alert of that name.
        StoreError: the state cannot be written.
    """
    chosen = named(service, request.name).id if request.name else None
    return DeliveryRepository(service.state()).retry(time.time(), chosen)


def try_sinks(
    service: Service, request: AlertNameRequest, *, make_sink: MakeSink | None = None
) -> list[SinkTest]:
    """Send a test through each sink of an alert, and say what came back.

    Raises:
        UsageError: there is no alert of that name, or it has no sinks.
        StoreError: the state cannot be read.
    """
    alert = named(service, request.name)
    if not alert.sinks:
        raise UsageError(f"The alert {alert.name!r} has no sinks.", hint="Add it anew with one.")
    results = []
    for config in alert.sinks:
        name = sink_label(config)
        try:
            sink = make_sink(config) if make_sink else sink_of(service, config)
            name = sink.name
            sink.send(
                Notification(
                    uuid.uuid4().hex, "test", alert.id, alert.name, sent_at=time.time(), query=alert.query
                )
            )
        except FootageError as error:
            results.append(SinkTest(config, name, str(error), error.hint))
        else:
            results.append(SinkTest(config, name))
    return results


def local_zone() -> str:
    """Name of this machine's time zone, such as "Europe/Berlin"; "UTC" where nothing names it."""
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    link = os.path.realpath("/etc/localtime")
    if "zoneinfo/" in link:
        candidates.append(link.partition("zoneinfo/")[2])
    candidates.append(_first_line(Path("/etc/timezone")))
    for name in filter(None, candidates):
        try:
            return str(parse_zone(name))
        except UsageError:
            continue
    return "UTC"


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip().partition("\n")[0]
    except (OSError, UnicodeError):
        return ""


def _filters(request: AddAlertRequest) -> str:
    """The filters of a request as in a query.

    Raises:
        UsageError: a name cannot stand in a query.
    """
    terms = []
    for kind, names in (("camera", request.cameras), ("collection", request.collections)):
        for name in names:
            if not name.strip() or '"' in name:
                raise UsageError(f"{name!r} cannot be the name of a {kind}.")
            terms.append(f'{kind}:"{name.strip()}"')
    return " ".join(terms)


def _check(service: Service, alert: Alert) -> None:
    """Refuse what makes no sense, before it is kept.

    Raises:
        UsageError: it does not.
        DependencyError: a sink needs a library that is not installed.
    """
    alert_query(alert)
    parse_zone(alert.time_zone)
    if alert.quiet_hours:
        parse_quiet_hours(alert.quiet_hours, alert.time_zone)
    if alert.absent_between and read_hours(alert.absent_between) is None:
        raise UsageError(
            f"{alert.absent_between!r} are no two times of day.", hint="Write them as in 18:00-22:00."
        )
    keys = [sink.key for sink in alert.sinks]
    if len(set(keys)) < len(keys):
        raise UsageError("The alert names a sink twice.")
    for config in alert.sinks:
        if current_caller().is_remote:
            check_made_remotely(config)
        sink_of(service, config)


def _now_there(service: Service, alerts: AlertRepository) -> Windows:
    """The windows that the index has now."""
    store = service.existing_store()
    return by_key(committed(store), alerts.aliases()) if store else {}


def _is_open(delivery: Delivery) -> bool:
    """Whether a receiver has refused it, or has not answered so far."""
    return delivery.state == "failed" or (delivery.state == "pending" and delivery.attempts > 0)
