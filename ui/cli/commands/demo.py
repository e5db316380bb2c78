"""`footage demo`: index and search the sample clips, and compare the answers with the truth."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import SchemaMismatchError
from footage.core.timecode import format_time
from service.events import Indexing
from ui.cli import console, formatting, options, progress

if TYPE_CHECKING:
    from evaluation.own_library import Asked
    from evaluation.suites.scoring import TruthQuery
    from footage.core.config import Settings
    from footage.core.types import Span
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from indexer.pipeline import IndexReport

EXAMPLES = options.examples("footage demo", "footage demo --json", "footage demo --queries 10 --fresh")

ROOT = Path(__file__).resolve().parents[3]
CLIPS = ROOT / "data" / "footage"
INDEX = ROOT / ".demo" / "index.lancedb"


def run(
    queries: Annotated[
        int | None,
        typer.Option(
            "--queries", min=1, metavar="N", help="Number of queries, spread evenly over the truth file."
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the demo's index first.")] = False,
    device: Annotated[
        str | None, typer.Option("--device", metavar="DEVICE", help="auto, cuda, cuda:1, mps or cpu.")
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Run the demo: index, search and score the sample clips.

    The demo model captions the clips; the queries come from their truth file. The index is kept in the
    project folder (.demo), so a second run skips captioning.
    """
    from evaluation.own_library import ask_own, figures_of
    from evaluation.readers import read_ground_truth
    from evaluation.suites.scoring import truth_questions
    from search.engine import Engine

    # 1. Index the clips, unless that is done.
    questions = _some(truth_questions(read_ground_truth(CLIPS / "ground_truth.json"), CLIPS), queries)
    settings = _settings(device)
    with progress.shown() as display:
        service = options.service_for(settings)
        model, embedder = service.model(display), service.embedder(display)
    if fresh:
        shutil.rmtree(INDEX, ignore_errors=True)
    store, report = _index(settings, model, embedder)
    # 2. Ask, and hold every answer against the truth.
    with console.stages() as show:
        answers = ask_own(Engine(store, embedder, model), store, questions, on_progress=show)
    # 3. Show it.
    scores = figures_of(answers)
    figures = {"videos": len(report.files), "queries": len(answers)} | {
        name: scores[name] for name in ("video_R@1", "span_R@1@0.5", "mIoU")
    }
    if json:
        _print_json(questions, answers, figures)
    else:
        _print_table(answers, figures)


def _settings(device: str | None) -> Settings:
    """The settings of the demo, plus the user's settings without influence on answers."""
    from footage.core.config import PROFILE_SETTINGS, load_settings

    settings = load_settings(db=INDEX, model="demo", embedder="minilm", device=device)
    own = dict.fromkeys(("model_path", "window_seconds", "overlap_seconds", *PROFILE_SETTINGS))
    return settings.model_copy(update=own)


def _index(settings: Settings, model: VideoModel, embedder: TextEmbedder) -> tuple[Store, IndexReport]:
    """Index the clips; an index from another version of the demo model is replaced."""
    from footage.store import Store
    from service.index import index_paths

    def once() -> tuple[Store, IndexReport]:
        store = Store.open(INDEX, create=True)
        with progress.shown() as display:
            report = index_paths(
                [CLIPS],
                settings,
                store=store,
                model=model,
                embedder=embedder,
                on_progress=lambda reading: display(Indexing(reading)),
            )
        return store, report

    try:
        return once()
    except SchemaMismatchError:
        shutil.rmtree(INDEX)
        return once()


def _some(questions: Sequence[TruthQuery], wanted: int | None) -> list[TruthQuery]:
    """At most ``wanted`` questions, spread evenly over all of them."""
    count = min(wanted or len(questions), len(questions))
    return [questions[n * len(questions) // count] for n in range(count)]


def _print_table(answers: Sequence[Asked], figures: Mapping[str, float]) -> None:
    table = console.table("query", "video", "ok", "answered", "true", "IoU", right=("IoU",))
    table.columns[0].no_wrap = True
    for answer in answers:
        match = next(iter(answer.matches), None)
        table.add_row(
            console.plain(answer.text.removesuffix(".")),
            console.plain(Path(match.path).name) if match else "none",
            "yes" if answer.in_a_true_video else "no",
            _clock(match.span) if match else "none",
            ", ".join(map(_clock, _true_spans(answer))),
            f"{answer.iou:.2f}",
        )
    out = console.results()
    out.print(table)
    out.print()
    out.print("demo: " + " ".join(f"{name}={value:g}" for name, value in figures.items()), soft_wrap=True)
    out.print(
        f"Open the app: .venv/bin/footage ui --db {formatting.short_path(str(INDEX))} --model demo",
        soft_wrap=True,
    )


def _print_json(
    questions: Sequence[TruthQuery], answers: Sequence[Asked], figures: Mapping[str, float]
) -> None:
    from evaluation.schemas import DemoAnswerRecord, DemoRecord

    for question, answer in zip(questions, answers, strict=True):
        match = next(iter(answer.matches), None)
        found = DemoAnswerRecord(
            type="answer",
            query=answer.text,
            video=Path(match.path).name if match else None,
            video_ok=answer.in_a_true_video,
            start_seconds=match.span.start_seconds if match else None,
            end_seconds=match.span.end_seconds if match else None,
            true_spans=[(span.start_seconds, span.end_seconds) for span in _true_spans(answer)],
            true_videos=[Path(path).name for path in question.truths],
            iou=round(answer.iou, 3),
        )
        console.emit_record(found)
    console.emit_record(DemoRecord.model_validate({"type": "demo", **figures}))


def _true_spans(answer: Asked) -> tuple[Span, ...]:
    """True times in the video of the first match, or in the first correct video if that match is wrong."""
    right = answer.truths.get(answer.matches[0].video.content_id) if answer.matches else None
    return right or next(iter(answer.truths.values()))


def _clock(span: Span) -> str:
    return f"{format_time(span.start_seconds)} - {format_time(span.end_seconds)}"
