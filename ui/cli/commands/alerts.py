"""`footage alerts`: queries that report new moments by themselves."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from footage.core.timecode import format_time
from ui.cli import console, options, progress
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from types import FrameType

    from footage.core.config import Settings
    from service.alerts.running import AlertRun
    from service.cancellation import CancelToken
    from service.operations import Operation
    from service.requests import Request
    from service.schemas.alerts import AlertMomentRecord, AlertRecord
    from service.schemas.base import Record
    from service.session import Service

LIST_EXAMPLES = options.examples("footage alerts list", "footage alerts list --json")
SHOW_EXAMPLES = options.examples("footage alerts show parcels")
REMOVE_EXAMPLES = options.examples("footage alerts remove parcels")
ENABLE_EXAMPLES = options.examples("footage alerts enable parcels")
DISABLE_EXAMPLES = options.examples("footage alerts disable parcels")
TEST_EXAMPLES = options.examples("footage alerts test parcels")
HISTORY_EXAMPLES = options.examples(
    "footage alerts history", "footage alerts history parcels --limit 10", "footage alerts history --failed"
)
RUN_EXAMPLES = options.examples("footage alerts run", "footage alerts run --watch")
RETRY_EXAMPLES = options.examples("footage alerts retry", "footage alerts retry parcels")

_R = TypeVar("_R", bound="Record")
Name = Annotated[str, typer.Argument(help="Name of the alert.")]


@takes_settings("db")
def list_(*, settings: Settings, json: options.Json = False, debug: options.Debug = False) -> None:
    """List all alerts."""
    from service.operations.alerts import ALERTS_LIST, ListAlertsRequest
    from service.schemas.alerts import AlertRecord

    records = answers(ALERTS_LIST, settings, ListAlertsRequest(), AlertRecord, as_json=json)
    if json:
        return
    if not records:
        console.results().print('There is no alert. Make one: footage alerts add NAME --query "QUERY"')
        return
    numbers = ("moments", "delivered", "pending", "failed")
    table = console.table("name", "query", "sinks", *numbers, right=numbers)
    for each in records:
        table.add_row(
            console.plain(each.name) + ("" if each.enabled else " (disabled)"),
            console.plain(f"{each.query} {each.filters}".strip()),
            console.plain(", ".join(sink.name for sink in each.sinks)),
            *(f"{getattr(each, number):,}" for number in numbers),
        )
    console.results().print(table)


@takes_settings("db")
def show(name: Name, *, settings: Settings, json: options.Json = False, debug: options.Debug = False) -> None:
    """Show one alert."""
    from service.alerts.manage import AlertNameRequest
    from service.operations.alerts import ALERTS_SHOW
    from service.schemas.alerts import AlertRecord

    [record] = answers(ALERTS_SHOW, settings, AlertNameRequest(name=name), AlertRecord, as_json=json)
    if json:
        return
    for label, value in _described(record):
        console.results().print(f"{label + ':':<14}{console.plain(value)}", soft_wrap=True)


@takes_settings("db")
def remove(
    name: Name, *, settings: Settings, json: options.Json = False, debug: options.Debug = False
) -> None:
    """Remove an alert with its history."""
    from service.operations.alerts import ALERTS_REMOVE

    _change(ALERTS_REMOVE, settings, name, "Removed", as_json=json)


@takes_settings("db")
def enable(
    name: Name, *, settings: Settings, json: options.Json = False, debug: options.Debug = False
) -> None:
    """Let an alert look and send again; footage indexed meanwhile does not count."""
    from service.operations.alerts import ALERTS_ENABLE

    _change(ALERTS_ENABLE, settings, name, "Enabled", as_json=json)


@takes_settings("db")
def disable(
    name: Name, *, settings: Settings, json: options.Json = False, debug: options.Debug = False
) -> None:
    """Let an alert neither look nor send."""
    from service.operations.alerts import ALERTS_DISABLE

    _change(ALERTS_DISABLE, settings, name, "Disabled", as_json=json)


@takes_settings("db")
def test(name: Name, *, settings: Settings, json: options.Json = False, debug: options.Debug = False) -> None:
    """Send a test through each sink of an alert, and print what came back.

    Exit code 3: a sink did not take the test.
    """
    from service.alerts.manage import AlertNameRequest
    from service.operations.alerts import ALERTS_TEST
    from service.schemas.alerts import SinkTestRecord

    records = answers(ALERTS_TEST, settings, AlertNameRequest(name=name), SinkTestRecord, as_json=json)
    for each in [] if json else records:
        said = "delivered" if each.delivered else f"{each.error}. {each.hint}".rstrip()
        console.results().print(f"{console.plain(each.sink)}: {console.plain(said)}", soft_wrap=True)
    if not all(each.delivered for each in records):
        raise typer.Exit(console.EXIT_PARTLY)


@takes_settings("db")
def history(
    name: Annotated[str, typer.Argument(help="Only this alert; unset: all.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of moments.")] = 50,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only moments that a sink did not take so far.")
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List what alerts found, and if it was delivered; the latest first."""
    from service.alerts.manage import AlertHistoryRequest
    from service.operations.alerts import ALERTS_HISTORY
    from service.schemas.alerts import AlertMomentRecord

    request = AlertHistoryRequest(name=name, limit=limit, failed=failed)
    records = answers(ALERTS_HISTORY, settings, request, AlertMomentRecord, as_json=json)
    if json:
        return
    table = console.table("alert", "recorded", "where", "when", "verdict", "what", "deliveries")
    for each in records:
        sent = [f"{one.sink}: {one.state}" for one in each.deliveries]
        errors = [one.last_error for one in each.deliveries if one.last_error]
        table.add_row(
            console.plain(each.alert),
            f"{datetime.fromtimestamp(each.recorded_at):%Y-%m-%d %H:%M:%S}",
            console.plain(each.camera or PurePath(each.video).name),
            _when(each),
            each.verdict,
            console.plain(each.text),
            console.plain("; ".join([*sent, *errors])),
        )
    console.results().print(table if records else "No alert has found anything so far.")


