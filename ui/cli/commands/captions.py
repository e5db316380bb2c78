"""`footage captions export` and `footage captions import`: captions as JSON Lines."""

from __future__ import annotations

import json as jsonlib
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import FileError, UsageError
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

HELP = "Export and import captions as JSON Lines."
EXAMPLES = options.examples(
    "footage captions export > captions.jsonl",
    "footage captions export --out captions.jsonl --db cameras.lancedb",
)
IMPORT_EXAMPLES = options.examples(
    "footage captions import captions.jsonl --db other.lancedb",
    "footage captions export | footage captions import - --db new",
)


@takes_settings("db")
def export(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Output file; unset: stdout.")
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option("--track", metavar="TRACK", help="Export only this track; can be repeated."),
    ] = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Export captions and all other tracks as JSON Lines."""
    from service.captions import ExportRequest, export_captions

    rows = export_captions(options.service_for(settings), ExportRequest(tracks=tuple(track or ())))
    lines = 0
    try:
        with out.open("x", encoding="utf-8") if out else nullcontext(sys.stdout) as stream:
            for row in rows:
                stream.write(jsonlib.dumps(row, ensure_ascii=out is None) + "\n")
                lines += 1
    except FileExistsError as error:
        raise UsageError(f"{out} already exists", hint="Name a file that does not exist.") from error
    except OSError as error:
        if out is None:
            raise
        raise FileError(f"{out} cannot be written: {error.strerror}", hint="Name another file.") from error
    if out:
        console.notes().print(
            f"Wrote {formatting.count(lines, 'line')} to {console.plain(out)}.", soft_wrap=True
        )


@takes_settings("db", "embedder")
def take_in(
    file: Annotated[Path, typer.Argument(help="JSON Lines; - for stdin.", allow_dash=True)],
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Import captions and other tracks from another index or another source.

    All lines are checked before the first one is written. The format: docs/reference/captions.md.
    """
    from service.captions import ImportRequest, import_captions

    service = options.service_for(settings)
    with progress.shown() as display:
        imported = import_captions(service, ImportRequest(file=file), on_event=display)
    if json:
        from service.schemas.library import ImportRecord

        console.emit_record(ImportRecord(**imported._asdict()))
    else:
        windows, videos = (
            formatting.count(imported.windows, "window"),
            formatting.count(imported.videos, "video"),
        )
        console.results().print(
            f"Imported {windows} of {videos}, {formatting.count(imported.events, 'event')}."
        )
