"""What alerts, sinks and the delivery share; sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from footage.core.alerts import LEAST_VERDICTS as LEAST_VERDICTS
from footage.core.alerts import SINK_KINDS as SINK_KINDS
from footage.core.alerts import Alert as Alert
from footage.core.alerts import AlertMoment as AlertMoment
from footage.core.alerts import Delivery as Delivery
from footage.core.alerts import DeliveryState as DeliveryState
from footage.core.alerts import LeastVerdict as LeastVerdict
from footage.core.alerts import MomentKind as MomentKind
from footage.core.alerts import SinkConfig as SinkConfig
from footage.core.alerts import SinkKind as SinkKind
from footage.core.errors import FootageError

NotificationKind = Literal["moment", "digest", "absence", "test"]
"""One moment, several of them, something that did not happen, or a test of the sink."""


class SinkError(FootageError):
    """A sink did not take a notification."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        permanent: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        """As ``FootageError``.

        Args:
            message: What is wrong, one sentence without secrets.
            hint: What to do next.
            permanent: Whether sending it again is of no use.
            retry_after_seconds: Wait that the receiver asks for; None where it names none.
        """
        super().__init__(message, hint=hint)
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Notification:
    """What a sink sends."""

    id: str
    """The same for every attempt to send the same; receivers drop a repeated one."""
    kind: NotificationKind
    """What it is about."""
    alert_id: str
    """The alert."""
    alert_name: str
    """Its name, for people."""
    sent_at: float
    """When this attempt began, seconds since the epoch."""
    moments: tuple[AlertMoment, ...] = ()
    """What happened, in the order recorded; none in a test."""
    posters: Mapping[str, bytes] = field(default_factory=dict)
    """A JPEG picture of a moment by its id; of moments whose file cannot be read now there is none."""
    query: str = ""
    """What the alert looks for, as typed."""
    links: Mapping[str, str] = field(default_factory=dict)
    """An address in the app of a moment by its id; none where the app's address is not set."""


class Sink(Protocol):
    """Somewhere to send notifications to."""

    @property
    def name(self) -> str:
        """For people and records, without secrets: "webhook hooks.example.org"."""
        ...

    def send(self, notification: Notification) -> None:
        """Send it; return once the other side has taken it.

        Raises:
            SinkError: it was not taken.
        """
        ...
