"""`footage correct`: say what really happens where a caption errs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from footage.errors import UsageError
from ui import console, options, parts

if TYPE_CHECKING:
    from footage.embedder import Embedder

EXAMPLES = options.examples(
    'footage correct gate.mp4@1:23 "a red van stops at the gate"',
    'footage correct gate.mp4@1:23 "a red van stops" --from 1:21 --to 1:30.5 --author Ann',
    "footage correct gate.mp4@1:23 --undo",
)


def run(
    moment: Annotated[str, typer.Argument(metavar="VIDEO@TIME", help="A moment of the event.")],
    text: Annotated[str | None, typer.Argument(help="What happens there.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="When it starts.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="When it ends.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last version back.")] = False,
    author: Annotated[str, typer.Option("--author", metavar="NAME", help="Who says so.")] = "",
    db: options.Db = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Put your words, or your times, in the place of an event; it is found by them at once.

    The caption is kept, and so is every version. Captioning anew leaves corrections standing.
    """
    from footage.corrections import standing
    from footage.store import Store
    from footage.timecode import parse_time
    from footage.types import Span
    from indexer import correcting
    from search.like import at_moment, content_of, read_moment_in_video

    if undo and (text or start or end):
        raise UsageError("--undo takes no new words or times.")
    settings = options.settings_from(config, db=db, embedder=embedder)
    video, seconds = read_moment_in_video(moment)
    store = Store.open(settings.db)
    content_id = content_of(store, video)
    event = at_moment(store.events(content_id), seconds, video=video)

    def loaded() -> list[Embedder]:
        return parts.load_embedders(store, settings)

    if undo:
        said = standing(store.notebook.corrections([content_id]))
        last = next((each for each in said if each.event_id == event.id), None)
        if last is None:
            raise UsageError(f'nobody has corrected "{event.text}"')
        kept = correcting.undo(store, last, embedders=loaded)
    else:
        first = event.span.start_seconds if start is None else parse_time(start)
        past = event.span.end_seconds if end is None else parse_time(end)
        if first >= past:
            raise UsageError("the event would end before it starts", hint="Give --from before --to.")
        kept = correcting.correct(
            store, event, text=text or event.text, span=Span(first, past), author=author, embedders=loaded
        )
    done = kept.correction
    if json:
        console.emit(
            type="correction",
            id=done.id,
            content_id=content_id,
            original_text=done.original_text,
            original_start_seconds=done.original_span.start_seconds,
            original_end_seconds=done.original_span.end_seconds,
            text=done.text,
            start_seconds=done.span.start_seconds,
            end_seconds=done.span.end_seconds,
            author=done.author,
            undone=bool(done.undone_at),
            searchable=kept.searchable,
        )
        return
    what = "Taken back" if undo else "Corrected"
    when = "" if kept.searchable else " The run that is writing to the index takes it in when it ends."
    console.results().print(
        f"{what}: {console.plain(done.original_text)} → {console.plain(done.text)}.{when}", soft_wrap=True
    )
