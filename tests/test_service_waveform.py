"""The waveform of a video's sound: where it is loud, how it is kept, and what has none."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tiny_clips import write_clip
from tiny_speech import RATE, placed, write_talk

from footage.core.errors import VideoError
from service import previews
from service.waveform import PEAKS_PER_SECOND, peaks_of, waveform


@given(arrays.arrays(np.float32, st.integers(0, 400), elements=st.floats(-4, 4, width=32)))
def test_peaks_are_the_loudest_sample_of_each_twentieth_of_a_second(samples):
    made = peaks_of(samples, 100)
    assert len(made) == -(-len(samples) // 5)
    for number, peak in enumerate(made):
        loudest = min(1.0, float(np.abs(samples[5 * number : 5 * number + 5]).max()))
        assert peak == pytest.approx(255 * loudest, abs=0.51)


def test_what_is_not_a_number_is_silence():
    assert peaks_of(np.array([np.nan, np.inf, -np.inf, 0.0, 0.0], np.float32), 100) == b"\0"


def test_sound_is_loud_where_it_is_heard_and_is_read_from_the_cache_then(tmp_path):
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    path = write_talk(tmp_path / "talk.mp4", [placed([(5.0, tone)], 12)], seconds=12)
    cache = tmp_path / "cache"
    made = waveform(cache, str(path), 0, content_id="c", duration_seconds=12.0)
    peaks = np.frombuffer(made.peaks, np.uint8)
    assert (made.parts, len(peaks)) == (1, 12 * PEAKS_PER_SECOND)
    loud = np.flatnonzero(peaks > 60) / PEAKS_PER_SECOND
    assert loud[0] == pytest.approx(5.0, abs=0.1) and loud[-1] == pytest.approx(7.0, abs=0.1)
    [kept] = (cache / "waveforms").iterdir()
    written_at = kept.stat().st_mtime_ns
    assert waveform(cache, str(path), 0, content_id="c", duration_seconds=12.0) == made
    assert kept.stat().st_mtime_ns == written_at
    previews.forget(cache, "c")
    assert not list((cache / "waveforms").iterdir())


def test_a_video_without_sound_has_no_parts(tmp_path):
    path = write_clip(tmp_path / "silent.mp4")
    made = waveform(tmp_path / "cache", str(path), 0, content_id="c", duration_seconds=2.0)
    assert (made.parts, made.peaks) == (0, b"")


@pytest.mark.parametrize("part", [-1, 1, 10**6])
def test_a_part_that_there_is_not_is_refused(tmp_path, part):
    with pytest.raises(ValueError, match="parts 0 to 0"):
        waveform(tmp_path, "any.mp4", part, content_id="c", duration_seconds=2.0)


def test_a_file_that_cannot_be_read_is_an_error_and_leaves_nothing(tmp_path):
    path = write_clip(tmp_path / "gone.mp4", audio_seconds=2)
    shutil.move(path, tmp_path / "elsewhere.mp4")
    with pytest.raises(VideoError):
        waveform(tmp_path / "cache", str(path), 0, content_id="c", duration_seconds=2.0)
    assert not list((tmp_path / "cache").rglob("*.peaks"))
