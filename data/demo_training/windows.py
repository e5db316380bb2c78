"""Training windows, drawn and sampled as the product would cut and sample a file; knows nothing of models."""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import av
import numpy as np
import torch
import torch.nn.functional as F

from demo_training.folder import FRAME_HEIGHT, FRAME_WIDTH
from footage.core import frame_budget
from footage.synthetic import clips

RECURRING: dict[str, Any] = {"repeat": 0.6, "event_seconds": (2.0, 4.5)}
"""Arguments of ``random_clip`` for a window in which events recur."""


@dataclass(frozen=True)
class Sample:
    """One drawn window."""

    frames: np.ndarray
    """uint8, (frames, 3, height, width); frames is even."""
    milliseconds: tuple[int, ...]
    """Time of each frame from the window's start."""
    duration_seconds: float
    """Length of the window."""
    scene: str
    """The scene sentence."""
    events: tuple[tuple[clips.SyntheticEvent, float, float], ...]
    """What happens, with start and end in window time, clipped to the window."""
    unclear: frozenset[str] = frozenset()
    """Sentences of what it shows for less than half a second, which is no part of ``events``."""

    @property
    def stamps(self) -> list[float]:
        """The time written before each pair of frames, seconds of window time, not rounded."""
        t = self.milliseconds
        return [(t[2 * k] + t[2 * k + 1]) / 2000 for k in range(len(t) // 2)]


def frame_times(duration: float, fps: float, start: float) -> np.ndarray:
    """Presentation times (video time) of the frames the contract samples from [start, start + duration)."""
    first, last = math.ceil(start * fps - 1e-6), math.ceil((start + duration) * fps - 1e-6) - 1
    count = min(frame_budget.frames_for(duration), last - first + 1)
    return (first + np.round(np.linspace(0, last - first, count))) / fps


def draw_sample(rng: np.random.Generator, difficulty: float, pairs: int, *, repeats: float = 0.0) -> Sample:
    """Draws a window of ``pairs`` frame pairs; difficulty 0 is one event, 1 all that the product meets.

    A share ``repeats`` of windows has events that recur, and are short so that they can.

    Its length is any that the contract samples as many frames from: the last window of a file has whatever
    length is left, and its frames lie 0.49 to 0.53 s apart. A stamp that is never shown is never learned.
    """
    whole = rng.random() < 0.35
    window = float(pairs) if rng.random() < 0.4 else round(pairs + float(rng.uniform(-0.74, 0.24)), 2)
    margin = 0.0 if whole else 16.0
    most = 1 + round(5 * difficulty)
    least = 1 if rng.random() > 0.1 * difficulty else 0
    recurring = RECURRING if rng.random() < repeats else {}
    for _ in range(30):
        rate = float(rng.uniform(0.3, 1.3)) * most * 60 / window
        clip = clips.random_clip(
            rng, duration_seconds=math.ceil(window + margin), events_per_minute=min(24.0, rate), **recurring
        )
        start = float(rng.integers(0, int(2 * margin) + 1)) / 2 if margin else 0.0
        end = start + window
        shown = [(e, min(end, e.end_seconds) - max(start, e.start_seconds)) for e in clip.events]
        visible = [
            (event, max(0.0, event.start_seconds - start), min(window, event.end_seconds - start))
            for event, seconds in shown
            if seconds >= 0.5
        ]
        if least <= len(visible) <= most:
            break
    fps = float(rng.choice([12.5, 15.0, 24.0, 25.0, 25.0, 30.0]))
    times = frame_times(window, fps, start)
    scale = 1.0 if rng.random() < 0.05 else 0.5
    width, height = int(480 * scale), int(320 * scale)
    frames = clips.render(clip, times, width=width, height=height)
    if rng.random() < 0.12:
        frames = compress(frames, crf=int(rng.integers(22, 36)))
    small = F.interpolate(
        torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous(),
        size=(FRAME_HEIGHT, FRAME_WIDTH),
        mode="bicubic",
        antialias=True,
    )
    if len(small) % 2:
        small = torch.cat([small, small[-1:]])
        times = np.append(times, times[-1])
    visible.sort(key=lambda item: (item[1], item[2], item[0].sentence))
    return Sample(
        small.numpy(),
        tuple(round(float(t - start) * 1000) for t in times),
        window,
        clip.scene.sentence,
        tuple(visible),
        frozenset(event.sentence for event, seconds in shown if 0 < seconds < 0.5),
    )


def compress(frames: np.ndarray, *, crf: int) -> np.ndarray:
    """Sends frames (uint8, (n, h, w, 3)) through H.264 and back, for the noise real files have."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container:
        container.streams.video[0].thread_type = "NONE"
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def produce(queue: Any, seed: int, pairs: int, difficulty: Any, repeats: float) -> None:
    """Endless: draws batches of windows and puts them on the queue (runs in a process of its own)."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    while True:
        level = difficulty.value * (rng.random() if rng.random() < 0.4 else 1.0)
        longest = 12 + round(6 * level)
        length = longest if rng.random() < 0.25 * level else int(rng.integers(4, longest + 1))
        size = min(24, max(3, pairs // length))
        queue.put([draw_sample(rng, level, length, repeats=repeats) for _ in range(size)])


class Footage:
    """Batches of freshly drawn windows with equally many frames, drawn ahead in another process.

    No window is used twice: even a model this small learns a few thousand windows' times by heart before it
    learns to look a time up, and its training loss then says nothing.
    """

    def __init__(self, seed: int, *, pairs: int, repeats: float = 0.0) -> None:
        context = get_context("spawn")
        self.difficulty = context.Value("d", 0.0)
        self.queue = context.Queue(maxsize=8)
        arguments = (self.queue, seed, pairs, self.difficulty, repeats)
        context.Process(target=produce, args=arguments, daemon=True).start()

    def batch(self) -> list[Sample]:
        """3 to 24 windows with equally many frames."""
        return self.queue.get()

    def pairs(self, rng: random.Random, *, count: int) -> list[Sample]:
        """``count`` random frame pairs from each window of three batches."""
        chosen = []
        for sample in [sample for _ in range(3) for sample in self.batch()]:
            starts = rng.choices(range(0, len(sample.frames), 2), k=count)
            keep = [index for start in starts for index in (start, start + 1)]
            chosen.append(
                replace(
                    sample,
                    frames=sample.frames[keep],
                    milliseconds=tuple(sample.milliseconds[index] for index in keep),
                )
            )
        return chosen
