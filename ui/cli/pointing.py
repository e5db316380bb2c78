"""What `footage point` and `footage track` share: how places in pictures are shown, and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from ui.cli import asking, console, formatting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.config import Settings
    from footage.inference.segment_queries import Segment, SegmentAnswer
    from footage.vlm.pointing import Places

Draw = Annotated[
    Path | None,
    typer.Option(
        "--draw",
        metavar="FILE",
        help="Draw the points onto the picture (.png, of a moment) or the clip (.mp4, of a stretch).",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the drawn file when it is there.")]


@dataclass(frozen=True, slots=True)
class Found:
    """What a model pointed at in one window or picture."""

    told: SegmentAnswer
    """What it was shown, and said."""
    places: Places
    """Where things are."""


def check_drawing(out: Path | None, scene: Segment, *, overwrite: bool) -> None:
    """Make sure that a drawing can be written, before anything takes its time.

    Raises:
        UsageError: when it is there already, would replace the video, or is of the wrong kind.
    """
    from footage.media.clip import refuse_source

    if out is None:
        return
    suffix, what = (".png", "A moment") if scene.is_moment else (".mp4", "A stretch")
    if out.suffix.lower() != suffix:
        raise UsageError(
            f"{what} is drawn as {suffix}, not as {out.suffix or out.name!r}.",
            hint="Points of a moment (VIDEO@1:23) go onto a .png, those of a stretch onto an .mp4.",
        )
    refuse_source(out, str(scene.path))
    if out.exists() and not overwrite:
        raise UsageError(f"{out} is there already.", hint="Name another file, or add --overwrite.")


def find(scene: Segment, settings: Settings, make: asking.MakePrompt) -> list[Found]:
    """Ask the model where something is, in every window of a scene, with progress on stderr.

    Raises:
        FootageError: when the file or the model cannot be used, or the model cannot do it.
    """
    from footage.vlm.pointing import read_places

    model, prompt = asking.load_model(settings, make)
    found = []
    for told in asking.answers(model, scene, prompt, settings):
        assert told.answer is not None
        found.append(Found(told, read_places(told.answer, told.shown)))
    return found


def emit(scene: Segment, found: Sequence[Found], kind: str) -> None:
    """A line of JSON for each window or picture; points in pixels of the source's frames."""
    for each in found:
        seen, places = each.told.shown, each.places
        console.emit(
            type=kind,
            video=str(scene.path),
            **asking.span_fields(seen.span),
            width=seen.width,
            height=seen.height,
            count=places.count,
            points=[
                {"time_seconds": p.time_seconds, "object": p.object_id, "x": p.x, "y": p.y}
                for p in places.points
            ],
            dropped=places.dropped,
            text=places.text,
            raw=places.raw,
            finish_reason=places.finish_reason,
        )


def draw(scene: Segment, found: Sequence[Found], out: Path, settings: Settings, *, trails: bool) -> None:
    """Write the picture or the clip with the points on it, and say so on stderr.

    Raises:
        FootageError: when the video cannot be read, or the file cannot be written.
    """
    from footage.media.annotate import Drawing
    from footage.media.sandbox import write_clip, write_picture

    paths = [path for each in found for path in each.places.paths.values()]
    drawing = Drawing(paths, width=scene.video.width, height=scene.video.height, trails=trails)
    timeout = settings.decode_timeout_seconds
    with console.notes().status(f"drawing {console.plain(out.name)}"):
        if scene.is_moment:
            moment = scene.span.start_seconds
            write_picture(scene.path, moment, out, paint=drawing, timeout_seconds=timeout)
        else:
            write_clip(scene.path, scene.span, out, paint=drawing, timeout_seconds=timeout)
    console.notes().print(f"Drawn: {console.plain(out)}", soft_wrap=True)


def note_losses(found: Sequence[Found]) -> None:
    """Say on stderr what of the answers could not be used."""
    dropped = sum(each.places.dropped for each in found)
    if dropped:
        what = "1 point was" if dropped == 1 else f"{dropped} points were"
        console.notes().print(f"{what} left out: unreadable, or outside of the frame.", soft_wrap=True)
    short = [each.told.shown.span for each in found if each.places.finish_reason == "length"]
    if short:
        where = ", ".join(asking.times(span) for span in short)
        helps = " A shorter --window leaves more room." if short[0].duration_seconds else ""
        console.notes().print(
            f"The answer was cut off at {where}: points may be missing.{helps}", soft_wrap=True
        )


def print_count(each: Found) -> None:
    """When, how many objects, and what they were called."""
    places = each.places
    said = f": {console.plain(places.text)}" if places.text else ""
    counted = f"{asking.times(each.told.shown.span)}  {formatting.count(places.count, 'object')}{said}"
    console.results().print(counted, soft_wrap=True)
