"""Lines of JSON about alerts: what they are, what they found, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from service.alerts.labels import sink_label
from service.schemas.base import Record

if TYPE_CHECKING:
    from footage.core.alerts import Alert, AlertMoment, Delivery
    from service.alerts.manage import AlertHistoryEntry, AlertStatus, SinkTest
    from service.alerts.running import AlertRun


class AlertSinkFields(Record):
    """Where an alert is sent to."""

    kind: str
    """"webhook", "mqtt", "email", "command" or "desktop"."""
    name: str
    """For people, without secrets."""


class AlertRecord(Record):
    """An alert; how much it found and sent is there in `alerts list` and `alerts show` alone."""

    type: Literal["alert"] = Field(default="alert")
    """What the line is."""
    id: str
    """Names it."""
    name: str
    """For people; unique in any case of letters."""
    query: str
    """What it looks for, as typed."""
    search_id: str
    """Id of the saved search that the query comes from; empty where there is none."""
    filters: str
    """Filters beside those of the query, as in a query."""
    sinks: list[AlertSinkFields]
    """Where it is sent to."""
    quiet_hours: str
    """Times of day in which nothing is sent; empty for none."""
    time_zone: str
    """Zone of the times of day."""
    cool_down_seconds: float
    """Least distance of two moments of one camera that are sent."""
    digest_seconds: float
    """How long moments are collected to be sent together."""
    least_verdict: str
    """The weakest verdict that is reported."""
    absent_for_seconds: float
    """It reports that nothing was found for so long; 0 where it does not."""
    absent_between: str
    """It reports each day that nothing was found between these times; empty where it does not."""
    enabled: bool
    """Whether it looks and sends."""
    from_start: bool
    """Whether footage counts that was in the index before it."""
    created_at: float
    """When it was made, seconds since the epoch."""
    removed: bool = False
    """Whether it was removed; of `alerts remove` only."""
    moments: int = 0
    """Moments that it recorded."""
    delivered: int = 0
    """Deliveries that receivers took: one for each moment and sink."""
    pending: int = 0
    """Deliveries that are still to be sent."""
    failed: int = 0
    """Deliveries that were given up; `alerts retry` sends them again."""
    suppressed: int = 0
    """Deliveries that were not sent, as they fell into the cool-down."""

    @classmethod
    def of(cls, alert: Alert, **more: bool | int) -> Self:
        """One alert."""
        return cls(
            type="alert",
            id=alert.id,
            name=alert.name,
            query=alert.query,
            search_id=alert.search_id,
            filters=alert.filters,
            sinks=[AlertSinkFields(kind=sink.kind, name=sink_label(sink)) for sink in alert.sinks],
            quiet_hours=alert.quiet_hours,
            time_zone=alert.time_zone,
            cool_down_seconds=alert.cool_down_seconds,
            digest_seconds=alert.digest_seconds,
            least_verdict=alert.least_verdict,
            absent_for_seconds=alert.absent_for_seconds,
            absent_between=alert.absent_between,
            enabled=alert.enabled,
            from_start=alert.from_start,
            created_at=alert.created_at,
            **more,  # type: ignore[arg-type]
        )

    @classmethod
    def of_status(cls, status: AlertStatus) -> Self:
        """One alert with what it found and sent."""
        return cls.of(
            status.alert,
            moments=status.moments,
            delivered=status.delivered,
            pending=status.pending,
            failed=status.failed,
            suppressed=status.suppressed,
        )


class DeliveryFields(Record):
    """What became of a moment at one sink."""

    sink: str
    """The sink, without secrets."""
    state: str
    """"pending", "delivered", "failed" or "suppressed"."""
    attempts: int
    """How often it was sent."""
    next_attempt_at: float
    """Not sent again before this, seconds since the epoch; of pending ones."""
    last_error: str
    """Why the last attempt failed; empty after none or a good one."""
    delivered_at: float
    """When it was taken, seconds since the epoch; 0 as long as it was not."""


class AlertMomentRecord(Record):
    """Something that an alert found, or a period in which it found nothing."""

    type: Literal["moment"] = Field(default="moment")
    """What the line is."""
    id: str
    """Names it; the same moment has the same id in everything that is sent."""
    alert: str
    """Name of the alert."""
    kind: str
    """"moment"; "absence" where nothing happened in a period, "unknown" where footage of it is missing."""
    video: str
    """A file that holds it; empty for a period."""
    content_id: str
    """The video in that file, by its bytes; empty for a period."""
    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""
    starts_at: str
    """Wall-clock time of its start, ISO 8601; empty where unknown."""
    ends_at: str
    """Wall-clock time of its end."""
    camera: str
    """The camera; empty where unknown."""
    verdict: str
    """What the evidence says; "absent" or "not known" of a period."""
    confidence: float | None
    """How sure the evidence makes, 0 to 1; null where the model was not asked."""
    text: str
    """What the index says happens there; it comes from footage."""
    evidence: list[str]
    """Why the verdict is what it is."""
    recorded_at: float
    """When the alert recorded it, seconds since the epoch."""
    delay_seconds: float | None
    """Time from the commit of its window to its record; null where the first is not known."""
    deliveries: list[DeliveryFields] = Field(default_factory=list)
    """What became of it at each sink; of `alerts history` only."""

    @classmethod
    def of(cls, alert: str, moment: AlertMoment) -> Self:
        """One moment of an alert, by the alert's name."""
        return cls(
            type="moment",
            id=moment.id,
            alert=alert,
            kind=moment.kind,
            video=moment.path,
            content_id=moment.content_id,
            start_seconds=moment.span.start_seconds,
            end_seconds=moment.span.end_seconds,
            starts_at=moment.starts_at,
            ends_at=moment.ends_at,
            camera=moment.camera,
            verdict=moment.verdict,
            confidence=moment.confidence,
            text=moment.text,
            evidence=list(moment.evidence),
            recorded_at=moment.recorded_at,
            delay_seconds=moment.delay_seconds,
        )

    @classmethod
    def of_entry(cls, entry: AlertHistoryEntry) -> Self:
        """One moment with what became of it."""
        names = {sink.key: sink_label(sink) for sink in entry.alert.sinks}
        deliveries = [_delivery(each, names.get(each.sink_key, "")) for each in entry.deliveries]
        plain = cls.of(entry.alert.name, entry.moment)
        return cls(**{name: getattr(plain, name) for name in plain.model_fields_set}, deliveries=deliveries)


