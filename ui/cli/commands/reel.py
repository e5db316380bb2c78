"""`footage reel`: the best of what a search finds, joined into one film of a given length."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import console, exports, options

EXAMPLES = options.examples(
    'footage reel "a goal is scored" --max 60s',
    'footage reel "a dog runs" --max 1m30s --out dogs.mp4 --order score --titles --burn-time',
    'footage reel "a car stops THEN somebody gets out" --handles 1,2 --uncertain',
)


def run(
    query: Annotated[str, typer.Argument(help="What happens, in one sentence.")],
    most: Annotated[
        str, typer.Option("--max", metavar="LENGTH", help="Longest the film may be: 60s, 1m30s or 1:30.")
    ] = "60s",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The film, an .mp4.")] = Path("reel.mp4"),
    order: Annotated[
        Literal["time", "score"],
        typer.Option("--order", help="By when it happened, or the surest first."),
    ] = "time",
    everything: options.Everything = False,
    uncertain: options.Uncertain = False,
    handles: options.Handles = "0",
    audio: options.ReelAudio = None,
    titles: options.Titles = False,
    title_from: options.TitleFrom = "file",
    burn_time: options.BurnTime = False,
    transition: Annotated[
        Literal["cut"], typer.Option("--transition", help="What lies between two clips.")
    ] = "cut",
    start_timecode: options.StartTimecode = "",
    drop_frame: options.DropFrame = True,
    overwrite: options.Overwrite = False,
    ground: options.Ground = True,
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    rerank: options.Rerank = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Join the best of what a search finds into one film, spread over the videos, no longer than asked for.

    Clips are taken whole; only one that is longer than the whole film is cut short. Beside the film lie its
    edit lists (.otio, .edl) and its manifest (footage verify).
    """
    from footage.store import Store
    from service.export import Options, make_reel, widened

    if audio == "all":
        raise UsageError("A reel has one audio track.", hint="Name one track: --audio 2")
    length = exports.read_length(most)
    before, after = exports.read_handles(handles)
    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
        rerank=rerank,
    )
    store = Store.open(settings.db)
    how = Options(
        name=query,
        audio=exports.read_audio(audio),
        lettering=exports.lettering(titles, title_from, burn_time),
        start_timecode=start_timecode,
        drop_frame=drop_frame,
        overwrite=overwrite,
        timeout_seconds=settings.decode_timeout_seconds,
        protected=frozenset(file.path for file in store.files.all()),
    )
    clips = exports.found_clips(query, settings, store, ground=ground)
    wanted = exports.believed(clips, uncertain=uncertain, everything=everything)
    if not wanted:
        exports.say_nothing_found(clips, json=json)
        return
    with console.steps("joining") as step:
        exported = exports.of_indexed_files(
            [widened(clip, before, after) for clip in wanted],
            store,
            lambda clips: make_reel(
                clips,
                exports.absolute(out),
                max_seconds=length,
                order=order,
                options=how,
                on_progress=step,
            ),
        )
    exports.show(exported, json=json)
    if exported.failures:
        raise typer.Exit(console.EXIT_PARTLY)
