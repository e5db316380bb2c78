"""Runs alerts: examines new windows, looks for absences, sends what is due; once or until cancelled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, StoreBusyError
from service.alerts.absence_check import AbsenceCheck
from service.alerts.delivery import DeliveryReport, MakeSink, Outbox
from service.alerts.policy import RetryPolicy
from service.alerts.scan import AlertScanner
from service.cancellation import CancelToken
from service.events import Listener, ignore

if TYPE_CHECKING:
    from footage.core.alerts import AlertMoment
    from service.session import Service

INTERVAL_SECONDS = 2.0
"""How often a watch looks for new windows."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AlertRun:
    """What one pass did."""

    windows: int = 0
    """Windows that were examined, counted once for each alert."""
    moments: tuple[AlertMoment, ...] = ()
    """What was recorded: moments, then absences."""
    delivery: DeliveryReport = field(default_factory=DeliveryReport)
    """What was sent."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Alerts that could not be matched, by name: the reason, one sentence."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        sent = self.delivery.delivered or self.delivery.retrying or self.delivery.failed
        return not (self.windows or self.moments or sent or self.problems)


class AlertRunner:
    """Runs the alerts of one index. Several processes may: each part is done by one of them at a time."""

    def __init__(
        self,
        service: Service,
        *,
        make_sink: MakeSink | None = None,
        retries: RetryPolicy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a service; the other arguments as ``service.alerts.delivery.Outbox``."""
        self._scanner = AlertScanner(service, clock=clock)
        self._absences = AbsenceCheck(service, clock=clock)
        self._outbox = Outbox(service, make_sink=make_sink, retries=retries, clock=clock)

    def run_once(
        self,
        *,
        on_event: Listener = ignore,
        cancel: CancelToken | None = None,
        patience_seconds: float = 0.0,
    ) -> AlertRun:
        """One pass; what another process is doing is left to it.

        Args:
            on_event: Receives what is being loaded.
            cancel: Ends it between two steps.
            patience_seconds: How long to wait for a process that is examining windows.

        Raises:
            StoreError: the index cannot be read, or the state not be written.
            Cancelled: it was cancelled while windows were examined.
        """
        run = self.examine(on_event=on_event, cancel=cancel, patience_seconds=patience_seconds)
        return replace(run, delivery=self.send(cancel=cancel))

    def examine(
        self,
        *,
        on_event: Listener = ignore,
        cancel: CancelToken | None = None,
        patience_seconds: float = 0.0,
    ) -> AlertRun:
        """The part of ``run_once`` that records; nothing is sent."""
        try:
            scanned = self._scanner.scan(on_event=on_event, cancel=cancel, patience_seconds=patience_seconds)
            absences = self._absences.check()
        except StoreBusyError:
            logger.debug("alerts are matched by another process")
            return AlertRun()
        return AlertRun(scanned.windows, (*scanned.moments, *absences), problems=scanned.problems or {})

    def send(self, *, cancel: CancelToken | None = None) -> DeliveryReport:
        """Send what is due.

        Raises:
            StoreError: the state cannot be read or written.
        """
        try:
            return self._outbox.send_due(cancel=cancel)
        except StoreBusyError:
            return DeliveryReport()


def watch(
    service: Service,
    *,
    cancel: CancelToken,
    on_event: Listener = ignore,
    on_run: Callable[[AlertRun], None] = lambda run: None,
    make_sink: MakeSink | None = None,
    interval_seconds: float = INTERVAL_SECONDS,
) -> None:
    """Run alerts until cancelled; an error is logged, and the next pass tries again.

    Args:
        service: The index, and the models.
        cancel: Ends it.
        on_event: Receives what is being loaded.
        on_run: Called after each pass that did something.
        make_sink: As ``service.alerts.delivery.Outbox``.
        interval_seconds: How often it looks for new windows.

    Raises:
        StoreError: the state cannot be made or read.
    """
    runner = AlertRunner(service, make_sink=make_sink)
    while not cancel.is_set():
        try:
            run = runner.run_once(on_event=on_event, cancel=cancel)
        except FootageError as error:
            if not cancel.is_set():
                logger.warning("alerts cannot be run: %s", type(error).__name__, exc_info=True)
        else:
            if not run.is_empty:
                on_run(run)
        cancel.wait(interval_seconds)
