"""`footage eval captions`: the quality of captions, judged against references and against the video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from evaluation.captions.judged import JudgingPlan
    from evaluation.captions.measuring import CaptionMeasurement
    from evaluation.captions.quality import CaptionQuality
    from evaluation.schemas.caption_quality import (
        AspectFigureFields,
        CaptionQualityRecord,
        QualityIntervalFields,
        QualityScoreFields,
        SideBySideFields,
    )
    from footage.core.config import Settings
    from search.claims.records import ClaimJudge
    from service.events import Listener
    from service.session import Service

EXAMPLES = options.examples(
    "footage eval captions --references truth.json --judge http://127.0.0.1:8000/v1#model --dry-run",
    "footage eval captions --references DREAM-1k.jsonl --captions mine.jsonl --format dream1k --judge "
    "http://127.0.0.1:8000/v1#model",
    "footage eval captions --references truth.json --judge http://127.0.0.1:8000/v1#model "
    "--video-judge marlin-2b --report captions.html",
)
LISTED = 5
"""Most claims and clips in each list on the terminal."""


@takes_settings("db", "embedder", "device", "allow_remote")
def captions(
    references: Annotated[
        Path, typer.Option("--references", metavar="FILE", help="References in the form of --format.")
    ],
    judge: Annotated[
        list[str],
        typer.Option(
            "--judge",
            metavar="URL#MODEL",
            help="Judge of texts: a model server; can be repeated. The first one extracts the claims.",
        ),
    ],
    captions: Annotated[
        Path | None,
        typer.Option(
            "--captions",
            metavar="FILE",
            help="JSON Lines with id and caption; unset: the captions of the index.",
        ),
    ] = None,
    form: Annotated[
        Literal["dream1k", "carebench", "footage"],
        typer.Option("--format", help="Form of the references: a benchmark's, or that of a truth file."),
    ] = "footage",
    runs: Annotated[int, typer.Option("--runs", metavar="N", help="Runs of each judge of texts.")] = 1,
    video_judge: Annotated[
        list[str] | None,
        typer.Option(
            "--video-judge",
            metavar="MODEL",
            help="Judge of videos, a name or an address: checks the same claims; can be repeated.",
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option("--videos", metavar="FOLDER", help="The videos; unset: as the truth file names them."),
    ] = None,
    max_calls: Annotated[
        int | None,
        typer.Option("--max-calls", metavar="N", help="Maximum number of calls to judges of texts."),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", help="Maximum number of tokens of those calls.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print calls and estimated tokens, and ask nothing.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="Output: a report with frames, one HTML page."),
    ] = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure captions against references, and both against the videos.

    A language model takes the captions apart into claims and decides which of them the references entail
    (precision), and which claims of the references the captions entail (recall). With --video-judge a video
    model checks all claims against the videos. Answers are kept: the same command continues a stopped run.
    """
    from evaluation.captions.judged import plan_judging
    from evaluation.captions.measuring import measure_captions, open_text_judges, read_task
    from evaluation.outputs import check_outputs

    options.check_page_name(report)
    inputs = {"the file of references": references, "the file of captions": captions}
    check_outputs(inputs, {"--report": report})
    # 1. What is measured, and by which judges.
    service = options.service_for(settings)
    store = None if captions is not None else service.existing_store()
    missing = "" if captions is not None or store is not None else str(settings.db)
    task = read_task(references, form, captions=captions, store=store, videos=videos, no_index=missing)
    _check_places(task, watched=bool(video_judge))
    judges = open_text_judges(
        settings, judge, runs=runs, max_calls=max_calls, max_tokens=max_tokens, must_answer=not dry_run
    )
    if dry_run:
        plan = plan_judging(task.clips, judges, task.aspects)
        _print_plan(task, plan, watched=bool(video_judge), as_json=json)
        return
    # 2. The measurement.
    with progress.shown() as display:
        embedder = service.embedder(display) if form == "carebench" else None
        watching = _video_judges(service, video_judge or [], display)
    with console.stages() as show:
        quality = measure_captions(task, judges, video_judges=watching, embedder=embedder, on_progress=show)
    # 3. The results; figures of a part of the clips, or of none, are no success.
    _show(quality, task, report, as_json=json)
    if all(clip.problem for clip in quality.clips):
        console.notes().print("No clip could be judged.", soft_wrap=True)
        raise typer.Exit(console.EXIT_FAILED)
    if any(clip.problem for clip in quality.clips):
        raise typer.Exit(console.EXIT_PARTLY)


