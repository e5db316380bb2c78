"""A deterministic model and embedder for tests about what surrounds them, and clips that they can read."""

from __future__ import annotations

import hashlib
import itertools
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from footage.core.types import Answer, Frames, Provenance
from footage.embed.protocol import TextEmbedder
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Capabilities, Prepared

BRIGHT, DARK = "The picture is bright.", "The picture is dark."


class StandinModel:
    """Says when the picture is bright and when it is dark, in the answer format of a real model.

    Every window it is shown is added to ``log`` (and to the file ``log_path``) as "brightness start end".
    """

    def __init__(
        self,
        *,
        window_seconds: float = 4.0,
        overlap_seconds: float = 1.0,
        max_batch: int = 8,
        revision: str = "1",
        sleep_seconds: float = 0.0,
        log_path: Path | None = None,
        stop_at: int | None = None,
        stop_with: type[BaseException] = KeyboardInterrupt,
        truncate: bool = False,
    ):
        self.profile = replace(
            DEMO, name="standin", window_seconds=window_seconds, overlap_seconds=overlap_seconds
        )
        self.capabilities = Capabilities(max_batch=max_batch)
        self.provenance = Provenance("standin", revision, "1", "as the demo model")
        self.stage_seconds: dict[str, float] = {}
        self.log: list[str] = []
        self.batches: list[int] = []
        self._sleep_seconds = sleep_seconds
        self._log_path = log_path
        self._stop_at = stop_at
        self._stop_with = stop_with
        self._truncate = truncate

    def prepare(self, frames: Frames) -> Prepared:
        assert frames.times_seconds[0] >= frames.span.start_seconds - 1e-3
        assert frames.times_seconds[-1] < frames.span.end_seconds
        return Prepared(frames.span, (frames.pixels.mean(axis=(1, 2, 3)), frames.times_seconds))

    def run(self, requests):
        if self._stop_at is not None and len(self.log) + len(requests) > self._stop_at:
            raise self._stop_with("asked to stop")
        time.sleep(self._sleep_seconds)
        self.batches.append(len(requests))
        answers = []
        for prepared, prompt in requests:
            levels, times = prepared.payload
            self._note(f"{levels.mean():.1f} {prepared.span.start_seconds} {prepared.span.end_seconds}")
            reply = self._caption if prompt.kind == "caption" else self._find
            raw = reply(levels, np.asarray(times), prepared.span, prompt.text)
            cut = self._truncate and prompt.kind == "caption"
            answers.append(Answer(raw[:-5] if cut else raw, "length" if cut else "stop"))
        return answers

    def _note(self, line):
        self.log.append(line)
        if self._log_path:
            with self._log_path.open("a") as file:
                file.write(line + "\n")

    def _runs(self, levels, times, span):
        """Stretches of bright and dark, in window time."""
        bright = list(levels > 127)
        starts = [0, *(n for n in range(1, len(bright)) if bright[n] != bright[n - 1])]
        edges = [float(times[n]) for n in starts[1:]]
        edges = [0.0, *(edge - span.start_seconds for edge in edges), span.duration_seconds]
        for n, (start, end) in zip(starts, itertools.pairwise(edges), strict=True):
            yield bright[n], start, end

    def _caption(self, levels, times, span, text):
        lines = [
            f"<{start:.1f} - {end:.1f}> {BRIGHT if is_bright else DARK}"
            for is_bright, start, end in self._runs(levels, times, span)
        ]
        return f"Scene: A plain wall of brightness {levels.mean():.0f}.\n\nEvents:\n" + "\n".join(lines)

    def _find(self, levels, times, span, text):
        for is_bright, start, end in self._runs(levels, times, span):
            if ("bright" in text) == is_bright:
                return f"From {start:.1f} to {end:.1f}."
        return f"From 0.0 to {span.duration_seconds:.1f}."


class StandinEmbedder(TextEmbedder):
    """Adds up one pseudo-random vector per word, so that texts sharing words are near each other."""

    def __init__(self, name: str = "standin", dimension: int = 16):
        self.name = name
        self.dimension = dimension
        self.texts: list[str] = []

    def embed(self, texts, *, kind="document"):
        self.texts.extend(texts)
        rows = [sum(map(self._word, text.lower().split()), self._word("")) for text in texts]
        vectors = np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_words(self, words):
        return self.embed(words)

    def _word(self, word):
        seed = int.from_bytes(hashlib.sha256(word.strip(".,").encode()).digest()[:4], "big")
        return np.random.default_rng(seed).normal(size=self.dimension)


def write_levels(path: Path, levels, *, fps: int = 8, size=(64, 48)) -> Path:
    """Write a clip of plain grey pictures: one level (0 to 255) a second, ``fps`` frames each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for level in levels:
            picture = np.full((size[1], size[0], 3), level, dtype=np.uint8)
            for _ in range(fps):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_noise(path: Path, *, seconds: int, fps: int = 4) -> Path:
    """A clip of noise, which takes about 0.35 MB a second."""
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps, options={"qmin": "2", "qmax": "2", "g": "8"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 240, "yuv420p", 10_000_000
        for _ in range(seconds * fps):
            picture = noise.integers(0, 255, (240, 320, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path
