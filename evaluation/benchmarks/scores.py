"""Scores a finished run by the benchmark's own rules, and says what the figures stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.benchmarks.names import Benchmark
from evaluation.benchmarks.predictions import exist_score, timelens_key
from evaluation.benchmarks.protocol import Protocol
from evaluation.benchmarks.run import BenchmarkPlan, answers_by_query
from evaluation.benchmarks.work_file import VideoAnswers
from evaluation.gmr import GmrPrediction
from evaluation.grounding import Row, gmr_record, grounding_rows
from evaluation.metrics import ScoredSpan
from evaluation.readers import MomentQuery
from evaluation.schemas.measuring import GmrRecord
from footage.core.types import Span
from footage.vlm.profile import Profile

LENGTH_SECONDS = 2.0
"""A video whose length differs from that of the annotations by more than this, and by more than
``LENGTH_SHARE``, is another cut."""
LENGTH_SHARE = 0.05
"""See ``LENGTH_SECONDS``."""


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """The figures of a run, and what they are about."""

    benchmark: Benchmark
    """The benchmark."""
    protocol: str
    """How videos were shown, in a sentence."""
    own: Row
    """Figures of the predictions, in percent; of GMR about the queries with a true span."""
    generalised: GmrRecord | None
    """Figures of sets of spans and of rejections; of GMR alone."""
    beside: Mapping[str, Row]
    """What needs no model: "whole video", "random event"; and "oracle", the best order of the spans."""
    queries: int
    """Queries that are scored; the denominator of all figures."""
    total: int
    """Queries in the annotations."""
    videos: int
    """Videos that were asked about."""
    single_pass: int
    """Videos among them that were shown whole."""
    in_windows: int
    """Videos among them that were shown in windows."""
    missing: tuple[str, ...]
    """Videos without a file; their queries are left out."""
    failed: Mapping[str, str]
    """Videos that could not be used, and why; their queries count as misses."""
    without_span: int
    """Queries without a predicted span, those about videos that could not be used included."""
    comparable: bool
    """Whether the published protocol was followed: all queries, each video whole."""
    notes: tuple[str, ...]
    """What the figures stand for, a sentence each."""
    seconds: float
    """Time that the answers took, in seconds, over all runs."""


def report_on(
    plan: BenchmarkPlan, found: Mapping[str, VideoAnswers], protocol: Protocol, profile: Profile
) -> BenchmarkReport:
    """Score the answers of a finished run.

    Of TimeLens, annotations that agree in video, query and span are one record; otherwise every query counts.
    A query without a predicted span is a miss. Of GMR, the rows are about queries with a true span.

    Args:
        plan: What was asked.
        found: The answers by name of the video, one for each video of the plan.
        protocol: How videos were shown.
        profile: Of the model.

    Raises:
        ValueError: when a video has no answers: figures over fewer queries would be too good.
        UsageError: when no query has a true span.
    """
    benchmark = plan.job.benchmark
    if absent := [task.name for task in plan.tasks if task.name not in found]:
        raise ValueError(f"{len(absent)} videos have no answers, the first is {absent[0]!r}")
    # 1. The queries that are scored, with the lengths that were found.
    queries = [_measured(query, found[query.video], cut=benchmark.cut_truths) for query in plan.queries]
    scored = list(_records(plan, queries)) if benchmark.form == "timelens" else queries
    # 2. The figures.
    answers = answers_by_query(found)
    guessed = {
        query.id: [
            ScoredSpan(Span(start, end), score)
            for start, end, score in (answers[query.id].spans if query.id in answers else ())
        ]
        for query in scored
    }
    assert len(guessed) == len(scored), "ids of queries are unique"
    generalised, present = None, scored
    if benchmark.form == "gmr":
        existence = {id: exist_score(answer) for id, answer in answers.items()}
        sets = {id: GmrPrediction(tuple(each), existence.get(id, 0.0)) for id, each in guessed.items()}
        generalised = gmr_record(scored, sets)
        present = [query for query in scored if query.spans]
    rows = grounding_rows(
        present, {query.id: guessed[query.id] for query in present}, precision=benchmark.average_precision
    )
    # 3. What they stand for.
    shown = [found[task.name] for task in plan.tasks if not found[task.name].problem]
    windows = sum(each.shown_as == "windows" for each in shown)
    whole = len(scored) in benchmark.expected and not plan.missing
    return BenchmarkReport(
        benchmark=benchmark,
        protocol=protocol.sentence,
        own=rows.pop("predictions"),
        generalised=generalised,
        beside=rows,
        queries=len(scored),
        total=plan.total,
        videos=len(plan.tasks),
        single_pass=len(shown) - windows,
        in_windows=windows,
        missing=plan.missing,
        failed={each.video: each.problem for each in found.values() if each.problem},
        without_span=sum(not spans for spans in guessed.values()),
        comparable=whole and not windows,
        notes=tuple(_notes(plan, queries, scored, found, windows, profile)),
        seconds=round(sum(each.seconds for each in found.values()), 1),
    )


def _measured(query: MomentQuery, answers: VideoAnswers, *, cut: bool) -> MomentQuery:
    """A query with the length of its video, and its true spans cut there if they are to be."""
    length = answers.duration_seconds
    if not length:
        return query
    if query.duration_seconds is None:
        query = replace(query, duration_seconds=length)
    if not cut:
        return query
    spans = (Span.clamped(s.start_seconds, s.end_seconds, within=Span(0, length)) for s in query.spans)
    return replace(query, spans=tuple(spans))


def _records(plan: BenchmarkPlan, queries: Sequence[MomentQuery]) -> Iterator[MomentQuery]:
    """The queries that are records of TimeLens's results: of equal ones the last, as there."""
    files = {task.name: task.path.name for task in plan.tasks}
    yield from {timelens_key(query, files[query.video]): query for query in queries}.values()


