"""Shared by functions that ask about files, segments and moments: scenes, subtitles, model, answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from service.events import Listener, busy, steps
from service.fetch import shown_url
from service.locators import Locator

if TYPE_CHECKING:
    from footage.core.types import Answer, Span
    from footage.inference.segment_queries import Segment
    from footage.media.subtitles import Cue
    from footage.vlm.pointing import Shown
    from footage.vlm.profile import Profile
    from footage.vlm.protocol import Prompt, VideoModel
    from service.cancellation import CancelToken
    from service.session import Service

EMBEDDED = "embedded"
"""As the name of a subtitle file: the subtitle track in the video."""
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


def answer_text(answer: Answer) -> str:
    """An answer without what the model writes while it is thinking."""
    from footage.vlm.contract import read_text

    return read_text(answer)


def read_scene(place: Locator) -> Segment:
    """What of a file a locator means: an image, a moment, a segment or a whole video.

    Raises:
        FootageError: it means nothing, or the file is neither a video nor an image.
    """
    from footage.core.types import Span
    from footage.inference.segment_queries import Segment
    from footage.media.containers import is_image
    from footage.media.sandbox import probe, probe_image

    address = shown_url(place.address) if place.address else ""
    if is_image(place.path):
        if place.start_seconds is not None:
            raise UsageError(f"{place.path.name} is an image: it has no times", hint="Leave out the time.")
        return Segment(place.path, probe_image(place.path), Span(0.0, 0.0), address)
    video = probe(place.path)
    if place.start_seconds is not None and place.end_seconds is None:
        moment = place.moment(video)
        return Segment(place.path, video, Span(moment, moment), address)
    return Segment(place.path, video, place.span(video), address)


def read_cues(text: str, scenes: Sequence[Segment], *, timeout_seconds: float) -> list[Cue]:
    """The subtitles for a question, by time in video time.

    Args:
        text: A subtitle file, or ``EMBEDDED`` for the track in the video; empty for none.
        scenes: What the question is about.
        timeout_seconds: Give up on a file after this long without progress.

    Raises:
        UsageError: the question is not about exactly one video.
        VideoError: the subtitles cannot be read.
    """
    from footage.media.sandbox import embedded_subtitles, read_subtitles

    if not text:
        return []
    if len(scenes) != 1 or scenes[0].video.is_image:
        raise UsageError(
            "Subtitles belong to one video.", hint="Ask about a single video when you use --subtitles."
        )
    [scene] = scenes
    if text != EMBEDDED:
        return read_subtitles(text, timeout_seconds=timeout_seconds)
    start = scene.video.start_pts_seconds
    return embedded_subtitles(scene.path, start_pts_seconds=start, timeout_seconds=timeout_seconds)


def check_prompt(service: Service, make: MakePrompt) -> None:
    """Make sure that a known model can answer a prompt; loads nothing.

    Raises:
        UsageError: the prompt makes no sense, or the model cannot answer it.
    """
    from footage.vlm.profiles import find_profile

    if (profile := find_profile(service.settings.model)) is not None:
        make(profile)


def load_model(service: Service, make: MakePrompt, on_event: Listener) -> tuple[VideoModel, Prompt]:
    """The model, and the prompt for it; a prompt that it cannot answer is refused before it is loaded.

    Raises:
        FootageError: the prompt is invalid for that model, or the model is unavailable.
    """
    check_prompt(service, make)
    service.check_model(on_event=on_event)
    model = service.model(on_event)
    return model, make(model.profile)


def ask_scene(
    service: Service,
    model: VideoModel,
    scene: Segment,
    prompt: Prompt,
    *,
    cues: Sequence[Cue] = (),
    on_event: Listener,
    cancel: CancelToken | None,
) -> SceneAnswers:
    """Ask the model about each window of a scene, with the subtitles of each.

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
        cues=cues,
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


def ask_together(
    service: Service, model: VideoModel, scenes: Sequence[Segment], prompt: Prompt, on_event: Listener
) -> Answer | None:
    """Ask the model one question about several images and moments; None if they must be asked about singly.

    Raises:
        VideoError: one of them cannot be read.
        ModelError: the model fails.
    """
    from footage.inference.segment_queries import ask_moments
    from footage.vlm.protocol import compares_pictures

    if len(scenes) < 2 or not all(scene.is_moment for scene in scenes) or not compares_pictures(model):
        return None
    with busy(f"asking about {len(scenes)} pictures", on_event):
        timeout = service.settings.decode_timeout_seconds
        return ask_moments(model, scenes, prompt, timeout_seconds=timeout)
