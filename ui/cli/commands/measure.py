"""`footage eval init` and `run`: measure the search on the user's own footage, indexed or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from footage.core.timecode import format_time
from service.events import Indexing, Listener
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from evaluation.own_library import Asked, TruthFile
    from evaluation.schemas.measuring import Times
    from footage.core.config import Settings
    from footage.core.types import Span
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from search.engine import Engine
    from search.grounding.reliability import ReliabilityBin
    from service.session import Service

FailUnder = Annotated[
    str,
    typer.Option(
        "--fail-under",
        metavar="FIGURE=BOUND,...",
        help="Exit with code 1 if a figure is worse than its bound: lower, or higher where less is better.",
    ),
]
WORST = 10
"""Maximum number of wrong answers in the table."""


@takes_settings("db")
def init(
    source: Annotated[Path, typer.Argument(metavar="FOLDER_OR_INDEX", help="Folder of videos, or an index.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Output: the truth file.")],
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write a truth file to complete by hand.

    The file lists your videos, your accepted and rejected results, and proposed queries to check.
    """
    from evaluation.schemas.measuring import TruthFileRecord
    from evaluation.truth_template import write_template

    written = write_template(source, out, db=settings.db)
    if json:
        console.emit_record(TruthFileRecord(out=out, **asdict(written)))
        return
    sentence = (
        f"Wrote {out}: {formatting.count(written.videos, 'video')}; queries accepted: {written.accepted}, "
        f"rejected: {written.rejected}; proposed, to be checked: {written.proposed}."
    )
    console.results().print(console.plain(sentence), soft_wrap=True)


