"""Lines of JSON about jobs: of `jobs list`, `jobs show`, `jobs cancel` and `jobs retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from footage.core.jobs import JobEventKind, JobState
from service.schemas.base import Record

if TYPE_CHECKING:
    from footage.core.jobs import JobEvent, StoredJob


class JobProgressRecord(Record):
    """How far a job is."""

    stage: str
    """What is going on, such as "captioning"."""
    done: int
    """Steps done; windows of an index run."""
    total: int
    """Steps in all; 0 while that is unknown."""
    detail: str
    """More about the step, such as the path of the file at hand; may be empty."""
    files_done: int = 0
    """Files that are finished; of index runs alone, as the next five keys."""
    files_total: int = 0
    """Files found."""
    seconds_done: float = 0.0
    """Footage seconds that are captioned."""
    seconds_total: float = 0.0
    """Footage seconds found."""
    eta_seconds: float | None = None
    """Time left, in seconds; null while that is unknown."""
    waiting_for: str = ""
    """What the model waits for, such as a server that is away; empty while it works."""


class JobProblemRecord(Record):
    """Why a job failed."""

    kind: str
    """Name of the error, such as "ModelUnavailableError"; stays the same."""
    message: str
    """What is wrong and why, one sentence."""
    hint: str
    """What to do next; may be empty."""


class JobRecord(Record):
    """One job."""

    type: Literal["job"] = Field(default="job")
    """What the line is."""
    id: str
    """Names it."""
    operation: str
    """What is done, such as "index"."""
    request: dict[str, Any]
    """With what, as it was asked for."""
    client: str
    """Who asked for it."""
    state: JobState
    """Where it stands: queued, running, done, failed or cancelled."""
    cancelling: bool
    """Whether it still runs and is about to be cancelled."""
    attempts: int
    """How often it was begun."""
    created_at: float
    """When it was asked for, seconds since the epoch."""
    started_at: float | None
    """When it was last begun, seconds since the epoch; null before that."""
    ended_at: float | None
    """When it ended, seconds since the epoch; null before that."""
    waiting_for: str
    """Why it is not begun, such as another process that writes to the index; empty for its turn alone."""
    progress: JobProgressRecord | None
    """How far it is; null before the first reading."""
    problem: JobProblemRecord | None
    """Why it failed; null otherwise."""
    records_total: int
    """Lines of its result."""
    records: list[dict[str, Any]] | None = None
    """The lines of its result, as the command prints them: of `jobs show` alone. Of a long result only the
    first and the last lines are kept."""

    @classmethod
    def of(cls, job: StoredJob, *, with_records: bool = False) -> Self:
        """A job as a line, with the lines of its result or without."""
        problem = job.problem
        more: dict[str, Any] = {"records": [dict(each) for each in job.records]} if with_records else {}
        return cls(
            type="job",
            id=job.id,
            operation=job.operation,
            request=dict(job.request),
            client=job.client,
            state=job.state,
            cancelling=job.cancel_asked and not job.ended,
            attempts=job.attempts,
            created_at=job.created_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            waiting_for=job.waiting_for,
            progress=JobProgressRecord(**job.progress) if job.progress else None,
            problem=(
                JobProblemRecord(kind=problem.kind, message=problem.message, hint=problem.hint)
                if problem
                else None
            ),
            records_total=job.records_total,
            **more,
        )


class JobEventRecord(Record):
    """One thing that happened to a job."""

    type: Literal["job event"] = Field(default="job event")
    """What the line is."""
    job: str
    """Id of the job."""
    number: int
    """Ascending within the job; old ones are removed, and numbers are never used again."""
    at: float
    """When, seconds since the epoch."""
    kind: JobEventKind
    """What happened."""
    progress: JobProgressRecord | None
    """How far it is, of "progress"; null otherwise."""
    problem: JobProblemRecord | None
    """Why it failed, of "failed"; null otherwise."""
    waiting_for: str
    """What it waits for, of "waiting"; empty otherwise."""

    @classmethod
    def of(cls, job_id: str, event: JobEvent) -> Self:
        """An event as a line."""
        body = event.body
        return cls(
            type="job event",
            job=job_id,
            number=event.number,
            at=event.at,
            kind=event.kind,
            progress=JobProgressRecord(**body) if event.kind == "progress" else None,
            problem=JobProblemRecord(**body) if event.kind == "failed" and body else None,
            waiting_for=str(body.get("waiting_for", "")) if event.kind == "waiting" else "",
        )
