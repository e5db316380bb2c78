"""`footage status`: state of the index, its coverage of the library, and failed files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from footage.core.types import File, Run
    from footage.store import IndexStatus
    from service.session import Service
    from service.status import Audited, StatusResult

EXAMPLES = options.examples(
    "footage status",
    "footage status --failed",
    "footage status --duplicates",
    "footage status --db cameras.lancedb --json",
)


@takes_settings("db", "service", "image_embedder")
def run(
    failed: Annotated[
        bool, typer.Option("--failed", help="List only failed files, with the reason.")
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="List all files, with their state.")] = False,
    duplicates: Annotated[
        bool,
        typer.Option(
            "--duplicates",
            help="List files of the same bytes, copies of videos, and stretches that are shown again.",
        ),
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show the state of the index, its coverage and failed files.

    For each collection: hours found = indexed + failed + waiting + left out + offline.
    """
    from service import status
    from service.verdict_standing import verdict_standing

    if duplicates and (failed or files):
        raise UsageError(
            "--duplicates cannot be combined with --failed or --files.", hint="Use one after the other."
        )
    service = options.service_for(settings)
    if duplicates:
        _show_duplicates(service, as_json=json)
        return
    if failed or files:
        listed = status.files(service, status.FilesRequest(which="all" if files else "failed"))
        _print_files(listed, as_json=json)
        return
    result = status.status(service, status.StatusRequest())
    if json:
        from service.operations.library import status_records

        console.emit_records(status_records(result))
    else:
        _print_status(result, verdict_standing(settings))


def _show_duplicates(service: Service, *, as_json: bool) -> None:
    from service.duplicates import DuplicatesRequest
    from service.duplicates import duplicates as find
    from ui.cli.duplicates import print_duplicates

    with progress.shown() as display:
        result = find(service, DuplicatesRequest(), on_event=display)
    if not as_json:
        print_duplicates(result)
        return
    from service.schemas.duplicates import duplicate_records

    console.emit_records(duplicate_records(result))


def _audit_rows(audited: Audited | None) -> list[tuple[str, str]]:
    if audited is None:
        return []
    rate = f"{audited.agreement_rate:.1%} of {formatting.count(audited.events, 'event')} agree"
    if not audited.judged:
        return [("audit", rate)]
    wrong = f"{audited.wrong:,} of {formatting.count(audited.judged, 'caption')} contradicted"
    return [("audit", f"{rate}, {wrong}")]


def _print_status(result: StatusResult, verdicts: str) -> None:
    from footage.core.timecode import format_time

    out, status = console.results(), result.index
    table = console.table("", "")
    table.show_header = False
    indexed, total = format_time(status.seconds_indexed), format_time(status.seconds_total)
    captioned = f"{status.videos:,}, {indexed} of {total} indexed"
    if not status.videos and (status.tracks or status.images):
        captioned = f"none captioned, {total} in all"
    empty = f"none: {formatting.empty_index(len(status.failures))}"
    table.add_row("index", console.PathCell(formatting.short_path(str(result.db))))
    for name, value in (
        ("size", f"{result.size_bytes / 1e6:,.1f} MB"),
        ("videos", captioned if status.tracks or status.images else empty),
        ("windows", f"{status.windows:,}{_reused_part(result)}"),
        ("events", f"{status.events:,}"),
        *_gap_rows(status),
        *_model_rows(status),
        *_track_rows(result),
        *_image_rows(result),
        ("finds", console.plain(result.find_model)),
        ("verdicts", console.plain(verdicts)),
        ("embedders", console.plain(", ".join(status.embedders) or "none yet")),
        ("last run", _run_line(result.last_run)),
        *_audit_rows(result.audited),
    ):
        table.add_row(name, value)
    out.print(table)
    formatting.print_coverage(result.coverage)
    for left in result.left:
        number = formatting.count(left.files, "file")
        out.print(f"{number} {left.state}: {console.plain(left.reason)}", soft_wrap=True)
    formatting.print_failures(status.failures)


