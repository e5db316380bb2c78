"""The arithmetic of sampling, held against the reference for any length, count and size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.frame_budget import frames_for
from footage.media.sampling import spread, target_size


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [(0.04, 4), (2, 4), (2.4, 6), (10, 20), (29.96, 60), (30, 60), (119.6, 240), (3600, 240)],
)
def test_frame_counts_of_the_contract(seconds, frames):
    assert frames_for(seconds, fps=2.0, min_frames=4, max_frames=240) == frames


@given(
    st.floats(0, 1e5),
    st.floats(0.01, 60),
    st.integers(1, 8).map(lambda n: 2 * n),
    st.integers(8, 400).map(lambda n: 2 * n),
)
def test_frame_counts_are_even_and_within_bounds(seconds, fps, fewest, most):
    count = frames_for(seconds, fps=fps, min_frames=fewest, max_frames=most)
    assert count % 2 == 0
    assert fewest <= count <= most


@given(st.integers(0, 100_000), st.integers(1, 240))
def test_spread_takes_distinct_ascending_frames_with_both_ends(available, count):
    picks = spread(available, count).tolist()
    assert len(picks) == min(available, count)
    assert picks == sorted(set(picks))
    if picks:
        assert picks[0] == 0
        assert picks == np.linspace(0, available - 1, len(picks)).round().tolist()
    if len(picks) > 1:
        assert picks[-1] == available - 1


@pytest.mark.parametrize(
    ("source", "budget", "size"),
    [
        ((480, 320), 6144, (96, 64)),
        ((1920, 1080), 200_704, (576, 320)),
        ((1280, 720), 200_704, (576, 320)),
        ((1080, 1920), 200_704, (320, 576)),
        ((640, 480), 200_704, (512, 384)),
        ((1000, 1000), 200_704, (448, 448)),
        ((480, 320), 200_704, (480, 320)),
        ((99, 65), 200_704, (96, 64)),
        ((10, 10), 200_704, (32, 32)),
    ],
)
def test_sizes_of_the_contract(source, budget, size):
    assert target_size(*source, frames=60, pixels_per_frame=budget) == size


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.integers(2, 240),
    st.sampled_from([6144, 50_176, 200_704]),
)
def test_the_models_own_processor_leaves_the_size_alone(width, height, frames, budget):
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import smart_resize

    if max(width, height) > 200 * min(width, height):
        with pytest.raises(ValueError, match="200"):
            target_size(width, height, frames=frames, pixels_per_frame=budget)
        return
    wide, tall = target_size(width, height, frames=frames, pixels_per_frame=budget)
    even = frames + frames % 2
    assert (wide % 32, tall % 32) == (0, 0)
    again = smart_resize(even, tall, wide, factor=32, min_pixels=4096, max_pixels=even * budget)
    assert again == (tall, wide)
