"""`footage find`: when does something happen in one file; needs no index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui import console, options, parts, shown

if TYPE_CHECKING:
    from footage.config import Settings
    from footage.types import Match, Span

EXAMPLES = options.examples(
    'footage find gate.mp4 "a person walks from right to left"',
    'footage find match.mkv "a ball bounces" --from 12:30 --to 14:00',
    'footage find gate.mp4 "a dog runs" --model demo --json',
)


def run(
    video: Annotated[Path, typer.Argument(help="The video file.")],
    query: Annotated[str, typer.Argument(help="What happens, in one sentence.")],
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Look from here on: 83.5, 1:23.5 or 1:02:03.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Look no further than here.")
    ] = None,
    window_seconds: options.WindowSeconds = None,
    overlap_seconds: options.OverlapSeconds = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    fps: options.Fps = None,
    min_frames: options.MinFrames = None,
    max_frames: options.MaxFrames = None,
    max_pixels: options.MaxPixels = None,
    allow_remote: options.AllowRemote = None,
    accept_server_sampling: options.AcceptServerSampling = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Find when something happens in one video, without an index.

    Every window of the video is shown to the model, so this takes time in proportion to the video's length.
    """
    settings = options.settings_from(
        config,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        accept_server_sampling=accept_server_sampling,
        window_seconds=window_seconds,
        overlap_seconds=overlap_seconds,
        fps=fps,
        min_frames=min_frames,
        max_frames=max_frames,
        max_pixels=max_pixels,
    )
    matches = find(video, query, settings, span=_span(video, start, end))
    if json:
        for rank, match in enumerate(matches, 1):
            console.emit(type="match", rank=rank, **shown.match_fields(match))
    else:
        shown.print_matches(matches)


def find(video: Path, query: str, settings: Settings, *, span: Span | None) -> list[Match]:
    """Find a query in one file, with progress on stderr.

    Args:
        video: The file.
        query: What to look for.
        settings: Which model to ask.
        span: Where to look, in video time; None means everywhere.

    Raises:
        FootageError: when the query makes no sense, or the file or the model cannot be used.
    """
    from search.ground import find_in_file
    from search.query import parse_query

    parse_query(query, plain=True)  # a bad query or file is told before anything is loaded
    parts.check_model(settings, "find")
    video_model = parts.load_model(settings)
    with console.steps("looking") as step:
        return find_in_file(
            video,
            query,
            model=video_model,
            looking=replace(
                parts.looking(settings),
                window_seconds=settings.window_seconds,
                overlap_seconds=settings.overlap_seconds,
            ),
            span=span,
            timeout_seconds=settings.decode_timeout_seconds,
            on_progress=step,
        )


def _span(video: Path, start: str | None, end: str | None) -> Span | None:
    """The part of the video to look at, or None for all of it."""
    from footage.errors import UsageError
    from footage.timecode import format_time, parse_time
    from footage.types import Span
    from footage.video import probe

    duration = probe(video).duration_seconds  # also: what is wrong with the file is told first
    if start is None and end is None:
        return None
    first, last = parse_time(start or "0"), min(parse_time(end), duration) if end else duration
    if first >= last:
        raise UsageError(
            f"There is nothing from {format_time(first)} to {format_time(last)} in {video.name}, "
            f"which lasts {format_time(duration)}."
        )
    return Span(first, last)
