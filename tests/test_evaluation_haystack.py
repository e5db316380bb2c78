"""Haystacks: every needle happens once, nothing absent happens, and near misses are all around."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.suites.haystack import (
    CAMERAS,
    TAKE_SECONDS,
    Haystack,
    draw_haystack,
    one_apart,
    write_haystack,
)
from evaluation.suites.needle import NeedleAnswer, needle_figures
from evaluation.suites.needle_options import add_needle_options
from footage.core.errors import UsageError
from footage.core.types import Span
from footage.media.sandbox import probe, sample
from footage.synthetic.clips import render


def whats(haystack):
    return [
        ((event.kind, event.colour, event.verb, event.where), number * TAKE_SECONDS + event.start_seconds)
        for number, take in enumerate(haystack.takes)
        for event in take.events
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.17, 0.31, 1.0]), st.integers(1, 24))
def test_a_needle_happens_once_and_what_is_absent_never(seed, hours, needles):
    haystack = draw_haystack(seed, hours=hours, needles=needles)
    happens = whats(haystack)
    present = [query for query in haystack.queries if query.span]
    assert len(present) == needles and len(haystack.queries) == 2 * needles
    assert len({query.span for query in present}) == needles
    for query in haystack.queries:
        starts = [start for what, start in happens if what == query.what]
        assert starts == ([query.span.start_seconds] if query.span else [])
        assert sum(one_apart(what, query.what) for what, _ in happens) == query.near_misses
    assert haystack.duration_seconds == pytest.approx(3600 * hours, abs=0.5)
    assert draw_haystack(seed, hours=hours, needles=needles) == haystack


def test_needles_are_spread_over_the_whole_length_and_the_same_in_all_lengths():
    short, long = (draw_haystack(3, hours=hours) for hours in (0.25, 4.0))
    assert {query.text for query in short.queries} == {query.text for query in long.queries}
    assert {take.scene for take in short.takes} <= {take.scene for take in long.takes}
    assert len({take.scene for take in long.takes}) == CAMERAS
    starts = [query.span.start_seconds for query in long.queries if query.span]
    assert starts == sorted(starts)
    shares = np.histogram(starts, bins=4, range=(0, long.duration_seconds))[0]
    assert min(shares) >= 4
    for haystack in (short, long):
        per_minute = haystack.events / haystack.duration_seconds * 60
        assert 4 < per_minute < 8
        assert np.mean([query.near_misses > 0 for query in haystack.queries]) > 0.9
    assert np.mean([q.near_misses for q in long.queries]) > 8 * np.mean(
        [q.near_misses for q in short.queries]
    )


def test_too_many_needles_are_a_sentence():
    with pytest.raises(UsageError, match="From 1 to 36 needles"):
        draw_haystack(1, hours=1, needles=37)
    with pytest.raises(UsageError, match="30 needles do not fit"):
        draw_haystack(1, hours=0.02, needles=30)


def test_what_is_written_is_what_the_takes_show(tmp_path):
    drawn = draw_haystack(5, hours=0.05, needles=2)
    haystack = Haystack(drawn.takes, drawn.queries)
    seen: list[float] = []
    write_haystack(haystack, tmp_path / "haystack.mp4", progress=seen.append)
    video = probe(tmp_path / "haystack.mp4")
    assert video.duration_seconds == pytest.approx(180, abs=0.3) and seen[-1] == 180
    frames = sample(tmp_path / "haystack.mp4", Span(148, 152), fps=2, video=video)
    for pixels, seconds in zip(frames.pixels, frames.times_seconds, strict=True):
        number = int(seconds >= TAKE_SECONDS)
        height, width = pixels.shape[:2]
        want = render(haystack.takes[number], [seconds - number * TAKE_SECONDS], width=width, height=height)[
            0
        ]
        assert np.mean(np.abs(pixels.astype(int) - want)) < 12


def answer(*ious, present=True, found=False, arm="all", windows=4):
    rightly = found and present and ious[0] >= 0.5
    return NeedleAnswer(arm, 0, present, ious, 0.2, found, rightly, True, 0.5, windows, 0.1)


def test_figures_are_counted_by_hand():
    answers = [answer(0.9, found=True), answer(0.5), answer(0.1, 0.8, found=True), answer()]
    answers += [answer(present=False), answer(present=False, found=True, windows=10)]
    figures = needle_figures(answers)["all"]
    assert figures["R@1"][0] == 0.5 and figures["listed"][0] == 0.75
    assert figures["mIoU"][0] == pytest.approx((0.9 + 0.5 + 0.1) / 4)
    assert figures["found_recall"][0] == 0.25
    assert figures["found_precision"][0] == pytest.approx(1 / 3, abs=1e-4)  # one wrong moment, one absent
    assert (figures["found_absent"], figures["windows"]) == (1, 5.0)
    assert (figures["needles"], figures["absent"]) == (4, 2)
    for value, low, high in (figures[name] for name in ("R@1", "mIoU", "found_recall", "found_precision")):
        assert low <= value <= high
    assert needle_figures(answers)["all, no model"]["mIoU"][0] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "arguments",
    [["--hours", "0"], ["--hours", "1,x"], ["--hours", "nan"], ["--arms", "sound"], ["--needles", "40"]],
)
def test_options_that_make_no_sense_are_refused(arguments, capsys):
    parser = argparse.ArgumentParser()
    add_needle_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(arguments)
    assert arguments[0] in capsys.readouterr().err
