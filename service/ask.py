"""Answers a question about images, segments and moments of files, without an index; prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from service.events import Listener, SceneAnswered, ignore
from service.fetch import local_files
from service.requests import Request
from service.scenes import (
    SceneAnswers,
    ask_scene,
    ask_together,
    check_prompt,
    load_model,
    read_cues,
    read_scene,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from footage.inference.segment_queries import Segment
    from footage.media.subtitles import Cue
    from footage.vlm.profile import Profile
    from footage.vlm.protocol import Prompt, VideoModel
    from service.cancellation import CancelToken
    from service.session import Service


class AskRequest(Request):
    """A question, and what it is about."""

    places: tuple[str, ...] = Field(min_length=1)
    """Files, and what of them: IMAGE, VIDEO, VIDEO@TIME or VIDEO@START-END."""
    question: str
    """What the caller wants to know."""
    subtitles: str = ""
    """A subtitle file that goes with the only video, or "embedded" for the track in it; empty for none."""
    fetch: bool = False
    """Whether places may be http and https addresses, which are downloaded."""


def ask(
    service: Service, request: AskRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> tuple[SceneAnswers, ...]:
    """Ask the model about each scene; about several images and moments at once, if it can compare pictures.

    Events: ``Busy``, ``StageProgress``, and ``SceneAnswered`` as soon as a scene has its answers.

    Raises:
        FootageError: a file, the question or the model cannot be used.
        Cancelled: the token was cancelled between two windows.
    """
    from footage.vlm.contract import ask_prompt

    def make(profile: Profile) -> Prompt:
        return ask_prompt(request.question, profile)

    # 1. A bad question is refused before anything is downloaded, a bad file before anything is loaded.
    check_prompt(service, make)
    with local_files(
        service, request.places, fetch=request.fetch, on_event=on_event, cancel=cancel
    ) as places:
        scenes = [read_scene(place) for place in places]
        timeout = service.settings.decode_timeout_seconds
        cues = read_cues(request.subtitles, scenes, timeout_seconds=timeout)
        model, prompt = load_model(service, make, on_event)
        # 2. Ask.
        answers = []
        for answer in _answers(service, model, scenes, prompt, cues, on_event, cancel):
            answers.append(answer)
            on_event(SceneAnswered(answer))
        return tuple(answers)


def _answers(
    service: Service,
    model: VideoModel,
    scenes: Sequence[Segment],
    prompt: Prompt,
    cues: Sequence[Cue],
    on_event: Listener,
    cancel: CancelToken | None,
) -> Iterator[SceneAnswers]:
    """The answers about each scene, or the one about all where they are pictures that the model compares."""
    if (together := ask_together(service, model, scenes, prompt, on_event)) is not None:
        yield SceneAnswers(tuple(scenes), (), together)
        return
    for scene in scenes:
        yield ask_scene(service, model, scene, prompt, cues=cues, on_event=on_event, cancel=cancel)
