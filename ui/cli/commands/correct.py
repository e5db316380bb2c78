"""`footage correct`: say what really happens where a caption errs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from footage.core.corrections import Correction
from footage.core.errors import UsageError
from footage.core.timecode import format_time
from service import factories
from ui.cli import console, options

if TYPE_CHECKING:
    from footage.core.types import Event
    from footage.embed.text_embedder import Embedder

E = TypeVar("E", "Event", Correction)

EXAMPLES = options.examples(
    'footage correct gate.mp4@1:23 "a red van stops at the gate"',
    'footage correct gate.mp4@1:23 "a red van stops" --from 1:21 --to 1:30.5 --author Ann',
    "footage correct gate.mp4@1:23 --undo",
    'footage correct gate.mp4@1:23 "a red van stops" --event 3f2a91c4',
)
_ID_DIGITS = 8  # so much of an event's id is shown; any beginning that only one has is accepted


def run(
    moment: Annotated[str, typer.Argument(metavar="VIDEO@TIME", help="A moment of the event.")],
    text: Annotated[str | None, typer.Argument(help="What happens there.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="When it starts.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="When it ends.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last version back.")] = False,
    event_id: Annotated[
        str | None,
        typer.Option("--event", metavar="ID", help="Which event, where several happen at that moment."),
    ] = None,
    author: Annotated[str, typer.Option("--author", metavar="NAME", help="Who says so.")] = "",
    db: options.Db = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Put your words, or your times, in the place of an event; it is found by them at once.

    The caption is kept, and so is every version. Captioning anew leaves corrections standing. Of several
    events at a moment the shortest is meant; where that does not decide, their ids are listed for --event.
    """
    from footage.core.corrections import standing
    from footage.core.timecode import parse_time
    from footage.core.types import Span
    from footage.store import Store
    from indexer import correcting
    from search.retrieval.similar import at_moment, content_of, events_at, read_moment_in_video

    if undo and (text or start or end):
        raise UsageError("--undo takes no new words or times.")
    settings = options.settings_from(config, db=db, embedder=embedder)
    video, seconds = read_moment_in_video(moment)
    store = Store.open(settings.db)
    content_id = content_of(store, video)
    events = store.events.of(content_id)

    def loaded() -> list[Embedder]:
        return factories.load_embedders(store, settings)

    if undo:
        corrected = events_at(standing(store.annotations.corrections.all([content_id])), seconds)
        if not corrected:
            event = at_moment(events, seconds, video=video)
            raise UsageError(f'nobody has corrected "{event.text}"')
        kept = correcting.undo(store, _chosen(corrected, event_id), embedders=loaded)
    else:
        at_moment(events, seconds, video=video)  # or it says which event is nearest
        event = _chosen(events_at(events, seconds), event_id)
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
            event=done.event_id,
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


def _chosen(there: Sequence[E], wanted: str | None) -> E:
    """The event that ``--event`` names, or the shortest.

    Args:
        there: The events, or corrections of events, at the moment; at least one.
        wanted: How the id begins, or None.

    Raises:
        UsageError: none of them has such an id, several have, or several are the shortest.
    """
    if wanted is None:
        shortest = min(each.span.duration_seconds for each in there)
        found = [each for each in there if each.span.duration_seconds == shortest]
    else:
        found = [each for each in there if wanted and _id_of(each).startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(map(_listed, found or there))
    raise UsageError(
        f"{len(found)} events are meant" if found else f"no event there has the id {wanted!r}",
        hint=f"Choose one with --event ID. {listed}",
    )


def _id_of(each: Event | Correction) -> str:
    return each.event_id if isinstance(each, Correction) else each.id


def _listed(each: Event | Correction) -> str:
    times = f"{format_time(each.span.start_seconds)} - {format_time(each.span.end_seconds)}"
    return f'{_id_of(each)[:_ID_DIGITS]}: "{each.text}" ({times})'