def _delivery(delivery: Delivery, sink: str) -> DeliveryFields:
    return DeliveryFields(
        sink=sink,
        state=delivery.state,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at,
        last_error=delivery.last_error,
        delivered_at=delivery.delivered_at,
    )


class SinkTestRecord(Record):
    """What came back from a sink that was sent a test."""

    type: Literal["test"] = Field(default="test")
    """What the line is."""
    kind: str
    """Kind of the sink."""
    sink: str
    """The sink, without secrets."""
    delivered: bool
    """Whether it took the test."""
    error: str
    """Why it did not; empty where it did."""
    hint: str
    """What to do about it."""

    @classmethod
    def of(cls, result: SinkTest) -> Self:
        """One sink."""
        return cls(
            type="test",
            kind=result.sink.kind,
            sink=result.name,
            delivered=not result.error,
            error=result.error,
            hint=result.hint,
        )


class AlertProblemFields(Record):
    """An alert that could not be matched."""

    alert: str
    """Name of the alert."""
    reason: str
    """Why, one sentence."""


class AlertRunRecord(Record):
    """What one pass of `alerts run` did."""

    type: Literal["run"] = Field(default="run")
    """What the line is."""
    windows: int
    """Windows that were examined, counted once for each alert."""
    moments: int
    """Moments and absences that were recorded."""
    delivered: int
    """Deliveries that receivers took."""
    retrying: int
    """Deliveries that are tried again later."""
    failed: int
    """Deliveries that were given up."""
    next_at: float | None
    """When something is due next, seconds since the epoch; null where nothing is pending."""
    problems: list[AlertProblemFields]
    """Alerts that could not be matched; their windows are examined by a later run."""

    @classmethod
    def of(cls, run: AlertRun) -> Self:
        """One pass."""
        sent = run.delivery
        return cls(
            type="run",
            windows=run.windows,
            moments=len(run.moments),
            delivered=sent.delivered,
            retrying=sent.retrying,
            failed=sent.failed,
            next_at=sent.next_at,
            problems=[AlertProblemFields(alert=name, reason=why) for name, why in run.problems.items()],
        )


class AlertRetryRecord(Record):
    """What `alerts retry` did."""

    type: Literal["retry"] = Field(default="retry")
    """What the line is."""
    deliveries: int
    """Dead letters that are pending again."""
