"""`footage save` and `footage review`: saved searches, and decisions about their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import UsageError
from footage.core.timecode import format_time
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from footage.store import Search
    from search.saved_searches import Item
    from service.saved import DecideRequest, ItemState, SavedSearch
    from service.session import Service

SAVE_EXAMPLES = options.examples(
    'footage save "cars at the gate" "camera:gate a car stops"',
    'footage save parcels "somebody leaves a parcel" --closely',
    'footage save "cars at the gate" --remove',
)
EXAMPLES = options.examples(
    "footage review",
    'footage review "cars at the gate"',
    "footage review parcels --state flagged --json",
    'footage review "cars at the gate" --found --state all',
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
        from service.operations.reviewing import search_record

        console.emit_record(search_record(search, removed=remove))
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
    found: Annotated[
        bool, typer.Option("--found", help="List what was found so far, without searching again.")
    ] = False,
    recent: Annotated[
        bool, typer.Option("--recent", help="List the last queries of the app that were not saved.")
    ] = False,
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
    if found and (name is None or mark is not None):
        raise UsageError("--found needs the name of a saved search.", hint="footage review NAME --found")
    if recent and (name is not None or mark is not None):
        raise UsageError("--recent takes no saved search and no --mark.", hint="footage review --recent")
    if mark is not None:
        _mark(service, saved.DecideRequest(item=mark[0], state=mark[1], note=note, author=author), json=json)
    elif recent:
        _print_recent(saved.recent(service), as_json=json)
    elif name is None:
        _print_searches(saved.searches(service), as_json=json)
    elif found:
        items = saved.items(service, saved.named(service, name))
        _print_items(service, items, "all" if state == "new" else state, as_json=json)
    else:
        request = saved.ReviewRequest(name=name, closely=closely or None)
        with progress.shown() as display:
            reviewed = saved.review(service, request, on_event=display, without_model=_WITHOUT_CLOSELY)
        _print_items(service, reviewed, state, as_json=json)


def _mark(service: Service, request: DecideRequest, *, json: bool) -> None:
    """Set the state of an item, and print it."""
    from service import saved

    decided = saved.decide(service, request)
    if json:
        from service.operations.reviewing import item_record

        console.emit_record(item_record(service, decided))
    else:
        console.results().print(f"{decided.id} is {decided.state}.", soft_wrap=True)


def _print_recent(searches: Sequence[Search], *, as_json: bool) -> None:
    if as_json:
        from service.operations.reviewing import recent_records

        console.emit_records(recent_records(searches))
        return
    for search in searches:
        console.results().print(console.plain(search.query), soft_wrap=True)
    if not searches:
        console.results().print("No query was asked in the app yet.")


def _print_searches(searches: Sequence[SavedSearch], *, as_json: bool) -> None:
    if as_json:
        from service.operations.reviewing import searches_records

        console.emit_records(searches_records(searches))
        return
    if not searches:
        console.results().print('There is no saved search. Save one: footage save "NAME" "QUERY"')
        return
    table = console.table(
        "name", "query", "open", "flagged", "reviewed", right=("open", "flagged", "reviewed")
    )
    for each in searches:
        search, counts = each.search, each.counts
        numbers = (f"{number:,}" for number in counts.values())
        table.add_row(console.plain(search.name), console.plain(search.query), *numbers)
    console.results().print(table)


def _print_items(service: Service, found: Sequence[Item], state: ItemState, *, as_json: bool) -> None:
    """Print the items of a state, and how many there are of each."""
    from service.saved import in_state

    listed = in_state(found, state)
    if as_json:
        from service.operations.reviewing import items_records

        console.emit_records(items_records(service, listed))
        return
    out, files = console.results(), service.store().files
    table = console.table("id", "video", "from", "to", "state", "what", "note", right=("from", "to"))
    for item in listed:
        mark = item.mark
        table.add_row(
            mark.id,
            console.PathCell(formatting.short_path(files.path_of(mark.content_id)) or "(no file)"),
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
