"""`footage eval benchmark`: run a model over a benchmark folder and score it by the benchmark's rules."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.events import StageProgress, steps
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import FINDS, FRAMES, takes_settings

if TYPE_CHECKING:
    from evaluation.benchmarks.measure import BenchmarkSetup
    from evaluation.benchmarks.names import PublishedRow
    from evaluation.benchmarks.run import BenchmarkForecast, BenchmarkReading
    from evaluation.benchmarks.scores import BenchmarkReport
    from footage.core.config import Settings

EXAMPLES = options.examples(
    "footage eval benchmark --name charades-timelens --videos videos/charades "
    "--annotations charades-timelens.json --model timelens-8b",
    "footage eval benchmark --name qvhighlights --videos videos --annotations highlight_val_release.jsonl "
    "--model http://127.0.0.1:8000/v1#marlin-2b --out predictions.jsonl",
    "footage eval benchmark --name charades-sta --videos videos --annotations charades_sta_test.txt "
    "--dry-run",
)
Passes = Literal["auto", "single", "windows"]
"""As ``evaluation.benchmarks.protocol.Passes``, without what that imports."""
NAMED = 5
"""Most videos that are listed by name."""


@takes_settings(*FINDS, "accept_server_sampling", "window_seconds", "overlap_seconds", "calibration", *FRAMES)
def benchmark(
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The benchmark; an unknown name lists all.")
    ],
    videos: Annotated[Path, typer.Option("--videos", metavar="FOLDER", help="Folder of its videos.")],
    annotations: Annotated[
        Path, typer.Option("--annotations", metavar="FILE", help="Annotations in the benchmark's format.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Predictions in the benchmark's form; unset: a file in the working folder, named after "
            "benchmark and model. FILE.work beside it keeps every answer.",
        ),
    ] = None,
    passes: Annotated[
        Passes,
        typer.Option(
            "--passes",
            help="Show videos whole (single), in windows, or (auto) whole up to the length that the model's "
            "makers evaluate.",
        ),
    ] = "auto",
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Number of queries; unset: all.")
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Leave out the queries about videos that are not there."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count videos, queries and windows; ask no model.")
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Run a model over a benchmark and score it beside published figures, in percent.

    The same command goes on where a run was stopped: only what is not answered yet is asked.
    """
    from evaluation.benchmarks.measure import BenchmarkRequest, forecast, measure, set_up

    request = BenchmarkRequest(
        name=name,
        annotations=annotations,
        videos=videos,
        out=out,
        passes=passes,
        limit=limit,
        allow_missing=allow_missing,
    )
    service = options.service_for(settings)
    with progress.shown() as display:
        setup = set_up(service, request, on_event=display)
        if dry_run:
            counted = forecast(setup, on_progress=steps("counting", display))
        else:
            report = measure(
                service,
                setup,
                on_event=display,
                on_reading=lambda reading: display(_step(reading)),
            )
    if dry_run:
        _show_forecast(setup, counted, as_json=json)
    else:
        _show(setup, report, as_json=json)


def _step(reading: BenchmarkReading) -> StageProgress:
    """A reading as a step of a bar."""
    parts = [f"queries, {reading.videos_done}/{reading.videos_total} videos"]
    if reading.queries_per_second:
        parts.append(f"{reading.queries_per_second:.2f} queries/s")
    if reading.eta_seconds is not None:
        parts.append(f"{console.rough_time(reading.eta_seconds)} left")
    parts.append(reading.current)
    return StageProgress("asking", reading.queries_done, reading.queries_total, ", ".join(parts))


