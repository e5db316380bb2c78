"""`footage correct`: correct the text or the times of a caption, or remove it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.timecode import format_time
from ui.cli import console, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples(
    'footage correct gate.mp4@1:23 "a red van stops at the gate"',
    'footage correct gate.mp4@1:23 "a red van stops" --from 1:21 --to 1:30.5 --author Ann',
    "footage correct gate.mp4@1:23 --remove",
    "footage correct gate.mp4@1:23 --undo",
    'footage correct gate.mp4@1:23 "a red van stops" --event 3f2a91c4',
)


@takes_settings("db", "embedder")
def run(
    moment: Annotated[str, typer.Argument(metavar="VIDEO@TIME", help="A time within the event.")],
    text: Annotated[str | None, typer.Argument(help="New description of the event.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="New start time.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="New end time.")] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the event, because it does not happen.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last correction.")] = False,
    event_id: Annotated[
        str | None,
        typer.Option("--event", metavar="ID", help="Id of the event, if several happen at that time."),
    ] = None,
    author: Annotated[str, typer.Option("--author", metavar="NAME", help="Name of the reviewer.")] = "",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Correct the text or the times of an event, or remove it.

    The correction is searchable at once; a removed event is no longer found. The original caption and all
    versions are kept, also when the video is captioned again. Of several events at the same time, the
    shortest is corrected; if several are equally short, the command lists their ids for --event.
    """
    from footage.core.timecode import parse_time
    from service.correct import CorrectRequest
    from service.correct import correct as put_right

    request = CorrectRequest(
        moment=moment,
        text=text,
        start_seconds=parse_time(start) if start else None,
        end_seconds=parse_time(end) if end else None,
        remove=remove,
        undo=undo,
        event_id=event_id,
        author=author,
    )
    service = options.service_for(settings)
    with progress.shown() as display:
        kept = put_right(service, request, on_event=display)
    if json:
        from service.schemas.review import CorrectionRecord

        console.emit_record(CorrectionRecord.of(kept))
        return
    done = kept.correction
    when = "" if kept.searchable else " The current index run adds it when it ends."
    caption, corrected = (
        f"“{console.plain(text)}”, {format_time(span.start_seconds)}-{format_time(span.end_seconds)}"
        for text, span in ((done.original_text, done.original_span), (done.text, done.span))
    )
    if done.removes:
        said = f"Undone: {caption} is there again" if undo else f"Removed: {caption}"
    else:
        said = f"Undone: {corrected}" if undo else f"Corrected: {caption} → {corrected}"
    console.results().print(f"{said}.{when}", soft_wrap=True)
