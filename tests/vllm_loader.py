"""What vLLM 0.32 makes of a clip for a Qwen3-VL family model: which frames it shows, under which time stamps.

Written from what ``Qwen3VLVideoBackend`` (vllm/multimodal/video.py) and ``_get_video_second_idx``
(vllm/model_executor/models/qwen3_vl.py) do. Files are read with PyAV: the rate is FFmpeg's guess, as OpenCV
reports it to vLLM.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import numpy as np

FEWEST, MOST, MOST_FPS = 4, 768, 30.0
"""Bounds of the loader, in frames and frames a second."""
OWN_FPS = 2.0
"""What loader and processor sample at unless asked otherwise, in frames a second."""
PAIR = 2
"""Frames that share a stamp."""


@dataclass(frozen=True)
class Shown:
    """What the model sees of a clip."""

    pictures: np.ndarray
    """RGB, uint8, (frames, height, width, 3)."""
    stamps: tuple[float, ...]
    """One for each pair of frames, in seconds, before they are written with one decimal."""


class Loader:
    """A server's loader and processor with the fields it was started with."""

    def __init__(self, media_io: dict | None = None, *, do_sample_frames: bool | None = None):
        """``media_io`` is the "video" part of ``--media-io-kwargs``; its ``num_frames`` is ignored."""
        self.fps = float((media_io or {}).get("fps", OWN_FPS))
        self.do_sample_frames = do_sample_frames

    def show(self, clip: bytes) -> Shown:
        """Reads a file and picks frames of it, first in the loader and then in the processor."""
        with av.open(io.BytesIO(clip)) as file:
            stream = file.streams.video[0]
            rate, total = float(stream.guessed_rate), stream.frames
            pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
        taken = self._picked(total, rate, min(self.fps, MOST_FPS))
        pictures, numbers = pictures[taken], taken
        samples = len(taken) == total if self.do_sample_frames is None else self.do_sample_frames
        if samples:
            numbers = self._picked(total, rate, OWN_FPS)
            pictures = pictures[[min(number, len(taken) - 1) for number in numbers]]
        if len(numbers) % PAIR:
            numbers = [*numbers, numbers[-1]]
        seconds = np.array(numbers) / rate
        return Shown(pictures, tuple(((seconds[::PAIR] + seconds[1::PAIR]) / 2).tolist()))

    @staticmethod
    def _picked(total: int, rate: float, fps: float) -> list[int]:
        count = min(max(int(total / rate * fps), FEWEST), MOST, total)
        return np.linspace(0, total - 1, count).round().astype(int).tolist()
