"""`footage save` and `footage review`: searches to ask again, and what was decided about what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from footage.core.errors import UsageError
from footage.core.timecode import format_time
from service import factories
from ui.cli import console, formatting, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from footage.store import Mark, Search, Store
    from search.saved_searches import Item

SAVE_EXAMPLES = options.examples(
    'footage save "cars at the gate" "camera:gate a car stops"',
    'footage save parcels "somebody leaves a parcel" --closely',
    'footage save "cars at the gate" --remove',
)
EXAMPLES = options.examples(
    "footage review",
    'footage review "cars at the gate"',
    "footage review parcels --state flagged --json",
    'footage review --mark 3f9c flagged --note "the same van again" --author Ann',
)

_WITHOUT_CLOSELY = "To review by the captions alone: leave out --closely, and save the search without it."

Author = Annotated[str, typer.Option("--author", metavar="NAME", help="Who says so.")]


def save(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    query: Annotated[str | None, typer.Argument(help="What happens, with any filters.")] = None,
    closely: Annotated[
        bool, typer.Option("--closely", help="Let the model look whenever it is reviewed.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the search of that name instead.")] = False,
    author: Author = "",
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Save a search, to be reviewed again and again."""
    from footage.store import Store
    from search import saved_searches

    if (query is None) != remove:
        raise UsageError("Give a query to save, or --remove.", hint='footage save "NAME" "QUERY"')
    notebook = Store.open(options.settings_from(config, db=db).db).annotations
    if query is None:
        search = saved_searches.saved(notebook, name)
        notebook.searches.remove([search.id])
    else:
        mode: saved_searches.Mode = "closely" if closely else "captions"
        search = saved_searches.save(notebook, name, query, mode=mode, author=author)
    if json:
        console.emit(type="search", removed=remove, **_search_fields(search))
    else:
        done = "Removed" if remove else "Saved"
        console.results().print(f"{done} {console.plain(search.name)}: {console.plain(search.query)}")


def run(
    name: Annotated[
        str | None, typer.Argument(help="A saved search; all of them are listed without.")
    ] = None,
    state: Annotated[
        Literal["new", "open", "reviewed", "flagged", "all"],
        typer.Option("--state", help="Which items to list."),
    ] = "new",
    closely: Annotated[bool, typer.Option("--closely", help="Ask the model, too.")] = False,
    mark: Annotated[
        tuple[str, str] | None,
        typer.Option("--mark", metavar="ID STATE", help="Set an item: open, reviewed or flagged."),
    ] = None,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="Words to go with --mark.")
    ] = None,
    author: Author = "",
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List what a saved search finds that it did not find before; say what was decided about it.

    Everything found stays listed under --state, whatever later searches and captions say.
    """
    from footage.store import Store

    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    store = Store.open(settings.db)
    if mark is not None:
        _mark(store, *mark, note=note, author=author, as_json=json)
    elif name is None:
        _print_searches(store, as_json=json)
    else:
        from search import saved_searches

        search = saved_searches.saved(store.annotations, name)
        found = _look(store, search, settings, closely=closely)
        listed = [
            item for item in found if state in ("all", item.mark.state) or (state == "new" and item.new)
        ]
        _print_items(store, listed, found, as_json=json)


def _look(store: Store, search: Search, settings: Settings, *, closely: bool) -> list[Item]:
    from search import saved_searches
    from search.engine import Engine

    mode: saved_searches.Mode = "closely" if closely or search.mode == "closely" else "captions"
    model = None
    if mode == "closely" and store.status().videos:
        factories.check_model(settings, "find", store=store, instead=_WITHOUT_CLOSELY)
        model = factories.load_model(settings)
    engine = Engine(store, factories.load_embedder(settings), model, looking=factories.looking(settings))
    with console.steps("searching") as step:
        return saved_searches.look(
            store, engine, search, mode=mode if model else "captions", on_progress=step
        )


def _mark(store: Store, name: str, state: str, *, note: str | None, author: str, as_json: bool) -> None:
    from search import saved_searches

    if state not in saved_searches.STATES:
        raise UsageError(
            f"there is no state {state!r}", hint=f"Use one of {', '.join(saved_searches.STATES)}."
        )
    item = saved_searches.item_of(store.annotations, name)
    chosen = next(known for known in saved_searches.STATES if known == state)
    decided = saved_searches.decide(store.annotations, item, chosen, note=note, author=author)
    if as_json:
        console.emit(type="item", **_item_fields(store, decided))
    else:
        console.results().print(f"{decided.id} is {decided.state}.", soft_wrap=True)


def _print_searches(store: Store, *, as_json: bool) -> None:
    from search import saved_searches

    searches = store.annotations.searches.saved()
    if not (searches or as_json):
        console.results().print('No search is saved: footage save "NAME" "QUERY"')
        return
    table = console.table(
        "name", "query", "open", "flagged", "reviewed", right=("open", "flagged", "reviewed")
    )
    for search in searches:
        states = [item.mark.state for item in saved_searches.items(store.annotations, search)]
        counts = {state: states.count(state) for state in ("open", "flagged", "reviewed")}
        if as_json:
            console.emit(type="search", **_search_fields(search), **counts)
        numbers = (f"{number:,}" for number in counts.values())
        table.add_row(console.plain(search.name), console.plain(search.query), *numbers)
    if not as_json:
        console.results().print(table)


def _print_items(store: Store, listed: Sequence[Item], found: Sequence[Item], *, as_json: bool) -> None:
    if as_json:
        for item in listed:
            verdict = item.match.verdict if item.match else None
            console.emit(type="item", new=item.new, verdict=verdict, **_item_fields(store, item.mark))
        return
    out = console.results()
    table = console.table("id", "video", "from", "to", "state", "what", "note", right=("from", "to"))
    for item in listed:
        mark = item.mark
        table.add_row(
            mark.id,
            console.PathCell(formatting.short_path(store.files.path_of(mark.content_id)) or "(no file)"),
            format_time(mark.span.start_seconds),
            format_time(mark.span.end_seconds),
            mark.state + (", new" if item.new else ""),
            console.plain(mark.found_text),
            console.plain(mark.text),
        )
    if listed:
        out.print(table)
    states = [item.mark.state for item in found]
    counts = [f"{states.count(state):,} {state}" for state in ("open", "flagged", "reviewed")]
    new = sum(item.new for item in found)
    out.print(f"{new:,} new since the last look; in all {', '.join(counts)}.", soft_wrap=True)


def _search_fields(search: Search) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(search)


def _item_fields(store: Store, mark: Mark) -> dict[str, Any]:
    """An item as JSON fields; times of the span are seconds of video time."""
    return {
        "id": mark.id,
        "video": store.files.path_of(mark.content_id),
        "content_id": mark.content_id,
        "start_seconds": mark.span.start_seconds,
        "end_seconds": mark.span.end_seconds,
        "text": mark.found_text,
        "state": mark.state,
        "note": mark.text,
        "author": mark.author,
        "found_at": mark.found_at,
        "decided_at": mark.made_at,
        "query": mark.query,
    }
