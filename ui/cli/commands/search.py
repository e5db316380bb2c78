"""`footage search`: ask the index for something that happens, and let the model say when exactly."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import UsageError
from service import factories
from ui.cli import console, formatting, options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from footage.core.config import Settings
    from footage.core.types import Match
    from footage.vlm.protocol import VideoModel
    from search.grounding.ground import Looking
    from search.pages import Grouping
    from search.results import SearchResult
    from search.retrieval.retriever import Arm

EXAMPLES = options.examples(
    'footage search "a red car drives from left to right"',
    'footage search "a car stops THEN somebody gets out within 30s"',
    'footage search "a street, no cars" --group video --page 2',
    "footage search 'camera:door after:2026-03-01 \"red car\" -truck'",
    'footage search "number 42" --mode text --no-ground',
    'footage search "a dog runs" --exhaustive --budget 600',
    "footage search --like garden.mp4@1:23",
    'footage search "a dog runs" --json | jq .start_seconds',
)


def run(
    query: Annotated[
        str | None, typer.Argument(help="What happens, in one sentence.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="At most so many answers.")] = 5,
    number: Annotated[int, typer.Option("--page", min=1, help="Which page of so many answers, from 1.")] = 1,
    group: Annotated[
        Literal["video", "event", "none"],
        typer.Option("--group", help="Show the best answer of each video, or of each text, or all."),
    ] = "none",
    ground: options.Ground = True,
    mode: Annotated[
        Literal["hybrid", "vector", "text"],
        typer.Option("--mode", help="Look by meaning and words, by meaning alone, or by words alone."),
    ] = "hybrid",
    exhaustive: Annotated[
        bool,
        typer.Option(
            "--exhaustive", help="Show the model every window that the filters leave, whatever captions say."
        ),
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option("--budget", metavar="SECONDS", min=0, help="Let the model look for so long at most."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask the model again what it answered before.")
    ] = False,
    like: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="VIDEO@TIME", help="Instead of a query: events like the one indexed there."
        ),
    ] = None,
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    accept_server_sampling: options.AcceptServerSampling = None,
    embedder: options.Embedder = None,
    rerank: options.Rerank = None,
    fps: options.Fps = None,
    min_frames: options.MinFrames = None,
    max_frames: options.MaxFrames = None,
    max_pixels: options.MaxPixels = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Search the index for something that happens.

    The index proposes videos; the model then looks at them again and says from when to when. Finding nothing
    is an answer, too (exit code 0). With --no-ground no model is loaded, with --mode text no embedder either.
    """
    from footage.store import Store
    from search.pages import LISTED, page
    from search.retrieval.similar import search_like

    page([], number, size=limit)  # a page that cannot be is told before anything is loaded
    if (query is None) == (like is None):
        raise UsageError(
            "A search needs either a query or --like VIDEO@TIME.",
            hint='For example: footage search "a dog runs"',
        )
    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        accept_server_sampling=accept_server_sampling,
        embedder=embedder,
        rerank=rerank,
        fps=fps,
        min_frames=min_frames,
        max_frames=max_frames,
        max_pixels=max_pixels,
    )
    result = (
        answer(
            query,
            settings,
            limit=LISTED,
            ground=ground,
            mode=mode,
            looking=factories.looking(settings, fresh=fresh, exhaustive=exhaustive, budget_seconds=budget),
        )
        if query is not None
        else search_like(Store.open(settings.db), like or "", embedder=settings.embedder, limit=LISTED)
    )
    _show(result, group=group, number=number, limit=limit, json=json)
    if result.looked.faults:
        raise typer.Exit(console.EXIT_PARTLY)


def _show(result: SearchResult, *, group: Grouping, number: int, limit: int, json: bool) -> None:
    from search.pages import grouped, page
    from search.query.parser import did_you_mean

    query = result.query
    matches: Sequence[Match] = result.matches
    rows = page(grouped(matches, group), number, size=limit)
    if json:
        for rank, match, others in rows:
            console.emit(type="match", rank=rank, others=others, **formatting.answer_fields(query, match))
        seconds = {name: round(value, 3) for name, value in asdict(result.timings).items()}
        console.emit(
            type="coverage",
            query=query.text,
            understood=list(query.understood),
            as_words=list(query.unread),
            did_you_mean={term: meant for term in query.unread if (meant := did_you_mean(term))},
            notes=list(result.notes),
            **formatting.coverage_fields(result.coverage),
            outcome=result.outcome,
            windows_looked_at=result.looked.windows,
            seconds_looked_at=result.looked.seconds,
            windows_left_out=result.looked.unseen,
            not_checked=[{"video": path, "reason": why} for path, why in result.looked.faults.items()],
            **seconds,
        )
        return
    if query.understood:
        console.notes().print(f"Understood: {console.plain(', '.join(query.understood))}", soft_wrap=True)
    for term in query.unread:
        meant = did_you_mean(term)
        hint = f" (did you mean {meant}?)" if meant else ""
        console.notes().print(f"Searched as words: {console.plain(term)}{hint}", soft_wrap=True)
    for note in result.notes:
        console.notes().print(console.plain(note), soft_wrap=True)
    formatting.print_answers(query, rows)
    for path, why in result.looked.faults.items():
        console.notes().print(console.plain(f"{path}: {why}"), soft_wrap=True)
    if sentence := formatting.answer_sentence(result):
        console.notes().print(sentence, soft_wrap=True)
    console.notes().print(formatting.coverage_sentence(result.coverage), soft_wrap=True)


def answer(
    query: str,
    settings: Settings,
    *,
    limit: int,
    ground: bool,
    mode: Arm,
    looking: Looking,
    on_model: Callable[[VideoModel], None] | None = None,
) -> SearchResult:
    """Search the index that the settings name.

    Args:
        query: What to look for.
        settings: Where the index is, and which model, embedder and re-ranker to ask.
        limit: The most matches to return.
        ground: Whether the model is asked at all.
        mode: By what the index's texts are ordered.
        looking: How far to look.
        on_model: Called with the model once it is there, before it is asked.

    Raises:
        FootageError: when the query makes no sense, or the index or one of the models cannot be used.
    """
    from footage.store import Store
    from search.engine import Engine
    from search.query.parser import parse_query

    asked = parse_query(query)  # a bad query is refused before anything is loaded
    if ground:
        factories.check_skill(settings, "find")
    store = Store.open(settings.db)
    ground = ground and store.status().videos > 0
    if ground:
        factories.check_model(settings, "find", store=store, instead=factories.CAPTIONS_ALONE)
    model = factories.load_model(settings) if ground else None  # first: a server may not answer
    embedder = None if mode == "text" else factories.load_embedder(settings)
    reranker = factories.load_reranker(settings)
    if on_model and model is not None:
        on_model(model)
    engine = Engine(store, embedder, model, reranker=reranker, looking=looking)
    if looking.exhaustive and model is not None:
        windows, seconds = engine.estimate(asked)
        about = f", about {console.rough_time(seconds)}" if seconds else ""
        console.notes().print(f"The model will look at {formatting.count(windows, 'window')}{about}.")
    with console.steps("searching") as step:
        return engine.search(asked, limit=limit, ground=ground, arm=mode, on_progress=step)
