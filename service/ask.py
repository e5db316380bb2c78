"""Answers a question about stretches and moments of files, without an index; words nothing for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

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
