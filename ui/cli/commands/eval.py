"""`footage eval`: measure a model, the whole job, or somebody's predictions against the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import console, options
from ui.cli.commands import measure
from ui.cli.progress import shown

HELP = "Measure a model, the whole job, or somebody's predictions against the truth."
EXAMPLES = options.examples(
    "footage eval init ~/Videos --out truth.json",
    "footage eval run truth.json --fail-under span_R@1@0.5=0.6,found_precision=0.9",
    "footage eval end-to-end --library ~/Videos --truth truth.json",
    "footage eval demo-model --seed 7 --clips 60 --json",
    "footage eval end-to-end --seed 7 --videos 40 --json",
    "footage eval verdicts --seed 7 --json",
    "footage eval occurrences --seed 7",
    "footage eval long-file --seed 7 --minutes 60 --json",
    "footage eval retrieval --corpus val_1.json --queries val_2.json --limit-queries 1500",
    "footage eval grounding --annotations val.jsonl --predictions guesses.jsonl",
)

Seed = Annotated[int, typer.Option("--seed", min=0, help="Which clips are drawn.")]
DemoModel = Annotated[
    str,
    typer.Option("--model", metavar="NAME", help="The model to measure: a profile or a folder of weights."),
]
Format = Literal["qvhighlights", "charades", "activitynet", "timelens", "footage"]


def demo_model(
    seed: Seed = 0,
    clips: Annotated[int, typer.Option("--clips", min=1, help="How many clips to draw.")] = 60,
    model: DemoModel = "demo",
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Have a model caption unseen drawn clips of one window, and ask it when each event happens."""
    from evaluation.suites.scoring import evaluate_demo_model

    settings = options.settings_from(
        config, model=model, model_path=model_path, device=device, allow_remote=allow_remote
    )
    with shown() as display:
        video_model = options.service_for(settings).model(display)
    with console.stages() as progress:
        scores = evaluate_demo_model(video_model, seed=seed, clips=clips, on_progress=progress)
    _print(scores, as_json=json, model=model)


