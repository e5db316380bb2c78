"""`footage save` and `footage review`: saved searches, and decisions about their results."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from footage.core.errors import UsageError
from footage.core.timecode import format_time
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from footage.store import Mark, Store
    from search.saved_searches import Item
    from service.saved import SavedSearch
    from service.schemas.review import ItemRecord

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

_WITHOUT_CLOSELY = "To search only the captions: omit --closely, and save the search without it."

Author = Annotated[str, typer.Option("--author", metavar="NAME", help="Name of the reviewer.")]


@takes_settings("db")
def save(
    name: Annotated[str, typer.Argument(help="Name of the saved search.")],
    query: Annotated[str | None, typer.Argument(help="The query, with optional filters.")] = None,
    closely: Annotated[
        bool, typer.Option("--closely", help="Check results with the model at each review.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the saved search with this name.")] = False,
    author: Author = "",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Save a search for repeated review."""
    from service import saved
    from service.schemas.review import SavedSearchRecord

    if (query is None) != remove:
        raise UsageError("Give a query to save, or --remove.", hint='footage save "NAME" "QUERY"')
    service = options.service_for(settings)
    if query is None:
        search = saved.remove(service, saved.RemoveSearchRequest(name=name))
    else:
        search = saved.save(
            service, saved.SaveRequest(name=name, query=query, closely=closely, author=author)
        )
    if json:
        console.emit_record(SavedSearchRecord(type="search", removed=remove, **asdict(search)))
    else:
        done = "Removed" if remove else "Saved"
        console.results().print(f"{done} {console.plain(search.name)}: {console.plain(search.query)}")


@takes_settings("db", *FINDS, "embedder")
def run(
    name: Annotated[
        str | None, typer.Argument(help="A saved search; unset: list all saved searches.")
    ] = None,
    state: Annotated[
        Literal["new", "open", "reviewed", "flagged", "all"],
        typer.Option("--state", help="State of the listed items."),
    ] = "new",
    closely: Annotated[bool, typer.Option("--closely", help="Check results with the model.")] = False,
    mark: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--mark", metavar="ID STATE", help="Set the state of an item: open, reviewed or flagged."
        ),
    ] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Note for --mark.")] = None,
    author: Author = "",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List new results of a saved search and set their state.

    All results stay listed under --state, also if later searches or captions differ.
    """
    from service import saved

    service = options.service_for(settings)
    store = service.store()
    if mark is not None:
        item, new_state = mark
        decided = saved.decide(
            service, saved.DecideRequest(item=item, state=new_state, note=note, author=author)
        )
        if json:
            console.emit_record(_item(store, decided))
        else:
            console.results().print(f"{decided.id} is {decided.state}.", soft_wrap=True)
    elif name is None:
        _print_searches(saved.searches(service), as_json=json)
    else:
        request = saved.ReviewRequest(name=name, closely=closely or None, without_model=_WITHOUT_CLOSELY)
        with progress.shown() as display:
            found = saved.review(service, request, on_event=display)
        listed = [
            item for item in found if state in ("all", item.mark.state) or (state == "new" and item.new)
        ]
        _print_items(store, listed, found, as_json=json)


def _print_searches(searches: Sequence[SavedSearch], *, as_json: bool) -> None:
    from service.schemas.review import SavedSearchRecord

    if not (searches or as_json):
        console.results().print('There is no saved search. Save one: footage save "NAME" "QUERY"')
        return
    table = console.table(
        "name", "query", "open", "flagged", "reviewed", right=("open", "flagged", "reviewed")
    )
    for each in searches:
        search, counts = each.search, each.counts
        if as_json:
            found = SavedSearchRecord.model_validate({"type": "search", **asdict(search), **counts})
            console.emit_record(found)
        numbers = (f"{number:,}" for number in counts.values())
        table.add_row(console.plain(search.name), console.plain(search.query), *numbers)
    if not as_json:
        console.results().print(table)


def _print_items(store: Store, listed: Sequence[Item], found: Sequence[Item], *, as_json: bool) -> None:
    if as_json:
        for item in listed:
            verdict = item.match.verdict if item.match else None
            console.emit_record(_item(store, item.mark, new=item.new, verdict=verdict))
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
    out.print(f"{new:,} new since the last review; in total {', '.join(counts)}.", soft_wrap=True)


def _item(store: Store, mark: Mark, **about: Any) -> ItemRecord:
    from service.schemas.review import ItemRecord, item_fields

    return ItemRecord(type="item", **about, **item_fields(mark, store.files.path_of(mark.content_id)))