def _show_forecast(setup: BenchmarkSetup, counted: BenchmarkForecast, *, as_json: bool) -> None:
    from evaluation.schemas.benchmarks import BenchmarkPlanRecord

    plan = setup.plan
    if as_json:
        counts = {
            "type": "plan",
            **asdict(counted),
            "name": plan.job.benchmark.name,
            "out": plan.job.out,
            "work": plan.job.work,
            "model": setup.model.profile.name,
            "protocol": setup.protocol.sentence,
            "missing": list(plan.missing),
            "total": plan.total,
        }
        console.emit_record(BenchmarkPlanRecord.model_validate(counts))
        return
    lines = [
        f"{plan.job.benchmark.title} with {setup.model.profile.name}: {counted.queries:,} of {plan.total:,} "
        f"queries about {formatting.count(counted.videos, 'video')}.",
        setup.protocol.sentence,
        f"{counted.single_pass:,} videos whole, {counted.in_windows:,} in windows: "
        f"{formatting.count(counted.windows, 'window')}, {counted.requests:,} questions to the model"
        f"{', and those that confirm an answer' if counted.in_windows else ''}.",
    ]
    if counted.queries_done:
        lines.append(f"Answered already: {counted.queries_done:,} queries.")
    if counted.unreadable:
        lines.append(f"{formatting.count(counted.unreadable, 'video')} cannot be read.")
    if plan.missing:
        lines.append(f"Missing: {_some(plan.missing)}.")
    lines.append(f"The predictions would be written to {plan.job.out}.")
    for line in lines:
        console.results().print(console.plain(line), soft_wrap=True)


def _show(setup: BenchmarkSetup, report: BenchmarkReport, *, as_json: bool) -> None:
    job, model = setup.plan.job, setup.model.profile.name
    if as_json:
        _print_json(setup, report)
        return
    out = console.results()
    # 1. Our row, what needs no model, and what others published.
    columns = list(report.own)
    table = console.table("", *columns, "source", right=tuple(columns))
    for name, row in {f"{model}, here": report.own, **report.beside}.items():
        table.add_row(name, *("" if row.get(key) is None else f"{row[key]:.2f}" for key in columns), "")
    for published in report.benchmark.published:
        figures = _published(published)
        table.add_row(
            published.system,
            *("" if figures.get(key) is None else f"{figures[key]:g}" for key in columns),
            published.source,
        )
    out.print(table)
    if report.generalised is not None:
        sets = console.table("figure", "percent", right=("percent",))
        for name, value in report.generalised.metrics.items():
            sets.add_row(name, "" if value is None else f"{value:.2f}")
        out.print(sets)
    # 2. What the figures stand for.
    out.print()
    for note in (report.protocol, *report.notes):
        out.print(console.plain(note), soft_wrap=True)
    for video, problem in list(report.failed.items())[:NAMED]:
        out.print(console.plain(f"  {video}: {problem}"), soft_wrap=True)
    if len(report.failed) > NAMED:
        out.print(f"  and {len(report.failed) - NAMED:,} more (--json lists all)")
    if report.missing:
        out.print(console.plain(f"Missing: {_some(report.missing)}."), soft_wrap=True)
    if report.benchmark.licence:
        out.print(console.plain(report.benchmark.licence), soft_wrap=True)
    out.print(console.plain(f"Predictions: {job.out}; answers: {job.work}."), soft_wrap=True)


def _print_json(setup: BenchmarkSetup, report: BenchmarkReport) -> None:
    from evaluation.schemas.benchmarks import BenchmarkRunRecord

    job = setup.plan.job
    published = [
        {"system": row.system, "source": row.source, **_published(row)} for row in report.benchmark.published
    ]
    line: dict[str, Any] = {
        "type": "benchmark",
        "name": job.benchmark.name,
        "model": setup.model.profile.name,
        "out": job.out,
        "work": job.work,
        **report.own,
        "queries": report.queries,
        "total": report.total,
        "videos": report.videos,
        "single_pass": report.single_pass,
        "in_windows": report.in_windows,
        "missing": list(report.missing),
        "failed": dict(report.failed),
        "without_span": report.without_span,
        "protocol": report.protocol,
        "comparable": report.comparable,
        "notes": list(report.notes),
        "beside": report.beside,
        "published": published,
        "seconds": report.seconds,
    }
    if report.generalised is not None:
        line["generalised"] = report.generalised
    console.emit_record(BenchmarkRunRecord.model_validate(line))


def _published(row: PublishedRow) -> dict[str, float | None]:
    """A published row under the names of our figures."""
    recalls = row.recalls or (None, None, None)
    names = ("R@1@0.3", "R@1@0.5", "R@1@0.7")
    return {**dict(zip(names, recalls, strict=True)), "mIoU": row.mean_iou}


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
