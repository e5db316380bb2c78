"""Alerts and what becomes of them: definitions, moments, deliveries; knows no database and no network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal, get_args

from footage.core.types import Span

SinkKind = Literal["webhook", "mqtt", "email", "command", "desktop"]
SINK_KINDS: tuple[SinkKind, ...] = get_args(SinkKind)
LeastVerdict = Literal["found", "uncertain", "not checked"]
"""The weakest verdict that is reported: "not checked" reports what the index alone says, without a model."""
LEAST_VERDICTS: tuple[LeastVerdict, ...] = get_args(LeastVerdict)
DeliveryState = Literal["pending", "delivered", "failed", "suppressed"]
"""``failed`` is a dead letter: it is kept, and sent again only on request. ``suppressed`` is not sent, as
it fell into the cool-down."""
MomentKind = Literal["moment", "absence", "unknown"]
"""Something happened; nothing happened in a period; or that is not known for want of footage."""


def digest_of(*parts: str) -> str:
    """A short deterministic name for some texts (SHA-256, 20 hex digits)."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """One place that an alert is sent to, as it was configured."""

    kind: SinkKind
    """Which kind of sink."""
    target: str = ""
    """The address: a URL of a webhook or an MQTT broker with topic, an e-mail address; empty for others."""
    arguments: tuple[str, ...] = ()
    """The program and its arguments, for a command alone."""
    options: tuple[tuple[str, str], ...] = ()
    """Everything else by name, such as ("secret", "…"); may hold secrets, so it is never printed."""

    @property
    def key(self) -> str:
        """Names the sink within its alert; the same target has the same key."""
        return digest_of(self.kind, self.target, *self.arguments)

    def option(self, name: str, default: str = "") -> str:
        """The value of an option."""
        return dict(self.options).get(name, default)


@dataclass(frozen=True, slots=True)
class Alert:
    """A query that reports new moments by itself."""

    id: str
    """Names it, also after it is renamed."""
    name: str
    """For people; unique in any case of letters."""
    query: str
    """What to look for, with optional filters; that of the saved search, where there is one, at creation."""
    search_id: str = ""
    """Id of the saved search whose query counts; empty where the alert has a query of its own."""
    filters: str = ""
    """Filters that hold beside those of the query, as in a query: camera:door hours:22:00-06:00."""
    sinks: tuple[SinkConfig, ...] = ()
    """Where to send it; with none it is only kept in the history."""
    quiet_hours: str = ""
    """Times of day in which nothing is sent, such as "22:00-06:30"; moments wait until they end."""
    time_zone: str = "UTC"
    """Zone of the times of day, such as "Europe/Berlin"."""
    cool_down_seconds: float = 0.0
    """Least distance of two moments of one camera that are sent; nearer ones are only kept in the history."""
    digest_seconds: float = 0.0
    """Collect moments for so long and send them together; 0 sends each by itself."""
    least_verdict: LeastVerdict = "found"
    """The weakest verdict that is reported."""
    absent_for_seconds: float = 0.0
    """Report when nothing was found for so long, by wall-clock time; 0 for an alert about what is found."""
    absent_between: str = ""
    """Report each day when nothing was found between these times of day, such as "18:00-22:00"."""
    enabled: bool = True
    """Whether it looks and sends."""
    from_start: bool = False
    """Whether windows count that were in the index before the alert was made."""
    created_at: float = 0.0
    """Seconds since the epoch."""

    @property
    def about_absence(self) -> bool:
        """Whether it reports that nothing happened."""
        return bool(self.absent_for_seconds or self.absent_between)


@dataclass(frozen=True, slots=True)
class AlertMoment:
    """Something that an alert found; recorded once, whatever happens afterwards."""

    id: str
    """Deterministic: the same alert, video and start give the same id. Receivers drop a repeated id."""
    alert_id: str
    """The alert."""
    kind: MomentKind
    """What it says."""
    content_id: str
    """The video; empty for a moment of absence."""
    path: str
    """A file that holds the video, absolute; empty for a moment of absence."""
    span: Span
    """When, in video time; empty, at 0, for a moment of absence."""
    starts_at: str
    """Wall-clock time of its start, ISO 8601 with a zone where the file has one; empty where unknown."""
    ends_at: str
    """Wall-clock time of its end, as ``starts_at``."""
    camera: str
    """Name of the camera; empty where unknown."""
    verdict: str
    """As of a match: "found", "uncertain", "not checked"; "absent" or "not known" of a moment of absence."""
    confidence: float | None
    """How sure the evidence makes, 0 to 1; None where the model was not asked."""
    text: str
    """What the index says happens there; from footage, so untrusted. One sentence of a moment of absence."""
    evidence: tuple[str, ...] = ()
    """Why the verdict is what it is, a short sentence each."""
    committed_at: float = 0.0
    """When the window that showed it was in the index, seconds since the epoch; 0 where that is not known."""
    recorded_at: float = 0.0
    """When the alert recorded it, seconds since the epoch."""

    @property
    def delay_seconds(self) -> float | None:
        """From the commit of the window to the record of the moment; None where the first is not known."""
        return self.recorded_at - self.committed_at if self.committed_at else None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A moment that is to go, or went, to one sink."""

    id: str
    """Deterministic: moment and sink make it."""
    alert_id: str
    """The alert."""
    moment_id: str
    """The moment."""
    sink_key: str
    """Key of the sink's config."""
    state: DeliveryState = "pending"
    """What became of it."""
    attempts: int = 0
    """Times that it was sent, or sending it was tried."""
    next_attempt_at: float = 0.0
    """Not before this, seconds since the epoch."""
    last_error: str = ""
    """Why the last attempt failed, one sentence; empty after none or a good one."""
    notification_id: str = ""
    """Id under which it goes out; set before the first attempt, shared by the moments of one digest."""
    made_at: float = 0.0
    """When it was to be sent first, seconds since the epoch."""
    delivered_at: float = 0.0
    """When the sink took it, seconds since the epoch; 0 as long as it has not."""
