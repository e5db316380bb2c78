"""Shows stretches and moments of files to a model and hands on what it says; knows no index and no prompt.

A stretch longer than the model's window is cut into equal windows, each shown on its own; a moment is shown
as one picture in its own size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from footage.core.errors import VideoError
from footage.core.types import Answer, Frames, Span, Video
from footage.core.windows import runs
from footage.media.sandbox import WHOLE, Sampler, frame_at
from footage.vlm.pointing import Shown
from footage.vlm.profiles import Profile
from footage.vlm.protocol import PictureModel, Prompt, VideoModel


@dataclass(frozen=True, slots=True)
class Scene:
    """What of a file is to be shown."""

    path: Path
    """The file."""
    video: Video
    """What ``footage.media.sandbox.probe`` says of it."""
    span: Span
    """From when to when, in video time; equal ends for a moment."""

    @property
    def is_moment(self) -> bool:
        """Whether it is shown as a picture."""
        return self.span.duration_seconds == 0


@dataclass(frozen=True, slots=True)
class Told:
    """What the model said of one window or picture."""

    path: Path
    """The file."""
    shown: Shown
    """What it was shown."""
    answer: Answer | None
    """What it said; None when it could be shown nothing."""
    problem: str = ""
    """Why it could be shown nothing, one sentence; empty when it could."""


def cut(span: Span, window_seconds: float, gaps: Iterable[Span] = ()) -> list[Span]:
    """As few windows of one length as make none longer than ``window_seconds``; a moment stays one.

    Each run of frames between gaps is cut for itself. A stretch that lies in a gap is cut as if it did not:
    it shows the picture from before the gap.
    """
    windows: list[Span] = []
    for run in runs(span, gaps) or (span,):
        count = max(1, math.ceil(run.duration_seconds / window_seconds - 1e-9))
        edges = [run.start_seconds + run.duration_seconds * n / count for n in range(count)]
        edges += [run.end_seconds]
        windows += [Span(start, end) for start, end in pairwise(edges)]
    return windows


def ask(
    model: VideoModel,
    scene: Scene,
    prompt: Prompt,
    *,
    window_seconds: float | None = None,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Told]:
    """Ask a model one thing about a scene, window by window, each answer as it comes.

    Args:
        model: Whom to ask.
        scene: What to show.
        prompt: What to ask.
        window_seconds: Longest window; None for the model's own.
        timeout_seconds: Give up on decoding after this long without progress.
        on_progress: Called with (windows done, windows in all).

    Raises:
        ModelError: when the model fails.
    """
    profile = model.profile
    spans = cut(scene.span, window_seconds or profile.window_seconds, scene.video.gaps)
    sampler = _sampler(scene, spans, profile, timeout_seconds)
    size = scene.video.width, scene.video.height
    for number, span in enumerate(spans):
        try:
            frames = _picture(scene, timeout_seconds) if scene.is_moment else sampler.take(number)
        except VideoError as exc:
            yield Told(scene.path, Shown(span, (), *size), None, str(exc))
        else:
            times = tuple(dict.fromkeys(frames.times_seconds))
            [answer] = model.run([(model.prepare(frames), prompt)])
            yield Told(scene.path, Shown(span, times, *size), answer)
        if on_progress:
            on_progress(number + 1, len(spans))


def ask_together(
    model: PictureModel, moments: Sequence[Scene], prompt: Prompt, *, timeout_seconds: float = 120
) -> Answer:
    """Ask a model one thing about the pictures of several moments, numbered from 1.

    Raises:
        VideoError: when one of them cannot be read.
        ModelError: when the model fails.
    """
    prepared = model.prepare_pictures([_picture(moment, timeout_seconds) for moment in moments])
    [answer] = model.run([(prepared, prompt)])
    return answer


def _picture(moment: Scene, timeout_seconds: float) -> Frames:
    """The picture on show at a moment, in its own size."""
    seconds = moment.span.start_seconds
    pixels = frame_at(moment.path, seconds, max_width=WHOLE, timeout_seconds=timeout_seconds)
    return Frames(pixels[None], (seconds,), moment.span)


def _sampler(scene: Scene, spans: Sequence[Span], profile: Profile, timeout_seconds: float) -> Sampler:
    return Sampler(
        scene.path,
        spans,
        **profile.frame_budget,
        video=scene.video,
        timeout_seconds=timeout_seconds,
    )
