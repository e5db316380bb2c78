"""Asks about a segment of an indexed file that is being watched, and points in its middle picture."""

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
    import numpy as np

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
        window_seconds = model.profile.window_seconds
        if request.span.duration_seconds > request.most_windows * window_seconds:
            raise UsageError(
                f"the segment lasts {request.span.duration_seconds:.0f} s, and the model sees "
                f"{window_seconds:g} s at a time",
                hint="Move the player's points closer together, or ask with `footage ask` on the command "
                "line.",
            )
        replies = []
        segment = segment_queries.Segment(media_path(request.path), request.video, request.span)
        timeout = service.settings.decode_timeout_seconds
        for each in segment_queries.ask_segment(model, segment, prompt, timeout_seconds=timeout):
            if each.answer is None:
                raise DecodeError(each.problem)
            replies.append(SegmentReply(each.shown.span, read_text(each.answer), each.answer))
    return tuple(replies)


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
    return PointedPicture(middle, places.count, places.text, picture)
