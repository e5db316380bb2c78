"""Questions to the model as operations: ask, point, track and raw prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from footage.core.errors import UsageError
from footage.core.types import Span
from service.ask import AskRequest, ask
from service.locators import parse_locator
from service.operations.operation import Operation
from service.operations.places import absolute
from service.point import PointRequest, PointResult, point, track
from service.prompt import PromptRequest, multichunk, prompt
from service.requests import Request
from service.schemas.responses import AnswerRecord, MultichunkRecord, PointsRecord, PromptRecord
from service.watched import SegmentRequest, ask_segment

if TYPE_CHECKING:
    from footage.inference.responses import AskResponse, MultichunkResponse
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.scenes import SceneAnswers
    from service.schemas.base import Record
    from service.session import Service


class AskMomentRequest(Request):
    """A question about a segment of an indexed video."""

    video: str = Field(min_length=1)
    """The video: its content id, a file that holds it, or the end of the path of one."""
    start_seconds: float = Field(ge=0)
    """Where the segment begins, in video time."""
    end_seconds: float = Field(gt=0)
    """Where it ends."""
    question: str
    """What the caller wants to know."""
    most_windows: int = Field(default=8, ge=1, le=64)
    """Longest segment, in windows of the model."""


class RawPromptRequest(PromptRequest):
    """A prompt, and whether it is about all chunks of the segment at once."""

    multichunk: bool = False
    """Ask about all chunks at once; the window length of the settings is that of a chunk."""


def answer_records(answers: SceneAnswers) -> Iterator[AnswerRecord]:
    """The answers about one scene, or the one answer about several pictures."""
    if answers.together is not None:
        yield AnswerRecord.of([(scene, scene.span) for scene in answers.scenes], answers.together)
        return
    [scene] = answers.scenes
    for window in answers.windows:
        yield AnswerRecord.of([(scene, window.shown.span)], window.answer)


def point_records(result: PointResult) -> Iterator[PointsRecord]:
    """What was pointed at, by window or picture."""
    for window in result.windows:
        yield PointsRecord.of(result, window)


def prompt_records(answers: AskResponse, video: str) -> Iterator[PromptRecord]:
    """The answers to a prompt, by window."""
    for window in answers["windows"]:
        yield PromptRecord(
            type="answer",
            video=video,
            start_seconds=window["start"],
            end_seconds=window["end"],
            text=window["text"],
            raw=window["raw"],
            finish_reason=window["finish_reason"],
            **answers["provenance"],
        )


def multichunk_records(answers: MultichunkResponse, video: str) -> Iterator[MultichunkRecord]:
    """The answers to a prompt about several chunks, by group of chunks."""
    for window in answers["windows"]:
        yield MultichunkRecord.of(video, window, answers["provenance"])


def _ask(service: Service, request: AskRequest, on_event: Listener, cancel: CancelToken) -> Iterator[Record]:
    for answers in ask(service, request, on_event=on_event, cancel=cancel):
        yield from answer_records(answers)


def _ask_moment(
    service: Service, request: AskMomentRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    from service.browse import path_of, videos
    from service.listing import content_id_of

    content_id = content_id_of(service, request.video)
    video, path = videos(service, [content_id])[content_id], path_of(service, content_id)
    end = min(request.end_seconds, video.duration_seconds)
    if request.start_seconds >= end:
        raise UsageError(
            f"There is no video from {request.start_seconds:g} to {request.end_seconds:g} s in "
            f"{Path(path).name}, which lasts {video.duration_seconds:g} s."
        )
    segment = SegmentRequest(
        path=path,
        video=video,
        span=Span(request.start_seconds, end),
        question=request.question,
        most_windows=request.most_windows,
    )
    for reply in ask_segment(service, segment):
        yield AnswerRecord.about_file(path, reply.span, reply.answer)


def _point(
    service: Service, request: PointRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    _check_drawing(request)
    return point_records(point(service, request, on_event=on_event, cancel=cancel))


def _track(
    service: Service, request: PointRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    _check_drawing(request)
    return point_records(track(service, request, on_event=on_event, cancel=cancel))


def _check_drawing(request: PointRequest) -> None:
    if request.out is not None:
        absolute(request.out, "out")


def _prompt(
    service: Service, request: RawPromptRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    wanted = PromptRequest(**request.model_dump(exclude={"multichunk"}))
    video = str(parse_locator(request.place).path)
    if request.multichunk:
        return multichunk_records(multichunk(service, wanted, on_event=on_event, cancel=cancel), video)
    return prompt_records(prompt(service, wanted, on_event=on_event, cancel=cancel), video)


# All but the question about an indexed moment read any file that they are given.
ALL = (
    Operation(
        "ask",
        "Ask a question about videos, segments, moments or images, without an index.",
        AskRequest,
        (AnswerRecord,),
        _ask,
        role="edit",
        work="model",
    ),
    Operation(
        "ask moment",
        "Ask a question about a segment of an indexed video.",
        AskMomentRequest,
        (AnswerRecord,),
        _ask_moment,
        work="model",
        printed_by="ask",
    ),
    Operation(
        "point",
        "Point at or count objects in images, frames, segments or videos.",
        PointRequest,
        (PointsRecord,),
        _point,
        role="edit",
        work="model",
    ),
    Operation(
        "track",
        "Track objects through a segment or a video.",
        PointRequest,
        (PointsRecord,),
        _track,
        role="edit",
        work="model",
    ),
    Operation(
        "models prompt",
        "Send a prompt about a video to the model, and return the raw answer.",
        RawPromptRequest,
        (PromptRecord, MultichunkRecord),
        _prompt,
        role="edit",
        work="model",
    ),
)
"""The operations of this module."""
