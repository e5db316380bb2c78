"""Captions windows whose frames are at hand: from tasks to records, knows neither files nor the index.

Nothing else goes in or comes out, so the same function can run where the model is, in another process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from footage.core.errors import WindowError
from footage.core.types import Answer, Frames, Provenance, Window, WindowRecord
from footage.vlm.captioning import captions
from footage.vlm.protocol import Prepared, Prompt, Recalling, RunsEach, VideoModel


@dataclass(frozen=True, slots=True)
class CaptionTask:
    """One window to be captioned, with everything that is needed except the model."""

    window: Window
    """Which."""
    frames: Frames
    """Its pictures."""
    provenance: Provenance
    """Under what it is captioned; goes into the record."""


class StageTiming(Protocol):
    """Measures blocks, by stage; see ``ProgressTracker.timing``."""

    def __call__(
        self, stage: str, parts: Callable[[], Mapping[str, float]] = ...
    ) -> AbstractContextManager[None]:
        """Measure a block."""
        ...


def _untimed(stage: str, parts: Callable[[], Mapping[str, float]] = dict) -> AbstractContextManager[None]:
    return nullcontext()


def caption_windows(
    tasks: Sequence[CaptionTask], *, model: VideoModel, timing: StageTiming = _untimed
) -> list[WindowRecord | WindowError]:
    """Caption some windows in one batch; the same tasks and model give the same records.

    Args:
        tasks: The windows; at most ``model.capabilities.max_batch``.
        model: Captions them.
        timing: Measures the stages.

    Returns:
        One for each task, in order; the error for a window that is too much for the model.

    Raises:
        WaitStoppedError: the run was stopped while the model had to be waited for.
        ModelError: the model gave up.
    """
    with timing("prepare"):
        prepared = [model.prepare(task.frames) for task in tasks]
    read = captions(
        prepared,
        seeds=[_seed(task.window) for task in tasks],
        profile=model.profile,
        run=lambda requests: _answers(requests, model, timing),
    )
    if isinstance(model, Recalling):
        for task, window in zip(tasks, prepared, strict=True):
            model.keep(task.window.content_id, window)
    return [
        caption if isinstance(caption, WindowError) else WindowRecord(task.window, caption, task.provenance)
        for task, caption in zip(tasks, read, strict=True)
    ]


def _answers(
    requests: Sequence[tuple[Prepared, Prompt]], model: VideoModel, timing: StageTiming
) -> Sequence[Answer | WindowError]:
    """The model's answers; window by window if the memory is too small for all of them at once."""
    before = dict(model.stage_seconds)
    try:
        with timing("caption", lambda: _since(before, model.stage_seconds)):
            if isinstance(model, RunsEach):
                return model.run_each(requests)
            return model.run(requests)
    except WindowError as error:
        if len(requests) == 1:
            return [error]
    return [answer for request in requests for answer in _answers([request], model, timing)]


def _seed(window: Window) -> int:
    """The seed of a window, the same in every run."""
    digest = hashlib.sha256(f"{window.content_id}/{window.index}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _since(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {stage: seconds - before.get(stage, 0.0) for stage, seconds in now.items()}
