"""`footage demo`: index and search the sample clips, and compare the answers with the truth."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.bundled import checked_folder, checkout
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
    from service.session import Service

EXAMPLES = options.examples("footage demo", "footage demo --json", "footage demo --queries 10 --fresh")

CLIPS = "footage"
"""Name of the bundled folder of clips that are captioned."""
NARRATED = "narrated"
"""Name of the bundled folder of clips with speech and screen text."""
INDEX = "index.lancedb"
WORDS_INDEX = "words.lancedb"
"""An index of its own for what is said and written: the clips with captions are then searched alone."""


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

    The demo model captions the clips; the queries come from their truth file. Three more queries are about
    what is said and written in two other clips, read by the packaged recognisers. The indexes are kept, in
    .demo of a checkout, else in the cache folder, so a second run skips captioning.
    """
    from evaluation.own_library import ask_own, figures_of
    from evaluation.readers import read_ground_truth
    from evaluation.suites.scoring import truth_questions
    from search.engine import Engine

    # 1. Index the clips, unless that is done.
    clips = checked_folder(CLIPS)
    questions = _some(truth_questions(read_ground_truth(clips / "ground_truth.json"), clips), queries)
    settings = _settings(device)
    with progress.shown() as display:
        service = options.service_for(settings)
        model, embedder = service.model(display), service.embedder(display)
    if fresh:
        shutil.rmtree(index_folder() / INDEX, ignore_errors=True)
        shutil.rmtree(index_folder() / WORDS_INDEX, ignore_errors=True)
    store, report = _index(settings, model, embedder)
    # 2. Ask, and hold every answer against the truth.
    with console.stages() as show:
        answers = ask_own(Engine(store, embedder, model), store, questions, on_progress=show)
    # 3. The same for what is said and written.
    words = _ask_words(service, embedder)
    # 4. Show it.
    scores = figures_of(answers)
    figures = {"videos": len(report.files), "queries": len(answers)} | {
        name: scores[name] for name in ("video_R@1", "span_R@1@0.5", "mIoU")
    }
    if json:
        _print_json(questions, answers, words, figures)
    else:
        _print_table(answers, words, figures)


def index_folder() -> Path:
    """The folder of the demo's indexes: in the checkout if there is one, else in the cache of this user."""
    import platformdirs

    root = checkout()
    return root / ".demo" if root else platformdirs.user_cache_path("footage") / "demo"


def _settings(device: str | None) -> Settings:
    """The settings of the demo, plus the user's settings without influence on answers."""
    from footage.core.config import PROFILE_SETTINGS, load_settings

    settings = load_settings(
        db=index_folder() / INDEX, model="demo", embedder="minilm", speech_model="tiny.en", device=device
    )
    own = dict.fromkeys(("model_path", "window_seconds", "overlap_seconds", *PROFILE_SETTINGS))
    return settings.model_copy(update=own)


def _index(settings: Settings, model: VideoModel, embedder: TextEmbedder) -> tuple[Store, IndexReport]:
    """Index the clips; an index from another version of the demo model is replaced."""
    from footage.store import Store
    from service.index import index_paths

    def once() -> tuple[Store, IndexReport]:
        store = Store.open(settings.db, create=True)
        with progress.shown() as display:
            report = index_paths(
                [checked_folder(CLIPS)],
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
        shutil.rmtree(index_folder() / INDEX)
        return once()


def _ask_words(service: Service, embedder: TextEmbedder) -> list[Asked]:
    """Index what is said and written in the narrated clips, and ask the questions of their truth file."""
    from evaluation.own_library import Asked, indexed_contents, read_truth
    from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK
    from footage.store import Store
    from search.engine import Engine
    from service.index import index_paths

    narrated, db = checked_folder(NARRATED), index_folder() / WORDS_INDEX
    truth = read_truth(narrated / "ground_truth.json")

    def once() -> Store:
        store = Store.open(db, create=True)
        with progress.shown() as display:
            index_paths(
                [narrated],
                service.settings,
                store=store,
                model=None,
                embedder=embedder,
                makers=[service.track_maker(track) for track in (SPEECH_TRACK, SCREEN_TEXT_TRACK)],
                on_progress=lambda reading: display(Indexing(reading)),
            )
        return store

    try:
        store = once()
    except SchemaMismatchError:
        shutil.rmtree(db)
        store = once()
    contents, engine = indexed_contents(truth.questions, store), Engine(store, embedder)
    answers = []
    for question in truth.questions:
        matches = engine.search(question.text, ground=False).matches
        truths = {contents[path]: spans for path, spans in question.truths.items()}
        answers.append(Asked(question.text, truths, matches, 0.0))
    return answers


def _some(questions: Sequence[TruthQuery], wanted: int | None) -> list[TruthQuery]:
    """At most ``wanted`` questions, spread evenly over all of them."""
    count = min(wanted or len(questions), len(questions))
    return [questions[n * len(questions) // count] for n in range(count)]


def _print_table(answers: Sequence[Asked], words: Sequence[Asked], figures: Mapping[str, float]) -> None:
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
    said = console.table("words", "video", "ok", "verdict", "answered", "true")
    for answer in words:
        match = next(iter(answer.found), None)
        said.add_row(
            console.plain(answer.text),
            console.plain(Path(match.path).name) if match else "none",
            "yes" if _words_ok(answer) else "no",
            "found" if match else "not found",
            _clock(match.span) if match else "none",
            ", ".join(map(_clock, _true_spans(answer))) or "none",
        )
    out.print(said)
    out.print()
    out.print("demo: " + " ".join(f"{name}={value:g}" for name, value in figures.items()), soft_wrap=True)
    command = ".venv/bin/footage" if checkout() else "footage"
    db = formatting.short_path(str(index_folder() / INDEX))
    out.print(f"Open the app: {command} ui --db {db} --model demo", soft_wrap=True)


def _print_json(
    questions: Sequence[TruthQuery],
    answers: Sequence[Asked],
    words: Sequence[Asked],
    figures: Mapping[str, float],
) -> None:
    from evaluation.schemas.measuring import DemoAnswerRecord, DemoRecord, DemoWordsRecord

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
    for answer in words:
        match = next(iter(answer.found), None)
        console.emit_record(
            DemoWordsRecord(
                query=answer.text,
                verdict="found" if match else "not found",
                ok=_words_ok(answer),
                video=Path(match.path).name if match else None,
                start_seconds=match.span.start_seconds if match else None,
                end_seconds=match.span.end_seconds if match else None,
                true_spans=[(span.start_seconds, span.end_seconds) for span in _true_spans(answer)],
            )
        )
    console.emit_record(DemoRecord.model_validate({"type": "demo", **figures}))


def _true_spans(answer: Asked) -> tuple[Span, ...]:
    """True times in the video of the first match, or in the first correct video if that match is wrong."""
    right = answer.truths.get(answer.matches[0].video.content_id) if answer.matches else None
    return right or next(iter(answer.truths.values()), ())


def _words_ok(answer: Asked) -> bool:
    """Whether words that are there are found at their time, and words that are not are not found."""
    if not answer.truths:
        return not answer.found
    if not answer.found:
        return False
    first = answer.found[0]
    return any(
        first.span.start_seconds < span.end_seconds and span.start_seconds < first.span.end_seconds
        for span in answer.truths.get(first.video.content_id, ())
    )


def _clock(span: Span) -> str:
    return f"{format_time(span.start_seconds)} - {format_time(span.end_seconds)}"
