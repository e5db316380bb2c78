"""Runs a model over a benchmark folder: plans, asks, keeps every answer, writes predictions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evaluation.benchmarks.answering import BenchmarkAsker, VideoTask
from evaluation.benchmarks.names import Benchmark
from evaluation.benchmarks.predictions import SUFFIXES, write_predictions
from evaluation.benchmarks.protocol import Passes, Protocol
from evaluation.benchmarks.work_file import QueryAnswer, VideoAnswers, opened, read_answers
from evaluation.outputs import check_outputs
from evaluation.readers import FORMATS, MomentQuery
from evaluation.video_folder import VideoFolder
from footage.core.endpoint import is_address
from footage.core.errors import FileError, UsageError, VideoError
from footage.core.types import Provenance, Video
from footage.media import sandbox
from footage.vlm.profile import Profile
from footage.vlm.profiles import fitted_as
from footage.vlm.protocol import VideoModel
from search.grounding.calibration import load_calibration
from search.grounding.options import GroundingOptions

AT_ONCE = 8
"""Videos that are planned together: while the model answers about one, the next ones are decoded."""
NAMED = 3
"""Most missing videos that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkJob:
    """What is to be run."""

    benchmark: Benchmark
    """The benchmark."""
    annotations: Path
    """Its annotations."""
    videos: Path
    """Folder of its videos."""
    out: Path
    """The file of predictions."""
    passes: Passes = "auto"
    """How videos are shown."""
    limit: int | None = None
    """Take only so many queries, the first of the file; None for all."""
    allow_missing: bool = False
    """Whether videos may be missing; their queries are left out."""

    @property
    def work(self) -> Path:
        """The work file."""
        return self.out.with_name(f"{self.out.name}.work")


@dataclass(frozen=True, slots=True)
class BenchmarkPlan:
    """A job whose files were looked at."""

    job: BenchmarkJob
    """The job."""
    total: int
    """Queries in the annotations."""
    queries: tuple[MomentQuery, ...]
    """Those that are asked, in the order of the annotations."""
    tasks: tuple[VideoTask, ...]
    """The same by video, in the order of their first query."""
    missing: tuple[str, ...]
    """Names of videos without a file."""
    left_out: int
    """Queries about them."""
    annotations_digest: str
    """SHA-256 of the annotations."""


@dataclass(frozen=True, slots=True)
class BenchmarkReading:
    """The progress of a run; answers of earlier runs count as done."""

    videos_done: int
    """Videos that are done."""
    videos_total: int
    """Videos in all."""
    queries_done: int
    """Queries about them."""
    queries_total: int
    """Queries in all."""
    queries_per_second: float
    """Queries that this run answered, a second; 0 before the first."""
    eta_seconds: float | None
    """Time left at that rate; None before the first answer."""
    current: str
    """Name of a video that is asked about, or that was done last."""


@dataclass(frozen=True, slots=True)
class BenchmarkForecast:
    """What a run would do, and what of it is done."""

    videos: int
    """Videos."""
    queries: int
    """Queries."""
    single_pass: int
    """Videos that would be shown whole."""
    in_windows: int
    """Videos that would be shown in windows."""
    windows: int
    """Windows of both, before those that confirm an answer."""
    requests: int
    """Questions to the model about these windows."""
    unreadable: int
    """Videos that cannot be read."""
    videos_done: int
    """Videos that the work file has answers about."""
    queries_done: int
    """Queries about them."""


OnReading = Callable[[BenchmarkReading], None]


def default_out(benchmark: Benchmark, model: str) -> Path:
    """The file of predictions where none is named: in the working folder, by benchmark and model.

    Args:
        benchmark: The benchmark.
        model: A name, the path of a folder of weights, or the address of a server.
    """
    name = model.rpartition("#")[2] if "#" in model else "server" if is_address(model) else Path(model).name
    plain = "".join(each if each.isalnum() or each in "-._" else "-" for each in name).strip("-.")
    return Path(f"{benchmark.name}.{plain}{SUFFIXES.get(benchmark.form, '.jsonl')}")


