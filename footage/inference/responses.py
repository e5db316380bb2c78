"""The dictionaries of ``footage.inference.models``: the keys of Marlin's card, and more; no behaviour.

Times are seconds of video time, except within a ``raw`` answer, where they count from its window's start.
"""

from __future__ import annotations

from typing import TypedDict

from footage.core.types import FinishReason


class Response(TypedDict):
    """The keys that all responses share: the segment, its problems and the provenance."""

    start: float
    """Start of the segment, in seconds of video time."""
    end: float
    """Its end."""
    duration: float
    """Length of the whole video, in seconds."""
    problems: list[WindowProblem]
    """Windows that could not be decoded."""
    provenance: dict[str, str]
    """Model, revision, prompt version and budget."""


class WindowProblem(TypedDict):
    """A window that could not be decoded."""

    start: float
    end: float
    reason: str
    """One sentence."""


class TimedEvent(TypedDict):
    """One event of a caption."""

    start: float
    """In seconds of video time."""
    end: float
    description: str


class WindowCaption(TypedDict):
    """The caption of one window."""

    start: float
    end: float
    raw: str
    """Its answer, untouched; the times in it count from the window's start."""
    scene: str
    finish_reason: FinishReason
    notes: list[str]
    """Notes on how it was read; see ``footage.core.types.Caption``."""


class CaptionResponse(Response):
    """The scene and the events of a video."""

    caption: str
    """Scene and events as the model writes them, in video time."""
    scene: str
    """The scene; where windows differ, one paragraph each."""
    events: list[TimedEvent]
    """By time; an event that several windows show is one event."""
    windows: list[WindowCaption]


class WindowSpan(TypedDict):
    """The find answer about one window."""

    start: float
    end: float
    raw: str
    """Its answer, untouched; the times in it count from the window's start."""
    span: tuple[float, float] | None
    """In video time; None when the answer names no usable time."""
    format_ok: bool
    """Whether the answer is a complete time range; no evidence that the event is there."""
    probability: float | None
    """Geometric mean of its tokens' probabilities; None where the backend gives none."""


class FindResponse(Response):
    """The time of an event, named by a model that names one for any event, present or not."""

    raw: str
    """The answer that ``span`` is from."""
    span: tuple[float, float] | None
    """The span of the window with the highest probability; of the earliest one without probabilities."""
    format_ok: bool
    """Whether that answer is a complete time range."""
    spans: list[tuple[float, float]]
    """The spans of all windows, of those without the event too, united where they overlap or touch."""
    windows: list[WindowSpan]


class WindowText(TypedDict):
    """The answer about one window."""

    start: float
    end: float
    text: str
    """Without thinking, unless that was to be kept."""
    raw: str
    """Untouched."""
    finish_reason: FinishReason


class AskResponse(Response):
    """The answer to a free question or a raw prompt."""

    text: str
    """The windows' answers, an empty line between two."""
    windows: list[WindowText]


class ChunkTime(TypedDict):
    """A time that a multichunk answer gives within a chunk."""

    chunk: int
    """Number of the chunk, from 1."""
    chunk_start: float
    """As written, in seconds from the start of the chunk."""
    chunk_end: float
    """As written; the start again for a single time."""
    span: tuple[float, float] | None
    """In video time, inside the chunk; None when the chunk time makes no sense."""
    clamped: bool
    """Whether the end was past the chunk's."""
    written: tuple[float, float] | None
    """The source time as the model wrote it; None where it wrote none."""
    agrees: bool | None
    """Whether the model's own arithmetic is right; None where it wrote no source time."""
    thinking: bool
    """Whether it comes from the thinking part."""


class MultichunkWindow(WindowText):
    """The answer about one group of chunks."""

    think: str
    """The thinking part; empty without one."""
    chunks: list[tuple[float, float]]
    """The chunks, in video time."""
    times: list[ChunkTime]
    """The times in the answer, in its order."""
    unknown_chunks: int
    """Number of times left out because they name a chunk that does not exist."""


class MultichunkResponse(Response):
    """The answer to a multichunk prompt."""

    text: str
    """The groups' answers, without thinking, an empty line between two."""
    windows: list[MultichunkWindow]
    """One for each group of chunks."""
