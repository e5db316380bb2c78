"""Durable jobs: queued, run, cancelled, retried, over restarts and kills of the process that runs them."""

from __future__ import annotations

import json
import threading
import time

import pytest
from command_runner import CommandRunner
from standin_model import StandinEmbedder, StandinModel, write_levels
from waiting import wait_until

from footage.core.config import Settings
from footage.core.errors import FileError, UsageError
from footage.store import Store
from service.callers import current_caller
from service.events import StageProgress
from service.index import IndexRequest, index
from service.jobs import asking
from service.jobs.asking import IdempotencyError, JobMissingError, submit
from service.jobs.progress import ProgressWriter
from service.jobs.results import ResultLines
from service.jobs.runner import JobRunner, RunnerTimes
from service.operations.operation import Operation
from service.requests import Request
from service.schemas.base import Record
from service.schemas.jobs import JobEventRecord, JobRecord
from service.session import Loaders, Service
from ui.cli.main import app

FAST = RunnerTimes(poll_seconds=0.02, busy_seconds=0.05, progress_seconds=0.0)


class CountRequest(Request):
    """How far to count."""

    steps: int = 3
    fails: bool = False


class CountRecord(Record):
    """One number."""

    number: int


class Counting:
    """An operation that counts, which a test can hold between two numbers."""

    def __init__(self, name="count", *, stubborn=False):
        self.stubborn = stubborn
        self.go = threading.Event()
        self.go.set()
        self.began, self.clients = [], []
        self.operation = Operation(
            name, "Count.", CountRequest, (CountRecord,), self.run, role="edit", work="job"
        )

    def run(self, service, request, on_event, cancel):
        self.began.append(request.steps)
        self.clients.append((current_caller().client, current_caller().priority))
        for number in range(request.steps):
            cancel.raise_if_cancelled()
            on_event(StageProgress("counting", number, request.steps))
            wait_until(lambda: self.go.is_set() or (cancel.cancelled and not self.stubborn))
            cancel.raise_if_cancelled()
            yield CountRecord(number=number)
        if request.fails:
            raise FileError("The count is lost.", hint="Count again.")


def service_at(folder, model=None):
    loaders = Loaders(model=lambda _: model or StandinModel(), embedder=lambda _: StandinEmbedder())
    settings = Settings(db=folder / "index", embedder="standin", model="demo", tracks="captions")
    return Service(settings, loaders=loaders)


@pytest.fixture
def service(tmp_path):
    return service_at(tmp_path)


class Running:
    """A runner for the length of a block."""

    def __init__(self, service, *counting, **more):
        operations = {each.operation.name: each.operation for each in counting}
        self.runner = JobRunner(service, operations=operations, times=FAST, **more)

    def __enter__(self):
        self.runner.start()
        return self.runner

    def __exit__(self, *_):
        assert self.runner.stop()


def ask_for(service, counting, *, key=None, client="ann", **request):
    job, _ = submit(
        service,
        counting.operation,
        CountRequest(**request),
        client=client,
        role="edit",
        idempotency_key=key,
    )
    return job.id


def wait_for(service, job_id, *states):
    wait_until(
        lambda: asking.job(service, job_id).state in states,
        failure=lambda: JobRecord.of(asking.job(service, job_id)),
    )
    return asking.job(service, job_id)


def kinds(service, job_id):
    return [event.kind for event in asking.job_events(service, job_id)]


def test_a_job_runs_and_keeps_its_result(service):
    counting = Counting()
    job_id = ask_for(service, counting, steps=3)
    assert asking.job(service, job_id).state == "queued"
    with Running(service, counting):
        job = wait_for(service, job_id, "done")
    assert [line["number"] for line in job.records] == [0, 1, 2]
    assert (job.records_total, job.attempts, job.problem) == (3, 1, None)
    assert job.created_at <= job.started_at <= job.ended_at
    assert job.progress == {"stage": "counting", "done": 2, "total": 3, "detail": ""}
    assert kinds(service, job_id) == ["queued", "started", "progress", "progress", "progress", "done"]
    assert counting.clients == [("ann", "batch")]
    assert JobRecord.of(job, with_records=True).fields()["records"] == [{"number": n} for n in range(3)]