def plan_run(job: BenchmarkJob) -> BenchmarkPlan:
    """Read the annotations and find the videos.

    Raises:
        FileError: when a file or the folder cannot be read, or videos are missing that may not be.
        UsageError: when the annotations are malformed, or there is nothing to ask.
    """
    every = FORMATS[job.benchmark.format](job.annotations)
    queries = every if job.limit is None else every[: job.limit]
    if not queries:
        raise UsageError(f"{job.annotations} holds no queries.", hint="Give the annotations of a benchmark.")
    check_outputs({"the file of annotations": job.annotations}, {"--out": job.out})
    names = list(dict.fromkeys(query.video for query in queries))
    folder = VideoFolder(job.videos).find(names)
    if folder.missing and (not job.allow_missing or not folder.found):
        some = ", ".join(folder.missing[:NAMED])
        raise FileError(
            f"{len(folder.missing):,} of {len(names):,} videos are not in {job.videos}: {some}"
            f"{', …' if len(folder.missing) > NAMED else ''}.",
            hint="Give the folder that holds them, or leave their queries out with --allow-missing."
            if folder.found
            else "Give the folder that holds them, and the annotations that belong to them.",
        )
    asked = tuple(query for query in queries if query.video in folder.found)
    by_video: dict[str, list[MomentQuery]] = {}
    for query in asked:
        by_video.setdefault(query.video, []).append(query)
    tasks = (VideoTask(name, folder.found[name], tuple(about)) for name, about in by_video.items())
    digest = hashlib.sha256(job.annotations.read_bytes()).hexdigest()
    left_out = len(queries) - len(asked)
    return BenchmarkPlan(job, len(every), asked, tuple(tasks), folder.missing, left_out, digest)


def identity_of(
    plan: BenchmarkPlan,
    protocol: Protocol,
    profile: Profile,
    provenance: Provenance,
    looking: GroundingOptions,
) -> dict[str, str]:
    """What the answers of a run are about: runs that agree in it share a work file."""
    calibration = looking.calibration or load_calibration(fitted_as(profile))
    return {
        "benchmark": plan.job.benchmark.name,
        "annotation file": f"sha256 {plan.annotations_digest[:16]}",
        "model": f"{provenance.model} {provenance.revision[:16]}, prompt {provenance.prompt_version}, "
        f"{provenance.budget}",
        "protocol": protocol.sentence,
        "calibration": f"sha256 {hashlib.sha256(calibration.model_dump_json().encode()).hexdigest()[:16]}",
    }


def check_work(plan: BenchmarkPlan, identity: Mapping[str, str]) -> None:
    """Refuse a work file with answers to other questions, before a model is loaded.

    Raises:
        UsageError: when it does not fit.
        FileError: when it cannot be read.
    """
    read_answers(plan.job.work, identity)


def run_plan(
    plan: BenchmarkPlan,
    model: VideoModel,
    protocol: Protocol,
    looking: GroundingOptions,
    *,
    timeout_seconds: float = 120,
    on_reading: OnReading | None = None,
) -> dict[str, VideoAnswers]:
    """Ask the model about every video whose answers are not there yet, and write the predictions.

    Args:
        plan: What to ask.
        model: The model.
        protocol: How videos are shown.
        looking: Lengths of windows, calibration and thresholds.
        timeout_seconds: Give up on a window's decoding after this long without progress.
        on_reading: Called before each group of videos and after each video.

    Returns:
        The answers by name of the video. A video that cannot be used has a ``problem``; the next run tries
        it again.

    Raises:
        UsageError: when the work file holds answers to other questions.
        ModelError: when the model fails; what is answered stays.
        FootageError: when nothing can be written.
    """
    identity = identity_of(plan, protocol, model.profile, model.provenance, looking)
    with opened(plan.job.work, identity) as work:
        # 1. What is left.
        left = [task for task in plan.tasks if not _is_done(task, work.answers.get(task.name))]
        progress = _Progress(plan, left, on_reading)
        asker = BenchmarkAsker(model, protocol, looking, timeout_seconds=timeout_seconds)
        # 2. Ask, group by group.
        for group in _groups(left):
            progress.report(group[0].name)
            for task, answers in zip(group, asker.ask(group), strict=True):
                work.add(answers)
                progress.done(task)
        found = {task.name: work.answers[task.name] for task in plan.tasks}
    # 3. Write the predictions.
    write_predictions(
        plan.job.out,
        plan.job.benchmark.form,
        plan.queries,
        answers_by_query(found),
        files={task.name: task.path.name for task in plan.tasks},
    )
    return found