def _reused_part(result: StatusResult) -> str:
    """How many windows are reused, their footage, and the time that this saved."""
    from footage.core.timecode import format_time

    reused = result.reused
    if not reused.windows:
        return ""
    part = (
        f", {reused.windows:,} of them reused ({format_time(reused.footage_seconds)} in which nothing changes"
    )
    if reused.seconds_saved:
        part += f", about {console.rough_time(reused.seconds_saved)} of captioning saved"
    return f"{part})"


def _gap_rows(status: IndexStatus) -> list[tuple[str, str]]:
    """Total duration of gaps without frames, if there are any."""
    from footage.core.timecode import format_time

    if not status.gaps:
        return []
    gaps = formatting.count(status.gaps, "gap")
    return [("no frames", f"{format_time(status.seconds_gaps)} in {gaps}, not counted as footage")]


def _model_rows(status: IndexStatus) -> list[tuple[str, str]]:
    """The model; for an index with mixed settings, each setting with its windows."""
    if len(status.models) < 2:
        made_with = status.model
        shown_as = f"{made_with.model}, prompts {made_with.prompt_version}" if made_with else "none yet"
        return [("model", console.plain(shown_as))]
    return [
        (
            "mixed" if number == 0 else "",
            console.plain(
                f"{formatting.count(count, 'window')}: {made.model} {made.revision[:12]}, "
                f"prompts {made.prompt_version}, {made.budget}, windows of {made.cutting}"
            ),
        )
        for number, (made, count) in enumerate(status.models.items())
    ]


def _track_rows(result: StatusResult) -> list[tuple[str, str]]:
    """Each track other than captions: its coverage, events, models and notes."""
    from footage.core.timecode import format_time
    from footage.core.tracks import CAPTION_TRACK

    status, rows = result.index, []
    for track, held in status.tracks.items():
        if track == CAPTION_TRACK:
            continue
        parts = [
            f"{format_time(held.seconds)} of {format_time(status.seconds_total)}",
            formatting.count(held.events, "event"),
            " and ".join(dict.fromkeys(made.model for made in held.models)),
            *(f"{note}: {number:,}" for note, number in result.track_notes.get(track, {}).items()),
        ]
        rows.append((track.replace("-", " "), console.plain(", ".join(filter(None, parts)))))
    return rows


def _image_rows(result: StatusResult) -> list[tuple[str, str]]:
    """Image vectors of each image embedder: coverage, number, size and notes."""
    from footage.core.timecode import format_time
    from footage.core.tracks import image_track

    status, rows = result.index, []
    for embedder, held in status.images.items():
        parts = [
            f"{format_time(held.track.seconds)} of {format_time(status.seconds_total)}",
            formatting.count(held.vectors, "vector"),
            formatting.count(held.track.windows, "window"),
            f"{held.bytes_per_hour / 1e6:.1f} MB per hour of footage",
            embedder,
            *(f"{n}: {number:,}" for n, number in result.track_notes.get(image_track(embedder), {}).items()),
        ]
        rows.append(("image vectors", console.plain(", ".join(parts))))
    return rows


def _run_line(run: Run | None) -> str:
    if run is None:
        return "none yet"
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started_at))
    if not run.ended_at:
        return f"{began}, still running or killed"
    line = f"{began}, {console.plain(run.outcome)}"
    lasted = run.ended_at - run.started_at
    if run.seconds_captioned and lasted:
        line += f", {run.seconds_captioned / lasted:.1f} hours of footage per hour"
    return line


def _print_files(files: Sequence[File], *, as_json: bool) -> None:
    if as_json:
        from service.operations.library import file_records

        console.emit_records(file_records(files))
        return
    if not files:
        console.results().print("No such file.")
        return
    out = console.results()
    narrow = out.width < console.NARROW
    table = console.table("file", "state", "tries", "recorded", "because", right=("tries",), whole=("state",))
    for file in files:
        clock = (
            file.recorded_at[:16].replace("T", " ") if narrow else f"{file.recorded_at} ({file.clock_source})"
        )
        table.add_row(
            console.PathCell(formatting.short_path(file.path)),
            file.state,
            str(file.tries or ""),
            clock if file.recorded_at else "",
            console.plain(file.reason),
        )
    out.print(table)
