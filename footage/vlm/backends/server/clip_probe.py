"""What a served model sees of a clip, judged by its prompt or by its answer; sends nothing.

Two clips are looked at: one of the profile's window, which shows a cap on frames, and one of an odd length,
of which a server that samples again takes fewer frames than it was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from footage.core import frame_budget
from footage.core.types import Frames, Span
from footage.media.sampling import target_size
from footage.vlm.profile import Profile, VideoForm

TOLERANCE_SECONDS = 0.05
"""Largest difference between the time of a pair of frames and its stamp."""
STAMP_ROUNDING_SECONDS = 0.05
"""Time stamps are written with one decimal."""
ODD_SECONDS = 7.3
"""Length of the second clip: 16 frames at 2 fps, of which a server that samples 2 fps again takes 15."""
_LAST_FRAME_SECONDS = 0.04  # of a recording at 25 fps
_SIDE = 64
_GREY = 128
_DRAWN_SECONDS, _IN_VIEW = 20.0, Span(12.0, 16.0)
_NEEDED_IOU = 0.3
DRAWN_EVENT = "a white disc is in view"
"""What happens in ``drawn_frames``."""


# --- 1. The prompt ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """The video in the prompt that a model reads."""

    stamps: tuple[float, ...]
    """When each pair of frames is, in seconds."""
    form: VideoForm
    """How the video stands in it."""


def read_prompt(text: str) -> ShownPrompt | None:
    """The video in a prompt with all its special tokens; None where there are no time stamps."""
    stamps = list(re.finditer(r"<([0-9]+\.[0-9]) seconds>", text))
    if not stamps:
        return None
    form: VideoForm = "template" if text[: stamps[0].start()].endswith("<|vision_start|>") else "bare"
    return ShownPrompt(tuple(float(stamp[1]) for stamp in stamps), form)


def clips_to_look_at(profile: Profile) -> list[Frames]:
    """The clips that are looked at: grey, small, with as many frames as windows of their lengths have."""
    return [_evenly_spaced(profile, seconds) for seconds in (profile.window_seconds, ODD_SECONDS)]


def _evenly_spaced(profile: Profile, seconds: float) -> Frames:
    count = frame_budget.frames_for(
        seconds, fps=profile.fps, min_frames=profile.min_frames, max_frames=profile.max_frames
    )
    times = np.linspace(0, seconds - _LAST_FRAME_SECONDS, count)
    return Frames(np.full((count, _SIDE, _SIDE, 3), _GREY, np.uint8), tuple(times.tolist()), Span(0, seconds))


def problem_with(seen: ShownPrompt, frames: Frames) -> str:
    """What the model sees wrongly of some frames, in words; empty when nothing."""
    times = [*frames.times_seconds, *frames.times_seconds[-1:] * (len(frames.times_seconds) % 2)]
    pairs = [(a + b) / 2 for a, b in zip(times[::2], times[1::2], strict=True)]
    clip = f"a clip of {frames.span.duration_seconds:g} s"
    if len(seen.stamps) != len(pairs):
        return f"{len(seen.stamps)} pairs of frames of {clip} that has {len(pairs)}"
    off = max(abs(stamp - pair) for stamp, pair in zip(seen.stamps, pairs, strict=True))
    if off - STAMP_ROUNDING_SECONDS > TOLERANCE_SECONDS + 1e-6:
        return f"the frames of {clip} at times that are up to {off:.1f} s off"
    return ""


# --- 2. Where the prompt is not shown -----------------------------------------------------------------------


def drawn_frames(profile: Profile) -> Frames:
    """A clip of 20 s in which a white disc is in view from 12 to 16 s."""
    count = frame_budget.frames_for(
        _DRAWN_SECONDS, fps=profile.fps, min_frames=profile.min_frames, max_frames=profile.max_frames
    )
    times = np.linspace(0, _DRAWN_SECONDS - _LAST_FRAME_SECONDS, count)
    width, height = target_size(320, 192, frames=count, pixels_per_frame=profile.pixels_per_frame)
    pixels = np.full((count, height, width, 3), _GREY // 2, np.uint8)
    rows, columns = np.mgrid[:height, :width]
    disc = np.hypot(rows - height / 2, columns - width / 2) < height / 3
    for number in np.flatnonzero((times >= _IN_VIEW.start_seconds) & (times < _IN_VIEW.end_seconds)):
        pixels[number][disc] = 255
    return Frames(pixels, tuple(times.tolist()), Span(0, _DRAWN_SECONDS))


def problem_with_span(span: Span | None) -> str:
    """What is wrong with the answer about ``drawn_frames``, in words; empty when it fits, or is none."""
    if span is None:
        return ""
    shared = min(span.end_seconds, _IN_VIEW.end_seconds) - max(span.start_seconds, _IN_VIEW.start_seconds)
    union = span.duration_seconds + _IN_VIEW.duration_seconds - max(0.0, shared)
    if max(0.0, shared) / union >= _NEEDED_IOU:
        return ""
    return (
        f"what is in view from {_IN_VIEW.start_seconds:g} to {_IN_VIEW.end_seconds:g} s of a drawn clip "
        f"from {span.start_seconds:g} to {span.end_seconds:g} s"
    )
