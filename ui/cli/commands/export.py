"""`footage export`: write search results as clips, edit lists and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import exports, options
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples(
    'footage export "a red car drives from left to right"',
    'footage export "a dog runs" --out dogs --format mp4 --format edl --handles 1',
    'footage export "a dog runs" --copy --uncertain --limit 10',
    'footage export "a fox" --format edl-markers --start-timecode 01:00:00:00',
    'footage search "a dog runs" --json | footage export --results - --format otio --format csv',
    'footage find gate.mp4 "a dog runs" --json | footage export --results - --uncertain',
    'footage export "a dog runs" --join --titles --burn-time',
    'footage export "a dog runs" --package editor --for resolve --zip',
    'footage export "a dog runs" --package editor --for premiere --media links',
)


@takes_settings("db", *FINDS, "embedder", "rerank")
def run(
    query: Annotated[
        str | None, typer.Argument(help="The event to search for, in one sentence.", show_default=False)
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="FILE",
            allow_dash=True,
            help="Output of `footage search --json` or `footage find --json`, instead of a query; - for "
            "stdin.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Output folder.")] = Path(
        "footage-export"
    ),
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="mp4, gif, webp, otio, edl, edl-markers, fcpxml, xmeml, csv, jsonl or vtt; can be repeated; "
            "unset: mp4.",
        ),
    ] = None,
    package: Annotated[
        Literal["editor"] | None,
        typer.Option(
            "--package",
            help="A new folder for an editing program: media, timelines that link to it, a README and a "
            "manifest. --format adds lists.",
        ),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="PROGRAM",
            help="The program of the package: resolve, premiere or final-cut; unset: lists for all.",
        ),
    ] = None,
    media: Annotated[
        Literal["clips", "links"],
        typer.Option(
            "--media", help="What a package links to: clips in it, or the original files where they are."
        ),
    ] = "clips",
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=100, help="Maximum number of clips.")
    ] = 20,
    everything: options.Everything = False,
    uncertain: options.Uncertain = False,
    handles: options.ExportHandles = None,
    copy: Annotated[
        bool,
        typer.Option("--copy", help="Copy the streams without re-encoding; clips start at a keyframe."),
    ] = False,
    join: Annotated[bool, typer.Option("--join", help="Join all clips into one MP4.")] = False,
    audio: options.Audio = "all",
    titles: options.Titles = False,
    title_from: options.TitleFrom = "file",
    burn_time: options.BurnTime = False,
    burn_subtitles: options.BurnSubtitles = False,
    start_timecode: options.StartTimecode = "",
    timecode: options.TimecodeSource = "container",
    drop_frame: options.DropFrame = True,
    overwrite: options.Overwrite = False,
    zipped: options.Zip = False,
    ground: options.Ground = True,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Export search results as clips, edit lists or tables.

    Clips are exact to the frame. A manifest lists the source and the hash of each file, for `footage
    verify`. Existing files are replaced only with --overwrite, source videos never. Formats:
    docs/reference/export.md.
    """
    from service.export_clips import ExportRequest, export_clips

    if (query is None) == (results is None):
        raise UsageError(
            "An export needs either a query or --results FILE.",
            hint='For example: footage export "a dog runs"',
        )
    packaged = package is not None or program is not None
    before, after = exports.read_handles(handles or ("1" if packaged else "0"))
    request = ExportRequest(
        query=query,
        results=results,
        folder=exports.absolute(out),
        formats=tuple(exports.read_formats(formats or ["mp4"])),
        limit=limit,
        copy_streams=copy,
        join=join,
        package=packaged,
        program=exports.read_program(program),
        media=media,
        zipped=zipped,
        verdicts=exports.verdicts(uncertain=uncertain, everything=everything),
        seconds_before=before,
        seconds_after=after,
        ground=ground,
        audio=exports.read_audio(audio),
        title_from=title_from if titles else None,
        burn_time=burn_time,
        burn_subtitles=burn_subtitles,
        start_timecode=start_timecode,
        timecode=timecode,
        drop_frame=drop_frame,
        overwrite=overwrite,
    )
    exports.run(export_clips, request, settings, json=json)
