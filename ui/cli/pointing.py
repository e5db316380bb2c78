"""Shared by `footage point` and `footage track`: run the request and print the points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, formatting, moments, options, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from footage.core.config import Settings
    from service.events import ServiceEvent
    from service.point import PointRequest, PointResult, WindowPoints

Draw = Annotated[
    Path | None,
    typer.Option(
        "--draw",
        metavar="FILE",
        help="Draw the points on the frame (.png, for a moment) or on the clip (.mp4, for a segment).",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


def run(
    function: Callable[..., PointResult],
    request: PointRequest,
    settings: Settings,
    print_windows: Callable[[Sequence[WindowPoints]], None],
    *,
    json: bool,
) -> None:
    """Call ``service.point.point`` or ``track``, print what it found, then draw it where that was asked for.

    Raises:
        FootageError: the file or the model cannot be used, or the model cannot do it.
    """
    from service.events import PointsFound

    with progress.shown() as display:

        def on_event(event: ServiceEvent) -> None:
            if isinstance(event, PointsFound):
                display.close()
                show(event.result, print_windows, json=json)
            else:
                display(event)

        function(options.service_for(settings), request, on_event=on_event)
        display.close()
        if request.out is not None:
            console.notes().print(f"Drawn: {console.plain(request.out)}", soft_wrap=True)


def show(result: PointResult, print_windows: Callable[[Sequence[WindowPoints]], None], *, json: bool) -> None:
    """Print what was found on stdout, what is missing of it on stderr."""
    moments.note_unseen(result.unseen)
    if json:
        from service.operations.asking import point_records

        console.emit_records(point_records(result))
    else:
        print_windows(result.windows)
    note_losses(result.windows)


def note_losses(windows: Sequence[WindowPoints]) -> None:
    """Print on stderr which parts of the answers are unusable."""
    dropped = sum(each.places.dropped for each in windows)
    if dropped:
        what = "1 point was" if dropped == 1 else f"{dropped} points were"
        console.notes().print(f"{what} skipped: unreadable, or outside the frame.", soft_wrap=True)
    short = [each for each in windows if each.places.finish_reason == "length"]
    if short:
        where = ", ".join(dict.fromkeys(map(_where, short)))
        helps = " Use a shorter --window." if short[0].shown.span.duration_seconds else ""
        console.notes().print(
            f"The answer reached its maximum length at {where}: points may be missing.{helps}", soft_wrap=True
        )


def print_count(each: WindowPoints, *, named: bool = False) -> None:
    """Time, number of objects, and their names; before them the name of the file, if there are several."""
    places, scene = each.places, each.scene
    names = f": {console.plain(places.text)}" if places.text else ""
    where = _where(each)
    if named:
        span = each.shown.span
        where = moments.name_and_times(scene.path.name, span, is_image=scene.video.is_image)
    console.results().print(f"{where}  {formatting.count(places.count, 'object')}{names}", soft_wrap=True)


def _where(each: WindowPoints) -> str:
    """Reads "0:01.0 - 0:03.5"; the name of an image."""
    if each.scene.video.is_image:
        return console.plain(each.scene.path.name)
    return moments.times(each.shown.span)