def test_a_job_that_fails_says_why_and_runs_again_when_retried(service):
    counting = Counting()
    job_id = ask_for(service, counting, steps=1, fails=True)
    with Running(service, counting):
        job = wait_for(service, job_id, "failed")
        assert (job.problem.kind, job.problem.message, job.problem.hint) == (
            "FileError",
            "The count is lost.",
            "Count again.",
        )
        again = asking.retry_job(service, job_id)
        assert (again.id, again.state, again.problem) == (job_id, "queued", None)
        wait_until(lambda: len(counting.began) == 2)
        wait_for(service, job_id, "failed")
    assert kinds(service, job_id).count("failed") == 2


def test_only_what_failed_or_was_cancelled_can_be_retried(service):
    counting = Counting()
    job_id = ask_for(service, counting)
    with pytest.raises(UsageError, match="is queued"):
        asking.retry_job(service, job_id)
    with Running(service, counting):
        wait_for(service, job_id, "done")
    with pytest.raises(UsageError, match="is done"):
        asking.retry_job(service, job_id)
    with pytest.raises(JobMissingError, match="no job 'other'"):
        asking.retry_job(service, "other")


def test_jobs_of_one_lane_run_in_their_order_and_reading_jobs_beside_them(service):
    writing, reading = Counting("count"), Counting("export")
    writing.go.clear()
    first, second = (ask_for(service, writing, steps=steps) for steps in (1, 2))
    beside = ask_for(service, reading)
    with Running(service, writing, reading):
        wait_for(service, beside, "done")
        wait_for(service, first, "running")
        assert asking.job(service, second).state == "queued"
        writing.go.set()
        wait_for(service, second, "done")
    assert writing.began == [1, 2]


def test_a_job_that_watches_keeps_no_other_from_beginning(service):
    watching, writing = Counting("watch"), Counting("count")
    watching.go.clear()
    watch, other = ask_for(service, watching), ask_for(service, writing)
    with Running(service, watching, writing):
        wait_for(service, watch, "running")
        wait_for(service, other, "done")
        asking.cancel_job(service, watch)
        wait_for(service, watch, "cancelled")


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_after_its_step(service):
    counting = Counting()
    counting.go.clear()
    running, queued = ask_for(service, counting), ask_for(service, counting)
    assert asking.cancel_job(service, queued).state == "cancelled"
    with Running(service, counting):
        wait_for(service, running, "running")
        asking.cancel_job(service, running)
        job = wait_for(service, running, "cancelled")
    assert job.problem is None
    assert counting.began == [3]
    assert asking.cancel_job(service, running).state == "cancelled"
    assert kinds(service, running).count("cancelled") == 1
    assert asking.retry_job(service, running).cancel_asked is False


def test_an_orderly_end_queues_what_runs_and_a_new_start_goes_on(service):
    counting = Counting()
    counting.go.clear()
    job_id, waiting = ask_for(service, counting), ask_for(service, counting, steps=1)
    with Running(service, counting):
        wait_for(service, job_id, "running")
    assert [asking.job(service, each).state for each in (job_id, waiting)] == ["queued", "queued"]
    assert kinds(service, job_id)[-1] == "interrupted"
    counting.go.set()
    with Running(service, counting):
        assert wait_for(service, job_id, "done").attempts == 2
        wait_for(service, waiting, "done")


def test_a_step_that_does_not_end_in_time_is_no_fault_of_its_job(service):
    counting = Counting(stubborn=True)
    counting.go.clear()
    job_id = ask_for(service, counting)
    runner = JobRunner(service, operations={"count": counting.operation}, times=FAST)
    runner.start()
    wait_until(lambda: counting.began)
    assert not runner.stop(timeout_seconds=0.1)
    assert asking.job(service, job_id).state == "queued"
    counting.go.set()
    assert runner.stop()  # the step has ended, and nothing of it was written down
    job = asking.job(service, job_id)
    assert (job.state, job.attempts, job.interruptions, job.records) == ("queued", 1, 0, ())
    with Running(service, counting):
        assert wait_for(service, job_id, "done").attempts == 2


