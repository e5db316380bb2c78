"""A model that recognises the sample clips by their pictures and says what their ground truth says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from footage.core.timecode import clamp
from footage.core.types import Answer, Frames, Provenance, Span
from footage.media.video import frame_at
from footage.vlm.profile import Profile
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Capabilities, Prepared, Prompt

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "footage"


class TruthModel:
    """Answers caption prompts with the truth, find prompts with the event that shares most words."""

    profile: Profile = replace(DEMO, name="truth", skills=(*DEMO.skills, "point"))
    capabilities = Capabilities(max_batch=4)
    stage_seconds: Mapping[str, float] = MappingProxyType({})
    provenance = Provenance("truth", "1", "test", "test")

    def __init__(self, folder: Path = SAMPLES) -> None:
        self.folder = folder
        self.videos = json.loads((folder / "ground_truth.json").read_text("utf-8"))["videos"]
        self._frame = cache(lambda name, at: _small(frame_at(folder / name, at, max_width=96)))

    def prepare(self, frames: Frames) -> Prepared:
        middle = len(frames.pixels) // 2
        at, seen = round(frames.times_seconds[middle], 3), _small(frames.pixels[middle])
        names = [name for name, video in self.videos.items() if video["duration"] > at]
        best = min(names, key=lambda name: float(np.mean(np.abs(self._frame(name, at) - seen))))
        return Prepared(frames.span, best)

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        answer = {"caption": self._caption, "find": self._find, "ask": self._ask, "point": self._point}
        return [Answer(answer[prompt.kind](prepared, prompt), "stop") for prepared, prompt in requests]

    def _caption(self, prepared: Prepared, prompt: Prompt) -> str:
        lines = [f"<{start:.1f} - {end:.1f}> {text}" for text, start, end in self._events(prepared)]
        return "\n".join([f"Scene: {self.videos[prepared.payload]['scene']}", "", "Events:", *lines])

    def _find(self, prepared: Prepared, prompt: Prompt) -> str:
        wanted = set(prompt.text.split('"')[1].lower().rstrip(".").split())
        events = list(self._events(prepared)) or [("", 0.0, prepared.span.duration_seconds)]
        _, start, end = max(events, key=lambda event: len(wanted & set(event[0].lower().rstrip(".").split())))
        return f"From {start:.1f} to {end:.1f}."

    def _ask(self, prepared: Prepared, prompt: Prompt) -> str:
        result = " ".join(text for text, _, _ in self._events(prepared))
        return f"<b>{prompt.text}</b> {result}"

    def _point(self, prepared: Prepared, prompt: Prompt) -> str:
        return f'<points coords="1 1 500 500 2 1100 100">{prompt.text}</points>'

    def _events(self, prepared: Prepared) -> Iterator[tuple[str, float, float]]:
        """Text, start and end, in window time, of what happens in a window."""
        offset = prepared.span.start_seconds
        for line in self.videos[prepared.payload]["timeline"]:
            span = clamp(Span(line["start"], line["end"]), prepared.span)
            if span is not None and span.duration_seconds > 0:
                yield line["text"], span.start_seconds - offset, span.end_seconds - offset


def _small(pixels: np.ndarray) -> np.ndarray:
    """Mean colours of an 8 x 12 grid, so that two sizes of one picture compare."""
    rows = np.array_split(pixels.astype(np.float32), 8)
    return np.array([[cell.mean((0, 1)) for cell in np.array_split(row, 12, axis=1)] for row in rows])
