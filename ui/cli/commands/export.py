"""`footage export`: what a search finds as clips, edit lists and tables in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import FileError, UsageError
from footage.core.text_files import read_lines
from service import factories
from ui.cli import console, exports, options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.store import Store
    from service.export import Clip

EXAMPLES = options.examples(
    'footage export "a red car drives from left to right"',
    'footage export "a dog runs" --to dogs --format mp4 --format edl --handles 1',
    'footage export "a dog runs" --copy --uncertain --limit 10',
    'footage export "a fox" --format edl-markers --start-timecode 01:00:00:00',
    'footage search "a dog runs" --json | footage export --from - --format otio --format csv',
    'footage find gate.mp4 "a dog runs" --json | footage export --from - --uncertain',
    'footage export "a dog runs" --join --titles --burn-time',
)


def run(
    query: Annotated[
        str | None, typer.Argument(help="What happens, in one sentence.", show_default=False)
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            allow_dash=True,
            help="Instead of a query: what `footage search --json` or `find --json` printed; - for stdin.",
        ),
    ] = None,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write.")] = Path(
        "footage-export"
    ),
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="mp4, gif, webp, otio, edl, edl-markers, fcpxml, csv, jsonl, vtt; give several. mp4.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="At most so many clips.")] = 20,
    everything: options.Everything = False,
    uncertain: options.Uncertain = False,
    handles: options.Handles = "0",
    copy: Annotated[
        bool,
        typer.Option("--copy", help="Copy the streams, from a keyframe on, instead of encoding them again."),
    ] = False,
    join: Annotated[bool, typer.Option("--join", help="One MP4 of all clips.")] = False,
    audio: options.Audio = "all",
    titles: options.Titles = False,
    title_from: options.TitleFrom = "file",
    burn_time: options.BurnTime = False,
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
    """Write what a search finds into a folder: clips cut to the frame, edit lists, tables, chapters.

    A manifest beside them says where each comes from, with its hash (footage verify). Nothing that is there
    is written over unless --overwrite says so, and a source never is. Formats are told in docs/export.md.
    """
    from footage.store import Store
    from service.export import Options, export, widened

    if (query is None) == (results is None):
        raise UsageError(
            "An export needs either a query or --from FILE.",
            hint='For example: footage export "a dog runs"',
        )
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
    chosen = exports.read_formats(formats or ["mp4"])
    store = Store.open(settings.db) if query is not None else factories.existing_store(settings.db)
    how = Options(
        copy=copy,
        join=join,
        audio=exports.read_audio(audio),
        lettering=exports.lettering(titles, title_from, burn_time),
        start_timecode=start_timecode,
        drop_frame=drop_frame,
        overwrite=overwrite,
        timeout_seconds=settings.decode_timeout_seconds,
        protected=frozenset(file.path for file in store.files.all()) if store else (),
    )
    clips = (
        exports.found_clips(query, settings, store, ground=ground)
        if query is not None and store is not None
        else _read(results or Path("-"), store)
    )
    wanted = exports.believed(clips, uncertain=uncertain, everything=everything)[:limit]
    if not wanted:
        exports.say_nothing_found(clips, json=json)
        return
    with console.steps("exporting") as step:
        exported = exports.of_indexed_files(
            [widened(clip, before, after) for clip in wanted],
            store,
            lambda clips: export(
                clips,
                exports.absolute(to),
                formats=chosen,
                options=replace(how, name=_name(query, wanted)),
                on_progress=step,
            ),
        )
    exports.show(exported, json=json)
    if exported.failures:
        raise typer.Exit(console.EXIT_PARTLY)


def _name(query: str | None, clips: Sequence[Clip]) -> str:
    """What files about all clips are called: by the query, where there is a single one."""
    queries = {query} if query else {clip.query for clip in clips}
    return next(iter(queries)) or "clips" if len(queries) == 1 else "clips"


def _read(file: Path, store: Store | None) -> list[Clip]:
    """The clips in what a search or find printed.

    Raises:
        UsageError: when it cannot be read, or is something else.
    """
    from indexer.library import content_id
    from service.export import read_results

    try:
        lines = read_lines(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FileError(f"{file} cannot be read: {reason}.", hint="Name a file of JSON Lines.") from error
    return read_results(lines, store, exports.origins(store), identify=content_id)
