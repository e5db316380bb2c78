"""What a server is sent is encoded ahead, and is as good as the frames are."""

from __future__ import annotations

import gc
import io
import threading
import time
import weakref
from pathlib import Path

import av
import numpy as np
import pytest

from footage.core.errors import DecodeError
from footage.core.types import Frames, Span
from footage.media.video import sample
from footage.vlm.backends.server.ahead import PreparingAhead
from footage.vlm.backends.server.payload import encode_clip
from footage.vlm.protocol import Prepared

CLIP = Path(__file__).resolve().parents[1] / "data" / "footage" / "park_dusk.mp4"


def frames(level: int) -> Frames:
    return Frames(np.full((2, 32, 32, 3), level, np.uint8), (0.0, 0.5), Span(0, 1))


def test_a_window_is_prepared_once_while_its_caller_does_something_else():
    prepared, main = [], threading.get_ident()

    def prepare(window):
        prepared.append(threading.get_ident())
        if window.pixels[0, 0, 0, 0] == 3:
            raise DecodeError("there is no frame")
        return Prepared(window.span, window.pixels.mean())

    ahead = PreparingAhead(prepare)
    first, second, third = map(frames, (1, 2, 3))
    ahead.begin(first)
    ahead.begin(third)
    assert [ahead.take(window).payload for window in (second, first)] == [2.0, 1.0]
    with pytest.raises(DecodeError, match="no frame"):
        ahead.take(third)
    assert len(prepared) == 3 and prepared.count(main) == 1
    assert ahead.take(first).payload == 1.0, "a result is taken once"
    assert len(prepared) == 4


def test_a_result_that_is_not_taken_goes_with_its_frames():
    made = threading.Event()
    results: list[weakref.ref[np.ndarray]] = []

    def prepare(window):
        payload = np.zeros(8)
        results.append(weakref.ref(payload))
        made.set()
        return Prepared(window.span, payload)

    ahead = PreparingAhead(prepare)
    window = frames(1)
    ahead.begin(window)
    assert made.wait(30)
    del window
    until = time.monotonic() + 30
    while results[0]() is not None and time.monotonic() < until:  # until the thread has let go of it, too
        gc.collect()
    assert results[0]() is None


def test_a_clip_shows_the_frames_nearly_as_they_are():
    window = sample(CLIP, Span(0, 8))
    with av.open(io.BytesIO(encode_clip(window))) as file:
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
    assert shown.shape == window.pixels.shape
    error = np.square(shown.astype(float) - window.pixels).mean(axis=(1, 2, 3))
    assert (10 * np.log10(255**2 / error)).min() > 43, "PSNR; with the slower preset it is as high"
