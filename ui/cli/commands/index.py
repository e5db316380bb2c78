"""`footage index`: caption videos and add them to the index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.timecode import format_time
from ui.cli import console, formatting, logs, options, progress, run_report
from ui.cli.setting_options import CAPTIONS, CLUSTER, FRAMES, MODEL, SAMPLING, TRACKS, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from indexer.pipeline import Forecast
    from service.events import ServiceEvent
    from service.index import IndexRequest
    from service.session import Service

EXAMPLES = options.examples(
    "footage index ~/Videos",
    "footage index gate.mp4 yard.mkv --db cameras.lancedb --device cuda",
    "footage index ~/Videos --tracks speech,subtitles",
    "footage index /footage --since 7d --exclude 'proxies/*' --camera-from folder",
    "footage index /shared/footage --executor ray://10.0.0.5:6379",
    "footage index ~/Videos --json | jq 'select(.state == \"failed\")'",
)


_SELECT = "Which files"
_CLOCK = "Recording time and camera"
_AGAIN = "Existing index entries"


@takes_settings(
    "db",
    *TRACKS,
    *MODEL,
    "accept_server_sampling",
    "embedder",
    "window_seconds",
    "overlap_seconds",
    *FRAMES,
    *CAPTIONS,
    *SAMPLING,
    "batch_size",
    "reuse",
    *CLUSTER,
)
def run(
    paths: Annotated[list[Path], typer.Argument(help="Video files, and folders to look for them in.")],
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Index only files with a matching name or path; can be repeated.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="Exclude files with a matching name or path; can be repeated.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Index only files changed since then: 2026-03-01, 36h or 7d.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    max_hours: Annotated[
        float | None,
        typer.Option(
            "--max-hours",
            metavar="H",
            min=0,
            help="Maximum hours of footage to caption; run again to continue.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option(
            "--follow-links",
            help="Follow symbolic links that point outside the folder; by default they are skipped.",
            rich_help_panel=_SELECT,
        ),
    ] = False,
    within: Annotated[list[Path] | None, typer.Option("--within", metavar="REAL_PATH", hidden=True)] = None,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="Name of the collection; unset: the name of the folder.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    camera_from: Annotated[
        str,
        typer.Option(
            "--camera-from",
            metavar="PATTERN",
            help='Source of the camera name: "folder", or a file name pattern such as "{camera}_*".',
            rich_help_panel=_CLOCK,
        ),
    ] = "",
    clock_offset: Annotated[
        list[str] | None,
        typer.Option(
            "--clock-offset",
            metavar="CAMERA=SECONDS",
            help="Correct the clock of a camera; stored in the index.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    clock_from: Annotated[
        list[str] | None,
        typer.Option(
            "--clock-from",
            metavar="name|container|burned-in|auto",
            help="Preferred source of the recording time; CAMERA=name for one camera. Stored in the index.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    container_clock: Annotated[
        list[str] | None,
        typer.Option(
            "--container-clock",
            metavar="CAMERA=local|utc|ZONE",
            help="Actual time zone of a camera's UTC timestamps in files; stored in the index.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Time zone for timestamps without one, such as Europe/Berlin; unset: the time zone of this "
            "machine.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    guess_time: Annotated[
        bool,
        typer.Option(
            "--guess-time",
            help="Estimate unknown recording times: file modification time minus the duration.",
            rich_help_panel=_CLOCK,
        ),
    ] = False,
    reindex: Annotated[
        bool,
        typer.Option(
            "--reindex",
            help="Hash all files again, and caption videos again if their settings differ.",
            rich_help_panel=_AGAIN,
        ),
    ] = False,
    accept_mixed: Annotated[
        bool,
        typer.Option(
            "--accept-mixed",
            help="Keep captions made with other settings; caption only new footage.",
            rich_help_panel=_AGAIN,
        ),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Continue to index new and changed files, until Ctrl-C.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Index the complete windows of files that are still being written."),
    ] = False,
    settle: Annotated[
        float | None,
        typer.Option(
            "--settle",
            metavar="SECONDS",
            min=0,
            help="With --watch or --follow: a file without changes for this time is complete; unset: 30.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be indexed and the estimated time.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", metavar="FILE", help="Append the log to this file, as JSON Lines."),
    ] = None,
    retry: Annotated[
        bool,
        typer.Option(
            "--retry",
            help="Retry all failed files, also after three failed attempts.",
            rich_help_panel=_AGAIN,
        ),
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Caption videos and add them to the index.

    Indexed files are skipped, also after a rename. An interrupted run continues where it stopped. For an
    unreadable file, the index stores the reason, and the run continues with the others.
    """
    from service.index import IndexRequest
    from service.index import forecast as look_ahead
    from service.index import index as index_once

    request = IndexRequest(
        paths=tuple(paths),
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        since=since,
        max_hours=max_hours,
        follow_links=follow_links,
        within=tuple(within or ()),
        collection=collection,
        camera_from=camera_from,
        clock_offsets=tuple(clock_offset or ()),
        clock_from=tuple(clock_from or ()),
        container_clocks=tuple(container_clock or ()),
        time_zone=time_zone,
        guess_time=guess_time,
        reindex=reindex,
        accept_mixed=accept_mixed,
        watch=watch,
        follow=follow,
        settle_seconds=settle,
        retry=retry,
    )
    service = options.service_for(settings)
    if dry_run:
        with progress.shown() as display:
            expected = look_ahead(service, request, on_event=display)
        _print_forecast(expected, as_json=json)
        return
    if watch:
        _watch(service, request, log_file, as_json=json)
        return
    with (
        logs.logging_to(log_file),
        progress.shown() as display,
        progress.cancelled_by_signals(display) as cancel,
    ):
        result = index_once(service, request, on_event=display, cancel=cancel)
    run_report.show(result, as_json=json)
    if result.report.stopped:
        raise KeyboardInterrupt
    if code := run_report.exit_code(result):
        raise typer.Exit(code)