def end_to_end(
    library: Annotated[
        Path | None,
        typer.Option("--library", metavar="FOLDER", help="Index these videos, not drawn ones."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help="What is true of them (see footage eval init)."),
    ] = None,
    fail_under: measure.FailUnder = "",
    seed: Seed = 0,
    videos: Annotated[int, typer.Option("--videos", min=1, help="How many clips to draw.")] = 40,
    queries: Annotated[
        int, typer.Option("--queries", min=1, help="Ask for at most so much that is there, and that is not.")
    ] = 100,
    paraphrased: Annotated[
        bool, typer.Option("--paraphrased", help="Ask in other words than captions use.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep the clips and the index here.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="As elsewhere; for drawn clips demo unless given."),
    ] = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Index unseen drawn clips, search for what happens in them and for what does not, and score the answers.

    With --library the videos are your own, and the figures those of eval run.
    """
    from evaluation.suites.drawn import evaluate_end_to_end

    own = library or truth
    model = model if own else model or "demo"
    settings = options.settings_from(
        config,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    if library and truth:
        measure.library(library, truth, settings, fail_under=fail_under, keep=keep, as_json=json)
        return
    if own or fail_under:
        raise UsageError(
            "--library, --truth and --fail-under measure your own videos: the first two go together.",
            hint="Write a truth file with `footage eval init`.",
        )
    service = options.service_for(settings)
    with shown() as display:
        video_model, text_embedder = service.model(display), service.embedder(display)
    with console.stages() as progress:
        scores, _ = evaluate_end_to_end(
            video_model,
            text_embedder,
            seed=seed,
            videos=videos,
            max_queries=queries,
            paraphrased=paraphrased,
            looking=service.looking(fresh=True),
            folder=keep,
            on_progress=progress,
        )
    _print(scores, as_json=json, model=settings.model)


def verdicts(
    seed: Seed = 0,
    queries: Annotated[
        int, typer.Option("--queries", min=10, help="Ask for so much that is there, and that is not.")
    ] = 200,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep the clips and the indexes here.")
    ] = None,
    model: DemoModel = "demo",
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Ask five drawn libraries for what is there, what is nearly there and what is not: who is believed?

    The wordings and the events are those that the demo model's verdict was not fitted on.
    """
    from evaluation.suites.drawn import evaluate_verdicts

    settings = options.settings_from(
        config,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    service = options.service_for(settings)
    with shown() as display:
        video_model, text_embedder = service.model(display), service.embedder(display)
    with console.stages() as progress:
        scores, curve = evaluate_verdicts(
            video_model,
            text_embedder,
            seed=seed,
            present=queries,
            absent=queries,
            looking=service.looking(fresh=True),
            folder=keep,
            on_progress=progress,
        )
    if json:
        console.emit(model=settings.model, **scores, reliability=[asdict(row) for row in curve])
        return
    _print(scores, as_json=False, model=settings.model)
    table = console.table("confidence", "answers", "mean confidence", "present", "", right=("answers",))
    for row in curve:
        bar = "#" * round(20 * row.present)
        table.add_row(
            f"{row.low:.1f}-{row.high:.1f}",
            str(row.count),
            f"{row.confidence:.2f}",
            f"{row.present:.2f}",
            bar,
        )
    console.results().print(table)


def occurrences(
    seed: Seed = 0,
    videos: Annotated[int, typer.Option("--videos", min=1, help="How many clips to draw.")] = 20,
    model: DemoModel = "demo",
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Ask for what happens two to five times in a drawn video: is every time found, also without captions?"""
    from evaluation.suites.drawn import evaluate_occurrences

    settings = options.settings_from(
        config,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    service = options.service_for(settings)
    with shown() as display:
        video_model, text_embedder = service.model(display), service.embedder(display)
    with console.stages() as progress:
        scores = evaluate_occurrences(
            video_model,
            text_embedder,
            seed=seed,
            videos=videos,
            looking=service.looking(fresh=True),
            on_progress=progress,
        )
    _print(scores, as_json=json, model=settings.model)


def long_file(
    seed: Seed = 0,
    minutes: Annotated[float, typer.Option("--minutes", min=2, help="How long a file to draw.")] = 60,
    model: DemoModel = "demo",
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Index one long drawn file, and the same events in short clips: what is lost, doubled or late?"""
    from evaluation.suites.long_file import evaluate_long_file

    settings = options.settings_from(
        config,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    with console.stages() as progress:
        scores = evaluate_long_file(settings, seed=seed, minutes=minutes, on_progress=progress)
    _print(scores, as_json=json, model=model)


def grounding(
    annotations: Annotated[
        Path,
        typer.Option("--annotations", metavar="FILE", help="What is true, in the benchmark's own format."),
    ],
    predictions: Annotated[
        Path,
        typer.Option(
            "--predictions",
            metavar="FILE",
            help="JSON Lines: qid, and pred_relevant_windows as [start, end, score].",
        ),
    ],
    form: Annotated[Format, typer.Option("--format", help="The benchmark.")] = "qvhighlights",
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Score predicted moments against a public benchmark's annotations; figures are in percent.

    Query ids are qid in QVHighlights, line numbers in Charades-STA, "video/number" in ActivityNet Captions
    and TimeLens, event ids in this project's own ground truth.
    """
    from evaluation import readers
    from evaluation.grounding import grounding_rows

    queries = readers.FORMATS[form](annotations)
    guessed = readers.read_qvhighlights_predictions(predictions)
    _check_same({query.id for query in queries}, guessed.keys())
    rows = grounding_rows(queries, guessed, precision=form == "qvhighlights")
    own = rows.pop("predictions")
    if json:
        console.emit(**own, queries=len(queries), format=form, beside=rows)
        return
    table = console.table("", *own, right=tuple(own))
    for name, row in {"predictions": own, **rows}.items():
        table.add_row(name, *("" if row.get(key) is None else f"{row[key]:.2f}" for key in own))
    console.results().print(table)
    console.results().print(f"{len(queries):,} queries, {form}.")


def retrieval(
    corpus: Annotated[
        Path,
        typer.Option(
            "--corpus", metavar="FILE", help="What is indexed, in the form of ActivityNet Captions."
        ),
    ],
    queries: Annotated[
        Path, typer.Option("--queries", metavar="FILE", help="What is asked, in the same form.")
    ],
    arm: Annotated[
        Literal["text", "vector", "hybrid", "all"],
        typer.Option("--arm", help="By what the index's texts are ordered."),
    ] = "all",
    limit_queries: Annotated[
        int | None,
        typer.Option("--limit-queries", metavar="N", min=1, help="Ask only so many, chosen by hash."),
    ] = None,
    embedder: options.Embedder = None,
    rerank: options.Rerank = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Index one annotator's sentences, ask another's, and see where the right video and moment come.

    Figures are in percent, with 95 % intervals from 1,000 bootstrap draws over videos. No video is needed.
    """
    from evaluation.readers import read_activitynet
    from evaluation.suites.retrieval import evaluate_retrieval
    from search.retrieval.retriever import ARMS

    settings = options.settings_from(config, embedder=embedder, rerank=rerank)
    indexed, asked = read_activitynet(corpus), read_activitynet(queries)
    service = options.service_for(settings)
    with shown() as display:
        text_embedder, reranker = service.embedder(display), service.reranker(display)
    with console.stages() as progress:
        scores = evaluate_retrieval(
            indexed,
            asked,
            text_embedder,
            reranker=reranker,
            arms=ARMS if arm == "all" else (arm,),
            cache_dir=settings.cache_dir,
            limit_queries=limit_queries,
            on_progress=progress,
        )
    if json:
        console.emit(**asdict(scores))
        return
    table = console.table("", *scores.arms, right=tuple(scores.arms))
    for name in next(iter(scores.arms.values())):
        if not name.endswith("_95"):
            table.add_row(name, *(_with_interval(figures, name) for figures in scores.arms.values()))
    out = console.results()
    out.print(table)
    for name, ratios in scores.gains.items():
        for figure, (ratio, low, high) in ratios.items():
            out.print(f"{name} over vector, {figure}: x{ratio:.3f} ({low:.3f} to {high:.3f})")
    out.print(
        f"{scores.queries:,} queries over {scores.events:,} events of {scores.videos:,} videos, "
        f"indexed in {scores.index_seconds:g} s (embedding left out)"
    )


def _with_interval(figures: Mapping[str, float | list[float]], name: str) -> str:
    interval = figures.get(f"{name}_95")
    figure = f"{figures[name]:g}"
    return f"{figure} ({interval[0]:g}-{interval[1]:g})" if isinstance(interval, list) else figure


COMMANDS: dict[str, Callable[..., None]] = {
    "init": measure.init,
    "run": measure.run,
    "demo-model": demo_model,
    "end-to-end": end_to_end,
    "verdicts": verdicts,
    "occurrences": occurrences,
    "long-file": long_file,
    "grounding": grounding,
    "retrieval": retrieval,
}


def _check_same(truths: Set[str], guessed: Set[str]) -> None:
    """Refuse to score when a query lacks a prediction or the reverse: every figure would look better."""
    if missing := sorted(truths - guessed):
        raise UsageError(
            f"{len(missing):,} of {len(truths):,} queries have no prediction, the first is {missing[0]!r}.",
            hint="An empty list of windows says that nothing was predicted.",
        )
    if unknown := sorted(guessed - truths):
        raise UsageError(f"There is no query {unknown[0]!r}, but a prediction for it.")


def _print(scores: Mapping[str, float], *, as_json: bool, **about: str) -> None:
    if as_json:
        console.emit(**about, **scores)
        return
    table = console.table("", *about.values(), right=tuple(about.values()))
    for name, value in scores.items():
        table.add_row(name, f"{value:g}")
    console.results().print(table)
