"""The suite of what is said and written in drawn clips: its figures, and one run on a small seed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.suites.tracks import drawn_clips, sign_errors, speech_errors, word_queries
from evaluation.text_errors import spoken_words
from footage.core.types import CaptionEvent, Span, SpokenWord
from footage.synthetic.clips import SyntheticClip, SyntheticScene
from footage.synthetic.narration import Narration, SpokenSentence, filled_in
from footage.synthetic.signs import random_signs
from footage.synthetic.track_clips import TrackClip

NEEDS_VOICE = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def _clip() -> TrackClip:
    """A clip in which two sentences are said, with signs; without sound."""
    one = filled_in("The train to {city} leaves from platform {number}.", "Denver", "twelve")
    two = filled_in("The {place} is closed on {day} because of repairs.", "museum", "Monday")
    spoken = (
        SpokenSentence(one, 1.0, 4.0, tuple(1.0 + 0.35 * n for n in range(8))),
        SpokenSentence(two, 6.0, 9.0, tuple(6.0 + 0.33 * n for n in range(9))),
    )
    scene = SyntheticScene("street", "tree", "left", "day", 1)
    signs = random_signs(np.random.default_rng(5), duration_seconds=20, count=3)
    narration = Narration(spoken, "en-us", 140, np.zeros(1, np.float32))
    return TrackClip(SyntheticClip(scene, (), 20.0, 0), narration, signs, None)


def _heard(text: str, start: float, each: float = 0.35) -> CaptionEvent:
    words = tuple(
        SpokenWord(Span(start + n * each, start + (n + 1) * each), word, 0.9)
        for n, word in enumerate(text.split())
    )
    return CaptionEvent(Span(start, words[-1].span.end_seconds), text, 0.9, "en", words)


def test_speech_that_is_heard_right_has_no_errors() -> None:
    events = [
        _heard("The train to Denver leaves from platform 12.", 1.2),
        _heard("the museum is closed on monday because of repairs", 6.0, 1 / 3),
    ]
    sums = speech_errors(_clip(), events)
    assert (sums.errors, sums.true) == (0, 17)
    assert sums.span_errors == pytest.approx((0.2, 0.0, 0.0, 0.0), abs=1e-6)


def test_misheard_left_out_and_invented_words_count() -> None:
    sums = speech_errors(_clip(), [_heard("The train to Dublin leaves platform 12 now.", 1.0)])
    assert sums.errors == 1 + 1 + 9  # another city, no "from", and a sentence not heard but for "now"
    assert speech_errors(replace(_clip(), narration=None), [_heard("Thank you.", 0.0)]).errors == 2
    assert speech_errors(_clip(), []).errors == 17


def test_signs_are_held_against_the_nearest_text_at_their_time() -> None:
    clip = _clip()
    events = [CaptionEvent(Span(s.start_seconds, s.end_seconds), s.text.swapcase()) for s in clip.signs]
    sums = sign_errors(clip, events)
    assert sums.errors == 0 and sums.true > 10
    assert set(sums.span_errors) == {0.0} and len(sums.span_errors) == 2 * len(clip.signs)
    first = events[0]
    late = replace(first, span=Span(first.span.start_seconds + 0.5, first.span.end_seconds))
    assert sorted(sign_errors(clip, [late, *events[1:]]).span_errors)[-1] == 0.5
    assert sign_errors(clip, []).errors == sums.true
    elsewhere = [replace(event, span=Span(100, 101)) for event in events]
    assert sign_errors(clip, elsewhere).errors == sums.true


def test_queries_are_half_there_and_half_not_and_some_of_these_nearly() -> None:
    clips = {"/a.mp4": _clip(), "/b.mp4": replace(_clip(), signs=())}
    queries = word_queries(clips, seed=3)
    assert queries == word_queries(clips, seed=3)
    said = [query.question for query in queries if query.kind == "said"]
    present = [question for question in said if question.truths]
    assert present and len(said) <= 2 * len(present)
    true = [spoken_words(each.sentence.text) for each in clips["/a.mp4"].narration.sentences]
    near = 0
    for question in said:
        words = spoken_words(question.text.removeprefix("said:").strip('"'))
        there = any(row[n : n + len(words)] == words for row in true for n in range(len(row)))
        assert there == bool(question.truths)
        assert all(set(question.truths) == {"/a.mp4", "/b.mp4"} for _ in range(there))
        if not there:
            near += any(
                sum(a != b for a, b in zip(words, row[n : n + len(words)], strict=True)) == 1
                for row in true
                for n in range(len(row) - len(words) + 1)
            )
    assert near
    shown = [query.question for query in queries if query.kind == "shown"]
    assert {tuple(question.truths) for question in shown} == {("/a.mp4",), ()}


@NEEDS_VOICE
def test_a_seed_draws_the_same_clips(tmp_path: Path) -> None:
    one = drawn_clips(tmp_path, seed=1, videos=1)
    before = {path: Path(path).stat().st_mtime_ns for path in one}
    [same] = drawn_clips(tmp_path, seed=1, videos=1).values()
    [clip] = one.values()
    assert (clip.signs, clip.clock, clip.decoys) == (same.signs, same.clock, same.decoys)
    assert {path: Path(path).stat().st_mtime_ns for path in one} == before


@NEEDS_VOICE
def test_the_suite_on_a_small_seed() -> None:
    command = [sys.executable, "-m", "evaluation.suites", "tracks", "--seed", "4", "--videos", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["queries"] >= 8 and figures["absent_queries"] >= 8
    assert figures["speech_wer"] < 0.2
    assert figures["screen_cer"] < 0.1
    assert figures["speech_span_error_seconds"] < 0.3
    assert figures["screen_span_error_seconds"] < 0.3
    assert figures["clocks_invented"] == 0 == figures["clocks_missed"]
    assert figures.get("clock_error_seconds_max", 0.0) <= 0.5
    assert figures["said_R@1"] >= 0.85 and figures["shown_R@1"] >= 0.9
    assert figures["found_precision"] >= 0.97 and figures["found_recall"] >= 0.7
