"""`footage captions`: captions and words as JSON Lines, out and in; tracks as subtitle files."""

from __future__ import annotations

import json as jsonlib
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import FileError, UsageError
from footage.objects.paths import typed_path
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

HELP = "Export captions and words as JSON Lines or subtitles; import them."
EXAMPLES = options.examples(
    "footage captions export > captions.jsonl",
    "footage captions export --out captions.jsonl --db cameras.lancedb",
    "footage captions export videos/talk.mp4 --format srt > talk.srt",
    "footage captions export --format vtt --track screen-text --out subtitles",
)
IMPORT_EXAMPLES = options.examples(
    "footage captions import captions.jsonl --db other.lancedb",
    "footage captions export | footage captions import - --db new",
)


@takes_settings("db")
def export(
    videos: Annotated[
        list[str] | None,
        typer.Argument(help="With subtitles: only these files or folders.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PATH", help="Output file; of subtitles a folder; unset: stdout."),
    ] = None,
    form: Annotated[
        Literal["jsonl", "srt", "vtt", "txt"],
        typer.Option("--format", help="JSON Lines of everything, or subtitles of one track."),
    ] = "jsonl",
    track: Annotated[
        list[str] | None,
        typer.Option(
            "--track",
            metavar="TRACK",
            help="Export only this track; can be repeated. Unset: all, of subtitles speech.",
        ),
    ] = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Export captions and all other tracks: everything as JSON Lines, or subtitle files.

    Subtitles of one video go to stdout; with --out, each video gets a file of its own in that folder.
    """
    if form != "jsonl":
        _export_subtitles(
            settings, tuple(map(typed_path, videos or ())), form, tuple(track or ()), out, json=json
        )
        return
    if videos:
        raise UsageError(
            "JSON Lines hold all videos of the index.",
            hint="For subtitles of some of them: --format srt, vtt or txt",
        )
    from service.captions import CaptionExportRequest, export_captions

    rows = export_captions(options.service_for(settings), CaptionExportRequest(tracks=tuple(track or ())))
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


def _export_subtitles(
    settings: Settings,
    videos: tuple[Path, ...],
    form: Literal["srt", "vtt", "txt"],
    tracks: tuple[str, ...],
    out: Path | None,
    *,
    json: bool,
) -> None:
    """Print the subtitles of one video, or write those of several into a folder."""
    from service import subtitle_files

    service = options.service_for(settings)
    request = subtitle_files.SubtitleRequest(tracks=tracks or ("speech",), form=form, paths=videos)
    if out is not None:
        written = subtitle_files.write_subtitle_files(service, request, out.absolute())
        if json:
            from service.operations.exporting import subtitle_file_records

            console.emit_records(subtitle_file_records(written))
        else:
            number = formatting.count(len(written), "file")
            console.results().print(f"Wrote {number} to {console.plain(out)}.", soft_wrap=True)
        return
    texts = subtitle_files.subtitle_texts(service, request)
    if not texts:
        raise subtitle_files.nothing_there(request)
    if json:
        from service.operations.exporting import subtitle_records

        console.emit_records(subtitle_records(texts))
        return
    if len(texts) > 1:
        raise UsageError(
            f"These are {len(texts)} files of subtitles; stdout takes one.",
            hint="Name a folder: --out subtitles",
        )
    sys.stdout.write(texts[0].text)


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


COMMANDS = {"export": (export, EXAMPLES), "import": (take_in, IMPORT_EXAMPLES)}
"""The commands of the group: function and examples."""
