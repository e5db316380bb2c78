"""`footage track`: where something goes, from frame to frame of a stretch of video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, options, pointing
from ui.cli.setting_options import MODEL, takes_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from service.point import WindowPoints

EXAMPLES = options.examples(
    'footage track match.mp4@1:10-1:25 "the player who dunks" --model molmo2-4b',
    'footage track yard.mp4@12-30 "the dogs" --model molmo2-4b --draw dogs.mp4',
    'footage track gate.mp4 "the white van" --model molmo2-4b --json',
)


@takes_settings(*MODEL, "window_seconds")
def run(
    place: Annotated[
        str, typer.Argument(metavar="VIDEO[@START-END]", help="The video file, and what of it.")
    ],
    what: Annotated[str, typer.Argument(help="What to follow.")],
    draw: pointing.Draw = None,
    overwrite: pointing.Overwrite = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Follow something through a stretch of video, or all of it.

    Each object's path is a list of points in pixels of the video's own frames, about two a second. What is
    longer than a window is followed in each window by itself: object 1 of one need not be object 1 of the
    next.
    """
    from service.point import PointRequest, track

    request = PointRequest(place=place, what=what, out=draw, overwrite=overwrite)
    pointing.run(track, request, settings, _show, json=json)


def _show(windows: Sequence[WindowPoints]) -> None:
    """How many, then from where to where each went."""
    from footage.core.timecode import format_time

    for each in windows:
        places = each.places
        pointing.print_count(each)
        if not places.points:
            continue
        table = console.table("object", "points", "from", "at", "to", "at", right=("object", "points"))
        for number, path in places.paths.items():
            ends = [
                part
                for point in (path[0], path[-1])
                for part in (f"{point.x:.0f}, {point.y:.0f}", format_time(point.time_seconds))
            ]
            table.add_row(str(number), str(len(path)), *ends)
        console.results().print(table)
