"""The rows of jobs and of their events; does not know what a job does, nor who runs it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from footage.core.jobs import ENDED, EndState, JobEvent, JobEventKind, JobProblem, StoredJob

if TYPE_CHECKING:
    from footage.store.state.database import StateDatabase

TABLES = """
CREATE TABLE jobs (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    operation TEXT NOT NULL,
    request TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    client TEXT NOT NULL,
    role TEXT NOT NULL,
    idempotency_key TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    cancel_asked INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    waiting_for TEXT NOT NULL DEFAULT '',
    progress TEXT NOT NULL DEFAULT '{}',
    records TEXT NOT NULL DEFAULT '[]',
    records_total INTEGER NOT NULL DEFAULT 0,
    problem TEXT,
    events INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX jobs_by_key ON jobs (client, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_by_state ON jobs (state, position);
CREATE TABLE job_events (
    job INTEGER NOT NULL REFERENCES jobs (position) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, number)
) WITHOUT ROWID;
"""
"""The tables, as an SQL script without semicolons inside of statements."""

MOST_EVENTS = 500
"""Events kept of a job; the oldest ones go first, and numbers are never used again."""


class JobRows:
    """Reads and writes jobs; every method is one transaction, which a kill leaves done or not done."""

    def __init__(self, state: StateDatabase) -> None:
        """Take the file; nothing is read yet."""
        self._state = state

    # -- Asking ----------------------------------------------------------------------------------------

    def add(
        self,
        job_id: str,
        *,
        operation: str,
        request: Mapping[str, Any],
        request_digest: str,
        client: str,
        role: str,
        idempotency_key: str | None,
        now: float,
    ) -> tuple[StoredJob, bool]:
        """Queue a job; the one there is where the client has used the key before.

        Returns:
            The job, and whether it is new. Whether the requests agree is for the caller to see.
        """
        with self._state.transaction() as rows:
            if idempotency_key is not None:
                known = rows.execute(
                    "SELECT * FROM jobs WHERE client = ? AND idempotency_key = ?", (client, idempotency_key)
                ).fetchone()
                if known:
                    return _job(known), False
            rows.execute(
                "INSERT INTO jobs (id, operation, request, request_digest, client, role, idempotency_key, "
                "state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?)",
                (job_id, operation, _text(request), request_digest, client, role, idempotency_key, now),
            )
            _note(rows, job_id, "queued", {}, now)
            return _read(rows, job_id), True

    def get(self, job_id: str) -> StoredJob | None:
        """A job by its id; None where there is none."""
        with self._state.transaction() as rows:
            row = rows.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
            return _job(row) if row else None

    def page(self, *, limit: int, before: int | None = None, states: Sequence[str] = ()) -> list[StoredJob]:
        """Jobs, the newest first.

        Args:
            limit: Most of them.
            before: Only those whose position is smaller; None for all.
            states: Only those in one of these states; all when empty.
        """
        where, values = ["1"], list[Any]()
        if before is not None:
            where.append("position < ?")
            values.append(before)
        if states:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            values.extend(states)
        query = f"SELECT * FROM jobs WHERE {' AND '.join(where)} ORDER BY position DESC LIMIT ?"
        with self._state.transaction() as rows:
            return [_job(row) for row in rows.execute(query, (*values, limit))]

    def events(self, job_id: str, *, after: int = 0, limit: int = MOST_EVENTS) -> list[JobEvent]:
        """Events of a job with a number greater than ``after``, in their order."""
        query = (
            "SELECT number, at, kind, body FROM job_events WHERE number > ? "
            "AND job = (SELECT position FROM jobs WHERE id = ?) ORDER BY number LIMIT ?"
        )
        with self._state.transaction() as rows:
            return [
                JobEvent(row["number"], row["at"], row["kind"], json.loads(row["body"]))
                for row in rows.execute(query, (after, job_id, limit))
            ]

    def counts(self) -> dict[str, int]:
        """Number of jobs in each state that some job is in."""
        with self._state.transaction() as rows:
            return dict(rows.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())

    # -- Changing --------------------------------------------------------------------------------------

    def ask_to_cancel(self, job_id: str, now: float) -> StoredJob | None:
        """End a job that is not begun, and have the runner end one that is; nothing where it has ended."""
        with self._state.transaction() as rows:
            job = _find(rows, job_id)
            if job is None or job.ended:
                return job
            rows.execute("UPDATE jobs SET cancel_asked = 1 WHERE id = ?", (job_id,))
            if job.state == "queued":
                _end(rows, job_id, "cancelled", now)
            return _read(rows, job_id)

    def queue_again(self, job_id: str, now: float) -> StoredJob | None:
        """Queue a job again that failed or was cancelled; nothing where it is in another state."""
        with self._state.transaction() as rows:
            job = _find(rows, job_id)
            if job is not None and job.state in ("failed", "cancelled"):
                _queue(rows, job_id, "queued", {}, now)
                rows.execute(
                    "UPDATE jobs SET cancel_asked = 0, interruptions = 0, ended_at = NULL, problem = NULL, "
                    "progress = '{}', records = '[]', records_total = 0 WHERE id = ?",
                    (job_id,),
                )
                return _read(rows, job_id)
            return job

    # -- Running ---------------------------------------------------------------------------------------

    def next(self, operations: Collection[str]) -> StoredJob | None:
        """The oldest queued job of some operations; None where there is none."""
        with self._state.transaction() as rows:
            return _next(rows, operations)

    def begin_next(self, operations: Collection[str], now: float) -> StoredJob | None:
        """Begin the oldest queued job of some operations; None where there is none.

        The attempt counts at once, so that a job that ends the process is seen. Its number is what the other
        methods ask for: a runner that has lost a job to another one can no longer change it.
        """
        with self._state.transaction() as rows:
            job = _next(rows, operations)
            if job is None:
                return None
            rows.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_at = ?, "
                "waiting_for = '' WHERE id = ?",
                (now, job.id),
            )
            _note(rows, job.id, "started", {}, now)
            return _read(rows, job.id)

    def progress(self, job: StoredJob, progress: Mapping[str, Any], now: float) -> None:
        """Note how far a running job is."""
        with self._state.transaction() as rows:
            if _running(rows, job):
                rows.execute("UPDATE jobs SET progress = ? WHERE id = ?", (_text(progress), job.id))
                _note(rows, job.id, "progress", progress, now)

    def cancelling(self) -> set[str]:
        """Ids of the running jobs that somebody asked to end."""
        query = "SELECT id FROM jobs WHERE state = 'running' AND cancel_asked"
        with self._state.transaction() as rows:
            return {row["id"] for row in rows.execute(query)}

    def put_back(self, job: StoredJob, now: float, *, waiting_for: str = "") -> None:
        """Queue a running job again that is no further for no fault of its own.

        Args:
            job: The job.
            now: The time.
            waiting_for: What it waits for; empty where the service ends in an orderly way.
        """
        with self._state.transaction() as rows:
            if (current := _running(rows, job)) is None:
                return
            if current.cancel_asked:
                _end(rows, job.id, "cancelled", now)
            elif waiting_for:
                _queue(rows, job.id, "waiting", {"waiting_for": waiting_for}, now)
                rows.execute("UPDATE jobs SET waiting_for = ? WHERE id = ?", (waiting_for, job.id))
            else:
                _queue(rows, job.id, "interrupted", {}, now)

    def end(
        self,
        job: StoredJob,
        state: EndState,
        now: float,
        *,
        records: Iterable[Mapping[str, Any]] = (),
        records_total: int = 0,
        problem: JobProblem | None = None,
    ) -> bool:
        """End a running job; False where this attempt does not run any more, and then nothing is changed."""
        with self._state.transaction() as rows:
            if _running(rows, job) is None:
                return False
            rows.execute(
                "UPDATE jobs SET records = ?, records_total = ? WHERE id = ?",
                (json.dumps(list(records), separators=(",", ":")), records_total, job.id),
            )
            _end(rows, job.id, state, now, problem)
            return True

    def recover(self, now: float, *, most_interruptions: int, problem: JobProblem) -> list[StoredJob]:
        """Queue the jobs again that ran when their runner ended; only for who holds the runner's lock.

        A job that was to be cancelled ends as cancelled, and one that was interrupted too often as failed.

        Args:
            now: The time.
            most_interruptions: A job that was interrupted more often fails.
            problem: The reason it fails with.

        Returns:
            The jobs as they are now.
        """
        with self._state.transaction() as rows:
            running = [row["id"] for row in rows.execute("SELECT id FROM jobs WHERE state = 'running'")]
            for job_id in running:
                _interrupt(rows, job_id, now, most_interruptions=most_interruptions, problem=problem)
            return [_read(rows, job_id) for job_id in running]

    def remove_ended(self, before: float) -> int:
        """Remove jobs, with their events, that ended before a moment; returns how many."""
        marks = ", ".join("?" * len(ENDED))
        with self._state.transaction() as rows:
            return rows.execute(
                f"DELETE FROM jobs WHERE state IN ({marks}) AND ended_at < ?", (*ENDED, before)
            ).rowcount


def _interrupt(
    rows: sqlite3.Connection, job_id: str, now: float, *, most_interruptions: int, problem: JobProblem
) -> None:
    job = _read(rows, job_id)
    if job.cancel_asked:
        _end(rows, job_id, "cancelled", now)
        return
    rows.execute("UPDATE jobs SET interruptions = interruptions + 1 WHERE id = ?", (job_id,))
    if job.interruptions + 1 > most_interruptions:
        _end(rows, job_id, "failed", now, problem)
    else:
        _queue(rows, job_id, "interrupted", {}, now)


def _queue(
    rows: sqlite3.Connection, job_id: str, kind: JobEventKind, body: Mapping[str, Any], now: float
) -> None:
    rows.execute("UPDATE jobs SET state = 'queued', waiting_for = '' WHERE id = ?", (job_id,))
    _note(rows, job_id, kind, body, now)


def _end(
    rows: sqlite3.Connection,
    job_id: str,
    state: EndState,
    now: float,
    problem: JobProblem | None = None,
) -> None:
    said = {"kind": problem.kind, "message": problem.message, "hint": problem.hint} if problem else None
    rows.execute(
        "UPDATE jobs SET state = ?, ended_at = ?, waiting_for = '', problem = ? WHERE id = ?",
        (state, now, _text(said) if said else None, job_id),
    )
    _note(rows, job_id, state, said or {}, now)


def _note(
    rows: sqlite3.Connection, job_id: str, kind: JobEventKind, body: Mapping[str, Any], now: float
) -> None:
    """Append an event; the oldest one goes where there are too many."""
    rows.execute("UPDATE jobs SET events = events + 1 WHERE id = ?", (job_id,))
    [position, number] = rows.execute("SELECT position, events FROM jobs WHERE id = ?", (job_id,)).fetchone()
    rows.execute("INSERT INTO job_events VALUES (?, ?, ?, ?, ?)", (position, number, now, kind, _text(body)))
    rows.execute("DELETE FROM job_events WHERE job = ? AND number <= ?", (position, number - MOST_EVENTS))


def _next(rows: sqlite3.Connection, operations: Collection[str]) -> StoredJob | None:
    marks = ", ".join("?" * len(operations))
    row = rows.execute(
        f"SELECT * FROM jobs WHERE state = 'queued' AND operation IN ({marks}) ORDER BY position LIMIT 1",
        tuple(operations),
    ).fetchone()
    return _job(row) if row else None


def _running(rows: sqlite3.Connection, job: StoredJob) -> StoredJob | None:
    """The job as it is now, if this attempt still runs."""
    now = _find(rows, job.id)
    return now if now and now.state == "running" and now.attempts == job.attempts else None


def _find(rows: sqlite3.Connection, job_id: str) -> StoredJob | None:
    row = rows.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return _job(row) if row else None


def _read(rows: sqlite3.Connection, job_id: str) -> StoredJob:
    return _job(rows.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())


def _job(row: sqlite3.Row) -> StoredJob:
    problem = json.loads(row["problem"]) if row["problem"] else None
    return StoredJob(
        position=row["position"],
        id=row["id"],
        operation=row["operation"],
        request=json.loads(row["request"]),
        request_digest=row["request_digest"],
        client=row["client"],
        role=row["role"],
        state=row["state"],
        cancel_asked=bool(row["cancel_asked"]),
        attempts=row["attempts"],
        interruptions=row["interruptions"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        waiting_for=row["waiting_for"],
        progress=json.loads(row["progress"]),
        records=tuple(json.loads(row["records"])),
        records_total=row["records_total"],
        problem=JobProblem(**problem) if problem else None,
    )


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