def _watch(service: Service, request: IndexRequest, log_file: Path | None, *, as_json: bool) -> None:
    """Index until a signal arrives, and print the report of each run."""
    from service.events import Indexed, IndexingFailed
    from service.index import watch

    with (
        logs.logging_to(log_file),
        progress.shown() as display,
        progress.cancelled_by_signals(display) as cancel,
    ):

        def on_event(event: ServiceEvent) -> None:
            if isinstance(event, Indexed):
                display.close()
                run_report.show(event.result, as_json=as_json)
            elif isinstance(event, IndexingFailed):
                display.close()
                console.report_error(event.error, as_json=as_json)
            else:
                display(event)

        watch(service, request, on_event=on_event, cancel=cancel)


def _print_forecast(expected: Forecast, *, as_json: bool) -> None:
    """Print a forecast of the run; the estimated time is based on earlier runs on this index."""
    takes = expected.seconds_new / expected.speed if expected.speed else None
    if as_json:
        from service.schemas.library import ForecastRecord

        console.emit_record(ForecastRecord.of(expected))
        return
    files = ", ".join(f"{number:,} {what}" for what, number in expected.files.items() if number)
    todo = []
    if expected.captions:
        todo.append(
            f"To caption: {formatting.count(expected.windows_new, 'window')}, "
            f"{format_time(expected.seconds_new)} of footage"
        )
    if takes is not None:
        speed = f"{expected.speed:.1f} footage-seconds per second"
        todo.append(f"about {console.rough_time(takes)} at the speed of earlier runs ({speed})")
    sentence = f"{files or 'nothing to do'}. {', '.join(todo)}".rstrip(". ")
    for track, each in expected.tracks.items():
        sentence += f". To read of {track}: {format_time(each.seconds_new)} of footage"
    console.results().print(f"{sentence}. Nothing was changed.", soft_wrap=True)