def test_one_key_makes_one_job_and_is_refused_for_another_request(service):
    counting = Counting()
    first = ask_for(service, counting, key="a key", steps=2)
    assert ask_for(service, counting, key="a key", steps=2) == first
    assert ask_for(service, counting, key="a key", steps=3, client="bob") != first
    with pytest.raises(IdempotencyError, match="another request"):
        ask_for(service, counting, key="a key", steps=3)
    for bad in ("", "x" * 201, "line\nbreak", "schl\xfcssel"):
        with pytest.raises(UsageError, match="1 to 200 printable"):
            ask_for(service, counting, key=bad)
    assert len(asking.jobs(service)) == 2


def test_one_runner_at_a_time_and_the_next_takes_over(service):
    counting = Counting()
    counting.go.clear()
    job_id = ask_for(service, counting)
    with Running(service, counting):
        wait_for(service, job_id, "running")
        with Running(service, counting) as second:
            wait_until(lambda: len(counting.began) == 1)
            assert second.running == 0
            assert asking.job(service, job_id).attempts == 1
    counting.go.set()
    with Running(service, counting):
        wait_for(service, job_id, "done")


def test_a_job_waits_visibly_while_another_process_writes(tmp_path):
    clip = write_levels(tmp_path / "clips" / "clip.mp4", [0, 255, 0, 255])
    service, other = service_at(tmp_path), service_at(tmp_path)
    operation = index_operation()
    with other.created_store().writing():
        job, _ = submit(service, operation, IndexRequest(paths=(clip,)), client="ann", role="edit")
        runner = JobRunner(service, operations={"index": operation}, times=FAST)
        runner.start()
        wait_until(
            lambda: asking.job(service, job.id).waiting_for,
            failure=lambda: JobRecord.of(asking.job(service, job.id)),
        )
        assert "another run is writing to the index" in asking.job(service, job.id).waiting_for
        assert asking.job(service, job.id).state == "queued"
    done = wait_for(service, job.id, "done")
    assert runner.stop()
    assert done.waiting_for == ""
    assert kinds(service, job.id).count("waiting") == 1
    assert len(Store.open(tmp_path / "index").files.all()) == 1


def index_operation():
    """`index`, with the end of its record alone."""

    def run(service, request, on_event, cancel):
        result = index(service, request, on_event=on_event, cancel=cancel)
        yield CountRecord(number=result.report.windows_captioned)

    return Operation("index", "Index.", IndexRequest, (CountRecord,), run, role="edit", work="job")


def test_old_jobs_are_removed_and_others_stay(service):
    counting = Counting()
    now = time.time()
    old, young = ask_for(service, counting), ask_for(service, counting)
    with Running(service, counting):
        for job_id in (old, young):
            wait_for(service, job_id, "done")
    rows = asking.job_rows(service)
    assert rows.remove_ended(before=now - 10) == 0
    queued = ask_for(service, counting)
    with Running(service, clock=lambda: now + 31 * 86400):
        wait_until(lambda: len(asking.jobs(service)) == 1)
    assert [job.id for job in asking.jobs(service)] == [queued]
    with pytest.raises(JobMissingError):
        asking.job_events(service, old)


