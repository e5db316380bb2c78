"""Runs queued jobs in threads of its own, one of a lane at a time; knows operations only by their contract.

Jobs that write to the index run one after the other; jobs that only read it run beside them, one at a time.
A job that watches folders has a lane of its own: it never ends, and who waits for it gets the reason.
The jobs of an index have one runner: a lock, which the operating system frees if the process dies, says which
process that is. Whoever gets the lock queues the jobs again that were running, as nobody runs them any more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from footage.core.errors import FootageError, StoreBusyError, StoreError
from footage.core.jobs import EndState, JobProblem, StoredJob
from service.callers import Caller, acting_for
from service.cancellation import Cancelled, CancelToken
from service.events import Listener, ServiceEvent, ignore
from service.jobs.asking import job_rows
from service.jobs.progress import ProgressWriter
from service.jobs.results import ResultLines

if TYPE_CHECKING:
    from footage.store.state.jobs import JobRows
    from service.operations.operation import Operation
    from service.session import Service

Lane = Literal["index", "watch", "beside"]
OTHER_LANES: Mapping[str, Lane] = {
    "watch": "watch",
    **dict.fromkeys(("audit", "db backup", "export", "models download", "reel"), "beside"),
}
"""Lanes of operations that are not in the lane "index". Those "beside" write nothing to the index but what
people write too."""
MOST_INTERRUPTIONS = 5
"""A job during which the service ended more often than that fails: it may be the cause."""
INTERRUPTED = JobProblem(
    "InterruptedTooOften",
    f"The service ended more than {MOST_INTERRUPTIONS} times while this job ran.",
    "Look into the log for the reason, then retry the job.",
)
_CLEAN_EVERY_SECONDS = 3600.0
_DAY_SECONDS = 86400.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunnerTimes:
    """How often a runner looks at things."""

    poll_seconds: float = 0.5
    """Between two looks for new jobs, and for jobs to cancel."""
    busy_seconds: float = 2.0
    """Between two tries while another process writes to the index."""
    progress_seconds: float = 1.0
    """Between two readings of progress that are written down."""


class JobRunner:
    """Runs the jobs of one index from ``start`` to ``stop``."""

    def __init__(
        self,
        service: Service,
        *,
        operations: Mapping[str, Operation] | None = None,
        on_event: Listener = ignore,
        times: RunnerTimes = RunnerTimes(),
        most_interruptions: int = MOST_INTERRUPTIONS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing runs yet.

        Args:
            service: Whose index and models the jobs use.
            operations: What can be done, by name; all operations when None.
            on_event: Receives the events of all jobs, from their threads.
            times: How often to look.
            most_interruptions: A job that was interrupted more often fails.
            clock: Unix time, in seconds.
        """
        if operations is None:
            from service.operations import OPERATIONS

            operations = OPERATIONS
        self._service, self._on_event, self._times, self._clock = service, on_event, times, clock
        self._operations = {name: each for name, each in operations.items() if each.work == "job"}
        self._most_interruptions = most_interruptions
        self._stop = threading.Event()
        self._running: dict[str, tuple[StoredJob, CancelToken]] = {}
        self._running_lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to run jobs, as soon as no other process runs those of this index."""
        self._stop.clear()
        self._threads = [threading.Thread(target=self._manage, name="jobs", daemon=True)]
        self._threads[0].start()

    def stop(self, *, timeout_seconds: float = 30.0) -> bool:
        """Run no more jobs. Those at hand end after their step, are queued again and go on after a start.

        Returns:
            Whether all have ended in that time; what the others do now is no longer written down.
        """
        self._stop.set()
        with self._running_lock:
            for _, token in self._running.values():
                token.cancel()
        until = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._running_lock:
            left = [job for job, _ in self._running.values()]
        for job in left:
            self._attempt(lambda job=job: self._rows().put_back(job, self._clock()))  # type: ignore[misc]
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def running(self) -> int:
        """Number of jobs that run now."""
        return len(self._running)

    # -- The manager's thread --------------------------------------------------------------------------

    def _manage(self) -> None:
        """Hold the lock of the runner, and meanwhile run lanes, cancel jobs and remove old ones."""
        from filelock import FileLock, Timeout

        while not self._stop.is_set():
            try:
                folder = self._service.state().path.parent
                with FileLock(folder / ".lock-jobs", timeout=0, thread_local=False):
                    self._run_lanes()
                return
            except (Timeout, OSError, StoreError) as error:
                logger.debug("jobs are not run yet: %s", error)
                self._stop.wait(self._times.busy_seconds)

    def _run_lanes(self) -> None:
        # 1. Nobody runs what is noted as running: queue it again.
        for job in self._rows().recover(
            self._clock(), most_interruptions=self._most_interruptions, problem=INTERRUPTED
        ):
            logger.info("job was interrupted", extra={"fields": {"job": job.id, "state": job.state}})
        # 2. One thread for each lane.
        lanes: dict[Lane, list[str]] = {"index": [], "watch": [], "beside": []}
        for name in self._operations:
            lanes[OTHER_LANES.get(name, "index")].append(name)
        threads = [
            threading.Thread(target=self._run_lane, args=(lane, names), name=f"jobs {lane}", daemon=True)
            for lane, names in lanes.items()
            if names
        ]
        for thread in threads:
            thread.start()
        # 3. Cancel what is to be cancelled, until the end.
        cleaned_at = -_CLEAN_EVERY_SECONDS
        while not self._stop.wait(self._times.poll_seconds):
            self._attempt(self._cancel_asked)
            if time.monotonic() - cleaned_at >= _CLEAN_EVERY_SECONDS:
                cleaned_at = time.monotonic()
                self._attempt(self._remove_old)
        for thread in threads:
            thread.join()

    def _cancel_asked(self) -> None:
        if not self._running:
            return
        cancelling = self._rows().cancelling()
        with self._running_lock:
            for job_id in cancelling & self._running.keys():
                self._running[job_id][1].cancel()

    def _remove_old(self) -> None:
        before = self._clock() - self._service.settings.keep_jobs_days * _DAY_SECONDS
        self._rows().remove_ended(before)

    # -- The thread of a lane --------------------------------------------------------------------------

    def _run_lane(self, lane: Lane, operations: list[str]) -> None:
        while not self._stop.is_set():
            worked = False

            def step() -> None:
                nonlocal worked
                worked = self._run_next(lane, operations)

            self._attempt(step)
            if not worked:
                self._stop.wait(self._times.poll_seconds)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do something; an error of the state's file is logged, and it is tried again later."""
        try:
            step()
        except StoreError as error:
            logger.warning("The state of the jobs cannot be used: %s", error)
            self._stop.wait(self._times.busy_seconds)

    def _run_next(self, lane: Lane, operations: list[str]) -> bool:
        """Run the next job of a lane to its end; False where none can be begun now."""
        rows = self._rows()
        waiting = rows.next(operations)
        if waiting is None:
            return False
        if waiting.waiting_for and self._is_written_to():
            self._stop.wait(self._times.busy_seconds)
            return False
        job = rows.begin_next(operations, self._clock())
        if job is None:
            return False
        token = CancelToken()
        with self._running_lock:
            self._running[job.id] = job, token
        try:
            if self._stop.is_set():
                token.cancel()
            self._run(job, token, lane)
        finally:
            with self._running_lock:
                del self._running[job.id]
        return True

    def _is_written_to(self) -> bool:
        """Whether another process writes to the index."""
        from service.index import check_not_writing

        try:
            check_not_writing(self._service)
        except StoreBusyError:
            return True
        return False

    def _run(self, job: StoredJob, token: CancelToken, lane: Lane) -> None:
        """Run a job and write down how it ended, in one transaction."""
        lines = ResultLines()
        problem: JobProblem | None = None
        state: EndState = "done"
        try:
            self._work(job, token, lines)
            # An index run that is ended early gives the records of what it did; an export raises Cancelled.
            if token.cancelled and lane != "beside":
                state = "cancelled"
        except Cancelled:
            state = "cancelled"
        except StoreBusyError as error:
            reason = str(error)
            self._surely(lambda rows: rows.put_back(job, self._clock(), waiting_for=reason))
            return
        except Exception as error:
            state, problem = "failed", _problem_of(job, error)
        if state == "cancelled" and self._stop.is_set():  # rather than by somebody, unless that is noted
            self._surely(lambda rows: rows.put_back(job, self._clock()))
            return
        self._surely(
            lambda rows: rows.end(
                job,
                state,
                self._clock(),
                records=lines.kept(),
                records_total=lines.total,
                problem=problem,
            )
        )

    def _work(self, job: StoredJob, token: CancelToken, lines: ResultLines) -> None:
        """Run the operation of a job.

        Raises:
            FootageError: as the operation.
        """
        progress = ProgressWriter(
            lambda reading: self._note_progress(job, reading), every_seconds=self._times.progress_seconds
        )

        def listen(event: ServiceEvent) -> None:
            progress(event)
            self._on_event(event)

        operation = self._operations[job.operation]
        request = operation.request.model_validate(dict(job.request))
        try:
            with acting_for(Caller(job.client, "batch", admitted=True)):
                for record in operation.run(self._service, request, listen, token):
                    lines.add(record.fields())
        finally:
            progress.flush()

    def _surely(self, write: Callable[[JobRows], object]) -> None:
        """Write down how a job ended, as soon as that can be written."""
        while True:
            try:
                write(self._rows())
                return
            except StoreError as error:
                logger.warning("The end of a job cannot be written yet: %s", error)
                if self._stop.wait(self._times.busy_seconds):
                    return  # the next start queues it again

    def _note_progress(self, job: StoredJob, reading: Mapping[str, Any]) -> None:
        try:
            self._rows().progress(job, reading, self._clock())
        except StoreError as error:  # the work itself goes on
            logger.warning("The progress of job %s cannot be written: %s", job.id, error)

    def _rows(self) -> JobRows:
        return job_rows(self._service)


def _problem_of(job: StoredJob, error: Exception) -> JobProblem:
    """Why a job failed; a fault of this program is in the log."""
    if isinstance(error, FootageError):
        return JobProblem(type(error).__name__, str(error), error.hint)
    logger.error("job %s failed", job.id, exc_info=error)
    sentence = f"Something unexpected went wrong ({type(error).__name__})."
    return JobProblem("Unexpected", sentence, "The log of the service says more.")
