"""`footage point`: point at or count objects in images, frames, segments or videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, options, pointing
from ui.cli.setting_options import DOWNLOADS, MODEL, takes_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from service.point import WindowPoints

EXAMPLES = options.examples(
    'footage point street.mp4@12.5 "the red car" --model molmo2-4b',
    'footage point square.mp4@1:10 "count the people" --model molmo2-4b --draw people.png',
    'footage point square.mp4@1:10-1:25 "people with umbrellas" --model molmo2-4b --json',
    'footage point east.jpg west.jpg "the red car" --model molmo2-4b',
)


@takes_settings("service", *MODEL, "window_seconds", *DOWNLOADS)
def run(
    place: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE[@TIME|@START-END]...",
            help="Video files, each with an optional moment or segment, and image files.",
        ),
    ],
    what: Annotated[str, typer.Argument(help="The object to point at or to count, as the last argument.")],
    draw: pointing.Draw = None,
    overwrite: pointing.Overwrite = False,
    fetch: options.Fetch = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Point at or count objects in images, frames, segments or videos.

    Points are in pixels of the original frames, from the left and from the top. The command also counts the
    distinct objects. The model sees an image or a single frame in finer detail than a segment. Object
    numbers are valid within one window. Several images and moments become one question, with object numbers
    for all of them, if the model can compare images.
    """
    from service.point import PointRequest, point

    request = PointRequest(places=tuple(place), what=what, out=draw, overwrite=overwrite, fetch=fetch)
    pointing.run(point, request, settings, _show, json=json)


def _show(windows: Sequence[WindowPoints]) -> None:
    """Print the number of objects, then each point."""
    from footage.core.timecode import format_time

    named = len({each.scene.source for each in windows}) > 1
    for each in windows:
        places = each.places
        pointing.print_count(each, named=named)
        if not places.points:
            continue
        table = console.table("time", "object", "x", "y", right=("time", "object", "x", "y"))
        for point in places.points:
            table.add_row(
                format_time(point.time_seconds), str(point.object_id), f"{point.x:.0f}", f"{point.y:.0f}"
            )
        console.results().print(table)