def test_events_are_bounded_and_their_numbers_never_come_again(service):
    counting = Counting()
    job_id = ask_for(service, counting)
    rows = asking.job_rows(service)
    job = rows.begin_next(["count"], 1.0)
    with service.state().transaction() as connection:  # as if it had reported 600 times
        connection.execute("UPDATE jobs SET events = 600")
        connection.executemany(
            "INSERT INTO job_events VALUES (?, ?, 1.0, 'progress', '{}')",
            [(job.position, number) for number in range(3, 601)],
        )
    reading = {"stage": "counting", "done": 1, "total": 3, "detail": ""}
    rows.progress(job, reading, 2.0)
    for number in range(2):
        assert [event.number for event in asking.job_events(service, job_id)][-1] == 601 + number
        rows.end(job, "done", 3.0)
    events = asking.job_events(service, job_id)
    assert [event.number for event in events] == [*range(103, 603)]
    assert [event.number for event in asking.job_events(service, job_id, after=601)] == [602]
    assert JobEventRecord.of(job_id, events[-2]).progress.stage == "counting"
    assert [event.kind for event in events].count("done") == 1


def test_pages_of_jobs_by_state(service):
    counting = Counting()
    ids = [ask_for(service, counting) for _ in range(5)]
    asking.cancel_job(service, ids[1])
    first = asking.jobs(service, limit=3)
    assert [job.id for job in first] == ids[:1:-1]
    assert [job.id for job in asking.jobs(service, limit=3, before=first[-1].position)] == ids[1::-1]
    assert [job.id for job in asking.jobs(service, states=["cancelled"])] == [ids[1]]


def test_listing_makes_no_folder(tmp_path):
    assert asking.jobs(service_at(tmp_path)) == []
    assert not (tmp_path / "index").exists()


def test_an_index_is_made_in_a_folder_that_holds_the_state_alone(service):
    service.state()
    assert service.existing_store() is None
    assert service.created_store().files.all() == []
    assert service.state() is service.state()


def test_readings_within_a_stage_are_written_once_in_a_while_and_the_last_in_any_case():
    now, written = [0.0], []
    writer = ProgressWriter(written.append, every_seconds=1.0, clock=lambda: now[0])
    for done in range(25):
        writer(StageProgress("looking", done, 30))
        now[0] += 0.125
    writer(StageProgress("captioning", 0, 5))
    writer(StageProgress("captioning", 1, 5))
    assert [(each["stage"], each["done"]) for each in written] == [
        ("looking", 0),
        ("looking", 8),
        ("looking", 16),
        ("looking", 24),
        ("captioning", 0),
    ]
    writer.flush()
    writer.flush()
    assert [each["done"] for each in written][-2:] == [0, 1]


def test_of_a_long_result_the_first_and_the_last_lines_are_kept():
    lines = ResultLines(first=2, last=3)
    for number in range(10):
        lines.add({"number": number})
    assert [line["number"] for line in lines.kept()] == [0, 1, 7, 8, 9]
    assert lines.total == 10


# -- On the command line ---------------------------------------------------------------------------------


def footage(service, *arguments, code=0):
    result = CommandRunner().invoke(app, ["jobs", *arguments, "--db", str(service.settings.db)])
    assert result.exit_code == code, result.output
    return result


def lines_of(service, *arguments):
    return [json.loads(line) for line in footage(service, *arguments, "--json").stdout.splitlines()]


def test_the_commands_work_without_a_service(service):
    counting = Counting()
    failed, queued = ask_for(service, counting, steps=1, fails=True), ask_for(service, counting)
    asking.cancel_job(service, queued)
    with Running(service, counting):
        wait_for(service, failed, "failed")
    assert [job["id"] for job in lines_of(service, "list")] == [queued, failed]
    assert [job["id"] for job in lines_of(service, "list", "--state", "failed")] == [failed]
    table = footage(service, "list").stdout
    assert queued in table
    assert "The count is lost." in table
    job, *events = lines_of(service, "show", failed, "--events")
    assert job["problem"]["hint"] == "Count again."
    assert [event["kind"] for event in events][:2] == ["queued", "started"]
    assert "The count is lost. Count again." in footage(service, "show", failed).stdout
    assert lines_of(service, "retry", failed)[0]["state"] == "queued"
    assert "cancelled" in footage(service, "cancel", failed).stdout
    assert asking.job(service, failed).state == "cancelled"
    assert "footage jobs list" in footage(service, "show", "none", code=1).stderr
    assert "got 'odd'" in footage(service, "list", "--state", "odd", code=2).stderr
