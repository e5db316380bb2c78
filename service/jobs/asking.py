"""Asks for jobs, lists, cancels and retries them; runs none (see ``service.jobs.runner``)."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, UsageError
from footage.core.jobs import JobEvent, JobState, StoredJob
from service.work_queue import OverloadedError

if TYPE_CHECKING:
    from footage.store.state.jobs import JobRows
    from service.operations.operation import Operation
    from service.requests import Request
    from service.roles import Role
    from service.session import Service

MOST_QUEUED = 1000
"""Jobs that may wait at once."""
LONGEST_KEY = 200
"""Characters of the longest idempotency key."""
_QUEUE_FULL_SECONDS = 60.0


class JobMissingError(FootageError):
    """There is no such job."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"There is no job {job_id[:100]!r}.",
            hint="List the jobs with `footage jobs list`; those that ended long ago are removed.",
        )


class IdempotencyError(UsageError):
    """The idempotency key was used for another request."""


def submit(
    service: Service,
    operation: Operation,
    request: Request,
    *,
    client: str,
    role: Role,
    idempotency_key: str | None = None,
) -> tuple[StoredJob, bool]:
    """Queue an operation as a job.

    Args:
        service: Whose index it is about.
        operation: What to do.
        request: With what.
        client: Who asks.
        role: The role of the client, which was checked.
        idempotency_key: A text of the client's choice: asking twice with one key makes one job.

    Returns:
        The job, and whether it is new.

    Raises:
        UsageError: the operation is none that runs as a job, or the key is no key.
        IdempotencyError: the client used the key for another request.
        OverloadedError: too many jobs wait.
    """
    if operation.work != "job":
        raise UsageError(
            f"`{operation.name}` does not run as a job.", hint="Ask for it directly: it answers at once."
        )
    _check_key(idempotency_key)
    rows = job_rows(service)
    if rows.counts().get("queued", 0) >= MOST_QUEUED:
        raise OverloadedError(f"{MOST_QUEUED} jobs are waiting.", retry_after_seconds=_QUEUE_FULL_SECONDS)
    fields = request.model_dump(mode="json")
    digest = hashlib.sha256(json.dumps([operation.name, fields], sort_keys=True).encode()).hexdigest()
    job, is_new = rows.add(
        secrets.token_hex(10),
        operation=operation.name,
        request=fields,
        request_digest=digest,
        client=client,
        role=role,
        idempotency_key=idempotency_key,
        now=time.time(),
    )
    if job.request_digest != digest:
        raise IdempotencyError(
            "The idempotency key belongs to another request of this client.",
            hint="Use a new key for each request.",
        )
    return job, is_new


def jobs(
    service: Service, *, limit: int = 100, before: int | None = None, states: Sequence[JobState] = ()
) -> list[StoredJob]:
    """Jobs, the newest first; ``before`` is the position of the last one of the page before."""
    return job_rows(service).page(limit=limit, before=before, states=states) if _any(service) else []


def job(service: Service, job_id: str) -> StoredJob:
    """A job.

    Raises:
        JobMissingError: there is none.
    """
    return _there(job_id, job_rows(service).get(job_id) if _any(service) else None)


def job_events(service: Service, job_id: str, *, after: int = 0) -> list[JobEvent]:
    """What happened to a job after an event, by its number; all that is kept for 0.

    Raises:
        JobMissingError: there is no such job.
    """
    job(service, job_id)
    return job_rows(service).events(job_id, after=after)


def cancel_job(service: Service, job_id: str) -> StoredJob:
    """End a job: at once if it is queued, after the step at hand if it runs; nothing if it has ended.

    Raises:
        JobMissingError: there is none.
    """
    job(service, job_id)
    return _there(job_id, job_rows(service).ask_to_cancel(job_id, time.time()))


def retry_job(service: Service, job_id: str) -> StoredJob:
    """Queue a job again that failed or was cancelled.

    Raises:
        JobMissingError: there is none.
        UsageError: it is done, or has not ended.
    """
    state = job(service, job_id).state
    if state not in ("failed", "cancelled"):
        raise UsageError(
            f"Job {job_id} is {state}; only jobs that failed or were cancelled can be retried.",
            hint="Ask for a new job instead." if state == "done" else "Wait until it ends, or cancel it.",
        )
    return _there(job_id, job_rows(service).queue_again(job_id, time.time()))


def job_rows(service: Service) -> JobRows:
    """The jobs of the index of a service; the file is made if there is none.

    Raises:
        StoreError: it cannot be made or read.
    """
    from footage.store.state.jobs import JobRows

    return JobRows(service.state())


def _any(service: Service) -> bool:
    """Whether there can be a job: listing none must not make a folder."""
    from footage.core.index_place import state_folder
    from footage.store.state.database import FILE_NAME

    return (state_folder(service.settings.db) / FILE_NAME).exists()


def _there(job_id: str, found: StoredJob | None) -> StoredJob:
    if found is None:
        raise JobMissingError(job_id)
    return found


def _check_key(key: str | None) -> None:
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise UsageError(
            f"An idempotency key has 1 to {LONGEST_KEY} printable ASCII characters.",
            hint="Use a random text, such as a UUID.",
        )
