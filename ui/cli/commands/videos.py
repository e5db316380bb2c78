"""`footage videos`, `video`, `events` and `transcript`: what the index holds of videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from footage.core.timecode import format_time
from ui.cli import console, formatting, options
from ui.cli.setting_options import takes_settings
from ui.text import as_corrected, track_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from footage.core.config import Settings
    from footage.core.types import Event
    from service.listing import ListedVideo, Page, TranscriptLine

EXAMPLES = options.examples("footage videos", "footage videos --limit 1000 --json | jq -r .content_id")
VIDEO_EXAMPLES = options.examples(
    "footage video gate.mp4",
    "footage video 8d6ad80040e6f39e8ab0757afcc2a447 --json",
    "footage video gate.mp4 --part transcript",
)
EVENTS_EXAMPLES = options.examples(
    "footage events gate.mp4",
    "footage events gate.mp4 --from 1:00 --to 2:00 --json",
    "footage events gate.mp4 --track screen-text",
)
TRANSCRIPT_EXAMPLES = options.examples(
    "footage transcript talk.mp4", "footage transcript talk.mp4 --track subtitles --language en"
)

Named = Annotated[
    str, typer.Argument(metavar="VIDEO", help="An indexed file, the end of its path, or a content id.")
]
After = Annotated[
    str, typer.Option("--after", metavar="ID", help="Continue after this entry, the last one of a page.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Maximum number of entries.")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Start: 83.5, 1:23.5 or 1:02:03.")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="End of the part that is listed.")]


@takes_settings("db")
def run(
    after: After = "",
    limit: Limit = 100,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the videos of the index, by content id."""
    from service.listing import VideosRequest
    from service.listing import videos as list_videos

    page = list_videos(options.service_for(settings), VideosRequest(after=after, limit=limit))
    if json:
        from service.operations.library import videos_records

        console.emit_records(videos_records(page))
        return
    table = console.table("content id", "file", "length", "tracks", right=("length",), whole=("content id",))
    for each in page.entries:
        path = each.files[0].path if each.files else ""
        more = f" and {len(each.files) - 1} more" if len(each.files) > 1 else ""
        table.add_row(
            each.video.content_id,
            console.PathCell(formatting.short_path(path) + more if path else "(no file)"),
            format_time(each.video.duration_seconds),
            ", ".join(track_name(track.track) for track in each.tracks),
        )
    if page.entries:
        console.results().print(table)
    note_page(page, "video")


@takes_settings("db")
def video(
    named: Named,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="List only events, transcript or corrections; can be repeated. Unset: all.",
        ),
    ] = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show one video of the index: its files, events, transcript and corrections."""
    from service.listing import VIDEO_PARTS, VideoDetailsRequest
    from service.listing import video as show

    request = VideoDetailsRequest.model_validate({"video": named, "parts": parts or VIDEO_PARTS})
    chosen = request.parts
    listed, details, lines = show(options.service_for(settings), request)
    if json:
        from service.operations.library import video_records

        console.emit_records(video_records(listed, details, lines, chosen))
        return
    _print_video(listed, details.scene, len(details.corrections))
    if "events" in chosen:
        _print_events(details.outline.events)
    if "transcript" in chosen:
        _print_lines(lines)
    if "corrections" in chosen and details.corrections:
        console.results().print("Corrections:")
        for each in details.corrections:
            undone = " (undone)" if each.undone_at else ""
            console.results().print(
                console.plain(f"{each.original_text} → {as_corrected(each)}{undone}"), soft_wrap=True
            )


@takes_settings("db")
def events(
    named: Named,
    track: Annotated[
        Literal["caption", "speech", "screen-text", "subtitles"],
        typer.Option("--track", help="The track."),
    ] = "caption",
    start: From = None,
    end: To = None,
    after: After = "",
    limit: Limit = 100,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the events of a video, or of a part of it."""
    from footage.core.timecode import parse_time
    from service.listing import EventsRequest
    from service.listing import events as list_events

    request = EventsRequest(
        video=named,
        track=track,
        start_seconds=parse_time(start) if start else 0.0,
        end_seconds=parse_time(end) if end else None,
        after=after,
        limit=limit,
    )
    path, page = list_events(options.service_for(settings), request)
    if json:
        from service.operations.library import events_records

        console.emit_records(events_records(path, page))
        return
    _print_events(page.entries)
    note_page(page, "event")


@takes_settings("db")
def transcript(
    named: Named,
    tracks: Annotated[
        list[str] | None,
        typer.Option(
            "--track",
            metavar="TRACK",
            help="List only speech, screen-text or subtitles; can be repeated. Unset: all.",
        ),
    ] = None,
    language: Annotated[
        str, typer.Option("--language", metavar="LANGUAGE", help="List only lines in this language: en.")
    ] = "",
    start: From = None,
    end: To = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List what is said and written in a video, or in a part of it."""
    from footage.core.timecode import parse_time
    from service.listing import TranscriptRequest
    from service.listing import transcript as list_lines

    request = TranscriptRequest.model_validate(
        {
            "video": named,
            "tracks": tracks or (),
            "language": language,
            "start_seconds": parse_time(start) if start else 0.0,
            "end_seconds": parse_time(end) if end else None,
        }
    )
    content_id, path, lines = list_lines(options.service_for(settings), request)
    if json:
        from service.operations.library import transcript_records

        console.emit_records(transcript_records(content_id, path, lines))
        return
    _print_lines(lines)
    if not lines:
        console.results().print("Nothing is said or written there, as far as the index knows.")


def note_page(page: Page[Any], what: str) -> None:
    """Print how much of a list is shown, and how to go on."""
    if not page.total:
        console.results().print(f"There is no {what}.")
        return
    more = f"; the next page: --after {page.next_after}" if page.next_after else ""
    shown = f"{len(page.entries):,} of {formatting.count(page.total, what)}{more}."
    console.notes().print(console.plain(shown), soft_wrap=True)


def _print_video(listed: ListedVideo, scene: str, corrections: int) -> None:
    video, table = listed.video, console.table("", "")
    table.show_header = False
    files = [each.path for each in listed.files] or ["(no file)"]
    table.add_row("content id", video.content_id)
    for number, path in enumerate(files):
        table.add_row("files" if number == 0 else "", console.PathCell(formatting.short_path(path)))
    table.add_row("length", format_time(video.duration_seconds))
    table.add_row("picture", f"{video.width}x{video.height}, {video.fps:.2f} fps, {video.codec}")
    for number, track in enumerate(listed.tracks):
        covered = f"{format_time(track.seconds)} of {format_time(track.seconds_total)}"
        table.add_row("tracks" if number == 0 else "", f"{track_name(track.track)}, {covered}")
    for warning in video.warnings:
        table.add_row("warning", console.plain(warning))
    if scene:
        table.add_row("scene", console.plain(scene))
    if corrections:
        table.add_row("corrections", f"{corrections:,}")
    console.results().print(table)


def _print_events(listed: Sequence[Event]) -> None:
    if not listed:
        return
    table = console.table("from", "to", "event", right=("from", "to"))
    for event in listed:
        span = event.span
        table.add_row(
            format_time(span.start_seconds), format_time(span.end_seconds), console.plain(event.text)
        )
    console.results().print(table)


def _print_lines(lines: Iterable[TranscriptLine]) -> None:
    track = ""
    for each in lines:
        if each.track != track:
            track = each.track
            console.results().print(f"{track_name(track)}:")
        span = each.line.span
        times = f"{format_time(span.start_seconds)} - {format_time(span.end_seconds)}"
        console.results().print(f"{times}  {console.plain(each.line.text)}", soft_wrap=True)
