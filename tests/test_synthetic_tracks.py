"""Drawn footage with a narrator, signs and clocks: pictures, sound and truth agree."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import DependencyError
from footage.synthetic import clock_overlay, narration, signs
from footage.synthetic.clips import SyntheticClip, SyntheticScene, render
from footage.synthetic.clock_overlay import BurnedInClock, Overlay
from footage.synthetic.lettering import FONTS, lay_text, lettering
from footage.synthetic.track_clips import (
    HEIGHT,
    WIDTH,
    TrackClip,
    random_track_clip,
    render_track_clip,
    track_truth,
    write_track_clip,
)
from footage.synthetic.voice import Line, speak

ROOT = Path(__file__).resolve().parent.parent
SEEDS = st.integers(0, 2**31)
NEEDS_VOICE = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def _empty(seconds: float = 10.0) -> TrackClip:
    scene = SyntheticScene("street", "tree", "left", "day", 1)
    return TrackClip(SyntheticClip(scene, (), seconds, 0), None, (), None)


def _loudness(samples: np.ndarray, rate: int, start: float, end: float) -> float:
    part = samples[round(start * rate) : round(end * rate)]
    return float(np.sqrt(np.mean(part.astype(np.float64) ** 2)))


# The narrator


@given(SEEDS)
def test_sentences_are_made_of_the_lists(seed: int) -> None:
    sentence = narration.random_sentence(np.random.default_rng(seed))
    assert sentence.text.endswith(".") and sentence.text[0].isupper()
    chosen = [(word, name) for word, name in zip(sentence.words, sentence.lists, strict=True) if name]
    assert len(chosen) >= 2
    assert all(word in narration.LISTS[name] for word, name in chosen)
    assert len({word for word, _ in chosen}) == len(chosen)


@NEEDS_VOICE
def test_there_is_a_voice_inside_sentences_and_none_outside() -> None:
    narrated = narration.narrate(np.random.default_rng(4), duration_seconds=20)
    assert len(narrated.sentences) >= 3
    assert len(narrated.samples) == 20 * narration.RATE
    before = 0.0
    for each in narrated.sentences:
        inside = _loudness(narrated.samples, narration.RATE, each.start_seconds, each.end_seconds)
        outside = _loudness(narrated.samples, narration.RATE, before, each.start_seconds)
        assert inside > 0.08
        assert outside <= max(narration.NOISE) * 1.1
        assert each.start_seconds - before >= (narration.PAUSE_SECONDS[0] if before else 0.3)
        assert len(each.word_starts_seconds) == len(each.sentence.words)
        assert list(each.word_starts_seconds) == sorted(each.word_starts_seconds)
        first, last = each.word_starts_seconds[0], each.word_starts_seconds[-1]
        assert each.start_seconds - 0.001 <= first < last < each.end_seconds
        before = each.end_seconds


@NEEDS_VOICE
def test_the_same_seed_says_the_same_in_the_same_way() -> None:
    one, same = (narration.narrate(np.random.default_rng(9), duration_seconds=8) for _ in range(2))
    assert one.sentences == same.sentences
    assert np.array_equal(one.samples, same.samples)


@NEEDS_VOICE
def test_an_unknown_voice_is_an_error_that_names_it() -> None:
    with pytest.raises(DependencyError, match="no voice 'klingon9'"):
        speak([Line("Hello.", "klingon9", 140)])


# Signs


@given(SEEDS)
def test_signs_on_show_together_are_in_different_rows_and_inside_the_picture(seed: int) -> None:
    drawn = signs.random_signs(np.random.default_rng(seed), duration_seconds=30, count=5)
    assert drawn
    for number, sign in enumerate(drawn):
        assert 0 <= sign.start_seconds < sign.end_seconds <= 30
        assert sign.end_seconds - sign.start_seconds >= signs.SHORTEST_SECONDS - 0.011
        for at in (sign.start_seconds, sign.end_seconds):
            left, top, right, bottom = sign.box(at, WIDTH, HEIGHT)
            assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
        for other in drawn[:number]:
            assert sign.what.text != other.what.text
            if sign.start_seconds < other.end_seconds and other.start_seconds < sign.end_seconds:
                one, two = (each.box(each.start_seconds, WIDTH, HEIGHT) for each in (sign, other))
                assert one[3] <= two[1] or two[3] <= one[1]


def test_a_sign_is_in_the_picture_in_its_span_and_box_alone() -> None:
    for seed in range(6):
        [sign] = signs.random_signs(np.random.default_rng(seed), duration_seconds=10, count=1)
        clip = replace(_empty(), signs=(sign,))
        times = np.arange(0, 10, 0.5)
        pictures, empty = (
            render_track_clip(clip, list(times)),
            render(clip.clip, times, width=WIDTH, height=HEIGHT),
        )
        for at, picture, without in zip(times, pictures, empty, strict=True):
            changed = np.argwhere((picture != without).any(axis=-1))
            assert bool(changed.size) == (sign.start_seconds <= at < sign.end_seconds)
            if changed.size:
                left, top, right, bottom = np.multiply(sign.box(at, WIDTH, HEIGHT), (WIDTH, HEIGHT) * 2)
                assert (changed.min(axis=0) >= (round(top), round(left))).all()
                assert (changed.max(axis=0) < (round(bottom), round(right))).all()


def test_every_font_draws_letters() -> None:
    for font in FONTS:
        drawn = lettering("Exit 12", font=font, size=24, colour=(255, 255, 255))
        assert 50 < drawn.width < 200 and 10 < drawn.height < 40
        frame = np.zeros((20, 30, 3), np.uint8)
        lay_text(frame, drawn, left=-10, top=-5)  # cut off on all sides
        lay_text(frame, drawn, left=400, top=0)
        assert frame.max() > 200


# Clocks


@given(SEEDS)
def test_a_clock_shows_a_moment_that_can_be_read_back(seed: int) -> None:
    clock = clock_overlay.random_clock(np.random.default_rng(seed), duration_seconds=40)
    for at in (0.0, 1.0, 39.9):
        shown = clock.shown_at(at)
        assert datetime.strptime(clock.text_at(at), clock.format) == shown.replace(microsecond=0)
        drift = abs(clock.rate - 1) * at + abs(clock.jump_seconds if at >= clock.jump_at_seconds else 0)
        assert abs((shown - clock.starts_at).total_seconds() - at) <= drift + 0.002
    assert clock.shown_at(0.0) == clock.starts_at or clock.jump_at_seconds == 0
    assert (
        "%a" in clock.format
        or "%d" not in clock.format[:5]
        or "%b" in clock.format
        or (clock.starts_at.day > 12 or clock.format.startswith("%d."))
    )


def test_a_clock_that_jumps_and_one_that_drifts() -> None:
    overlay = Overlay("top left", "mono", 0.05, 1)
    start = datetime(2026, 3, 14, 23, 59, 50, 400_000)
    clock = BurnedInClock(start, clock_overlay.FORMATS[0], overlay, jump_at_seconds=5.0, jump_seconds=-60.0)
    assert clock.text_at(4.9) == "2026-03-14 23:59:55"
    assert clock.text_at(5.0) == "2026-03-14 23:58:55"
    assert replace(clock, jump_seconds=0.0).text_at(9.7) == "2026-03-15 00:00:00"
    drifting = replace(clock, jump_seconds=0.0, rate=1.01)
    assert drifting.shown_at(100.0) - start == timedelta(seconds=101)


def test_the_picture_of_a_clock_changes_when_its_second_does() -> None:
    overlay = Overlay("bottom right", "mono bold", 0.05, 0)
    start = datetime(2026, 3, 14, 12, 0, 0, 400_000)
    clip = replace(_empty(), clock=BurnedInClock(start, clock_overlay.FORMATS[0], overlay))
    first, same, later = render_track_clip(clip, [0.0, 0.59, 0.61])
    assert np.array_equal(first, same)
    changed = np.argwhere((later != first).any(axis=-1))
    assert changed.size
    assert (changed.min(axis=0) > (0.85 * HEIGHT, 0.5 * WIDTH)).all()


@given(SEEDS, st.floats(0, 60))
def test_decoys_write_something_and_keep_their_number(seed: int, at: float) -> None:
    decoy = clock_overlay.random_decoy(np.random.default_rng(seed))
    assert decoy.text_at(at)
    assert decoy.text_at(at) == decoy.text_at(at)
    if decoy.kind in ("frozen clock", "number"):
        assert decoy.text_at(at) == decoy.text_at(0.0)


# Clips and files


@NEEDS_VOICE
def test_a_written_clip_has_the_sound_and_the_pictures_of_its_truth(tmp_path: Path) -> None:
    seed = next(
        n for n in range(20) if random_track_clip(np.random.default_rng(n), duration_seconds=8).narration
    )
    clip = random_track_clip(np.random.default_rng(seed), duration_seconds=8, clock=True)
    path = tmp_path / "clip.mp4"
    write_track_clip(clip, path, width=360, height=240)
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]
    truth = track_truth(clip)
    assert json.loads(json.dumps(truth)) == truth
    assert truth["clock"]["first_frame"] == clip.clock.starts_at.isoformat(timespec="milliseconds")
    assert [each["text"] for each in truth["shown"]] == [sign.text for sign in clip.signs]
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 100
    drawn = render_track_clip(clip, [4.0], width=360, height=240)[0]
    assert np.abs(frames[50].astype(int) - drawn).mean() < 8
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert truth["said"]
    for each in truth["said"]:
        assert _loudness(sound, rate, each["start"], each["end"]) > 0.05
        assert _loudness(sound, rate, max(0.0, each["start"] - 0.25), each["start"] - 0.05) < 0.02


def test_a_clip_without_narrator_has_no_sound_track(tmp_path: Path) -> None:
    write_track_clip(_empty(1.0), tmp_path / "mute.mp4", width=96, height=64)
    with av.open(str(tmp_path / "mute.mp4")) as container:
        assert not container.streams.audio
        assert container.streams.video[0].frames == 12


@NEEDS_VOICE
def test_the_script_writes_narrated_clips(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "data" / "make_footage.py"), "--narrated", "--out", str(tmp_path)]
    done = subprocess.run([*command, "--seed", "3"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    videos = json.loads((tmp_path / "ground_truth.json").read_text())["videos"]
    assert list(videos) == ["narrated_001.mp4"]
    assert {"said", "shown", "timeline", "events"} <= videos["narrated_001.mp4"].keys()


def test_the_narrated_samples_match_their_truth() -> None:
    folder = ROOT / "data" / "narrated"
    whole = json.loads((folder / "ground_truth.json").read_text())
    paths = sorted(folder.glob("*.mp4"))
    assert [path.name for path in paths] == sorted(whole["videos"])
    assert len(paths) == 2
    assert sum(path.stat().st_size for path in paths) < 1_500_000
    for path in paths:
        truth = whole["videos"][path.name]
        with av.open(str(path)) as container:
            assert abs(container.duration / 1e6 - truth["duration"]) < 0.1
            rate = container.streams.audio[0].rate
            sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert len(truth["said"]) >= 3 and len(truth["shown"]) >= 2
        for each in truth["said"]:
            assert _loudness(sound, rate, each["start"], each["end"]) > 0.05
        if "clock" in truth:
            datetime.fromisoformat(truth["clock"]["first_frame"])
    asked = [event["query"] for video in whole["videos"].values() for event in video["events"]]
    assert sum(query.startswith("said:") for query in asked) == 1
    assert sum(query.startswith("shows:") for query in asked) == 1
    assert len(whole["negative_queries"]) == 1
