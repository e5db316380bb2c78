"""`footage find`: find an event in one file; needs no index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.timecode import format_time
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import DOWNLOADS, FINDS, FRAMES, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.find import FindResult

EXAMPLES = options.examples(
    'footage find gate.mp4 "a person walks from right to left"',
    'footage find match.mkv "a ball bounces" --from 12:30 --to 14:00',
    'footage find gate.mp4 "a dog runs" --model demo --json',
    'footage find gate.mp4 "a dog runs" --json | footage export --results - --uncertain',
)


@takes_settings(
    "service", *FINDS, "accept_server_sampling", "window_seconds", "overlap_seconds", *FRAMES, *DOWNLOADS
)
def run(
    video: Annotated[str, typer.Argument(help="The video file.")],
    query: Annotated[str, typer.Argument(help="The event to search for, in one sentence.")],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Start of the search: 83.5, 1:23.5 or 1:02:03."),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="End of the search.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1000, help="Maximum number of answers.")
    ] = 20,
    fetch: options.Fetch = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Find an event in one video, without an index.

    The model watches the whole video, so the time needed grows with its length.
    """
    from footage.core.timecode import parse_time
    from service.find import FindRequest, find

    request = FindRequest(
        video=video,
        query=query,
        fetch=fetch,
        start_seconds=parse_time(start) if start else None,
        end_seconds=parse_time(end) if end else None,
    )
    with progress.shown() as display:
        result = find(options.service_for(settings), request, on_event=display)
    _show(result, limit=limit, json=json)


def _show(result: FindResult, *, limit: int, json: bool) -> None:
    if not json:
        formatting.print_matches(result.matches[:limit])
        console.notes().print(_sentence(result, limit=limit), soft_wrap=True)
        return
    from service.operations.searching import find_records

    console.emit_records(find_records(result, limit=limit))


def _sentence(result: FindResult, *, limit: int) -> str:
    """What the answer is as a whole, and what it rests on."""
    matches, looked = result.matches, result.looked
    times = sum(match.verdict == "found" for match in matches)
    head = {
        "found": "Found once" if times == 1 else f"Found {times} times",
        "uncertain": "Nothing certain",
    }.get(result.outcome, "Not found")
    seen, total = format_time(looked.seconds), format_time(result.seconds_total)
    sentence = f"{head}: the model looked at {seen} of {total}"
    if looked.unseen:
        sentence += f", {formatting.count(looked.unseen, 'window')} could not be read by the model"
    if limit < len(matches):
        sentence += f"; showing the best {limit} of {len(matches)} answers (--limit)"
    return f"{sentence}."
