"""Shows windows to a model and reads when it says something happens; knows no index and weighs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from footage.errors import VideoError
from footage.types import Span, Video, Window
from footage.video import sample
from footage.vlm.contract import find_prompt, read_span
from footage.vlm.protocol import Answer, Prepared, VideoModel

BATCH_WINDOWS = 4
"""Most windows decoded and held in memory at once; fewer where the model takes fewer."""


@dataclass(frozen=True, slots=True)
class Question:
    """One window to be asked about."""

    video: Video
    """The video."""
    path: str
    """A file that holds it."""
    window: Window
    """Which part of it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one question."""

    question: Question
    """The question."""
    answer: Answer | None = None
    """What the model said; None when the window's pictures could not be had."""
    span: Span | None = None
    """When, in video time and inside the window; None when the answer names no usable time."""
    problem: str = ""
    """Why the pictures could not be had, one sentence; empty when they could."""


def ask(
    event: str,
    questions: Sequence[Question],
    *,
    model: VideoModel,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Reply]:
    """Ask a model when ``event`` takes place in each window; every window is decoded once.

    Args:
        event: What to look for, as the prompt takes it.
        questions: The windows.
        model: Whom to ask.
        timeout_seconds: Give up on a window's decoding after this long without progress.
        on_progress: Called with (windows done, windows in all) after every batch.

    Returns:
        One reply a question, in order. A window that cannot be decoded has a ``problem`` and no answer.

    Raises:
        UsageError: when nothing of the event can go into a prompt.
        ModelError: when the model fails.
    """
    prompt = find_prompt(event, model.profile)
    replies: list[Reply] = []
    for batch in _batches(questions, max(1, min(BATCH_WINDOWS, model.capabilities.max_batch))):
        prepared = [_prepare(question, model, timeout_seconds) for question in batch]
        ready = [window for window in prepared if isinstance(window, Prepared)]
        answers = iter(model.run([(window, prompt) for window in ready]) if ready else [])
        for question, window in zip(batch, prepared, strict=True):
            if isinstance(window, str):
                replies.append(Reply(question, problem=window))
                continue
            answer = next(answers)
            replies.append(Reply(question, answer, read_span(answer, question.window.span).span))
        if on_progress:
            on_progress(len(replies), len(questions))
    return replies


def _prepare(question: Question, model: VideoModel, timeout_seconds: float) -> Prepared | str:
    """The window ready for the model, or a sentence saying why it cannot be had."""
    profile = model.profile
    try:
        frames = sample(
            question.path,
            question.window.span,
            fps=profile.fps,
            min_frames=profile.min_frames,
            max_frames=profile.max_frames,
            pixels_per_frame=profile.pixels_per_frame,
            video=question.video,
            timeout_seconds=timeout_seconds,
        )
    except VideoError as error:
        return str(error)
    return model.prepare(frames)


def _batches(questions: Sequence[Question], size: int) -> Iterator[list[Question]]:
    remaining = iter(questions)
    while batch := list(islice(remaining, size)):
        yield batch
