"""Points at things in pictures and follows them through stretches of video; draws what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from service.events import Listener, busy, ignore
from service.requests import Request
from service.scenes import MakePrompt, ask_scene, load_model, read_scene

if TYPE_CHECKING:
    from footage.core.types import Span
    from footage.inference.segment_queries import Segment
    from footage.vlm.pointing import Places, Shown
    from service.cancellation import CancelToken
    from service.session import Service


class PointRequest(Request):
    """What to point at, and where."""

    place: str
    """A file, and what of it: VIDEO, VIDEO@TIME or VIDEO@START-END."""
    what: str
    """What to point at, to count or to follow."""
    out: Path | None = None
    """File that the points will be drawn to; checked before the model is asked, written by ``draw``."""
    overwrite: bool = False
    """Whether that file may be replaced."""


@dataclass(frozen=True, slots=True)
class WindowPoints:
    """What the model pointed at in one window or picture."""

    shown: Shown
    """What it was shown."""
    places: Places
    """Where things are."""


@dataclass(frozen=True, slots=True)
class PointResult:
    """What the model pointed at in a scene."""

    scene: Segment
    """Name of the check."""
    windows: tuple[WindowPoints, ...]
    """One for each window or picture, by time."""
    unseen: tuple[tuple[Span, str], ...]
    """Windows that could not be decoded, each with the reason, one sentence."""
    trails: bool
    """Whether objects were followed, so that a drawing shows where they went."""


def point(
    service: Service, request: PointRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> PointResult:
    """Point at something in the picture of a moment, in a stretch, or in a whole video.

    Raises:
        FootageError: the place, the drawing or the model cannot be used, or the model cannot point.
        Cancelled: the token was cancelled between two windows.
    """
    from footage.vlm.pointing import point_prompt

    scene = read_scene(request.place)
    return _locate(
        service,
        request,
        scene,
        lambda profile: point_prompt(request.what, profile),
        trails=False,
        on_event=on_event,
        cancel=cancel,
    )


def track(
    service: Service, request: PointRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> PointResult:
    """Track objects through a segment or a video.

    Raises:
        FootageError: as ``point``, or the place is a moment.
        Cancelled: the token was cancelled between two windows.
    """
    from footage.vlm.pointing import track_prompt

    scene = read_scene(request.place)
    if scene.is_moment:
        raise UsageError(
            f"{request.place} is a moment, but tracking needs a segment.",
            hint="Add the end time, as in match.mp4@1:10-1:25; or use `footage point`.",
        )
    return _locate(
        service,
        request,
        scene,
        lambda profile: track_prompt(request.what, profile),
        trails=True,
        on_event=on_event,
        cancel=cancel,
    )


def draw(service: Service, result: PointResult, out: Path, *, on_event: Listener = ignore) -> None:
    """Write the picture or the clip of a result with the points on it.

    Raises:
        FootageError: the video cannot be read, or the file cannot be written.
    """
    from footage.media.annotate import Drawing
    from footage.media.sandbox import write_clip, write_picture

    scene = result.scene
    paths = [path for each in result.windows for path in each.places.paths.values()]
    drawing = Drawing(paths, width=scene.video.width, height=scene.video.height, trails=result.trails)
    timeout = service.settings.decode_timeout_seconds
    with busy(f"drawing {out.name}", on_event):
        if scene.is_moment:
            moment = scene.span.start_seconds
            write_picture(scene.path, moment, out, paint=drawing, timeout_seconds=timeout)
        else:
            write_clip(scene.path, scene.span, out, paint=drawing, timeout_seconds=timeout)


def _locate(
    service: Service,
    request: PointRequest,
    scene: Segment,
    make: MakePrompt,
    *,
    trails: bool,
    on_event: Listener,
    cancel: CancelToken | None,
) -> PointResult:
    from footage.vlm.pointing import read_places

    _check_drawing(request, scene)
    model, prompt = load_model(service, make, on_event)
    answers = ask_scene(service, model, scene, prompt, on_event=on_event, cancel=cancel)
    windows = tuple(
        WindowPoints(each.shown, read_places(each.answer, each.shown)) for each in answers.windows
    )
    return PointResult(scene, windows, answers.unseen, trails)


def _check_drawing(request: PointRequest, scene: Segment) -> None:
    """Make sure that the drawing can be written, before anything takes its time."""
    from footage.media.clip import refuse_source

    out = request.out
    if out is None:
        return
    suffix, what = (".png", "A moment") if scene.is_moment else (".mp4", "A stretch")
    if out.suffix.lower() != suffix:
        raise UsageError(
            f"{what} needs an output file with {suffix}, not {out.suffix or out.name!r}.",
            hint="Points of a moment (VIDEO@1:23) need a .png, points of a segment an .mp4.",
        )
    refuse_source(out, str(scene.path))
    if out.exists() and not request.overwrite:
        raise UsageError(f"{out} already exists.", hint="Name another file, or add --overwrite.")