def _video_judges(service: Service, names: Sequence[str], display: Listener) -> list[ClaimJudge]:
    """Judges of videos, whose votes are kept; without a name, nothing that loads models is imported."""
    if not names:
        return []
    from evaluation.captions.kept_votes import KeepingJudge
    from evaluation.video_judges import load_judges

    folder, setup = service.settings.cache_dir / "video-judges", repr(service.looking())
    judges = load_judges(service, names, loaders=options.loaders(), on_event=display)
    return [KeepingJudge(judge, folder, setup=setup) for judge in judges]


def _check_places(task: CaptionMeasurement, *, watched: bool) -> None:
    """Raise an error if a video that is to be watched is missing: the figures would be of other clips."""
    missing = [clip.reference.id for clip in task.clips if clip.reference.id not in task.places]
    if watched and missing:
        raise UsageError(
            f'{len(missing):,} of {len(task.clips):,} clips have no video file, the first is "{missing[0]}".',
            hint="Name the folder of the videos with --videos.",
        )


def _print_plan(task: CaptionMeasurement, plan: JudgingPlan, *, watched: bool, as_json: bool) -> None:
    from evaluation.captions.quality import cost_fields
    from evaluation.schemas.caption_quality import CaptionPlanRecord

    total = plan.total
    if as_json:
        console.emit_record(
            CaptionPlanRecord(
                type="plan",
                clips=len(task.clips),
                calls=total.calls,
                guessed=plan.guessed,
                costs={name: cost_fields(cost) for name, cost in plan.costs},
                videos_to_watch=len(task.clips) if watched else 0,
            )
        )
        return
    out = console.results()
    numbers = ("calls", "kept answers", "tokens of questions", "tokens of answers")
    table = console.table("judge of texts", *numbers, right=numbers)
    for name, cost in plan.costs:
        counts = (cost.calls, cost.kept, cost.prompt_tokens, cost.answer_tokens)
        table.add_row(console.plain(name), *(f"{count:,}" for count in counts))
    out.print(table)
    most = " at most" if plan.guessed else ""
    out.print(
        f"{formatting.count(len(task.clips), 'clip')}: {total.calls:,} calls{most}, "
        f"about {total.tokens:,} tokens. Nothing was asked.",
        soft_wrap=True,
    )
    if watched:
        out.print(f"Videos for each judge of videos: {len(task.clips):,}.")


def _show(quality: CaptionQuality, task: CaptionMeasurement, report: Path | None, *, as_json: bool) -> None:
    """Print figures, or all lines of JSON, and write the report."""
    from evaluation.captions.quality import clip_record, quality_record
    from evaluation.captions.report import write_report

    record = quality_record(quality)
    if report is not None:
        write_report(report, quality, record, task.places)
    if as_json:
        console.emit_records(clip_record(clip) for clip in quality.clips)
        console.emit_record(record)
        return
    for aspect, figures in record.aspects.items():
        _print_aspect(aspect, figures, quality)
    _print_retrieval(record)
    failed = {clip.id: clip.problem for clip in quality.clips if clip.problem}
    formatting.print_failures(list(failed.items())[:LISTED], "left out")
    out = console.results()
    for name, cost in record.costs.items():
        tokens = cost.prompt_tokens + cost.answer_tokens
        out.print(
            f"{console.plain(name)}: {cost.calls:,} calls, {tokens:,} tokens, {cost.kept:,} kept answers.",
            soft_wrap=True,
        )
    if report is not None:
        out.print(f"Report: {console.plain(str(report))}.", soft_wrap=True)


