"""What is known of a piece of long work that was asked for; knows neither its operation nor its storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JobEventKind = Literal[
    "queued", "waiting", "started", "progress", "interrupted", "done", "failed", "cancelled"
]
EndState = Literal["done", "failed", "cancelled"]
ENDED: tuple[EndState, ...] = get_args(EndState)
"""States in which a job stays until somebody retries it."""


@dataclass(frozen=True, slots=True)
class JobProblem:
    """Why a job failed."""

    kind: str
    """Name of the error's class, such as "ModelUnavailableError"."""
    message: str
    """What is wrong and why, one sentence."""
    hint: str
    """What to do next; may be empty."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One thing that happened to a job."""

    number: int
    """Ascending within the job, from 1; gaps where old ones were removed."""
    at: float
    """When; Unix time, in seconds."""
    kind: JobEventKind
    """What happened."""
    body: Mapping[str, Any]
    """More about it; of "progress" the same as ``StoredJob.progress``."""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """One piece of long work that was asked for."""

    position: int
    """Ascending in the order in which jobs were asked for."""
    id: str
    """Names it; unguessable."""
    operation: str
    """Name of the operation."""
    request: Mapping[str, Any]
    """Its request, as JSON values."""
    request_digest: str
    """Digest of operation and request: two requests with one idempotency key must agree."""
    client: str
    """Who asked for it."""
    role: str
    """Role of the client when it asked."""
    state: JobState
    """Where it stands."""
    cancel_asked: bool
    """Whether somebody asked to end it; it ends as "cancelled"."""
    attempts: int
    """How often it was begun."""
    interruptions: int
    """How often the service ended while it ran, since it was last asked for."""
    created_at: float
    """When it was asked for; Unix time, in seconds, as all times here."""
    started_at: float | None
    """When it was last begun."""
    ended_at: float | None
    """When it ended."""
    waiting_for: str
    """Why it is not begun, where that is more than other jobs, such as another process that writes."""
    progress: Mapping[str, Any]
    """How far it is; empty before the first reading."""
    records: tuple[Mapping[str, Any], ...]
    """The lines of its result, at most as many as are kept."""
    records_total: int
    """Lines of its result."""
    problem: JobProblem | None
    """Why it failed; None otherwise."""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state in ENDED
