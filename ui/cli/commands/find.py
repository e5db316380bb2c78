"""`footage find`: when does something happen in one file; needs no index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.timecode import format_time
from service import factories
from ui.cli import console, formatting, options

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.types import Match, Span, Verdict
    from search.grounding.ground import Grounded
    from search.results import Looked

EXAMPLES = options.examples(
    'footage find gate.mp4 "a person walks from right to left"',
    'footage find match.mkv "a ball bounces" --from 12:30 --to 14:00',
    'footage find gate.mp4 "a dog runs" --model demo --json',
    'footage find gate.mp4 "a dog runs" --json | footage export --from - --uncertain',
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
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many answers.")
    ] = 20,
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
    from search.engine import looked_at
    from search.query.parser import parse_query

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
    span, total = _span(video, start, end)
    found = find(video, query, settings, span=span)
    matches, looked = found.matches[:limit], looked_at(found)
    if not json:
        formatting.print_matches(matches)
        console.notes().print(_sentence(found.matches, looked, total, limit=limit), soft_wrap=True)
        return
    for rank, match in enumerate(_identified(video, matches), 1):
        console.emit(type="match", rank=rank, **formatting.match_fields(match))
    console.emit(
        type="coverage",
        query=parse_query(query, plain=True).text,
        answers=len(found.matches),
        outcome=_outcome(found.matches),
        seconds_total=round(total, 3),
        windows_looked_at=looked.windows,
        seconds_looked_at=looked.seconds,
        windows_left_out=looked.unseen,
    )


def _outcome(matches: Sequence[Match]) -> Verdict:
    """The best verdict of any answer: that of the whole, as no captions speak for or against one."""
    verdicts = {match.verdict for match in matches}
    return "found" if "found" in verdicts else "uncertain" if "uncertain" in verdicts else "not found"


def _identified(video: Path, matches: Sequence[Match]) -> list[Match]:
    """Matches that say which file they are of, for other commands: its whole path, and its content id."""
    from indexer.library import absolute, content_id
    from indexer.library import shown as spelled

    name = content_id(video) if matches else ""
    path = spelled(absolute(video))
    return [replace(each, path=path, video=replace(each.video, content_id=name)) for each in matches]


def _sentence(matches: Sequence[Match], looked: Looked, total_seconds: float, *, limit: int) -> str:
    """What the answer is as a whole, and what it rests on."""
    times = sum(match.verdict == "found" for match in matches)
    head = {
        "found": "Found once" if times == 1 else f"Found {times} times",
        "uncertain": "Nothing certain",
    }.get(_outcome(matches), "Not found")
    sentence = f"{head}: the model looked at {format_time(looked.seconds)} of {format_time(total_seconds)}"
    if looked.unseen:
        sentence += f", {formatting.count(looked.unseen, 'window')} could not be looked at"
    if limit < len(matches):
        sentence += f"; listed are the best {limit} of {len(matches)} answers (--limit)"
    return f"{sentence}."


def find(video: Path, query: str, settings: Settings, *, span: Span | None) -> Grounded:
    """Find a query in one file, with progress on stderr.

    Args:
        video: The file.
        query: What to look for.
        settings: Which model to ask.
        span: Where to look, in video time; None means everywhere.

    Returns:
        The answers, best first, and the model's replies.

    Raises:
        FootageError: when the query makes no sense, or the file or the model cannot be used.
    """
    from search.grounding.ground import find_in_file
    from search.query.parser import parse_query

    parse_query(query, plain=True)  # a bad query or file is told before anything is loaded
    factories.check_model(settings, "find")
    video_model = factories.load_model(settings)
    with console.steps("looking") as step:
        return find_in_file(
            video,
            query,
            model=video_model,
            looking=replace(
                factories.looking(settings),
                window_seconds=settings.window_seconds,
                overlap_seconds=settings.overlap_seconds,
            ),
            span=span,
            timeout_seconds=settings.decode_timeout_seconds,
            on_progress=step,
        )


def _span(video: Path, start: str | None, end: str | None) -> tuple[Span | None, float]:
    """The part of the video to look at, None for all of it, and the seconds of footage in the whole video."""
    from footage.core.errors import UsageError
    from footage.core.timecode import parse_time
    from footage.core.types import Span
    from footage.media.sandbox import probe

    probed = probe(video)  # also: what is wrong with the file is said first
    duration = probed.duration_seconds
    if start is None and end is None:
        return None, probed.footage_seconds
    first, last = parse_time(start or "0"), min(parse_time(end), duration) if end else duration
    if first >= last:
        raise UsageError(
            f"There is nothing from {format_time(first)} to {format_time(last)} in {video.name}, "
            f"which lasts {format_time(duration)}."
        )
    return Span(first, last), probed.footage_seconds
