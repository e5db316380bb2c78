"""`footage reel`: join the best search results into one film of a given length."""

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
    'footage reel "a goal is scored" --max 60s',
    'footage reel "a dog runs" --max 1m30s --out dogs.mp4 --order score --titles --burn-time',
    'footage reel "a goal is scored" --burn-subtitles --zip',
    'footage reel "a car stops THEN somebody gets out" --handles 1,2 --uncertain',
)


@takes_settings("db", *FINDS, "embedder", "rerank")
def run(
    query: Annotated[str, typer.Argument(help="The event to search for, in one sentence.")],
    most: Annotated[
        str, typer.Option("--max", metavar="LENGTH", help="Maximum length of the film: 60s, 1m30s or 1:30.")
    ] = "60s",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Output file, an .mp4.")] = Path(
        "reel.mp4"
    ),
    order: Annotated[
        Literal["time", "score"],
        typer.Option("--order", help="Order of the clips: by time, or by confidence."),
    ] = "time",
    everything: options.Everything = False,
    uncertain: options.Uncertain = False,
    handles: options.Handles = "0",
    audio: options.ReelAudio = None,
    titles: options.Titles = False,
    title_from: options.TitleFrom = "file",
    burn_time: options.BurnTime = False,
    burn_subtitles: options.BurnSubtitles = False,
    transition: Annotated[
        Literal["cut"], typer.Option("--transition", help="Transition between clips.")
    ] = "cut",
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
    """Join the best search results into one film.

    The clips are spread over the videos. Clips are not shortened, except one longer than the whole film.
    The command also writes edit lists (.otio, .edl) and a manifest for `footage verify`.
    """
    from service.reel import ReelRequest, make_reel

    if audio == "all":
        raise UsageError("A reel has one audio track.", hint="Name one track: --audio 2")
    length = exports.read_length(most)
    before, after = exports.read_handles(handles)
    request = ReelRequest(
        query=query,
        out=exports.absolute(out),
        max_seconds=length,
        order=order,
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
        zipped=zipped,
    )
    exports.run(make_reel, request, settings, json=json)