@takes_settings("db", *FINDS, "embedder")
def run(
    file: Annotated[Path, typer.Argument(help="The truth file (see `footage eval init`).")],
    library: Annotated[
        Path | None,
        typer.Option("--library", metavar="FOLDER", help="Index these videos first, in a separate index."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FOLDER",
            help="With --library: folder of the separate index, kept after the run.",
        ),
    ] = None,
    fail_under: FailUnder = "",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Run all queries of a truth file and score the answers.

    Figures are shares from 0 to 1, and seconds.
    """
    if library is not None:
        _measure_library(library, file, settings, fail_under=fail_under, keep=keep, as_json=json)
        return
    if keep is not None:
        raise UsageError(
            "--keep needs --library.",
            hint="Without --library, the command uses the index of --db, which is kept anyway.",
        )
    from evaluation.own_library import indexed_contents, read_bounds, read_truth
    from footage.store import Store

    truth = read_truth(file)
    bounds = read_bounds(fail_under, truth)
    store = Store.open(settings.db)
    indexed_contents(truth.questions, store)  # a wrong path is refused before anything is loaded
    service = options.service_for(settings)
    with progress.shown() as display:
        service.check_model("find", store=store, on_event=display)
        engine = _engine(service, store, display)
        model = service.find_model(display)
    _measure(engine, store, truth, bounds, model=model, name=file.name, as_json=json)


def _measure_library(
    folder: Path, file: Path, settings: Settings, *, fail_under: str, keep: Path | None, as_json: bool
) -> None:
    """Index a folder of videos in a separate index, then measure as ``run`` does.

    Args:
        folder: The videos.
        file: The truth file; its paths are relative to its own folder, or else to ``folder``.
        settings: Which model and embedder, and how to cut.
        fail_under: Bounds, as typed.
        keep: Where the index stays; it goes when None.
        as_json: Print JSON.
    """
    from evaluation.own_library import index_library, read_bounds, read_truth
    from evaluation.suites.scoring import work_folder

    truth = read_truth(file, library=folder)
    bounds = read_bounds(fail_under, truth)
    service = options.service_for(settings)
    with progress.shown() as display:
        service.check_model("caption", on_event=display)
        service.check_model("find", on_event=display)
        service.model(display)
        service.embedder(display)
    with work_folder(keep) as root:
        with progress.shown() as display:
            store = index_library(
                folder,
                truth,
                settings,
                model=service.model(),
                embedder=service.embedder(),
                root=Path(root),
                on_progress=lambda reading: display(Indexing(reading)),
            )
            engine = _engine(service, store, display)
            model = service.find_model(display)
        _measure(engine, store, truth, bounds, model=model, name=file.name, as_json=as_json)


def _engine(service: Service, store: Store, on_event: Listener) -> Engine:
    """A search engine that asks the model again: remembered answers would take no time."""
    from search.engine import Engine

    return Engine(
        store,
        service.embedder(on_event),
        service.find_model(on_event),
        reranker=service.reranker(on_event),
        looking=service.looking(fresh=True),
    )


def _measure(
    engine: Engine,
    store: Store,
    truth: TruthFile,
    bounds: Mapping[str, float],
    *,
    model: VideoModel,
    name: str,
    as_json: bool,
) -> None:
    """Run the queries, print figures and wrong answers, and fail if a figure is worse than its bound."""
    from evaluation.own_library import ask_own, figures_of, index_cost, missed

    with console.stages() as show:
        asked = ask_own(engine, store, truth.questions, on_progress=show, model=model)
    figures = figures_of(asked)
    beyond = missed(figures, bounds)
    names = {file.content_id: file.path for file in store.files.all() if file.state != "gone"}
    if as_json:
        made = index_cost(store)
        provenance = model.provenance
        about = {
            "index_run_seconds": round(made.seconds, 3),
            "index_windows_captioned": made.windows,
            "find_model": f"{provenance.model} {provenance.revision}".strip(),
            "truth": name,
        }
        _print_json(engine, truth, asked, {**figures, **about}, beyond, names)
    else:
        _print_tables(engine, truth, asked, figures, bounds, names)
    if beyond:
        console.notes().print(f"Worse than the bound: {', '.join(beyond)}.", soft_wrap=True)
        raise typer.Exit(console.EXIT_FAILED)


def _print_json(
    engine: Engine,
    truth: TruthFile,
    asked: Sequence[Asked],
    figures: Mapping[str, object],
    beyond: Sequence[str],
    names: Mapping[str, str],
) -> None:
    from evaluation.own_library import judged, score_of, truth_id
    from evaluation.schemas.measuring import FiguresRecord, OccurrenceFields, ScoredQueryRecord
    from evaluation.verdicts import reliability
    from service.schemas.answers import MatchFields, coverage_fields, match_fields

    for answer in asked:
        score = score_of(answer)
        counts = score.occurrences
        scored = ScoredQueryRecord(
            type="query",
            query=answer.text,
            present=score.present,
            right=score.right,
            iou=round(score.iou, 6),
            confidence=round(score.confidence, 6),
            seconds=round(score.seconds, 6),
            true={names.get(video, video): _pairs(spans) for video, spans in answer.truths.items()},
            matches=[MatchFields(**match_fields(match)) for match in answer.matches],
            found=score.found,
            video_rank=score.video_rank,
            text_video_rank=score.text_video_rank,
            set_ious=[round(each, 6) for each in score.set_ious],
            text_right=score.text_right,
            occurrences=OccurrenceFields(right=counts.matched, found=counts.predicted, true=counts.true),
            boundary_errors=[(round(start, 6), round(end, 6)) for start, end in score.errors],
            windows_asked=answer.windows_asked,
            model_calls=answer.model_calls,
            model_tokens=answer.model_tokens,
            truth_id=truth_id(answer.truths),
        )
        console.emit_record(scored)
    about = {
        "type": "figures",
        **figures,
        "queries_present": truth.present,
        "queries_absent": truth.absent,
        "to_check": truth.to_check,
        "reliability": [_rounded(row) for row in reliability(judged(asked))] if truth.absent else [],
        "missed": list(beyond),
        **{f"index_{name}": value for name, value in coverage_fields(engine.coverage()).items()},
    }
    console.emit_record(FiguresRecord.model_validate(about))


def _print_tables(
    engine: Engine,
    truth: TruthFile,
    asked: Sequence[Asked],
    figures: Mapping[str, float],
    bounds: Mapping[str, float],
    names: Mapping[str, str],
) -> None:
    from evaluation.own_library import missed, worst
    from evaluation.query_scores import AT_LEAST

    out = console.results()
    # 1. The figures, each beside its bound.
    table = console.table("figure", "value", "bound", "", right=("value",))
    beyond = missed(figures, bounds)
    for name in (*figures, *(name for name in bounds if name not in figures)):
        sign = "at least" if name in AT_LEAST else "at most"
        table.add_row(
            name,
            f"{figures[name]:.3f}" if name in figures else "none",
            f"{sign} {bounds[name]:g}" if name in bounds else "",
            ("missed" if name in beyond else "held") if name in bounds else "",
        )
    out.print(table)
    # 2. The answers that are wrong.
    wrong = worst(asked)
    if wrong:
        listed = console.table("wrong answer to", "said", "truly", "IoU", right=("IoU",))
        for answer in wrong[:WORST]:
            listed.add_row(console.plain(answer.text), *_said_and_true(answer, names))
        out.print()
        out.print(listed)
    # 3. What the figures stand for.
    out.print()
    for sentence in _remarks(truth, len(wrong)):
        out.print(sentence, soft_wrap=True)
    out.print(formatting.coverage_sentence(engine.coverage()), soft_wrap=True)


def _said_and_true(answer: Asked, names: Mapping[str, str]) -> tuple[str, str, str]:
    """The first match (for a negative query, the first with the verdict "found"), the truth, and the IoU."""
    match = next(iter(answer.matches if answer.truths else answer.found), None)
    said = "nothing"
    if match is not None:
        said = f"{Path(match.path).name} {_clock(match.span)}, {match.verdict}"
    if not answer.truths:
        return console.plain(said), "nothing", ""
    first = next(iter(answer.truths))
    video = match.video.content_id if match and match.video.content_id in answer.truths else first
    true = f"{Path(names.get(video, video)).name} {', '.join(map(_clock, answer.truths[video]))}"
    return console.plain(said), console.plain(true), f"{answer.iou:.2f}"


def _remarks(truth: TruthFile, wrong: int) -> Iterator[str]:
    only = f", {WORST} shown" if wrong > WORST else ""
    yield f"Queries: {truth.present} positive, {truth.absent} negative."
    yield f"Wrong answers: {wrong}{only}."
    if truth.to_check:
        yield f"Skipped queries, still marked to_check: {truth.to_check}."
    if not truth.absent:
        yield "Figures on false alarms (found_precision, AUROC, ece) need negative_queries."


def _rounded(row: ReliabilityBin) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(row).items()}


def _clock(span: Span) -> str:
    return f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"


def _pairs(spans: Sequence[Span]) -> Times:
    return [(span.start_seconds, span.end_seconds) for span in spans]
