"""Clips as vLLM's loader sees them: every frame, in order, under the stamps of a model in this process."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vllm_loader import Loader

from footage.core.frame_budget import frames_for
from footage.core.types import Frames, Span
from footage.media.sampling import spread
from footage.vlm.backends.server import payload
from footage.vlm.batching import in_pairs
from footage.vlm.contract import pair_stamps

ASKED = Loader(payload.ALL_FRAMES, do_sample_frames=False)
"""A server with the fields of a request, or of the line that ``footage models serve-command`` prints."""
BITS, CELL = 9, 16
EXACT = 0.001
"""Seconds."""


def frames_of(
    source_fps: float, seconds: float, *, fps: float = 2.0, start: float = 0.0, min_frames: int = 4
) -> Frames:
    """A window of a recording at a constant rate, sampled as the product does, each frame numbered."""
    end = start + seconds
    first, last = int(np.ceil(start * source_fps - 1e-9)), int(np.ceil(end * source_fps - 1e-9))
    taken = first + spread(last - first, frames_for(seconds, fps=fps, min_frames=min_frames))
    return Frames(
        np.stack([painted(n) for n in range(len(taken))]), tuple(taken / source_fps), Span(start, end)
    )


def painted(number: int) -> np.ndarray:
    """A picture that spells a number, a cell for each bit."""
    row = np.repeat([255 * (number >> bit & 1) for bit in range(BITS)], CELL).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (2 * CELL, BITS * CELL, 3)).copy()


def spelled(pictures: np.ndarray) -> list[int]:
    """The numbers that pictures spell."""
    cells = pictures.reshape(len(pictures), 2 * CELL, BITS, CELL, 3).mean(axis=(1, 3, 4)) > 127
    return [sum(1 << bit for bit in range(BITS) if row[bit]) for row in cells]


def true_stamps(frames: Frames) -> np.ndarray:
    """Those of a model in this process, before they are written with one decimal; in seconds."""
    _, milliseconds = in_pairs(frames)
    return np.array(milliseconds).reshape(-1, 2).mean(axis=1) / 1000


# source fps, budget fps, window's start and length in seconds, most that a stamp may be off in seconds
CASES = [
    (30, 2, 0, 30, 0.012),
    (30, 2, 25, 30, 0.012),
    (25, 2, 25, 30, 0.013),
    (30_000 / 1001, 2, 25, 30, 0.027),
    (24_000 / 1001, 2, 0, 30, 0.014),
    (30, 2, 0, 16, 0.010),
    (10, 2, 0, 30, 0.046),
    (30, 2, 0, 7.3, 0.008),  # 14.6 frames, rounded up to 16: more than 2 a second
    (30, 2, 50, 5.3, 0.006),
    (25, 2, 0, 0.9, 0.008),  # min_frames: 4
    (30, 2, 0, 119.4, 0.017),
    (30, 4, 0, 30, 0.010),
    (30, 4, 0, 7.3, 0.009),
    (25, 5, 0, 30, 0.020),
    (30, 8, 0, 20.1, 0.012),
    (24, 12, 0, 10, 0.023),
    (30, 30, 0, 6, EXACT),
    (30, 1, 0, 61, 0.018),
    (30, 0.5, 0, 117, 0.010),
    (1, 2, 0, 29, EXACT),  # a camera of 1 frame a second: an odd number of them
    (4, 2, 0, 30, 0.136),
    (2, 2, 0, 30, EXACT),
]


@pytest.mark.parametrize(("source_fps", "fps", "start", "seconds", "off"), CASES)
def test_every_frame_is_seen_in_order_at_its_time(
    source_fps: float, fps: float, start: float, seconds: float, off: float
) -> None:
    frames = frames_of(source_fps, seconds, fps=fps, start=start)
    timing = payload.clip_timing(frames)
    shown = ASKED.show(payload.encode_clip(frames))
    assert spelled(shown.pictures) == list(range(len(frames.times_seconds)))
    wrong = np.abs(shown.stamps - true_stamps(frames))
    assert wrong.max() <= off + EXACT
    assert wrong.max() == pytest.approx(timing.off_seconds, abs=EXACT)
    assert bool(payload.clip_notes(frames)) == (timing.off_seconds > payload.STAMP_TOLERANCE_SECONDS)


@pytest.mark.parametrize("fps", [0.5, 1, 2, 3, 4, 6, 10, 15])
@pytest.mark.parametrize("seconds", [4, 8, 24])
def test_evenly_sampled_frames_have_exact_stamps(fps: float, seconds: float) -> None:
    """Where the source has a frame at every even step, all is exact, to the letter of the prompt."""
    count = max(4, 2 * round(seconds * fps / 2))
    frames = Frames(
        np.stack([painted(n) for n in range(count)]),
        tuple(n / fps for n in range(count)),
        Span(0, count / fps),
    )
    shown = ASKED.show(payload.encode_clip(frames))
    assert spelled(shown.pictures) == list(range(count))
    assert np.abs(shown.stamps - true_stamps(frames)).max() <= EXACT
    assert payload.clip_notes(frames) == ()


def test_a_loader_that_is_not_asked_for_all_loses_frames_above_two_a_second() -> None:
    """What the fields are for; and that at 2 a second at most nothing is lost even without them."""
    clip = payload.encode_clip(frames_of(30, 30, fps=4))
    own = Loader({"num_frames": -1})
    assert len(own.show(clip).pictures) == 60
    assert len(ASKED.show(clip).pictures) == 120
    odd = payload.encode_clip(frames_of(30, 7.3))
    assert (len(own.show(odd).pictures), len(ASKED.show(odd).pictures)) == (15, 16)
    assert spelled(own.show(payload.encode_clip(frames_of(30, 30))).pictures) == list(range(60))


@given(
    st.sampled_from([5, 7.5, 10, 12.5, 15, 24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60]),
    st.sampled_from([0.5, 1, 2, 3, 4, 8, 16, 30]),
    st.integers(0, 400),
    st.floats(0.5, 60),
)
def test_stamps_are_off_by_a_frame_of_the_source_at_most(
    source_fps: float, fps: float, start: int, seconds: float
) -> None:
    frames = frames_of_times(source_fps, seconds, fps, start / 4)
    timing = payload.clip_timing(frames)
    assert not timing.respaced
    assert timing.numbers == tuple(range(len(frames.times_seconds)))
    assert timing.off_seconds <= 1.5 / source_fps + EXACT
    assert timing.rate < payload.MOST_FPS


def frames_of_times(source_fps: float, seconds: float, fps: float, start: float) -> Frames:
    """As ``frames_of``, without pictures."""
    first, last = int(np.ceil(start * source_fps - 1e-9)), int(np.ceil((start + seconds) * source_fps - 1e-9))
    taken = first + spread(max(2, last - first), frames_for(seconds, fps=fps))
    return Frames(
        np.zeros((len(taken), 1, 1, 3), np.uint8), tuple(taken / source_fps), Span(start, start + seconds)
    )


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=60).map(sorted), st.integers(0, 5000))
def test_shown_frames_are_those_on_show(milliseconds: list[int], more: int) -> None:
    timing = payload.timing_of(milliseconds, milliseconds[-1] + more)
    one = milliseconds[0] == milliseconds[-1]
    assert len(timing.numbers) == (2 if one else len(milliseconds))
    assert all(a <= b for a, b in pairwise(timing.numbers))
    if timing.respaced:
        for place, number in enumerate(timing.numbers):
            at = place * timing.step_microseconds / 1000
            before = [n for n, milliseconds_ in enumerate(milliseconds) if milliseconds_ <= at]
            assert number == (before[-1] if before else 0)


def test_a_recording_that_pauses_is_shown_as_it_was_on_show_and_noted() -> None:
    pixels = np.stack([painted(n) for n in range(4)])
    frames = Frames(pixels, (0.0, 0.5, 1.0, 8.0), Span(0, 10))
    shown = ASKED.show(payload.encode_clip(frames))
    assert spelled(shown.pictures) == [0, 2, 2, 2]
    assert shown.stamps == pytest.approx([1.25, 6.25])
    assert payload.clip_notes(frames) == ("frames uneven in time, shown at even steps",)


def test_stamps_that_are_far_off_are_noted() -> None:
    frames = frames_of(7.5, 16, start=25)
    assert payload.clip_notes(frames) == ("time stamps up to 0.11 s off",)


def test_one_picture_is_shown_twice_under_its_own_stamp() -> None:
    for times in ((0.25,), (0.25, 0.25), (0.0, 0.0)):
        frames = Frames(np.stack([painted(7)] * len(times)), times, Span(0, 0.5))
        shown = ASKED.show(payload.encode_clip(frames))
        assert spelled(shown.pictures) == [7, 7]
        (stamp,) = shown.stamps
        assert f"<{stamp:.1f} seconds>" == pair_stamps([round(1000 * times[0])] * 2)[0]