@takes_settings("db", *FINDS, "embedder")
def run(
    watch: Annotated[bool, typer.Option("--watch", help="Continue until Ctrl-C.")] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Match new windows against all alerts, and send what is due.

    `footage index` does the same while it runs. Exit code 3: an alert was not matched, or a sink gave up.
    """
    from service.operations.alerts import ALERTS_RUN, RunAlertsRequest
    from service.schemas.alerts import AlertMomentRecord, AlertRunRecord

    if watch:
        _watch(options.service_for(settings), as_json=json)
        return
    with progress.shown() as display:
        service = options.service_for(settings)
        records = ALERTS_RUN(service, RunAlertsRequest(), on_event=display)
    for each in records:
        if json:
            console.emit_record(each)
        elif isinstance(each, AlertMomentRecord):
            _print_moment(each)
        elif isinstance(each, AlertRunRecord):
            _print_run(each)
            if each.problems or each.failed:
                raise typer.Exit(console.EXIT_PARTLY)


@takes_settings("db")
def retry(
    name: Annotated[str, typer.Argument(help="Only this alert; unset: all.")] = "",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Have deliveries sent again that were given up; the next run sends them."""
    from service.alerts.manage import RetryAlertsRequest
    from service.operations.alerts import ALERTS_RETRY
    from service.schemas.alerts import AlertRetryRecord

    [record] = answers(ALERTS_RETRY, settings, RetryAlertsRequest(name=name), AlertRetryRecord, as_json=json)
    if not json:
        console.results().print(f"Deliveries to be sent again: {record.deliveries:,}.")


def answers(
    operation: Operation, settings: Settings, request: Request, kind: type[_R], *, as_json: bool
) -> list[_R]:
    """The records of an operation, printed if they are to be."""
    records = operation(options.service_for(settings), request)
    if as_json:
        for each in records:
            console.emit_record(each)
    return [each for each in records if isinstance(each, kind)]


def _change(operation: Operation, settings: Settings, name: str, said: str, *, as_json: bool) -> None:
    from service.alerts.manage import AlertNameRequest
    from service.schemas.alerts import AlertRecord

    [record] = answers(operation, settings, AlertNameRequest(name=name), AlertRecord, as_json=as_json)
    if not as_json:
        console.results().print(f"{said} the alert {record.name!r}.", soft_wrap=True)


def _described(record: AlertRecord) -> Iterator[tuple[str, str]]:
    """What to show of an alert: label and value."""
    yield "name", record.name + ("" if record.enabled else " (disabled)")
    yield "query", f"{record.query} {record.filters}".strip()
    yield "least verdict", record.least_verdict
    yield "sinks", ", ".join(sink.name for sink in record.sinks) or "none"
    if record.quiet_hours:
        yield "quiet hours", f"{record.quiet_hours} ({record.time_zone})"
    if record.cool_down_seconds:
        yield "cool-down", format_time(record.cool_down_seconds)
    if record.digest_seconds:
        yield "digest", f"every {format_time(record.digest_seconds)}"
    if record.absent_for_seconds:
        yield "absent for", format_time(record.absent_for_seconds)
    if record.absent_between:
        yield "absent between", f"{record.absent_between} ({record.time_zone})"
    counts = ("moments", "delivered", "pending", "failed", "suppressed")
    yield "so far", ", ".join(f"{getattr(record, each):,} {each}" for each in counts)


def _when(record: AlertMomentRecord) -> str:
    """When a moment was: by the clock, else in video time."""
    if record.starts_at:
        return record.starts_at[:19].replace("T", " ")
    return f"{format_time(record.start_seconds)}-{format_time(record.end_seconds)}"


def _print_moment(record: AlertMomentRecord) -> None:
    where = record.camera or PurePath(record.video).name
    line = f"{record.alert}: {where}, {_when(record)}, {record.verdict}: {record.text}"
    console.results().print(console.plain(line), soft_wrap=True)


def _print_run(record: Any) -> None:
    counts = [f"{record.windows:,} windows examined", f"{record.moments:,} new", f"{record.delivered:,} sent"]
    counts += [f"{number:,} {what}" for what in ("retrying", "failed") if (number := getattr(record, what))]
    console.results().print(f"{', '.join(counts)}.", soft_wrap=True)
    for problem in record.problems:
        console.notes().print(console.plain(f"{problem.alert}: {problem.reason}"), soft_wrap=True)


def _watch(service: Service, *, as_json: bool) -> None:
    """Run alerts until a signal arrives."""
    from service.alerts.manage import statuses
    from service.alerts.running import watch
    from service.schemas.alerts import AlertMomentRecord, AlertRunRecord

    def show(run: AlertRun) -> None:
        names = {status.alert.id: status.alert.name for status in statuses(service)}
        for moment in run.moments:
            record = AlertMomentRecord.of(names.get(moment.alert_id, ""), moment)
            console.emit_record(record) if as_json else _print_moment(record)
        record_of_run = AlertRunRecord.of(run)
        console.emit_record(record_of_run) if as_json else _print_run(record_of_run)

    with progress.shown() as display, _until_signal() as cancel:
        watch(service, cancel=cancel, on_event=display, on_run=show)


@contextmanager
def _until_signal() -> Iterator[CancelToken]:
    """A token that Ctrl-C or SIGTERM cancels; the second signal interrupts."""
    from service.cancellation import CancelToken

    token = CancelToken()

    def ask(number: int, frame: FrameType | None) -> None:
        if token.cancelled:
            raise KeyboardInterrupt
        token.cancel()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
