"""Asks about a segment of an indexed file that is being watched; points at things in it and tracks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field, InstanceOf

from footage.core.errors import DecodeError, UsageError
from footage.core.types import Answer, Span, Video
from footage.objects.paths import media_path
from service import sources
from service.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from footage.core.types import Point
    from service.session import Service


class SegmentRequest(Request):
    """A question about a segment of an indexed file."""

    path: str
    """The file."""
    video: InstanceOf[Video]
    """The video in it."""
    span: InstanceOf[Span]
    """The segment, in video time."""
    question: str
    """What the caller wants to know."""
    most_windows: int = Field(default=8, ge=1)
    """Longest segment, in windows of the model."""


@dataclass(frozen=True, slots=True)
class SegmentReply:
    """The answer about one window of a segment."""

    span: Span
    """The window, in video time."""
    text: str
    """The answer, without what the model says while thinking."""
    answer: Answer
    """The answer, untouched."""


def ask_segment(service: Service, request: SegmentRequest) -> tuple[SegmentReply, ...]:
    """Ask the model about a segment of a file that is still the indexed one, window by window.

    Raises:
        UsageError: the question is empty, or the segment is too long.
        DecodeError: a window cannot be decoded.
        FootageError: the file is not the indexed one, or the model cannot be used.
    """
    from footage.inference import segment_queries
    from footage.vlm.contract import ask_prompt, read_text

    with sources.unchanged(request.path, service.store().files.at(request.path)):
        model = service.model()
        prompt = ask_prompt(request.question, model.profile)
        _check_length(request, model.profile.window_seconds)
        replies = []
        segment = segment_queries.Segment(media_path(request.path), request.video, request.span)
        timeout = service.settings.decode_timeout_seconds
        for each in segment_queries.ask_segment(model, segment, prompt, timeout_seconds=timeout):
            if each.answer is None:
                raise DecodeError(each.problem)
            replies.append(SegmentReply(each.shown.span, read_text(each.answer), each.answer))
    return tuple(replies)


@dataclass(frozen=True, slots=True)
class FollowedPath:
    """Where one object was."""

    number: int
    """Its number."""
    places: tuple[tuple[float, float, float], ...]
    """By time: seconds of video time, and x and y as shares of the picture's width and height, 0 to 1."""


@dataclass(frozen=True, slots=True)
class TrackedSegment:
    """What the model followed through a segment."""

    text: str
    """What the model calls it."""
    paths: tuple[FollowedPath, ...]
    """Where each object was, by number."""
    unseen: int
    """Windows that could not be decoded."""


@dataclass(frozen=True, slots=True)
class PointedPicture:
    """The picture in the middle of a segment, with what the model pointed at."""

    seconds: float
    """When it is shown, in video time."""
    count: int
    """How many different objects."""
    text: str
    """What the model calls them."""
    picture: np.ndarray
    """The picture with the points on it, (height, width, 3), uint8."""
    paths: tuple[FollowedPath, ...] = ()
    """Where each object is."""


def point_in_middle(service: Service, request: SegmentRequest) -> PointedPicture:
    """Point at something in the middle of a segment of a file that is still the indexed one.

    Args:
        service: What to work with.
        request: The segment; its question is what to point at.

    Raises:
        UsageError: the question is empty, or the model cannot point.
        DecodeError: the picture cannot be decoded.
        FootageError: the file is not the indexed one, or the model cannot be used.
    """
    from footage.inference import segment_queries
    from footage.media.annotate import Drawing
    from footage.media.sandbox import painted_picture
    from footage.vlm.pointing import point_prompt, read_places

    path, video, span = request.path, request.video, request.span
    timeout = service.settings.decode_timeout_seconds
    with sources.unchanged(path, service.store().files.at(path)):
        model = service.model()
        middle = round(span.middle_seconds, 3)
        moment = segment_queries.Segment(media_path(path), video, Span(middle, middle))
        prompt = point_prompt(request.question, model.profile)
        [window] = segment_queries.ask_segment(model, moment, prompt, timeout_seconds=timeout)
        if window.answer is None:
            raise DecodeError(window.problem)
        places = read_places(window.answer, window.shown)
        drawing = Drawing([*places.paths.values()], width=video.width, height=video.height)
        picture = painted_picture(path, middle, drawing, timeout_seconds=timeout)
    return PointedPicture(middle, places.count, places.text, picture, _paths(places.paths, video))


def track_in_segment(service: Service, request: SegmentRequest) -> TrackedSegment:
    """Follow something through a segment of a file that is still the indexed one.

    Args:
        service: What to work with.
        request: The segment; its question is what to follow.

    Raises:
        UsageError: the question is empty, the segment is too long, or the model cannot track.
        DecodeError: no window can be decoded.
        FootageError: the file is not the indexed one, or the model cannot be used.
    """
    from footage.inference import segment_queries
    from footage.vlm.pointing import read_places, track_prompt
    from footage.vlm.track_linking import link_tracks

    video = request.video
    with sources.unchanged(request.path, service.store().files.at(request.path)):
        service.check_skill("track")
        model = service.model()
        prompt = track_prompt(request.question, model.profile)
        _check_length(request, model.profile.window_seconds)
        segment = segment_queries.Segment(media_path(request.path), video, request.span)
        timeout = service.settings.decode_timeout_seconds
        asked = list(segment_queries.ask_segment(model, segment, prompt, timeout_seconds=timeout))
    seen = [read_places(each.answer, each.shown) for each in asked if each.answer is not None]
    if not seen:
        raise DecodeError(asked[0].problem if asked else "the segment has no picture")
    linked = link_tracks(seen, width=video.width, height=video.height)
    joined: dict[int, list[Point]] = {}
    for places in linked:
        for number, path in places.paths.items():
            joined.setdefault(number, []).extend(path)
    text = next((places.text for places in linked if places.text), "")
    return TrackedSegment(text, _paths(joined, video), len(asked) - len(seen))


def _paths(paths: Mapping[int, Sequence[Point]], video: Video) -> tuple[FollowedPath, ...]:
    """Points in pixels as shares of the picture."""
    width, height = max(1, video.width), max(1, video.height)
    return tuple(
        FollowedPath(number, tuple((each.time_seconds, each.x / width, each.y / height) for each in path))
        for number, path in sorted(paths.items())
    )


def _check_length(request: SegmentRequest, window_seconds: float) -> None:
    if request.span.duration_seconds > request.most_windows * window_seconds:
        raise UsageError(
            f"the segment lasts {request.span.duration_seconds:.0f} s, and the model sees "
            f"{window_seconds:g} s at a time",
            hint="Move the player's points closer together, or ask with `footage ask` on the command line.",
        )
