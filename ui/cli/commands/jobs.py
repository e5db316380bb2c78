"""`footage jobs`: list, show, cancel and retry the jobs of the service; works without a running one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli import console, options
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from service.operations import Operation
    from service.requests import Request
    from service.schemas.base import Record
    from service.schemas.jobs import JobRecord

HELP = "List, cancel and retry the jobs of the service."
EXAMPLES = options.examples(
    "footage jobs list", "footage jobs list --state failed", "footage jobs list --json"
)
SHOW_EXAMPLES = options.examples(
    "footage jobs show 4be1f0c2a97d3e5580aa", "footage jobs show 4be1f0c2a97d3e5580aa --events"
)
CANCEL_EXAMPLES = options.examples("footage jobs cancel 4be1f0c2a97d3e5580aa")
RETRY_EXAMPLES = options.examples("footage jobs retry 4be1f0c2a97d3e5580aa")

JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job, as listed.")]


@takes_settings("db")
def list_jobs(
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="Only jobs in this state: queued, running, done, failed or cancelled; may be repeated.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="Most jobs, the newest ones.")] = 100,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the jobs of the service, the newest first."""
    from service.operations.jobs import LIST_JOBS, JobListRequest

    asked: dict[str, Any] = {"state": state or (), "limit": limit}
    records = _run(LIST_JOBS, JobListRequest(**asked), settings)
    if json:
        _emit(records)
        return
    if not records:
        console.results().print("There are no jobs.")
        return
    table = console.table("id", "operation", "state", "asked", "progress", whole=["id", "state", "asked"])
    for job in records:
        table.add_row(
            job.id, console.plain(job.operation), _state(job), _when(job.created_at), _progress(job)
        )
    console.results().print(table)


@takes_settings("db")
def show(
    id_: JobId,
    events: Annotated[bool, typer.Option("--events", help="Also list what happened to it.")] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show a job: its state, its progress, and why it failed."""
    from service.operations.jobs import SHOW_JOB, JobShowRequest

    records = _run(SHOW_JOB, JobShowRequest(id=id_, events=events), settings)
    if json:
        _emit(records)
        return
    _print(records[0])
    for event in (record.fields() for record in records[1:]):
        console.results().print(f"{_when(event['at'])}  {event['kind']}")


@takes_settings("db")
def cancel(
    id_: JobId,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Cancel a job: at once if it is queued, after the step at hand if it runs."""
    from service.operations.jobs import CANCEL_JOB, JobCancelRequest

    records = _run(CANCEL_JOB, JobCancelRequest(id=id_), settings)
    _emit(records) if json else _print(records[0])


@takes_settings("db")
def retry(
    id_: JobId,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Queue a job again that failed or was cancelled; a running service takes it."""
    from service.operations.jobs import RETRY_JOB, JobRetryRequest

    records = _run(RETRY_JOB, JobRetryRequest(id=id_), settings)
    _emit(records) if json else _print(records[0])


def _run(operation: Operation, request: Request, settings: Settings) -> Sequence[Any]:
    """The records of an operation: jobs, and events of one."""
    return operation(options.service_for(settings), request)


def _emit(records: Sequence[Record]) -> None:
    for record in records:
        console.emit_record(record)


def _print(job: JobRecord) -> None:
    """A job in a few lines."""
    out = console.results()
    out.print(f"{job.id}  {console.plain(job.operation)}: {_state(job)}")
    for label, moment in (("asked", job.created_at), ("started", job.started_at), ("ended", job.ended_at)):
        if moment is not None:
            out.print(f"{label} {_when(moment)}")
    if progress := _progress(job):
        out.print(progress, soft_wrap=True)
    if job.problem is not None:
        out.print(f"{console.plain(job.problem.message)} {console.plain(job.problem.hint)}", soft_wrap=True)


def _state(job: JobRecord) -> str:
    return "cancelling" if job.cancelling else job.state


def _progress(job: JobRecord) -> str:
    """How far a job is, or what it waits for, in a few words."""
    if job.waiting_for:
        return f"waits: {console.plain(job.waiting_for)}"
    if job.problem is not None:
        return console.plain(job.problem.message)
    if job.progress is None or job.state == "done":
        return ""
    steps = f" {job.progress.done} of {job.progress.total}" if job.progress.total else ""
    return f"{console.plain(job.progress.stage)}{steps}"


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M:%S")


COMMANDS = {
    "list": (list_jobs, EXAMPLES),
    "show": (show, SHOW_EXAMPLES),
    "cancel": (cancel, CANCEL_EXAMPLES),
    "retry": (retry, RETRY_EXAMPLES),
}
"""The commands of the group: function and examples."""
