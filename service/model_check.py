"""Shows a model a drawn clip and compares the times it answers with the known ones; prints nothing.

What comes out is where a model's answers fall on the clip's timeline. Drawn footage is what the demo model
knows; for any other model it may be unlike everything it was trained on, so that a wrong time says little
about real footage, while right times show that the time stamps reach the model.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.timecode import iou
from footage.core.types import Span
from footage.synthetic.clips import SyntheticClip, SyntheticEvent, SyntheticScene, write_clip

if TYPE_CHECKING:
    from footage.core.types import CaptionEvent
    from footage.vlm.protocol import Prepared, Prompt, VideoModel

CLIP_SECONDS = 16.0
"""Length of the clip: one window of every profile."""
SCALE_TOLERANCE, OFFSET_TOLERANCE_SECONDS = 0.1, 1.0
"""How far from 1 and from 0 the timeline of a model's answers may be for its times to be trusted."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """How answered times lie to the true ones: answered = scale x true + offset."""

    found: int
    """Events whose times were answered."""
    events: int
    """Events of the clip."""
    scale: float | None = None
    """1 for a timeline that is neither squeezed nor stretched; None with fewer than two events found."""
    offset_seconds: float | None = None
    """0 for one that is not moved."""
    error_seconds: float | None = None
    """Mean distance of the answered starts and ends from the true ones, seconds; None without an event."""

    @property
    def is_right(self) -> bool:
        """Whether all events were found, on a timeline within the tolerances."""
        return (
            self.found == self.events
            and self.scale is not None
            and self.offset_seconds is not None
            and abs(self.scale - 1) <= SCALE_TOLERANCE
            and abs(self.offset_seconds) <= OFFSET_TOLERANCE_SECONDS
        )

    def __str__(self) -> str:
        if self.scale is None or self.offset_seconds is None:
            return f"times for {self.found} of {self.events} events"
        return (
            f"times for {self.found} of {self.events} events, scale {self.scale:.2f}, offset "
            f"{self.offset_seconds:+.1f} s, {self.error_seconds:.1f} s off on average"
        )


@dataclass(frozen=True, slots=True)
class ModelTest:
    """What came of the test of one model."""

    find: Timeline | None
    """Of the answers to "when", one question an event; None for a model that cannot find."""
    caption: Timeline | None
    """Of the events in the caption that say what a drawn event says; None for one that cannot caption."""
    first_seconds: float
    """From the decoded frames to the end of the first answer, in seconds."""
    tokens_per_second: float | None
    """Tokens written a second, one answer at a time; None where the model does not report its tokens."""


def drawn_clip() -> SyntheticClip:
    """Three things, one after the other, each of which is to be found at its own time."""
    scene = SyntheticScene("street", "tree", "left", "day", seed=0)
    return SyntheticClip(scene, _EVENTS, CLIP_SECONDS, seed=0)


_EVENTS = (
    SyntheticEvent("car", "red", "drives", "from left to right", 1.0, 4.5, seed=0),
    SyntheticEvent("person", "green", "walks", "from right to left", 6.0, 10.0, seed=0),
    SyntheticEvent("dog", "yellow", "runs", "from left to right", 11.5, 14.5, seed=0),
)


def examine_model(model: VideoModel, folder: Path) -> ModelTest:
    """Ask a model for a caption of the test clip, if it can, and when each of its events happens.

    Args:
        model: The model to ask.
        folder: Where the clip is written.

    Raises:
        FootageError: when the clip cannot be read, or the model fails.
    """
    from footage.media.sandbox import sample
    from footage.vlm import contract

    clip = folder / "model-test.mp4"
    write_clip(drawn_clip(), clip)
    frames = sample(clip, Span(0.0, CLIP_SECONDS), **model.profile.frame_budget)
    began = time.perf_counter()
    window = model.prepare(frames)
    skills = model.profile.skills
    if "caption" in skills:
        prompt = contract.caption_prompt(model.profile)
    elif "ask" in skills:
        prompt = contract.ask_prompt("What happens in this video?", model.profile)
    else:
        prompt = contract.find_prompt(_EVENTS[0].sentence, model.profile)
    [first] = model.run([(window, prompt)])
    first_seconds = time.perf_counter() - began
    caption = find = None
    if "caption" in skills:
        caption = _captioned(contract.read_caption(first, window.span, prose=model.profile.prose).events)
    if "find" in skills:
        prompts = [contract.find_prompt(event.sentence, model.profile) for event in _EVENTS]
        answers = model.run([(window, prompt) for prompt in prompts])
        find = timeline([contract.read_span(answer, window.span, model.profile).span for answer in answers])
    return ModelTest(find, caption, first_seconds, _speed(model, window, prompt))


def timeline(answered: Sequence[Span | None], true: Sequence[Span] | None = None) -> Timeline:
    """The straight line that fits answered times best (least squares over starts and ends).

    Args:
        answered: One for each event; None where no time was answered.
        true: The known spans; those of the test clip when None.
    """
    import numpy as np

    known = [Span(event.start_seconds, event.end_seconds) for event in _EVENTS] if true is None else true
    pairs = [(span, other) for span, other in zip(known, answered, strict=True) if other is not None]
    if not pairs:
        return Timeline(0, len(known))
    x = np.array([[span.start_seconds, span.end_seconds] for span, _ in pairs]).ravel()
    y = np.array([[span.start_seconds, span.end_seconds] for _, span in pairs]).ravel()
    error = float(np.abs(x - y).mean())
    if len(pairs) < 2:
        return Timeline(1, len(known), error_seconds=error)
    scale, offset = np.polyfit(x, y, 1)
    return Timeline(len(pairs), len(known), float(scale), float(offset), error)


def peak_memory(model_device: str) -> str:
    """The most memory taken so far, in words: of the GPU where there is one, else of this process."""
    import torch

    if torch.cuda.is_available() and model_device != "cpu":
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory at most"
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return f"{peak / 2**30:.1f} GiB of memory at most, torch included"


def _captioned(events: Sequence[CaptionEvent]) -> Timeline:
    """Of each drawn event the caption's line that says all of it, the nearest in time of several."""
    from search.query.lexical_match import unsaid, words_of

    spans: list[Span | None] = []
    for event in _EVENTS:
        true = Span(event.start_seconds, event.end_seconds)
        said = [each.span for each in events if not unsaid(words_of(event.sentence), each.text)]
        spans.append(max(said, key=lambda span: iou(span, true), default=None))
    return timeline(spans)


def _speed(model: VideoModel, window: Prepared, prompt: Prompt) -> float | None:
    """Tokens a second of one more answer; the window has been read, where the model keeps what it read."""
    before, began = model.stage_seconds.get("generate"), time.perf_counter()
    [answer] = model.run([(window, prompt)])
    seconds = time.perf_counter() - began
    if before is not None:
        seconds = model.stage_seconds["generate"] - before
    if answer.token_logprobs is None or seconds <= 0:
        return None
    return len(answer.token_logprobs) / seconds
