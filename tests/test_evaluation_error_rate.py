"""The share of entries with an error, corrected for sensitivity and specificity; errors planted in truth."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.error_rate import JudgeAccuracy, corrected_error_rate, corrected_share, raw_error_rate
from evaluation.suites.corrupted import MOVED_SECONDS, corrupt
from evaluation.suites.drawn import LIBRARY_SECONDS
from evaluation.suites.scoring import draw_clips
from footage.core.timecode import overlap_seconds
from footage.core.types import Span

SHARES = st.floats(0, 1)


@given(SHARES, st.floats(0.6, 1), st.floats(0.6, 1))
def test_the_correction_undoes_what_a_judge_does(true, sensitivity, specificity):
    raw = true * sensitivity + (1 - true) * (1 - specificity)
    corrected = corrected_share(raw, sensitivity=sensitivity, specificity=specificity)
    assert corrected == pytest.approx(true, abs=1e-9)


@given(SHARES, SHARES, SHARES)
def test_a_corrected_share_is_a_share_or_nothing(raw, sensitivity, specificity):
    corrected = corrected_share(raw, sensitivity=sensitivity, specificity=specificity)
    assert math.isnan(corrected) or 0 <= corrected <= 1


def test_a_judge_that_guesses_corrects_nothing():
    assert math.isnan(corrected_share(0.5, sensitivity=0.5, specificity=0.5))
    guess = corrected_error_rate([(1, 2)], JudgeAccuracy(5, 10, 5, 10), draws=50)
    assert math.isnan(guess.value)


def test_the_interval_holds_the_true_rate_about_as_often_as_it_says():
    """A hundred files of 10 videos, each judged with known errors; the accuracy comes from other entries."""
    rng = np.random.default_rng(3)
    inside = 0
    for run in range(100):
        calibrated = JudgeAccuracy(int(rng.binomial(60, 0.85)), 60, int(rng.binomial(90, 0.1)), 90)
        videos = []
        for _ in range(10):
            wrong = rng.random(20) < 0.3
            flagged = np.where(wrong, rng.random(20) < 0.85, rng.random(20) < 0.1)
            videos.append((int(flagged.sum()), 20))
        interval = corrected_error_rate(videos, calibrated, draws=300, seed=run)
        inside += 0.3 in interval
    assert inside >= 88  # at 95 %, fewer than 88 of 100 come up once in 300 runs
    assert inside < 100 or interval.high - interval.low < 0.5


def test_what_is_known_of_the_judge_widens_the_interval():
    videos = [(6, 20), (5, 20), (7, 20), (4, 20)]
    well = corrected_error_rate(videos, JudgeAccuracy(850, 1000, 100, 1000))
    badly = corrected_error_rate(videos, JudgeAccuracy(17, 20, 2, 20))
    assert well.value == badly.value
    assert badly.high - badly.low > 1.2 * (well.high - well.low)
    assert raw_error_rate(videos).value == pytest.approx(22 / 80)


def test_counts_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="no sense"):
        JudgeAccuracy(3, 2, 0, 1)
    with pytest.raises(ValueError, match="entries without"):
        JudgeAccuracy(1, 2, 0, 0)
    with pytest.raises(ValueError, match="draw from"):
        corrected_error_rate([], JudgeAccuracy(1, 2, 0, 2))


# -- Planted errors ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn():
    return {f"{n}.mp4": clip for n, clip in enumerate(draw_clips(41, 30, LIBRARY_SECONDS))}


def test_errors_are_planted_at_the_rate_asked_for(drawn):
    events = sum(len(clip.events) for clip in drawn.values())
    corrupted = corrupt(drawn, seed=7, rate=0.1)
    planted = Counter(each.planted for clip in corrupted for each in clip.entries)
    missing = sum(len(clip.missing) for clip in corrupted)
    for kind in ("colour", "where", "object", "time", "invented"):
        assert planted[kind] == pytest.approx(0.1 * events, abs=2)
    assert missing == pytest.approx(0.1 * events, abs=1)
    assert sum(planted.values()) == events - missing + planted["invented"]
    assert corrupted == corrupt(drawn, seed=7, rate=0.1) != corrupt(drawn, seed=8, rate=0.1)


def test_a_planted_error_is_an_error_and_an_untouched_entry_is_true(drawn):
    for clip in corrupt(drawn, seed=7, rate=0.15):
        events = [
            (each.sentence, Span(each.start_seconds, each.end_seconds)) for each in drawn[clip.path].events
        ]
        for each in clip.entries:
            [span] = each.entry.spans
            assert span.end_seconds <= drawn[clip.path].duration_seconds
            if each.planted is None:
                assert (each.entry.text, span) in events
            elif each.planted == "time":
                start = min(
                    abs(span.start_seconds - there.start_seconds)
                    for text, there in events
                    if text == each.entry.text
                )
                assert MOVED_SECONDS[0] <= start
                assert MOVED_SECONDS[0] <= each.moved_seconds <= MOVED_SECONDS[1]
            else:
                assert not any(
                    text == each.entry.text and overlap_seconds(there, span) > 0 for text, there in events
                )
