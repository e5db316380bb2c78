"""What the player shows and draws: moments that may sharpen, the ones that come next, objects; knows no page.

Pure: what is shown next follows from what was shown before and what came from the browser.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from footage.core.timecode import clamp
from footage.core.types import File, Span, Video
from service import previews
from ui.text import plain
from ui.web.components import media
from ui.web.components.addresses import clip_address, picture_address
from ui.web.components.player import events

if TYPE_CHECKING:
    from footage.core.types import Point

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class FollowedObject:
    """Something that was pointed at or followed through a video."""

    name: str
    """What is written beside it; untrusted."""
    places: Sequence[tuple[float, ...]]
    """Where it was, by time: seconds of video time, then x and y, or left, top, right and bottom, all as
    shares of the picture's width and height, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A moment that a button of the page plays: the browser starts it while the page is still being drawn."""

    target: str
    """Key of the Streamlit button that plays it."""
    video: Video
    """Its video."""
    span: Span
    """The moment."""
    file: File | None
    """The file that holds it, as the index knows it; without one it is not started early."""
    identity: str = ""
    """As of ``player.show``."""


@dataclass(frozen=True, slots=True)
class ShownMoment:
    """What the player shows, kept between runs."""

    of: str
    """Names the moment."""
    span: Span
    """The span as it is known now."""
    stretch: Span
    """The segment of the video in the preview."""
    at_seconds: float
    """Where the last jump went, in video time."""
    play: bool
    """Whether it plays from there, in the one run after that was asked for."""
    jumps: int = 0
    """How often it jumped; the browser follows when this changes."""
    view: Span | None = None
    """The part of the timeline whose pieces are wanted one by one."""
    earlier: tuple[Span, ...] = ()
    """The spans of this moment before it was checked."""


def name_of(content_id: str, span: Span, identity: str = "") -> str:
    """Names a moment: by what the page calls it, which stays when its span sharpens, else by its span."""
    what = f"{content_id} {identity}" if identity else f"{content_id} {span}"
    return hashlib.blake2b(what.encode(), digest_size=8).hexdigest()


def next_shown(
    before: ShownMoment | None,
    asked: events.Wishes,
    of: str,
    moment: Span,
    whole: Span,
    *,
    autoplay: bool,
) -> ShownMoment:
    """What to show now.

    Another moment starts afresh; a sharper span of the same one keeps what plays, and widens or moves the
    preview only where it does not hold the span; a moment outside the preview moves or widens it.

    Args:
        before: What was shown in the last run.
        asked: What was asked for since.
        of: Names the moment.
        moment: Its span.
        whole: The whole video.
        autoplay: Whether another moment plays at once.
    """
    if before is None or before.of != of:
        stretch = previews.around(moment, whole.end_seconds)
        return ShownMoment(of, moment, stretch, moment.start_seconds, autoplay)
    before = replace(before, play=False)
    if moment != before.span:
        held = (
            before.stretch.start_seconds <= moment.start_seconds
            and moment.end_seconds <= before.stretch.end_seconds
        )
        stretch = before.stretch if held else previews.around(moment, whole.end_seconds)
        earlier = (*before.earlier, before.span)
        before = replace(before, span=moment, stretch=stretch, earlier=earlier)
    if asked.seconds is not None:
        stretch = media.reaching(before.stretch, asked.seconds, whole.end_seconds)
        before = replace(
            before, stretch=stretch, at_seconds=asked.seconds, play=asked.play, jumps=before.jumps + 1
        )
    if asked.view:
        margin = asked.view.duration_seconds  # what a drag brings into view is there already
        wide = Span(max(0.0, asked.view.start_seconds - margin), asked.view.end_seconds + margin)
        before = replace(before, view=clamp(wide, whole))
    return before


def chosen(marks: Span | None, shown: ShownMoment) -> Span:
    """In and out point: where a person moved them, else the span as it is known now."""
    untouched = marks is None or marks in shown.earlier
    return shown.span if untouched or marks is None else marks


def starts_of(upcoming: Iterable[Upcoming]) -> list[dict[str, object]]:
    """What the browser needs to start each of them by itself."""
    starts: list[dict[str, object]] = []
    for each in upcoming:
        if each.file is None:
            continue
        whole = Span(0.0, max(each.video.duration_seconds, 1e-3))
        moment = clamp(each.span, whole) or whole
        starts.append(
            {
                "target": each.target,
                "of": name_of(each.video.content_id, each.span, each.identity),
                "clip": clip_of(each.video, previews.around(moment, whole.end_seconds), each.file),
                "poster": picture_address(
                    each.video.content_id, moment.start_seconds, each.file, size="large"
                ),
                "span": [moment.start_seconds, moment.end_seconds],
                **shape_of(each.video),
            }
        )
    return starts


def clip_of(video: Video, stretch: Span, file: File) -> dict[str, object]:
    """Where the browser has a preview cut."""
    return {
        "ask": clip_address(video.content_id, stretch, file),
        "start": stretch.start_seconds,
        "end": stretch.end_seconds,
    }


def points_of(moment: Span, in_out: Span, shown: ShownMoment) -> dict[str, object]:
    """The moment, the in and out points and the place to go to, as the browser takes them; video time."""
    return {
        "span": [moment.start_seconds, moment.end_seconds],
        "marks": [in_out.start_seconds, in_out.end_seconds],
        "jump": {"number": shown.jumps, "at": shown.at_seconds, "play": shown.play},
    }


def shape_of(video: Video) -> dict[str, object]:
    """What of a video the player needs before its first picture: size, duration and length of a frame."""
    return {
        "size": [video.width, video.height],
        "duration": max(video.duration_seconds, 1e-3),
        "frame": 1 / video.fps if video.fps > 0 else 0.04,
    }


def followed(points: Iterable[Point], video: Video, name: str = "") -> list[FollowedObject]:
    """Objects as ``service.point`` gives their points, in pixels of the video's frames.

    Args:
        points: By time; those with the same number are of one object.
        video: Their video.
        name: What they are; each gets its number behind it where there are several.
    """
    paths: dict[int, list[tuple[float, ...]]] = {}
    width, height = max(1, video.width), max(1, video.height)
    for point in points:
        paths.setdefault(point.object_id, []).append((point.time_seconds, point.x / width, point.y / height))
    return [
        FollowedObject(f"{name} {number}".strip() if name and len(paths) > 1 else name or str(number), path)
        for number, path in sorted(paths.items())
    ]


def drawn(objects: Iterable[FollowedObject]) -> list[dict[str, object]]:
    """Objects as the browser gets them; places that are none are left out."""
    return [
        {
            "name": plain(each.name)[:_LONGEST_NAME],
            "places": sorted([round(value, 4) for value in place] for place in each.places if _fits(place)),
        }
        for each in objects
    ]


def _fits(place: tuple[float, ...]) -> bool:
    return len(place) in (3, 5) and place[0] >= 0 and all(0 <= share <= 1 for share in place[1:])
