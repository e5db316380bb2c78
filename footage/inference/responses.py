"""The dictionaries that ``footage.inference.models`` returns: those of Marlin's card, and more; no behaviour.

Times are seconds of video time, but for those within a ``raw`` answer, which count from its window's start.
"""

from __future__ import annotations

from typing import TypedDict

from footage.core.types import FinishReason


class Told(TypedDict):
    """What was asked about, and what of it could not be seen."""

    start: float
    """Where it begins, in seconds of video time."""
    end: float
    """Where it ends."""
    duration: float
    """Length of the whole video, in seconds."""
    problems: list[Problem]
    """Windows that could not be decoded."""
    provenance: dict[str, str]
    """Model, revision, prompt version and budget."""


class Problem(TypedDict):
    """A window that was not looked at."""

    start: float
    end: float
    reason: str
    """One sentence."""


class TimedEvent(TypedDict):
    """Something that happens."""

    start: float
    """In seconds of video time."""
    end: float
    description: str


class CaptionedWindow(TypedDict):
    """What the model said of one window."""

    start: float
    end: float
    raw: str
    """Its answer, untouched; the times in it count from the window's start."""
    scene: str
    finish_reason: FinishReason
    notes: list[str]
    """What had to be done to read it; see ``footage.core.types.Caption``."""


class Captioned(Told):
    """What happens in a video."""

    caption: str
    """Scene and events as the model writes them, in video time."""
    scene: str
    """The scene; where windows differ, one paragraph each."""
    events: list[TimedEvent]
    """By time; what several windows saw of one event is one."""
    windows: list[CaptionedWindow]


class FoundWindow(TypedDict):
    """What the model said of one window."""

    start: float
    end: float
    raw: str
    """Its answer, untouched; the times in it count from the window's start."""
    span: tuple[float, float] | None
    """When, in video time; None when the answer names no usable time."""
    format_ok: bool
    """The answer is a complete time range, which says nothing about whether the event is there."""
    probability: float | None
    """Geometric mean of its tokens' probabilities; None where the backend does not tell."""


class Found(Told):
    """When something happens, as far as a model that always names a time can say."""

    raw: str
    """The answer that ``span`` is from."""
    span: tuple[float, float] | None
    """Of the windows' answers, the one the model was surest of, the earliest where it does not tell."""
    format_ok: bool
    """Whether that answer is a complete time range."""
    spans: list[tuple[float, float]]
    """All of them, united where they overlap or touch. A window without the event names a span, too."""
    windows: list[FoundWindow]


class AnsweredWindow(TypedDict):
    """What the model said of one window."""

    start: float
    end: float
    text: str
    """Without thinking, unless that was to be kept."""
    raw: str
    """Untouched."""
    finish_reason: FinishReason


class Answered(Told):
    """The answer to a free question or a raw prompt."""

    text: str
    """The windows' answers, an empty line between two."""
    windows: list[AnsweredWindow]
