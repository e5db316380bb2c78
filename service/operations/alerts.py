"""Alerts, as operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.alerts import manage
from service.alerts.manage import (
    AddAlertRequest,
    AlertHistoryRequest,
    AlertNameRequest,
    RetryAlertsRequest,
)
from service.operations.operation import Operation
from service.requests import Request
from service.schemas.alerts import (
    AlertMomentRecord,
    AlertRecord,
    AlertRetryRecord,
    AlertRunRecord,
    SinkTestRecord,
)

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.schemas.base import Record
    from service.session import Service


class ListAlertsRequest(Request):
    """All alerts."""


class RunAlertsRequest(Request):
    """One pass over all alerts."""


def _add(
    service: Service, request: AddAlertRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield AlertRecord.of(manage.add(service, request))


def _list(
    service: Service, request: ListAlertsRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield from map(AlertRecord.of_status, manage.statuses(service))


def _show(
    service: Service, request: AlertNameRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    chosen = manage.named(service, request.name)
    yield from (
        AlertRecord.of_status(status) for status in manage.statuses(service) if status.alert.id == chosen.id
    )


def _remove(
    service: Service, request: AlertNameRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield AlertRecord.of(manage.remove(service, request), removed=True)


def _enable(
    service: Service, request: AlertNameRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield AlertRecord.of(manage.enable(service, request))


def _disable(
    service: Service, request: AlertNameRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield AlertRecord.of(manage.disable(service, request))


def _test(
    service: Service, request: AlertNameRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield from map(SinkTestRecord.of, manage.try_sinks(service, request))


def _history(
    service: Service, request: AlertHistoryRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield from map(AlertMomentRecord.of_entry, manage.history(service, request))


def _run(
    service: Service, request: RunAlertsRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    from service.alerts.running import AlertRunner

    run = AlertRunner(service).run_once(on_event=on_event, cancel=cancel)
    names = {status.alert.id: status.alert.name for status in manage.statuses(service)}
    for moment in run.moments:
        yield AlertMomentRecord.of(names.get(moment.alert_id, ""), moment)
    yield AlertRunRecord.of(run)


def _retry(
    service: Service, request: RetryAlertsRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield AlertRetryRecord(type="retry", deliveries=manage.retry(service, request))


ALERTS_ADD = Operation(
    "alerts add",
    "Report new moments by themselves.",
    AddAlertRequest,
    (AlertRecord,),
    _add,
    role="admin",  # a sink may run a program, or send pictures elsewhere
)
ALERTS_LIST = Operation(
    "alerts list", "List all alerts.", ListAlertsRequest, (AlertRecord,), _list, role="edit"
)
ALERTS_SHOW = Operation(
    "alerts show", "Show one alert.", AlertNameRequest, (AlertRecord,), _show, role="edit"
)
ALERTS_REMOVE = Operation(
    "alerts remove",
    "Remove an alert with its history.",
    AlertNameRequest,
    (AlertRecord,),
    _remove,
    role="admin",
)
ALERTS_ENABLE = Operation(
    "alerts enable",
    "Let an alert look and send again.",
    AlertNameRequest,
    (AlertRecord,),
    _enable,
    role="edit",
)
ALERTS_DISABLE = Operation(
    "alerts disable",
    "Let an alert neither look nor send.",
    AlertNameRequest,
    (AlertRecord,),
    _disable,
    role="edit",
)
ALERTS_TEST = Operation(
    "alerts test",
    "Send a test through each sink of an alert.",
    AlertNameRequest,
    (SinkTestRecord,),
    _test,
    role="edit",
)
ALERTS_HISTORY = Operation(
    "alerts history",
    "List what alerts found, and what became of it.",
    AlertHistoryRequest,
    (AlertMomentRecord,),
    _history,
)
ALERTS_RUN = Operation(
    "alerts run",
    "Match new windows against all alerts, and send what is due.",
    RunAlertsRequest,
    (AlertMomentRecord, AlertRunRecord),
    _run,
    role="edit",
    work="model",
)
ALERTS_RETRY = Operation(
    "alerts retry",
    "Send alerts again that were given up.",
    RetryAlertsRequest,
    (AlertRetryRecord,),
    _retry,
    role="edit",
)
ALL = (
    ALERTS_ADD,
    ALERTS_LIST,
    ALERTS_SHOW,
    ALERTS_REMOVE,
    ALERTS_ENABLE,
    ALERTS_DISABLE,
    ALERTS_TEST,
    ALERTS_HISTORY,
    ALERTS_RUN,
    ALERTS_RETRY,
)
"""Everything that can be asked about alerts."""
