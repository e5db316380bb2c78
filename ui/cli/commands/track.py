"""`footage track`: track objects through a segment or a video."""

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
    'footage track match.mp4@1:10-1:25 "the player who dunks" --model molmo2-4b',
    'footage track yard.mp4@12-30 "the dogs" --model molmo2-4b --draw dogs.mp4',
    'footage track gate.mp4 "the white van" --model molmo2-4b --json',
)


@takes_settings("service", *MODEL, "window_seconds", *DOWNLOADS)
def run(
    place: Annotated[
        str, typer.Argument(metavar="VIDEO[@START-END]", help="The video file, with an optional segment.")
    ],
    what: Annotated[str, typer.Argument(help="The object to track.")],
    draw: pointing.Draw = None,
    overwrite: pointing.Overwrite = False,
    fetch: options.Fetch = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Track objects through a segment or a video.

    The path of each object is a list of points in pixels of the original frames, about two per second. A
    longer segment is split into windows. An object keeps its number in the next window if it goes on near the
    place where it was; one that was hidden at the seam, or comes back later, gets a new number.
    """
    from service.point import PointRequest, track

    request = PointRequest(places=(place,), what=what, out=draw, overwrite=overwrite, fetch=fetch)
    pointing.run(track, request, settings, _show, json=json)


def _show(windows: Sequence[WindowPoints]) -> None:
    """Print the number of objects, then the path of each."""
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
