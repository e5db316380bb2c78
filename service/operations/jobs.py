"""Jobs, as operations: list, show, cancel and retry them; they work whether or not a service runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from footage.core.jobs import JobState
from service.jobs import asking
from service.operations.operation import Operation
from service.requests import Request
from service.schemas.jobs import JobEventRecord, JobRecord

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.session import Service


class JobListRequest(Request):
    """Which jobs to list."""

    state: tuple[JobState, ...] = ()
    """Only jobs in one of these states; all when there are none."""
    limit: int = Field(default=100, ge=1, le=1000)
    """Most jobs, the newest ones."""


class JobShowRequest(Request):
    """Which job to show."""

    id: str = Field(min_length=1, max_length=100)
    """Id of the job."""
    events: bool = False
    """Also list what happened to it."""


class JobCancelRequest(Request):
    """Which job to cancel."""

    id: str = Field(min_length=1, max_length=100)
    """Id of the job."""


class JobRetryRequest(Request):
    """Which job to retry."""

    id: str = Field(min_length=1, max_length=100)
    """Id of the job."""


def _list(
    service: Service, request: JobListRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[JobRecord]:
    yield from map(JobRecord.of, asking.jobs(service, limit=request.limit, states=request.state))


def _show(
    service: Service, request: JobShowRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[JobRecord | JobEventRecord]:
    job = asking.job(service, request.id)
    yield JobRecord.of(job, with_records=True)
    if request.events:
        for event in asking.job_events(service, job.id):
            yield JobEventRecord.of(job.id, event)


def _cancel(
    service: Service, request: JobCancelRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[JobRecord]:
    yield JobRecord.of(asking.cancel_job(service, request.id))


def _retry(
    service: Service, request: JobRetryRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[JobRecord]:
    yield JobRecord.of(asking.retry_job(service, request.id))


LIST_JOBS = Operation("jobs list", "List the jobs, the newest first.", JobListRequest, (JobRecord,), _list)
SHOW_JOB = Operation(
    "jobs show", "Show a job and its result.", JobShowRequest, (JobRecord, JobEventRecord), _show
)
CANCEL_JOB = Operation(
    "jobs cancel",
    "End a job: at once if it is queued, after the step at hand if it runs.",
    JobCancelRequest,
    (JobRecord,),
    _cancel,
    role="edit",
)
RETRY_JOB = Operation(
    "jobs retry",
    "Queue a job again that failed or was cancelled.",
    JobRetryRequest,
    (JobRecord,),
    _retry,
    role="edit",
)
ALL = (LIST_JOBS, SHOW_JOB, CANCEL_JOB, RETRY_JOB)
"""The operations of this module."""
