"""Shared by `footage point` and `footage track`: run the request and print the points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, formatting, moments, options, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from footage.core.config import Settings
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
    from service.point import draw
    from service.schemas.answers import PointsRecord

    service = options.service_for(settings)
    with progress.shown() as display:
        result = function(service, request, on_event=display)
        display.close()
        moments.note_unseen(result.unseen)
        if json:
            for window in result.windows:
                console.emit_record(PointsRecord.of(result, window))
        else:
            print_windows(result.windows)
        note_losses(result.windows)
        if request.out is not None:
            draw(service, result, request.out, on_event=display)
            display.close()
            console.notes().print(f"Drawn: {console.plain(request.out)}", soft_wrap=True)


def note_losses(windows: Sequence[WindowPoints]) -> None:
    """Print on stderr which parts of the answers are unusable."""
    dropped = sum(each.places.dropped for each in windows)
    if dropped:
        what = "1 point was" if dropped == 1 else f"{dropped} points were"
        console.notes().print(f"{what} skipped: unreadable, or outside the frame.", soft_wrap=True)
    short = [each.shown.span for each in windows if each.places.finish_reason == "length"]
    if short:
        where = ", ".join(moments.times(span) for span in short)
        helps = " Use a shorter --window." if short[0].duration_seconds else ""
        console.notes().print(
            f"The answer reached its maximum length at {where}: points may be missing.{helps}", soft_wrap=True
        )


def print_count(each: WindowPoints) -> None:
    """Time, number of objects, and their names."""
    places = each.places
    names = f": {console.plain(places.text)}" if places.text else ""
    counted = f"{moments.times(each.shown.span)}  {formatting.count(places.count, 'object')}{names}"
    console.results().print(counted, soft_wrap=True)
