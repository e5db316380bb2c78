"""What functions that ask about stretches and moments of files share: scenes, the model, its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service import locators
from service.events import Listener, steps

if TYPE_CHECKING:
    from footage.core.types import Answer, Span
    from footage.inference.segment_queries import Segment
    from footage.vlm.pointing import Shown
    from footage.vlm.profiles import Profile
    from footage.vlm.protocol import Prompt, VideoModel
    from service.cancellation import CancelToken
    from service.session import Service

MakePrompt = Callable[["Profile"], "Prompt"]
"""Makes the prompt for a model; raises a UsageError when it makes no sense, or the model cannot do it."""


@dataclass(frozen=True, slots=True)
class WindowAnswer:
    """The answer about one window, or one picture."""

    shown: Shown
    """What the model was shown."""
    answer: Answer
    """Its answer."""


@dataclass(frozen=True, slots=True)
class SceneAnswers:
    """The answers about one scene, or one answer about the pictures of several moments."""

    scenes: tuple[Segment, ...]
    """What the question was about."""
    windows: tuple[WindowAnswer, ...]
    """One for each window or picture, by time; none for several moments that were shown together."""
    together: Answer | None = None
    """The one answer about all the moments."""
    unseen: tuple[tuple[Span, str], ...] = ()
    """Windows that could not be decoded, each with the reason, one sentence."""


def read_scene(text: str) -> Segment:
    """What VIDEO, VIDEO@t or VIDEO@start-end means.

    Raises:
        FootageError: it means nothing, or the file is no video.
    """
    from footage.core.types import Span
    from footage.inference.segment_queries import Segment
    from footage.media.sandbox import probe

    place = locators.parse_locator(text)
    video = probe(place.path)
    if place.start_seconds is not None and place.end_seconds is None:
        moment = place.moment(video)
        return Segment(place.path, video, Span(moment, moment))
    return Segment(place.path, video, place.span(video))


def load_model(service: Service, make: MakePrompt, on_event: Listener) -> tuple[VideoModel, Prompt]:
    """The model, and the prompt for it; a prompt that it cannot answer is refused before it is loaded.

    Raises:
        FootageError: the prompt is invalid for that model, or the model is unavailable.
    """
    from footage.vlm.profiles import find_profile

    if (profile := find_profile(service.settings.model)) is not None:
        make(profile)
    service.check_model(on_event=on_event)
    model = service.model(on_event)
    return model, make(model.profile)


def ask_scene(
    service: Service,
    model: VideoModel,
    scene: Segment,
    prompt: Prompt,
    *,
    on_event: Listener,
    cancel: CancelToken | None,
) -> SceneAnswers:
    """Ask the model about each window of a scene.

    Raises:
        DecodeError: nothing of it can be decoded.
        ModelError: the model fails.
    """
    from footage.core.errors import DecodeError
    from footage.inference.segment_queries import ask_segment

    windows: list[WindowAnswer] = []
    unseen: list[tuple[Span, str]] = []
    for each in ask_segment(
        model,
        scene,
        prompt,
        window_seconds=service.settings.window_seconds,
        timeout_seconds=service.settings.decode_timeout_seconds,
        on_progress=steps("asking", on_event, cancel),
    ):
        if each.answer is None:
            unseen.append((each.shown.span, each.problem))
        else:
            windows.append(WindowAnswer(each.shown, each.answer))
    if not windows:
        raise DecodeError(unseen[0][1])
    return SceneAnswers((scene,), tuple(windows), unseen=tuple(unseen))
