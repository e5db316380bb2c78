"""`footage search`: search the index for an event; the model gives the exact times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui.cli import console, formatting, options, picture_options, progress
from ui.cli.setting_options import FINDS, FRAMES, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from search.pages import Grouping
    from search.results import SearchResult
    from service.events import Listener
    from service.fold import SceneGrouping
    from service.session import Service
    from ui.cli.picture_options import PictureOptions

EXAMPLES = options.examples(
    'footage search "a red car drives from left to right"',
    'footage search "a car stops THEN somebody gets out within 30s"',
    'footage search "a street, no cars" --group video --page 2',
    "footage search 'camera:door after:2026-03-01 \"red car\" -truck'",
    'footage search "number 42" --mode text --no-ground',
    'footage search "a dog runs" --exhaustive --budget 600',
    "footage search --like garden.mp4@1:23",
    "footage search --image photo.jpg",
    'footage search --image photo.jpg --box 0.1,0.2,0.5,0.6 "at night camera:door"',
    "footage search --like garden.mp4@1:23 --by picture --exclude-image empty.jpg",
    'footage search "a dog runs" --json | jq .start_seconds',
)


@takes_settings(
    "db", "service", *FINDS, "accept_server_sampling", "embedder", "image_embedder", "rerank", *FRAMES
)
def run(
    query: Annotated[
        str | None, typer.Argument(help="The event to search for, in one sentence.", show_default=False)
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=100, help="Maximum number of answers.")
    ] = 5,
    number: Annotated[int, typer.Option("--page", min=1, help="Number of the result page, from 1.")] = 1,
    group: Annotated[
        Literal["video", "event", "scene", "none"],
        typer.Option(
            "--group",
            help="Show the best answer per video, per text or per scene (by image vectors), or all answers.",
        ),
    ] = "none",
    ground: options.Ground = True,
    mode: Annotated[
        Literal["hybrid", "vector", "text"],
        typer.Option("--mode", help="Search by meaning and words, only by meaning, or only by words."),
    ] = "hybrid",
    exhaustive: Annotated[
        bool,
        typer.Option(
            "--exhaustive",
            help="Let the model check all windows that match the filters, independent of captions.",
        ),
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option("--budget", metavar="SECONDS", min=0, help="Time limit for the model, in seconds."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ignore stored answers and ask the model again.")
    ] = False,
    like: Annotated[
        str | None,
        typer.Option(
            "--like",
            metavar="VIDEO@TIME",
            help="Search for what is similar to this time of an indexed video.",
        ),
    ] = None,
    by: picture_options.LikeBy = None,
    image: picture_options.Image = None,
    box: picture_options.BoxText = None,
    exclude_image: picture_options.ExcludeImages = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Search the index for an event.

    The index proposes videos; the model then watches them and gives exact times. A search without results
    is a success (exit code 0). With --no-ground, no model is loaded; with --mode text, no embedder either.
    A search by picture (--image, or --like with --by picture) asks only the image embedder.
    """
    from search.pages import page
    from service.search import SearchRequest, search

    page([], number, size=limit)  # a page that cannot be is refused before anything is loaded
    pictures = picture_options.PictureOptions(query, image, like, by, box, exclude_image or [])
    pictures.check(for_model=_of_model(mode=mode, exhaustive=exhaustive, fresh=fresh, budget=budget))
    service = options.service_for(settings)
    scenes: SceneGrouping = "scene" if group == "scene" else "none"
    with progress.shown() as display:
        if like is not None or pictures.by_picture:
            result = _by_picture(service, pictures, display, scenes)
        else:
            request = SearchRequest(
                query=query or "",
                ground=ground,
                mode=mode,
                fresh=fresh,
                exhaustive=exhaustive,
                budget_seconds=budget,
                group=scenes,
            )
            result = search(service, request, on_event=display, without_model=formatting.WITHOUT_MODEL)
    if json:
        from service.operations.searching import search_records

        console.emit_records(search_records(result, group=group, page=number, page_size=limit))
    else:
        _print(result, group="none" if group == "scene" else group, number=number, limit=limit)
    if result.looked.faults:
        raise typer.Exit(console.EXIT_PARTLY)


def _of_model(*, mode: str, exhaustive: bool, fresh: bool, budget: float | None) -> list[str]:
    """Names of the given options that a search by picture cannot take."""
    given = {
        "--mode": mode != "hybrid",
        "--exhaustive": exhaustive,
        "--fresh": fresh,
        "--budget": budget is not None,
    }
    return [name for name, is_given in given.items() if is_given]


def _by_picture(
    service: Service, pictures: PictureOptions, display: Listener, scenes: SceneGrouping
) -> SearchResult:
    """What is like a moment or a picture."""
    from service.picture_search import search_like, search_pictures
    from service.similar import SimilarRequest, similar

    if pictures.by_picture:
        return search_pictures(service, pictures.request(group=scenes), on_event=display)
    if pictures.by == "caption":
        return similar(service, SimilarRequest(moment=pictures.like or "", group=scenes))
    return search_like(service, pictures.like or "", group=scenes, on_event=display)


def _print(result: SearchResult, *, group: Grouping, number: int, limit: int) -> None:
    from search.pages import grouped, page
    from search.query.suggestions import suggestions

    query = result.query
    groups = [(match, others + len(match.similar)) for match, others in grouped(result.matches, group)]
    rows = page(groups, number, size=limit)
    if query.understood:
        console.notes().print(f"Understood: {console.plain(', '.join(query.understood))}", soft_wrap=True)
    meant = {each.term: each.better for each in suggestions(query)}
    for term in query.unread:
        hint = f" (did you mean {meant[term]}?)" if term in meant else ""
        console.notes().print(console.plain(f"Searched as words: {term}{hint}"), soft_wrap=True)
    for note in result.notes:
        console.notes().print(console.plain(note), soft_wrap=True)
    formatting.print_answers(query, rows)
    for path, why in result.looked.faults.items():
        console.notes().print(console.plain(f"{path}: {why}"), soft_wrap=True)
    if sentence := formatting.answer_sentence(result):
        console.notes().print(sentence, soft_wrap=True)
    console.notes().print(formatting.coverage_sentence(result.coverage), soft_wrap=True)
