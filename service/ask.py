"""Answers a question about segments and moments of files; words nothing for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, InstanceOf

from footage.core.errors import DecodeError, UsageError
from footage.core.types import Span, Video
from service import sources
from service.events import Listener, SceneAnswered, busy, ignore
from service.requests import Request
from service.scenes import SceneAnswers, ask_scene, load_model, read_scene

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.session import Service


class AskRequest(Request):
    """A question, and what it is about."""

    places: tuple[str, ...] = Field(min_length=1)
    """Files, and what of them: VIDEO, VIDEO@TIME or VIDEO@START-END."""
    question: str
    """What the caller wants to know."""


def ask(
    service: Service, request: AskRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> tuple[SceneAnswers, ...]:
    """Ask the model about each scene; about several moments in one question, where it can compare pictures.

    Events: ``Busy``, ``StageProgress``, and ``SceneAnswered`` as soon as a scene has its answers.

    Raises:
        FootageError: a file, the question or the model cannot be used.
        Cancelled: the token was cancelled between two windows.
    """
    from footage.inference.segment_queries import ask_moments
    from footage.vlm.contract import ask_prompt
    from footage.vlm.protocol import PictureModel

    # 1. A bad file or question is refused before anything is loaded.
    scenes = [read_scene(text) for text in request.places]
    model, prompt = load_model(service, lambda profile: ask_prompt(request.question, profile), on_event)
    # 2. Ask.
    if len(scenes) > 1 and all(scene.is_moment for scene in scenes) and isinstance(model, PictureModel):
        with busy(f"asking about {len(scenes)} pictures", on_event):
            answer = ask_moments(
                model, scenes, prompt, timeout_seconds=service.settings.decode_timeout_seconds
            )
        together = SceneAnswers(tuple(scenes), (), answer)
        on_event(SceneAnswered(together))
        return (together,)
    answers = []
    for scene in scenes:
        answers.append(ask_scene(service, model, scene, prompt, on_event=on_event, cancel=cancel))
        on_event(SceneAnswered(answers[-1]))
    return tuple(answers)


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
        segment = segment_queries.Segment(Path(request.path), request.video, request.span)
        timeout = service.settings.decode_timeout_seconds
        for each in segment_queries.ask_segment(model, segment, prompt, timeout_seconds=timeout):
            if each.answer is None:
                raise DecodeError(each.problem)
            replies.append(SegmentReply(each.shown.span, read_text(each.answer)))
    return tuple(replies)