def _print_aspect(aspect: str, figures: AspectFigureFields, quality: CaptionQuality) -> None:
    out = console.results()
    # 1. The figures, by text and by video, then by category.
    columns = ("F1", "recall", "precision")
    table = console.table(aspect, *columns, right=columns)
    table.add_row("by text", *_cells(figures.overall, figures.intervals))
    if figures.video is not None:
        table.add_row("by video", *_cells(figures.video.overall, figures.video.intervals))
    if len(figures.categories) > 1:
        for name, scores in figures.categories.items():
            table.add_row(f"  {console.plain(name)}", *_cells(scores, None))
    out.print(table)
    out.print()
    # 2. Where text and video disagree.
    if figures.video is not None:
        _print_both("captions", figures.video.predicted)
        _print_both("references", figures.video.reference)
        _print_listed(quality, aspect)
    # 3. What the figures stand for.
    for sentence in _remarks(figures):
        out.print(sentence, soft_wrap=True)


def _cells(scores: QualityScoreFields | None, intervals: QualityIntervalFields | None) -> list[str]:
    cells = []
    for name in ("f1", "recall", "precision"):
        text = "none" if scores is None else f"{getattr(scores, name):.3f}"
        if intervals is not None:
            low, high = getattr(intervals, name)
            text += f" ({low:.3f}-{high:.3f})"
        cells.append(text)
    return cells


def _print_both(whose: str, both: SideBySideFields) -> None:
    """Claims of one side by relation of the texts and by what the video shows."""
    rows = {name: counts.model_dump(by_alias=True) for name, counts in both}
    columns = tuple(next(iter(rows.values())))
    table = console.table(f"claims of {whose}", *columns, right=columns)
    for relation, counts in rows.items():
        table.add_row(relation, *(f"{count:,}" for count in counts.values()))
    out = console.results()
    out.print(table)
    out.print()


def _print_listed(quality: CaptionQuality, aspect: str) -> None:
    from evaluation.captions.autodq import better_than_reference, wrong_references

    out = console.results()
    clips = [clip for clip in quality.clips if clip.aspect == aspect]
    for title, claims in (
        ("Better than the reference", better_than_reference(clips)),
        ("Wrong references", wrong_references(clips)),
    ):
        only = f", {LISTED} shown" if len(claims) > LISTED else ""
        out.print(f"{title}: {len(claims):,}{only}.")
        for clip, item in claims[:LISTED]:
            out.print(f"  {console.plain(clip.id)}: {console.plain(item.text)}", soft_wrap=True)
    out.print()


def _remarks(figures: AspectFigureFields) -> Iterator[str]:
    yield f"Clips judged: {figures.judged:,}; left out without a valid answer: {figures.failed:,}."
    shares = (
        (f"{figures.predicted_claims:,} claims of captions", figures.predicted_relations),
        (f"{figures.reference_claims:,} claims of references", figures.reference_relations),
    )
    for claims, share in shares:
        if share is not None:
            yield (
                f"Of {claims}: entailment {share.entailment:.3f}, neutral {share.neutral:.3f}, "
                f"contradiction {share.contradiction:.3f}."
            )
    if figures.alpha is not None:
        yield f"Krippendorff's alpha of the judges of texts: {figures.alpha:.3f}."


def _print_retrieval(record: CaptionQualityRecord) -> None:
    """Retrieval among clips by their captions, and its bias."""
    if not record.retrieval:
        return
    columns = tuple(next(iter(record.retrieval.values())).text_to_video)
    table = console.table("retrieval by captions", "direction", *columns, right=columns)
    for kind, scores in record.retrieval.items():
        table.add_row(kind, "text to video", *(f"{value:.3f}" for value in scores.text_to_video.values()))
        table.add_row(kind, "video to text", *(f"{value:.3f}" for value in scores.video_to_text.values()))
    out = console.results()
    out.print(table)
    if record.rebias is not None:
        out.print(f"ReBias: {record.rebias:.3f} (0: none).")
    out.print()
