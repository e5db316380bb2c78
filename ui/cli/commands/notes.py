"""`footage corrections` and `footage label`: what people noted about captions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from footage.core.timecode import format_time
from ui.cli import console, options, progress
from ui.cli.commands.videos import After, Limit, note_page
from ui.cli.setting_options import takes_settings
from ui.text import as_corrected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from footage.core.corrections import Correction
    from footage.store import Mark
    from service.listing import Page

CORRECTIONS_EXAMPLES = options.examples(
    "footage corrections", "footage corrections gate.mp4 --json", "footage corrections --undo 3f2a91c4"
)
LABEL_EXAMPLES = options.examples(
    'footage label gate.mp4 "a dog runs" --from 1:10 --to 1:15.5',
    'footage label gate.mp4 "a dog runs" --from 1:10 --to 1:15.5 --wrong',
    "footage label gate.mp4 --list",
)


@takes_settings("db", "embedder")
def corrections(
    named: Annotated[
        str | None,
        typer.Argument(
            metavar="VIDEO", help="An indexed file, the end of its path, or a content id; unset: all."
        ),
    ] = None,
    undo: Annotated[
        str | None, typer.Option("--undo", metavar="ID", help="Undo the correction with this id.")
    ] = None,
    after: After = "",
    limit: Limit = 100,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List all versions of corrections, or undo one of them."""
    from service.listing import CorrectionsRequest
    from service.listing import corrections as list_versions

    service = options.service_for(settings)
    if undo is not None:
        if named is not None:
            raise UsageError("--undo takes no video.", hint="footage corrections --undo ID")
        _undo(settings, undo, json=json)
        return
    page = list_versions(service, CorrectionsRequest(video=named or "", after=after, limit=limit))
    if json:
        from service.operations.library import corrections_records

        console.emit_records(corrections_records(page))
        return
    _print_versions(page)


def _undo(settings: Settings, name: str, *, json: bool) -> None:
    from service.correct import UndoRequest, undo_version

    with progress.shown() as display:
        kept = undo_version(options.service_for(settings), UndoRequest(id=name), on_event=display)
    if json:
        from service.schemas.review import CorrectionRecord

        console.emit_record(CorrectionRecord.of(kept))
        return
    done = kept.correction
    texts = f"{console.plain(done.original_text)} → {console.plain(as_corrected(done))}"
    console.results().print(f"Undone: {texts}.", soft_wrap=True)


def _print_versions(page: Page[Correction]) -> None:
    table = console.table(
        "id", "from", "to", "caption", "correction", "author", right=("from", "to"), whole=("id",)
    )
    for each in page.entries:
        undone = " (undone)" if each.undone_at else ""
        table.add_row(
            each.id,
            format_time(each.span.start_seconds),
            format_time(each.span.end_seconds),
            console.plain(each.original_text),
            console.plain(as_corrected(each)) + undone,
            console.plain(each.author),
        )
    if page.entries:
        console.results().print(table)
    note_page(page, "correction")


@takes_settings("db")
def label(
    named: Annotated[
        str, typer.Argument(metavar="VIDEO", help="An indexed file, the end of its path, or a content id.")
    ],
    query: Annotated[str | None, typer.Argument(help="The query that was answered.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Start of the answer.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="End of the answer.")] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="The answer is wrong; otherwise, it is right.")] = (
        False
    ),
    text: Annotated[str, typer.Option("--text", help="The indexed text of the answer.")] = "",
    list_: Annotated[
        bool, typer.Option("--list", help="List what people noted about the video instead.")
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Note whether an answer of a search is right, for `footage eval init`.

    A second label of the same answer replaces the first.
    """
    from footage.core.timecode import parse_time
    from service import listing, marks

    service = options.service_for(settings)
    if list_:
        if query is not None or start or end or wrong:
            raise UsageError("--list takes a video alone.", hint="footage label VIDEO --list")
        kept = marks.marks(service, listing.content_id_of(service, named))
    elif query is None or start is None or end is None:
        raise UsageError(
            "A label needs a query, --from and --to.",
            hint='For example: footage label gate.mp4 "a dog runs" --from 1:10 --to 1:15.5',
        )
    else:
        request = marks.LabelMomentRequest(
            video=named,
            start_seconds=parse_time(start),
            end_seconds=parse_time(end),
            right=not wrong,
            query=query,
            text=text,
        )
        kept = [marks.label_moment(service, request)]
    if json:
        from service.schemas.videos import MarkRecord

        console.emit_records(map(MarkRecord.of, kept))
    else:
        _print_marks(kept)


def _print_marks(kept: Sequence[Mark]) -> None:
    if not kept:
        console.results().print("Nothing was noted about this video.")
        return
    table = console.table("from", "to", "state", "query", "note", right=("from", "to"))
    for mark in kept:
        table.add_row(
            format_time(mark.span.start_seconds),
            format_time(mark.span.end_seconds),
            mark.state,
            console.plain(mark.query),
            console.plain(mark.text),
        )
    console.results().print(table)
