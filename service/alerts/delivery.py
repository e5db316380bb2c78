"""Sends what alerts recorded, again and again until the receiver takes it; matches nothing.

A delivery gets the id it goes out under before it is sent, and is marked as delivered after. A process that
is killed in between sends it again under the same id, so receivers can drop it: at least once, with an id.
"""

from __future__ import annotations

import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.alerts import Alert, Delivery, SinkConfig, digest_of
from footage.core.errors import FootageError, StoreBusyError
from footage.store.state.alert_deliveries import AttemptResult, DeliveryRepository
from footage.store.state.alerts import AlertRepository
from service.alerts.contents import links_to, posters_of
from service.alerts.model import Notification, NotificationKind, Sink, SinkError
from service.alerts.policy import (
    DigestPolicy,
    FailedTry,
    RetryPolicy,
    due_digests,
    next_try_at,
    parse_quiet_hours,
    quiet_until,
)

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.session import Service

LOCK_NAME = ".lock-deliveries"
MakeSink = Callable[[SinkConfig], Sink]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one pass over the outbox did."""

    delivered: int = 0
    """Moments that receivers took, counted once for each sink."""
    retrying: int = 0
    """Moments that are tried again later."""
    failed: int = 0
    """Moments that became dead letters."""
    next_at: float | None = None
    """When something is due next, seconds since the epoch; None where nothing is pending."""


class Outbox:
    """Sends the deliveries of one index; one process at a time does."""

    def __init__(
        self,
        service: Service,
        *,
        make_sink: MakeSink | None = None,
        retries: RetryPolicy | None = None,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take a service.

        Args:
            service: The index, for pictures, and its state.
            make_sink: Makes a sink from its configuration; None for those of ``service.alerts.sinks``.
            retries: When a failed delivery is tried again.
            clock: The time, seconds since the epoch.
            chance: A random number from 0 to 1.
        """
        self._service = service
        self._make_sink = make_sink or (lambda config: sink_of(service, config))
        self._retries = retries or RetryPolicy()
        self._clock, self._chance = clock, chance
        state = service.state()
        self._lock_path = state.path.with_name(LOCK_NAME)
        self._alerts = AlertRepository(state)
        self._deliveries = DeliveryRepository(state)

    def send_due(self, *, cancel: CancelToken | None = None) -> DeliveryReport:
        """Send everything that is due now.

        Args:
            cancel: Ends it between two notifications.

        Raises:
            StoreBusyError: another process is sending.
            StoreError: the state cannot be read or written.
        """
        with self._lock():
            alerts = {alert.id: alert for alert in self._alerts.all()}
            pending = [each for each in self._deliveries.pending() if each.alert_id in alerts]
            delivered = retrying = failed = 0
            down: set[tuple[str, str]] = set()
            for message in self._due(pending, alerts):
                first = message[0]
                if cancel is not None and cancel.is_set():
                    break
                if (place := (first.alert_id, first.sink_key)) in down:
                    continue
                result = self._send(alerts[first.alert_id], message)
                delivered += len(message) * (result.state == "delivered")
                failed += len(message) * (result.state == "failed")
                retrying += len(message) * (result.state == "pending")
                if result.state == "pending":
                    down.add(place)
                    self._deliveries.postpone(*place, result.next_attempt_at)
            return DeliveryReport(delivered, retrying, failed, self._next_at(alerts))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            with FileLock(self._lock_path, timeout=0):
                yield
        except Timeout as error:
            raise StoreBusyError(
                "another process is sending alerts", hint="It sends the same ones; nothing is to be done."
            ) from error

    def _due(self, pending: Sequence[Delivery], alerts: dict[str, Alert]) -> list[list[Delivery]]:
        """What is to be sent now, message by message: first what was begun under an id, as it was."""
        now = self._clock()
        begun: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
        fresh: dict[str, list[Delivery]] = defaultdict(list)
        for each in pending:
            if each.next_attempt_at > now or _held_until(alerts[each.alert_id], now) is not None:
                continue
            if each.notification_id:
                begun[each.notification_id, each.sink_key].append(each)
            else:
                fresh[each.alert_id].append(each)
        messages = list(begun.values())
        for alert_id, waiting in fresh.items():
            messages += due_digests(
                waiting,
                DigestPolicy(alerts[alert_id].digest_seconds),
                key=lambda delivery: delivery.sink_key,
                made_at=lambda delivery: delivery.made_at,
                now=now,
            )
        return messages

    def _next_at(self, alerts: dict[str, Alert]) -> float | None:
        """When something is due next."""
        now = self._clock()
        times = []
        for each in self._deliveries.pending():
            alert = alerts.get(each.alert_id)
            if alert is not None:
                waits = 0.0 if each.notification_id else each.made_at + alert.digest_seconds
                times.append(max(each.next_attempt_at, waits, _held_until(alert, now) or 0.0))
        return min(times, default=None)

    def _send(self, alert: Alert, message: Sequence[Delivery]) -> AttemptResult:
        """Send a message, and note what came of it."""
        first, ids = message[0], tuple(each.id for each in message)
        name = first.notification_id or _message_id(message)
        self._deliveries.begin(ids, name)
        try:
            config = next((each for each in alert.sinks if each.key == first.sink_key), None)
            if config is None:
                raise SinkError("the alert has no such sink any more", permanent=True)
            sink = self._make_sink(config)
            sink.send(self._notification(alert, name, message))
        except FootageError as error:
            result = self._failed(ids, first, error)
        else:
            result = AttemptResult(ids, "delivered", self._clock())
        self._deliveries.end(result)
        return result

    def _failed(self, ids: tuple[str, ...], first: Delivery, error: FootageError) -> AttemptResult:
        """What becomes of a message that was not taken."""
        at = self._clock()
        permanent = error.permanent if isinstance(error, SinkError) else True
        wait = error.retry_after_seconds if isinstance(error, SinkError) else None
        failure = FailedTry(first.attempts + 1, first.made_at, at, permanent, wait)
        again = next_try_at(self._retries, failure, chance=self._chance())
        logger.warning("alert not sent", extra={"fields": {"alert": first.alert_id, "tries": failure.tries}})
        if again is None:
            return AttemptResult(ids, "failed", at, error=str(error))
        return AttemptResult(ids, "pending", at, again, str(error))

    def _notification(self, alert: Alert, name: str, message: Sequence[Delivery]) -> Notification:
        held = self._alerts.some([each.moment_id for each in message])
        moments = tuple(held[each.moment_id] for each in message if each.moment_id in held)
        kind: NotificationKind = "digest" if len(moments) > 1 else "moment"
        if moments and all(moment.kind != "moment" for moment in moments):
            kind = "absence"
        return Notification(
            id=name,
            kind=kind,
            alert_id=alert.id,
            alert_name=alert.name,
            sent_at=self._clock(),
            moments=moments,
            posters=posters_of(self._service, moments),
            query=alert.query,
            links=links_to(self._service.settings, moments),
        )


def sink_of(service: Service, config: SinkConfig) -> Sink:
    """The sink of a configuration, under the settings of a service.

    Raises:
        UsageError: the configuration makes no sense.
        DependencyError: a library that it needs is not installed.
    """
    from service.alerts.sinks import SinkRules, make_sink

    return make_sink(config, rules=SinkRules(private_webhooks=service.settings.webhook_private))


def _held_until(alert: Alert, now: float) -> float | None:
    """The end of the quiet hours, if it is quiet now; seconds since the epoch."""
    if not alert.quiet_hours:
        return None
    return quiet_until(parse_quiet_hours(alert.quiet_hours, alert.time_zone), now)


def _message_id(message: Sequence[Delivery]) -> str:
    """The id that a message goes out under: that of its moment, or one that its moments make."""
    if len(message) == 1:
        return message[0].moment_id
    return digest_of(*(each.moment_id for each in message))
