"""Drawn clips with a narrator, signs and a burned-in clock, beside what happens in them; exact truth of all.

A family of clips of its own: the clips of ``footage.synthetic.clips`` stay as they are for the same seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footage.synthetic import clips as plain
from footage.synthetic.clock_overlay import BurnedInClock, Decoy, draw_overlays, random_clock, random_decoy
from footage.synthetic.narration import RATE, Narration, narrate, silence
from footage.synthetic.signs import Sign, draw_signs, random_signs, signs_truth
from footage.synthetic.writing import write_video

WIDTH, HEIGHT = 720, 480
"""Size of the pictures, in pixels: small letters are to be readable, as in real footage."""
CLIP_SECONDS = (30.0, 60.0)
"""Shortest and longest of ``random_track_clip``."""
SIGNS_A_MINUTE = 7.0
"""How many signs and banners to aim for."""
NARRATED = 0.85
"""Share of clips in which somebody speaks; half of the others have sound without a voice, half have none."""
CLOCKED = 0.5
"""Share of clips with a burned-in clock."""
DECOYED = 0.7
"""Share of the clips without a clock that show something that only looks like one."""


@dataclass(frozen=True)
class TrackClip:
    """A drawn clip, what is said and written in it, and the clock in its picture."""

    clip: plain.SyntheticClip
    """The place and what happens there."""
    narration: Narration | None
    """What is said; None for a clip without a sound track."""
    signs: tuple[Sign, ...]
    """What is written, by start."""
    clock: BurnedInClock | None
    """The running clock, where there is one."""
    decoys: tuple[Decoy, ...] = ()
    """Overlays that are no clock."""

    @property
    def duration_seconds(self) -> float:
        """Length."""
        return self.clip.duration_seconds


def random_track_clip(
    rng: np.random.Generator, *, duration_seconds: float | None = None, clock: bool | None = None
) -> TrackClip:
    """Some clip of this family.

    Args:
        rng: Where the randomness comes from.
        duration_seconds: Length; a random one of CLIP_SECONDS when None.
        clock: Whether it has a burned-in clock; at random when None.

    Raises:
        DependencyError: espeak-ng is not installed, or fails.
    """
    seconds = duration_seconds or round(float(rng.uniform(*CLIP_SECONDS)) * 2) / 2
    clip = plain.random_clip(rng, duration_seconds=seconds, events_per_minute=6)
    signs = random_signs(rng, duration_seconds=seconds, count=round(seconds / 60 * SIGNS_A_MINUTE))
    running, decoys = None, tuple[Decoy, ...]()
    with_clock = bool(rng.random() < CLOCKED)
    if with_clock if clock is None else clock:
        running = random_clock(rng, duration_seconds=seconds)
    elif rng.random() < DECOYED:
        decoys = (random_decoy(rng),)
    voice = rng.random()
    narration: Narration | None = None
    if voice < NARRATED:
        narration = narrate(rng, duration_seconds=seconds)
    elif voice < (1 + NARRATED) / 2:
        narration = silence(rng, duration_seconds=seconds)
    return TrackClip(clip, narration, signs, running, decoys)


def render_track_clip(
    clip: TrackClip, times: Sequence[float], *, width: int = WIDTH, height: int = HEIGHT
) -> NDArray[np.uint8]:
    """The frames of a clip at these moments of video time, (len(times), height, width, 3)."""
    frames = plain.render(clip.clip, times, width=width, height=height)
    overlays = (*((clip.clock,) if clip.clock else ()), *clip.decoys)
    for frame, at_seconds in zip(frames, times, strict=True):
        draw_signs(frame, clip.signs, at_seconds)
        draw_overlays(frame, overlays, at_seconds)
    return frames


def write_track_clip(
    clip: TrackClip,
    path: str | os.PathLike[str],
    *,
    fps: float | Fraction = 12.5,
    width: int = WIDTH,
    height: int = HEIGHT,
    crf: float = 25,
    recorded_at: datetime | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write a clip with its sound as mp4 (see ``footage.synthetic.writing.write_video``)."""
    write_video(
        path,
        lambda times: render_track_clip(clip, times, width=width, height=height),
        duration_seconds=clip.duration_seconds,
        fps=fps,
        width=width,
        height=height,
        crf=crf,
        recorded_at=recorded_at,
        sound=None if clip.narration is None else clip.narration.samples,
        sound_rate=RATE,
        progress=progress,
    )


def track_truth(clip: TrackClip, *, width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    """What is said, written and shown, ready for JSON, beside the truth of ``footage.synthetic.clips``."""
    entry = plain.truth(clip.clip)
    entry["said"] = clip.narration.truth() if clip.narration else []
    entry["shown"] = signs_truth(clip.signs, width=width, height=height)
    if clip.clock:
        entry["clock"] = clip.clock.truth()
    return entry
