"""Index jobs whose process is killed at random moments end once, with the index of an unbroken run.

FOOTAGE_TEST_KILLS says how often each is killed, FOOTAGE_TEST_SEED when.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from killing import processes
from standin_model import StandinEmbedder, StandinModel
from waiting import wait_until

from footage.core.config import Settings
from footage.core.jobs import ENDED
from footage.store import Store
from service.index import IndexRequest, index
from service.jobs import asking
from service.jobs.runner import INTERRUPTED, JobRunner, RunnerTimes
from service.operations.operation import Operation
from service.schemas.base import Record
from service.session import Loaders, Service

KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))
CLIPS = Path(__file__).parent.parent / "data" / "footage"
NAMES = ("beach_dusk.mp4", "park_dusk.mp4", "street_dusk.mp4")

pytestmark = pytest.mark.timeout(300 + 100 * KILLS)


class WindowsRecord(Record):
    """Windows that a run captioned."""

    windows: int


def run_index(service, request, on_event, cancel):
    """`index`, with a short record."""
    result = index(service, request, on_event=on_event, cancel=cancel)
    yield WindowsRecord(windows=result.report.windows_captioned)


INDEX = Operation("index", "Index.", IndexRequest, (WindowsRecord,), run_index, role="edit", work="job")


def service_of(database: Path) -> Service:
    """A service whose model takes a moment for each window."""
    settings = Settings(db=database, embedder="standin", model="demo", tracks="captions", image_vectors=False)
    return Service(
        settings,
        loaders=Loaders(
            model=lambda _: StandinModel(max_batch=1, sleep_seconds=0.1), embedder=lambda _: StandinEmbedder()
        ),
    )


def run_jobs(database: Path) -> None:
    """Body of the process that is killed: runs jobs until all have ended."""
    service = service_of(database)
    times = RunnerTimes(poll_seconds=0.02, busy_seconds=0.05, progress_seconds=0.1)
    runner = JobRunner(service, operations={"index": INDEX}, times=times, most_interruptions=10**6)
    runner.start()
    wait_until(lambda: all(job.ended for job in asking.jobs(service)), seconds=240)
    assert runner.stop()


def in_process(database: Path, kill_after: float | None = None) -> tuple[float, bool]:
    """Run the body in a process of its own; its seconds, and whether it was killed."""
    child = processes().Process(target=run_jobs, args=(database,))
    began = time.monotonic()
    child.start()
    child.join(kill_after)
    killed = child.is_alive()
    child.kill()
    child.join()
    assert child.exitcode == (-signal.SIGKILL if killed else 0)
    return time.monotonic() - began, killed


def contents(database: Path):
    """Everything an index holds but when it was written."""
    store = Store.open(database)
    videos = sorted(store.videos.all())
    return {
        "files": [replace(file, tried_at=0.0) for file in store.files.all()],
        "windows": {video: store.windows.of(video) for video in videos},
        "events": store.events.all(),
        "texts": sorted(map(repr, store.texts.all())),
        "vectors": [
            (owner, row.text, row.span, tuple(np.round(row.vector, 4)))
            for video in videos
            for owner, row in sorted(store.vectors.of("standin", video).items())
        ],
    }


def ask_for(database: Path, clip: Path) -> str:
    """Queue the job that indexes a clip."""
    request = IndexRequest(paths=(clip,), collection="clips")
    job, _ = asking.submit(service_of(database), INDEX, request, client="ann", role="edit")
    return job.id


@pytest.fixture
def clips(tmp_path):
    """The clips of the jobs."""
    library = tmp_path / "library"
    library.mkdir()
    return [Path(shutil.copy(CLIPS / name, library / name)) for name in NAMES]


def test_jobs_killed_at_random_moments_end_once_and_as_unbroken_ones(tmp_path, clips):
    unbroken = tmp_path / "unbroken"
    for clip in clips:
        ask_for(unbroken, clip)
    seconds, _ = in_process(unbroken)
    expected = contents(unbroken)
    assert sum(map(len, expected["windows"].values())) >= len(clips)

    rng = random.Random(SEED)
    database = tmp_path / "killed"
    ids = [ask_for(database, clip) for clip in clips]
    kills = 0
    while kills < KILLS:
        _, killed = in_process(database, kill_after=rng.uniform(0.2, 0.9) * seconds)
        kills += killed
        if not killed:  # all have ended: go on with the same clips
            break
    in_process(database)

    service = service_of(database)
    for job_id in ids:
        job = asking.job(service, job_id)
        assert (job.state, job.problem) == ("done", None)
        kinds = Counter(event.kind for event in asking.job_events(service, job_id))
        assert sum(kinds[state] for state in ENDED) == 1
        assert kinds["started"] == job.attempts == kinds["interrupted"] + 1
    assert kills
    for table, rows in contents(database).items():
        assert rows == expected[table], f"{table} differ after {kills} kills"


def test_a_job_cancelled_while_the_process_was_killed_stays_cancelled(tmp_path, clips):
    database = tmp_path / "index"
    ids = [ask_for(database, clip) for clip in clips]
    service = service_of(database)
    child = processes().Process(target=run_jobs, args=(database,))
    child.start()
    try:
        wait_until(lambda: asking.job(service, ids[0]).state == "running", seconds=120)
    finally:
        child.kill()
        child.join()
    asked = asking.cancel_job(service, ids[0])
    assert (asked.state, asked.cancel_asked) == ("running", True)  # nobody is there to end it
    assert asking.cancel_job(service, ids[1]).state == "cancelled"
    in_process(database)
    jobs = [asking.job(service, job_id) for job_id in ids]
    assert [job.state for job in jobs] == ["cancelled", "cancelled", "done"]
    assert [job.attempts for job in jobs] == [1, 0, 1]
    # A retry makes the same job again, and it goes on from where it was.
    asking.retry_job(service, ids[0])
    in_process(database)
    assert asking.job(service, ids[0]).state == "done"
    assert {file.path for file in Store.open(database).files.all()} == {str(clips[0]), str(clips[2])}


def test_a_job_that_ends_its_process_again_and_again_fails(tmp_path, clips):
    service = service_of(tmp_path / "index")
    job_id = ask_for(tmp_path / "index", clips[0])
    rows = asking.job_rows(service)
    states = []
    for _ in range(3):  # as a start does that finds a job running that nobody runs
        assert rows.begin_next(["index"], time.time()).id == job_id
        [job] = rows.recover(time.time(), most_interruptions=2, problem=INTERRUPTED)
        states.append(job.state)
    assert states == ["queued", "queued", "failed"]
    assert asking.job(service, job_id).problem.kind == "InterruptedTooOften"
    assert asking.retry_job(service, job_id).interruptions == 0
