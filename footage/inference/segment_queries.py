"""Asks a model about a segment or a moment of a file, window by window; knows no index and no prompt.

A segment longer than the model's window is cut into equal windows, each shown on its own; a moment is shown
as one frame in its own size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from footage.core.errors import FootageError
from footage.core.types import Answer, Span, Video
from footage.inference.runner import WindowedRunner, WindowResult, WindowSource, full_size_frame
from footage.inference.windows import cut_segment
from footage.media.subtitles import Cue
from footage.vlm.pointing import Shown
from footage.vlm.protocol import PictureModel, Prompt, VideoModel
from footage.vlm.subtitled import subtitled


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a file that a model is asked about."""

    path: Path
    """The file."""
    video: Video
    """Its probe (``footage.media.sandbox.probe`` or ``probe_image``)."""
    span: Span
    """From when to when, in video time; equal ends for a moment, both 0 for an image."""
    address: str = ""
    """Where the file was downloaded from; empty for a file of this machine."""

    @property
    def source(self) -> str:
        """The file as the user knows it: its address, or its path."""
        return self.address or str(self.path)

    @property
    def is_moment(self) -> bool:
        """Whether it is shown as a picture."""
        return self.span.duration_seconds == 0


@dataclass(frozen=True, slots=True)
class SegmentAnswer:
    """The answer about one window or picture."""

    path: Path
    """The file."""
    shown: Shown
    """What the model was shown."""
    answer: Answer | None
    """Its answer; None when the window could not be decoded."""
    problem: str = ""
    """Why the window could not be decoded, one sentence; empty when it could."""


def ask_segment(
    model: VideoModel,
    segment: Segment,
    prompt: Prompt,
    *,
    cues: Sequence[Cue] = (),
    window_seconds: float | None = None,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[SegmentAnswer]:
    """Ask a model one question about a segment, window by window, each answer as it comes.

    Args:
        model: The model.
        segment: The segment or moment.
        prompt: The question.
        cues: Subtitles; each window is shown with its own.
        window_seconds: Longest window; None for the model's own.
        timeout_seconds: Give up on decoding after this long without progress.
        on_progress: Called with (windows done, windows in all).

    Raises:
        ModelError: when the model fails.
    """
    windows = cut_segment(
        segment.span,
        model.profile,
        layout="separate",
        window_seconds=window_seconds,
        gaps=segment.video.gaps,
    )
    sources = [WindowSource(segment.path, segment.video, window.span) for window in windows]
    runner = WindowedRunner(model, timeout_seconds=timeout_seconds)
    capabilities = model.capabilities
    batches = runner.batches(
        sources,
        lambda _, prepared: model.run(
            [(each, subtitled(prompt, cues, each.span, capabilities)) for each in prepared]
        ),
    )
    for result in (result for batch in batches for result in batch):
        yield _segment_answer(segment, result)
        if on_progress:
            on_progress(result.number + 1, len(windows))


def ask_moments(
    model: PictureModel, moments: Sequence[Segment], prompt: Prompt, *, timeout_seconds: float = 120
) -> Answer:
    """Ask a model one question about several images and the pictures of moments, numbered from 1.

    Raises:
        VideoError: when one of them cannot be read.
        ModelError: when the model fails.
    """
    sources = [WindowSource(moment.path, moment.video, moment.span) for moment in moments]
    prepared = model.prepare_pictures([full_size_frame(source, timeout_seconds) for source in sources])
    [answer] = model.run([(prepared, prompt)])
    return answer


def _segment_answer(segment: Segment, result: WindowResult[Answer]) -> SegmentAnswer:
    if result.error is not None and not isinstance(result.error, FootageError):
        raise result.error
    size = segment.video.width, segment.video.height
    shown = Shown(result.source.span, result.frame_times_seconds, *size)
    return SegmentAnswer(segment.path, shown, result.result, str(result.error or ""))