def answers_by_query(found: Mapping[str, VideoAnswers]) -> dict[str, QueryAnswer]:
    """Answers by id of the query; none for the queries about a video that could not be used."""
    return {answer.id: answer for each in found.values() for answer in each.answers}


def forecast_run(
    plan: BenchmarkPlan,
    protocol: Protocol,
    profile: Profile,
    looking: GroundingOptions,
    identity: Mapping[str, str],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> BenchmarkForecast:
    """What ``run_plan`` would do; asks no model and writes nothing.

    The length of a video is that of the annotations, where they have it; else its file is probed.

    Raises:
        UsageError: as ``run_plan``.
    """
    known = read_answers(plan.job.work, identity)
    done = [task for task in plan.tasks if _is_done(task, known.get(task.name))]
    whole = windows = requests = unreadable = 0
    for number, task in enumerate(plan.tasks, start=1):
        video = _video(task)
        if on_progress:
            on_progress(number, len(plan.tasks))
        if video is None:
            unreadable += 1
            continue
        count = len(protocol.windows(video, profile, looking))
        whole += protocol.shown_as(video.duration_seconds, has_gaps=bool(video.gaps)) == "single pass"
        windows += count
        requests += count * len(task.queries)
    return BenchmarkForecast(
        videos=len(plan.tasks),
        queries=len(plan.queries),
        single_pass=whole,
        in_windows=len(plan.tasks) - whole - unreadable,
        windows=windows,
        requests=requests,
        unreadable=unreadable,
        videos_done=len(done),
        queries_done=sum(len(task.queries) for task in done),
    )


def _video(task: VideoTask) -> Video | None:
    """A video as far as its length is known; None where it cannot be read."""
    duration = task.queries[0].duration_seconds
    if duration:
        return Video("", duration, width=0, height=0, fps=0.0, codec="")
    with suppress(VideoError):
        return sandbox.probe(task.path)
    return None


def _is_done(task: VideoTask, answers: VideoAnswers | None) -> bool:
    """Whether the answers are about the same file, and all queries of the task."""
    if answers is None or answers.problem or answers.size_bytes != task.path.stat().st_size:
        return False
    return {query.id for query in task.queries} <= {answer.id for answer in answers.answers}


def _groups(tasks: Sequence[VideoTask]) -> Iterator[Sequence[VideoTask]]:
    for first in range(0, len(tasks), AT_ONCE):
        yield tasks[first : first + AT_ONCE]


class _Progress:
    """Counts what is done, and how fast."""

    def __init__(self, plan: BenchmarkPlan, left: Sequence[VideoTask], report: OnReading | None) -> None:
        self._plan, self._report = plan, report
        self._began = time.monotonic()
        self._left = len(left)
        self._queries_left = sum(len(task.queries) for task in left)
        self._answered = 0

    def done(self, task: VideoTask) -> None:
        """Count and report a video that is done."""
        self._left -= 1
        self._queries_left -= len(task.queries)
        self._answered += len(task.queries)
        self.report(task.name)

    def report(self, current: str) -> None:
        """Report how far the run is."""
        if self._report is None:
            return
        seconds = time.monotonic() - self._began
        rate = self._answered / seconds if self._answered and seconds else 0.0
        plan = self._plan
        self._report(
            BenchmarkReading(
                videos_done=len(plan.tasks) - self._left,
                videos_total=len(plan.tasks),
                queries_done=len(plan.queries) - self._queries_left,
                queries_total=len(plan.queries),
                queries_per_second=round(rate, 3),
                eta_seconds=self._queries_left / rate if rate else None,
                current=current,
            )
        )
