"""A model that recognises drawn clips by their pictures and answers with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from footage.core.timecode import overlap_seconds
from footage.core.types import Answer, Frames, Provenance, Span
from footage.synthetic.clips import SyntheticClip, render
from footage.vlm.profile import Profile
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Capabilities, Prepared, Prompt


class OracleModel:
    """Recognises a clip by its pictures; ``wrong`` makes every caption say something else."""

    def __init__(self, clips: Sequence[SyntheticClip], *, wrong: bool = False) -> None:
        self.clips = list(clips)
        self.wrong = wrong

    @property
    def profile(self) -> Profile:
        return replace(DEMO, name="oracle")

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(token_logprobs=True, max_batch=4)

    @property
    def stage_seconds(self) -> dict[str, float]:
        return {}

    @property
    def provenance(self) -> Provenance:
        return Provenance("oracle", "1", "test", "test")

    def prepare(self, frames: Frames) -> Prepared:
        return Prepared(frames.span, min(self.clips, key=lambda clip: self._difference(clip, frames)))

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        return [
            Answer(self._caption(p) if prompt.kind == "caption" else self._find(p, prompt), "stop", (-0.1,))
            for p, prompt in requests
        ]

    def _difference(self, clip: SyntheticClip, frames: Frames) -> float:
        height, width = frames.pixels.shape[1:3]
        picks = [0, len(frames.pixels) // 2, len(frames.pixels) - 1]
        drawn = render(clip, [frames.times_seconds[n] for n in picks], width=width, height=height)
        return float(np.mean(np.abs(drawn.astype(np.int16) - frames.pixels[picks])))

    def _caption(self, prepared: Prepared) -> str:
        clip, window = prepared.payload, prepared.span
        lines = [
            f"<{start:.1f} - {end:.1f}> {'A cat sleeps.' if self.wrong else event.sentence}"
            for event in clip.events
            for start, end in self._inside(event, window)
        ]
        return "\n".join([f"Scene: {clip.scene.sentence}", "", "Events:", *lines])

    def _find(self, prepared: Prepared, prompt: Prompt) -> str:
        clip, window = prepared.payload, prepared.span
        asked = prompt.text.split('"')[1]
        for event in clip.events:
            for start, end in self._inside(event, window):
                if event.sentence.rstrip(".").casefold() == asked.casefold():
                    return f"From {start:.1f} to {end:.1f}."
        return f"From 0.0 to {window.duration_seconds:.1f}."

    def _inside(self, event, window: Span):
        span = Span(event.start_seconds, event.end_seconds)
        if overlap_seconds(span, window) > 0:
            start = max(span.start_seconds, window.start_seconds) - window.start_seconds
            end = min(span.end_seconds, window.end_seconds) - window.start_seconds
            yield start, end
