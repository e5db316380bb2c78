"""`footage correct`: say what really happens where a caption errs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples(
    'footage correct gate.mp4@1:23 "a red van stops at the gate"',
    'footage correct gate.mp4@1:23 "a red van stops" --from 1:21 --to 1:30.5 --author Ann',
    "footage correct gate.mp4@1:23 --undo",
    'footage correct gate.mp4@1:23 "a red van stops" --event 3f2a91c4',
)


@takes_settings("db", "embedder")
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
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Put your words, or your times, in the place of an event; it is found by them at once.

    The caption is kept, and so is every version. Captioning anew leaves corrections standing. Of several
    events at a moment the shortest is meant; where that does not decide, their ids are listed for --event.
    """
    from footage.core.timecode import parse_time
    from service.correct import CorrectRequest
    from service.correct import correct as put_right

    request = CorrectRequest(
        moment=moment,
        text=text,
        start_seconds=parse_time(start) if start else None,
        end_seconds=parse_time(end) if end else None,
        undo=undo,
        event_id=event_id,
        author=author,
    )
    service = options.service_for(settings)
    with progress.shown() as display:
        kept = put_right(service, request, on_event=display)
    done = kept.correction
    if json:
        from service.schemas.review import CorrectionRecord

        console.emit_record(CorrectionRecord.of(kept))
        return
    what = "Taken back" if undo else "Corrected"
    when = "" if kept.searchable else " The run that is writing to the index takes it in when it ends."
    console.results().print(
        f"{what}: {console.plain(done.original_text)} → {console.plain(done.text)}.{when}", soft_wrap=True
    )