def _notes(
    plan: BenchmarkPlan,
    queries: Sequence[MomentQuery],
    scored: Sequence[MomentQuery],
    found: Mapping[str, VideoAnswers],
    windows: int,
    profile: Profile,
) -> Iterator[str]:
    yield _count_note(plan.job.benchmark, len(scored), plan.total)
    if len(scored) < len(queries):
        yield (
            f"{len(queries) - len(scored):,} annotations repeat the video, query and span of another, which "
            "TimeLens's evaluator counts once."
        )
    if windows and plan.job.benchmark.published:
        yield (
            f"Published figures are from a single pass over each whole video; here {windows:,} of "
            f"{len(plan.tasks):,} videos were shown in windows."
        )
    if plan.missing:
        yield f"{len(plan.missing):,} videos are missing; their {plan.left_out:,} queries are left out."
    failed = {each.video for each in found.values() if each.problem}
    if failed:
        lost = sum(query.video in failed for query in scored)
        yield f"{len(failed):,} videos could not be used; their {lost:,} queries count as misses."
    if unseen := sum(each.unseen for each in found.values()):
        yield f"{unseen:,} windows could not be shown."
    if unasked := sum(bool(answer.problem) for each in found.values() for answer in each.answers):
        yield f"{unasked:,} queries have no words for the model and count as misses."
    yield from _length_notes(plan, found, profile)


def _count_note(benchmark: Benchmark, scored: int, total: int) -> str:
    if not benchmark.expected:
        return f"{scored:,} of {total:,} queries; there are no published figures to compare with."
    if scored in benchmark.expected and scored == total:
        return f"All {scored:,} queries, as in published figures."
    named = " or ".join(f"{count:,} ({name})" for name, count in benchmark.queries.items())
    if len(benchmark.expected) == 1:
        return f"Not comparable: {scored:,} of {benchmark.expected[0]:,} queries."
    return f"Not comparable: {scored:,} queries; published figures are about {named}."


def _length_notes(plan: BenchmarkPlan, found: Mapping[str, VideoAnswers], profile: Profile) -> Iterator[str]:
    others = [
        (task.name, length, found[task.name].duration_seconds)
        for task in plan.tasks
        if (length := task.queries[0].duration_seconds)
        and not found[task.name].problem
        and abs(length - found[task.name].duration_seconds) > max(LENGTH_SECONDS, LENGTH_SHARE * length)
    ]
    if others:
        name, said, length = others[0]
        yield (
            f"{len(others):,} videos are not as long as the annotations say, the first is {name}: "
            f"{length:.1f} s instead of {said:.1f} s. They may be other cuts, with other times."
        )
    most = profile.max_frames / profile.fps
    sparse = sum(
        each.shown_as == "single pass" and each.duration_seconds > most and not each.problem
        for each in found.values()
    )
    if sparse:
        yield (
            f"{sparse:,} videos are longer than {most:g} s and were shown with fewer than {profile.fps:g} "
            "frames a second."
        )
