"""`footage search`: ask the index for something that happens, and let the model say when exactly."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui import console, options, parts, shown

if TYPE_CHECKING:
    from footage.config import Settings
    from search.engine import SearchResult
    from search.retrieve import Arm

EXAMPLES = options.examples(
    'footage search "a red car drives from left to right"',
    'footage search "somebody jumps" --limit 3 --no-ground',
    "footage search 'camera:door after:2026-03-01 \"red car\" -truck'",
    'footage search "number 42" --mode text --no-ground',
    'footage search "a dog runs" --json | jq .start_seconds',
)


def run(
    query: Annotated[str, typer.Argument(help="What happens, in one sentence.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="At most so many answers.")] = 5,
    ground: Annotated[
        bool,
        typer.Option(
            "--ground/--no-ground", help="Ask the model when exactly, or show what the index holds."
        ),
    ] = True,
    mode: Annotated[
        Literal["hybrid", "vector", "text"],
        typer.Option("--mode", help="Look by meaning and words, by meaning alone, or by words alone."),
    ] = "hybrid",
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Search the index for something that happens.

    The index proposes videos; the model then looks at them again and says from when to when. Finding nothing
    is an answer, too (exit code 0). With --no-ground no model is loaded, with --mode text no embedder either.
    """
    settings = options.settings_from(
        config, db=db, model=model, model_path=model_path, device=device, embedder=embedder
    )
    result = answer(query, settings, limit=limit, ground=ground, mode=mode)
    if json:
        for rank, match in enumerate(result.matches, 1):
            console.emit(type="match", rank=rank, **shown.match_fields(match))
        seconds = {name: round(value, 3) for name, value in asdict(result.timings).items()}
        console.emit(
            type="coverage",
            query=result.query.text,
            understood=list(result.query.understood),
            as_words=list(result.query.unread),
            **shown.coverage_fields(result.coverage),
            **seconds,
        )
    else:
        for term in result.query.unread:
            console.notes().print(f"Searched as words: {console.plain(term)}", soft_wrap=True)
        shown.print_matches(result.matches)
        console.notes().print(shown.coverage_sentence(result.coverage), soft_wrap=True)


def answer(query: str, settings: Settings, *, limit: int, ground: bool, mode: Arm = "hybrid") -> SearchResult:
    """Search the index that the settings name.

    Args:
        query: What to look for.
        settings: Where the index is, and which model and embedder to ask.
        limit: The most matches to return.
        ground: Whether the model is asked at all.
        mode: By what the index's texts are ordered.

    Raises:
        FootageError: when the query makes no sense, or the index, the embedder or the model cannot be used.
    """
    from footage.store import Store
    from search.engine import Engine
    from search.query import parse_query

    parse_query(query)  # a bad query is told before anything is loaded
    store = Store.open(settings.db)
    embedder = None if mode == "text" else parts.load_embedder(settings)
    model = parts.load_model(settings) if ground and store.status().videos else None
    with console.steps("searching") as step:
        return Engine(store, embedder, model).search(
            query, limit=limit, ground=model is not None, arm=mode, on_progress=step
        )
