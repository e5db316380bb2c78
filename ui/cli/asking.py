"""What the commands that ask about places in files share: the places, the model, its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from service import factories, locators
from ui.cli import console

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.types import Span
    from footage.inference.segment_queries import Segment, SegmentAnswer
    from footage.vlm.profiles import Profile
    from footage.vlm.protocol import Prompt, VideoModel

MakePrompt = Callable[["Profile"], "Prompt"]
"""Makes the question for a model; raises a UsageError when it makes no sense, or none to that model."""


def scene_of(text: str) -> Segment:
    """What VIDEO, VIDEO@t or VIDEO@start-end means.

    Raises:
        FootageError: when it means nothing, or the file is no video.
    """
    from footage.core.types import Span
    from footage.inference.segment_queries import Segment
    from footage.media.sandbox import probe

    place = locators.parse_place(text)
    video = probe(place.path)
    if place.start_seconds is not None and place.end_seconds is None:
        moment = place.moment(video)
        return Segment(place.path, video, Span(moment, moment))
    return Segment(place.path, video, place.span(video))


def load_model(settings: Settings, make: MakePrompt) -> tuple[VideoModel, Prompt]:
    """The model, and the question for it; a question it cannot answer is told before it is loaded.

    Raises:
        FootageError: when the question makes no sense to that model, or it cannot be had.
    """
    from footage.vlm.profiles import find_profile

    if (profile := find_profile(settings.model)) is not None:
        make(profile)
    factories.check_model(settings)
    model = factories.load_model(settings)
    return model, make(model.profile)


def answers(model: VideoModel, segment: Segment, prompt: Prompt, settings: Settings) -> list[SegmentAnswer]:
    """What the model says of each window of a segment; windows that cannot be seen are noted on stderr.

    Raises:
        DecodeError: when nothing of it can be seen.
        ModelError: when the model fails.
    """
    from footage.core.errors import DecodeError
    from footage.inference.segment_queries import ask_segment

    with console.steps("asking") as step:
        every = list(
            ask_segment(
                model,
                segment,
                prompt,
                window_seconds=settings.window_seconds,
                timeout_seconds=settings.decode_timeout_seconds,
                on_progress=step,
            )
        )
    seen = [answer for answer in every if answer.answer is not None]
    if not seen:
        raise DecodeError(every[0].problem)
    for each in every:
        if each.problem:
            where = f"{times(each.shown.span)}, {console.plain(each.problem)}"
            console.notes().print(f"Not seen: {where}", soft_wrap=True)
    return seen


def times(span: Span) -> str:
    """Reads "0:01.0 - 0:03.5", or one time for a moment."""
    from footage.core.timecode import format_time

    start = format_time(span.start_seconds)
    return f"{start} - {format_time(span.end_seconds)}" if span.duration_seconds else start


def span_fields(span: Span) -> dict[str, float]:
    """A span as it stands in a line of JSON."""
    return {"start_seconds": span.start_seconds, "end_seconds": span.end_seconds}
