"""How a benchmark's videos are shown to a model: whole, or in windows; asks no model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from footage.core.timecode import format_time
from footage.core.types import Span, Video, Window
from footage.inference.windows import fitting_overlap
from footage.vlm.profile import Profile
from search.grounding.options import GroundingOptions
from search.grounding.proposals import planned_windows

Passes = Literal["auto", "single", "windows"]
"""How videos are shown. "auto": whole, up to the length that the model's makers evaluate or serve it with, in
windows beyond; "single": always whole; "windows": always in the windows of ``footage find``."""
ShownAs = Literal["single pass", "windows"]

SINGLE_PASS_SECONDS: dict[str, float] = {
    "marlin-2b": 120.0,  # its card serves 240 frames at 2 a second
    "video-scan": 120.0,  # as Marlin
    "timelens-8b": math.inf,  # evaluation/eval_dataloader.py of TencentARC/TimeLens: one request a query
    "timelens-7b": math.inf,
    "qwen3-vl-8b": math.inf,  # TimeLens's makers evaluated both Qwen models with the same script
    "qwen2.5-vl-7b": math.inf,
    "timelens2-4b": math.inf,  # vlmeval/dataset of MCG-NJU/TimeLens2: the whole video, up to 2,048 frames
    "timelens2-8b": math.inf,
}
"""Longest video that is shown whole, in seconds, by profile; the profile's window for any other. Beyond its
most frames a model sees fewer frames a second."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """The rule of one run."""

    single_pass_seconds: float
    """Longest video that is shown whole; 0 for none."""
    window_seconds: float
    """Length of the windows of longer videos."""
    overlap_seconds: float
    """Overlap of neighbouring windows."""

    @classmethod
    def of(cls, profile: Profile, looking: GroundingOptions, passes: Passes = "auto") -> Protocol:
        """The rule for a model, and the lengths of windows that the settings name."""
        length = looking.window_seconds or profile.window_seconds
        overlap = profile.overlap_seconds if looking.overlap_seconds is None else looking.overlap_seconds
        whole = {"single": math.inf, "windows": 0.0}.get(passes)
        if whole is None:
            whole = SINGLE_PASS_SECONDS.get(profile.name, length)
        return cls(whole, length, fitting_overlap(overlap, length))

    @property
    def sentence(self) -> str:
        """The rule in words; it names the rule in a work file."""
        windows = f"in windows of {self.window_seconds:g} s that share {self.overlap_seconds:g} s"
        if self.single_pass_seconds == math.inf:
            return "Each video in a single pass."
        if not self.single_pass_seconds:
            return f"Each video {windows}, as by footage find."
        return (
            f"Videos of up to {format_time(self.single_pass_seconds)} in a single pass, longer ones "
            f"{windows}, as by footage find."
        )

    def shown_as(self, duration_seconds: float, *, has_gaps: bool = False) -> ShownAs:
        """How a video is shown; one with gaps always in windows, which hold none."""
        return "single pass" if duration_seconds <= self.single_pass_seconds and not has_gaps else "windows"

    def windows(self, video: Video, profile: Profile, looking: GroundingOptions) -> tuple[Window, ...]:
        """The windows that are asked about first: the whole video, or those of a search."""
        if self.shown_as(video.duration_seconds, has_gaps=bool(video.gaps)) == "single pass":
            return (Window(video.content_id, 0, Span(0, video.duration_seconds)),)
        return planned_windows(video, profile, looking)
