"""One file that a model is asked about, window by window, with what of it could not be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from footage.core.errors import DecodeError, FootageError
from footage.core.types import Answer, Span, Video, Window
from footage.inference.responses import Response, WindowProblem
from footage.inference.runner import RunBatch, WindowedRunner, WindowSource
from footage.vlm.protocol import Prompt, VideoModel

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with (windows done, windows in all)."""


@dataclass
class FileJob:
    """The windows of one file that a model runs on, and the problems among them."""

    model: VideoModel
    """The model."""
    path: str | os.PathLike[str]
    """The file."""
    video: Video
    """Its probe."""
    span: Span
    """The segment, in video time."""
    windows: Sequence[Window]
    """Of the segment, in order."""
    timeout_seconds: float
    """Give up on a window's decoding after this long without progress."""
    problems: list[WindowProblem] = field(default_factory=list)
    """Windows that could not be decoded, complete once the results are read."""

    def results(self, run_batch: RunBatch[T], on_progress: Progress | None) -> Iterator[tuple[Window, T]]:
        """The result for each window that can be decoded, in order; the others become ``problems``.

        Raises:
            DecodeError: when none can.
            FootageError: as the model raises it.
        """
        runner = WindowedRunner(self.model, timeout_seconds=self.timeout_seconds)
        sources = [WindowSource(self.path, self.video, window.span) for window in self.windows]
        for result in (result for batch in runner.batches(sources, run_batch) for result in batch):
            span, error = result.source.span, result.error
            if error is None:
                assert result.result is not None
                yield self.windows[result.number], result.result
            elif isinstance(error, FootageError):
                self.problems.append(
                    {"start": span.start_seconds, "end": span.end_seconds, "reason": str(error)}
                )
            else:
                raise error
            if on_progress:
                on_progress(result.number + 1, len(self.windows))
        if len(self.problems) == len(self.windows):
            raise DecodeError(self.problems[0]["reason"])

    def answers(self, prompt: Prompt, on_progress: Progress | None) -> Iterator[tuple[Window, Answer]]:
        """The model's answer for each window that can be decoded; errors as ``results``."""
        return self.results(
            lambda _, prepared: self.model.run([(window, prompt) for window in prepared]), on_progress
        )

    def response(self, prompt_version: str) -> Response:
        """The keys that all responses share; complete once the results are read."""
        provenance = replace(self.model.provenance, prompt_version=prompt_version)
        return {
            "start": self.span.start_seconds,
            "end": self.span.end_seconds,
            "duration": self.video.duration_seconds,
            "problems": self.problems,
            "provenance": {
                name: value
                for name, value in asdict(provenance).items()
                if name != "cutting"  # the windows show it
            },
        }
