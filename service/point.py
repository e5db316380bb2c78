"""Points at things in pictures and tracks them through segments of video; draws what was found."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from footage.core.errors import UsageError
from service.events import Listener, PointsFound, busy, ignore
from service.fetch import local_files
from service.requests import Request
from service.scenes import ask_scene, ask_together, check_prompt, load_model, read_scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from footage.core.types import Point, Span
    from footage.inference.segment_queries import Segment
    from footage.vlm.pointing import Places, Shown
    from footage.vlm.profile import Profile
    from footage.vlm.protocol import Prompt, VideoModel
    from service.cancellation import CancelToken
    from service.session import Service


class PointRequest(Request):
    """What to point at, and where."""

    places: tuple[str, ...] = Field(min_length=1)
    """Files, and what of them: IMAGE, VIDEO, VIDEO@TIME or VIDEO@START-END."""
    what: str
    """What to point at, to count or to follow."""
    out: Path | None = None
    """File that the points will be drawn to; checked before the model is asked."""
    overwrite: bool = False
    """Whether that file may be replaced."""
    fetch: bool = False
    """Whether places may be http and https addresses, which are downloaded."""


@dataclass(frozen=True, slots=True)
class WindowPoints:
    """What the model pointed at in one window or picture."""

    scene: Segment
    """What it belongs to."""
    shown: Shown
    """What it was shown."""
    places: Places
    """Where things are."""
    picture: int | None = None
    """Its number, from 1, among several pictures that were shown together; objects are numbered in all of
    them. None where it was shown by itself."""


@dataclass(frozen=True, slots=True)
class PointResult:
    """What the model pointed at in some scenes."""

    windows: tuple[WindowPoints, ...]
    """One for each window or picture, by scene and time."""
    unseen: tuple[tuple[Span, str], ...]
    """Windows that could not be decoded, each with the reason, one sentence."""
    trails: bool
    """Whether objects were followed, so that a drawing shows where they went."""


def point(
    service: Service, request: PointRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> PointResult:
    """Point at something in images, moments, segments or whole videos; draw it where that was asked for.

    Several images and moments are one question, if the model can compare pictures.

    Events: ``Busy``, ``StageProgress``, and ``PointsFound`` before the drawing is written.

    Raises:
        FootageError: a place, the drawing or the model cannot be used, or the model cannot point.
        Cancelled: the token was cancelled between two windows.
    """
    from footage.vlm.pointing import Shown, point_prompt, read_picture_places

    def make(profile: Profile) -> Prompt:
        return point_prompt(request.what, profile)

    check_prompt(service, make)
    with _scenes(service, request, on_event, cancel) as scenes:
        model, prompt = load_model(service, make, on_event)
        together = ask_together(service, model, scenes, prompt, on_event)
        if together is not None:
            shown = [
                Shown(each.span, (each.span.start_seconds,), each.video.width, each.video.height)
                for each in scenes
            ]
            places = read_picture_places(together, shown)
            windows = tuple(
                WindowPoints(*each, picture=number)
                for number, each in enumerate(zip(scenes, shown, places, strict=True), 1)
            )
            result = PointResult(windows, (), trails=False)
        else:
            found = [_locate(service, model, scene, prompt, on_event, cancel) for scene in scenes]
            result = PointResult(
                tuple(window for windows, _ in found for window in windows),
                tuple(each for _, unseen in found for each in unseen),
                trails=False,
            )
        _finish(service, result, request.out, on_event)
        return result


def track(
    service: Service, request: PointRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> PointResult:
    """Track objects through a segment or a video; an object keeps its number from window to window.

    Raises:
        FootageError: as ``point``, or the place is a moment or an image.
        Cancelled: the token was cancelled between two windows.
    """
    from footage.vlm.pointing import track_prompt
    from footage.vlm.track_linking import link_tracks

    def make(profile: Profile) -> Prompt:
        return track_prompt(request.what, profile)

    if len(request.places) > 1:
        raise UsageError("Tracking takes one video at a time.", hint="Repeat the command for each.")
    check_prompt(service, make)
    with _scenes(service, request, on_event, cancel) as [scene]:
        if scene.is_moment:
            image = "an image, but tracking needs a video"
            moment = "a moment, but tracking needs a segment"
            raise UsageError(
                f"{request.places[0]} is {image if scene.video.is_image else moment}.",
                hint="Add the end time, as in match.mp4@1:10-1:25; or use `footage point`.",
            )
        model, prompt = load_model(service, make, on_event)
        windows, unseen = _locate(service, model, scene, prompt, on_event, cancel)
        size = {"width": scene.video.width, "height": scene.video.height}
        linked = link_tracks([each.places for each in windows], **size)
        numbered = tuple(replace(each, places=places) for each, places in zip(windows, linked, strict=True))
        result = PointResult(numbered, unseen, trails=True)
        _finish(service, result, request.out, on_event)
        return result


@contextmanager
def _scenes(
    service: Service, request: PointRequest, on_event: Listener, cancel: CancelToken | None
) -> Iterator[list[Segment]]:
    """The scenes of a request, once it is sure that a drawing of them can be written."""
    fetch = request.fetch
    with local_files(service, request.places, fetch=fetch, on_event=on_event, cancel=cancel) as places:
        scenes = [read_scene(place) for place in places]
        _check_drawing(request, scenes)
        yield scenes


def _locate(
    service: Service,
    model: VideoModel,
    scene: Segment,
    prompt: Prompt,
    on_event: Listener,
    cancel: CancelToken | None,
) -> tuple[tuple[WindowPoints, ...], tuple[tuple[Span, str], ...]]:
    """What the model points at in each window of a scene, and which windows could not be decoded."""
    from footage.vlm.pointing import read_places

    answers = ask_scene(service, model, scene, prompt, on_event=on_event, cancel=cancel)
    windows = tuple(
        WindowPoints(scene, each.shown, read_places(each.answer, each.shown)) for each in answers.windows
    )
    return windows, answers.unseen


def _finish(service: Service, result: PointResult, out: Path | None, on_event: Listener) -> None:
    """Report a result, then write the picture or the clip with the points on it, where that was asked for."""
    from footage.media.annotate import Drawing
    from footage.media.sandbox import write_clip, write_picture

    on_event(PointsFound(result))
    if out is None:
        return
    scene = result.windows[0].scene
    paths: dict[tuple[int, int], list[Point]] = {}  # a tracked object has one path through all windows
    for index, window in enumerate(result.windows):
        for number, path in window.places.paths.items():
            paths.setdefault((0 if result.trails else index, number), []).extend(path)
    drawing = Drawing(
        [*paths.values()], width=scene.video.width, height=scene.video.height, trails=result.trails
    )
    timeout = service.settings.decode_timeout_seconds
    with busy(f"drawing {out.name}", on_event):
        if scene.is_moment:
            moment = scene.span.start_seconds
            write_picture(scene.path, moment, out, paint=drawing, timeout_seconds=timeout)
        else:
            write_clip(scene.path, scene.span, out, paint=drawing, timeout_seconds=timeout)


def _check_drawing(request: PointRequest, scenes: Sequence[Segment]) -> None:
    """Make sure that the drawing can be written, before anything takes its time."""
    from footage.media.clip import refuse_source

    out = request.out
    if out is None:
        return
    if len(scenes) > 1:
        raise UsageError("--draw draws one picture or clip.", hint="Repeat the command for each file.")
    [scene] = scenes
    suffix, what = (".png", "A moment") if scene.is_moment else (".mp4", "A stretch")
    if out.suffix.lower() != suffix:
        raise UsageError(
            f"{'An image' if scene.video.is_image else what} needs an output file with {suffix}, not "
            f"{out.suffix or out.name!r}.",
            hint="Points of a moment (VIDEO@1:23) or an image need a .png, points of a segment an .mp4.",
        )
    refuse_source(out, str(scene.path))
    if out.exists() and not request.overwrite:
        raise UsageError(f"{out} already exists.", hint="Name another file, or add --overwrite.")
