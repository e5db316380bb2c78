"""Synthetic footage: its rules, its pictures, its words, its files."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.synthetic import clips as synthetic
from footage.synthetic.clips import (
    ALL_EVENTS,
    ALL_SENTENCES,
    BACKDROPS,
    COLOURS,
    LIGHTS,
    PROPS,
    SyntheticClip,
    SyntheticEvent,
    SyntheticScene,
    paraphrase,
    random_clip,
    render,
    truth,
    write_clip,
)

ROOT = Path(__file__).resolve().parent.parent


def _scene(backdrop: str = "street", light: str = "day") -> SyntheticScene:
    return SyntheticScene(backdrop, "tree", "left", light, 0)


def _clip(*events: SyntheticEvent, scene: SyntheticScene | None = None) -> SyntheticClip:
    return SyntheticClip(scene or _scene(), events, 12.0, 0)


def _small(frame: np.ndarray) -> np.ndarray:
    """A 480x320 frame as the model sees it: 96x64."""
    return frame.reshape(64, 5, 96, 5, 3).mean((1, 3))


# Sentences


def test_the_domain_has_108_sentences() -> None:
    assert len(ALL_SENTENCES) == len(set(ALL_SENTENCES)) == 108
    assert "A red car drives from left to right." in ALL_SENTENCES
    assert "A blue ball bounces in the middle." in ALL_SENTENCES


def test_scene_sentences() -> None:
    assert SyntheticScene("street", "tree", "left", "day", 0).sentence == "A street with a tree on the left."
    dusk = SyntheticScene("park", "lamp post", "right", "dusk", 0)
    assert dusk.sentence == "A park at dusk with a lamp post on the right."


def test_an_impossible_event_is_refused() -> None:
    with pytest.raises(ValueError, match="no such synthetic event"):
        SyntheticEvent("car", "red", "jumps", "on the left", 0, 2, 0)
    with pytest.raises(ValueError, match="must end after"):
        SyntheticEvent("car", "red", "drives", "from left to right", 2, 2, 0)


def test_paraphrases_keep_what_matters() -> None:
    rng = np.random.default_rng(0)
    for kind, colour, verb, where in ALL_EVENTS:
        event = SyntheticEvent(kind, colour, verb, where, 0, 2, 0)
        wordings = {paraphrase(event, rng) for _ in range(25)}
        assert len(wordings) > 8
        for words in wordings:
            assert colour in words.lower()
            assert words == " ".join(words.split())
            side = where.split()[-1]
            other = {"left": "right", "right": "left"}.get(side)
            if not event.crosses and other:
                assert side in words.lower() and other not in words.lower()
            if event.crosses and "from" not in words.lower():
                said = words.lower().rstrip(".")
                assert said.endswith((f"to {side}", f"to the {side}", f"{side}wards", f"towards the {side}"))


# Random clips


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    duration=st.sampled_from([6.0, 20.0, 33.5, 90.0]),
    per_minute=st.sampled_from([0.0, 6.0, 12.0, 40.0]),
    overlap=st.sampled_from([0.0, 0.5, 1.0]),
    repeat=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_clips_keep_the_rules(
    seed: int, duration: float, per_minute: float, overlap: float, repeat: float
) -> None:
    rng = np.random.default_rng(seed)
    clip = random_clip(
        rng, duration_seconds=duration, events_per_minute=per_minute, overlap=overlap, repeat=repeat
    )
    spans: dict[str, list[tuple[float, float]]] = {}
    for event in clip.events:
        assert event.start_seconds >= 0 and event.end_seconds <= duration
        assert event.start_seconds % 0.5 == 0 and event.end_seconds % 0.5 == 0
        assert 2 <= event.end_seconds - event.start_seconds <= 8
        assert event.sentence in ALL_SENTENCES
        spans.setdefault(event.sentence, []).append((event.start_seconds, event.end_seconds))
    for several in spans.values():
        assert all(b[0] - a[1] >= 1 for a, b in pairwise(sorted(several)))
    for moment in np.arange(0, duration, 0.5):
        now = [e for e in clip.events if e.start_seconds <= moment < e.end_seconds]
        assert len(now) <= (2 if overlap else 1)
        if len(now) == 2:
            assert now[0].lane != now[1].lane
            assert now[0].crosses or now[0].where != now[1].where


def test_the_same_seed_gives_the_same_clip_and_pixels() -> None:
    clips = [random_clip(np.random.default_rng(5), duration_seconds=30) for _ in range(2)]
    assert clips[0] == clips[1]
    first = render(clips[0], [3.0, 11.5])
    synthetic.sprite.cache_clear()
    synthetic.background.cache_clear()
    assert np.array_equal(first, render(clips[1], [3.0, 11.5]))


def test_repeats_and_overlaps_happen_when_asked_for() -> None:
    rng = np.random.default_rng(1)
    clip = random_clip(rng, duration_seconds=300, overlap=0.6, repeat=0.6)
    assert len(clip.events) > 40
    assert len({e.sentence for e in clip.events}) < len(clip.events) - 8
    assert sum(b.start_seconds < a.end_seconds for a, b in pairwise(clip.events)) > 8


# Pictures


@pytest.mark.parametrize("size", [(480, 320), (720, 480), (360, 240), (240, 160), (96, 64)])
def test_frames_have_the_size_asked_for(size: tuple[int, int]) -> None:
    clip = random_clip(np.random.default_rng(2), duration_seconds=12, events_per_minute=20)
    frames = render(clip, [0.0, 5.25, 11.9], width=size[0], height=size[1])
    assert frames.shape == (3, size[1], size[0], 3)
    assert frames.dtype == np.uint8


def test_no_times_give_no_frames() -> None:
    assert render(_clip(), []).shape == (0, 320, 480, 3)


def test_a_thing_is_seen_in_its_span_only() -> None:
    empty = render(_clip(), [0.0])[0]
    for what in ALL_EVENTS[::7]:
        clip = _clip(SyntheticEvent(*what, 3.0, 6.0, 9))
        before, start, late, after = render(clip, [2.99, 3.05, 5.8, 6.0])
        assert np.array_equal(before, empty) and np.array_equal(after, empty)
        assert not np.array_equal(start, empty) and not np.array_equal(late, empty)


@pytest.mark.parametrize("kind,verb", [("car", "drives"), ("person", "walks"), ("dog", "runs")])
def test_crossers_move_the_way_they_say(kind: str, verb: str) -> None:
    empty = render(_clip(), [0.0])[0].astype(int)
    for where, sign in (("from left to right", 1), ("from right to left", -1)):
        clip = _clip(SyntheticEvent(kind, "red", verb, where, 2.0, 6.0, 3))
        frames = render(clip, np.arange(2.5, 6.0, 0.5)).astype(int)
        centres = [np.abs(f - empty).sum((0, 2)) @ np.arange(480) / np.abs(f - empty).sum() for f in frames]
        assert all(sign * (b - a) > 20 for a, b in pairwise(centres))


def test_directions_can_be_told_from_one_frame() -> None:
    for kind, verb in synthetic.CROSSERS.items():
        clips = [
            _clip(SyntheticEvent(kind, "blue", verb, where, 0, 4, 3))
            for where in ("from left to right", "from right to left")
        ]
        right, left = (_small(render(c, [2.0])[0]) for c in clips)
        assert np.abs(right - left).max() > 40


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("backdrop", BACKDROPS)
def test_colours_stay_apart_at_the_size_the_model_sees(backdrop: str, light: str) -> None:
    scene = _scene(backdrop, light)
    empty = _small(render(_clip(scene=scene), [0.0])[0])
    for kind, verb, where in (
        ("car", "drives", "from left to right"),
        ("person", "jumps", "on the right"),
        ("ball", "bounces", "in the middle"),
        ("box", "sits", "on the right"),
        ("light", "blinks", "in the middle"),
    ):
        seen = []
        for colour in COLOURS:
            clip = _clip(SyntheticEvent(kind, colour, verb, where, 0, 4, 1), scene=scene)
            frame = max((_small(f) for f in render(clip, [2.0, 2.5])), key=np.sum)  # a light that is on
            changed = np.abs(frame - empty).max(2) > 24
            assert changed.sum() > 40, (kind, colour)
            seen.append(np.median(frame[changed], axis=0))
        for i, one in enumerate(seen):
            for j in range(i):
                assert np.abs(one - seen[j]).max() > 20, (kind, COLOURS[i], COLOURS[j])


def test_a_blinking_light_is_on_once_a_second_at_two_frames_a_second() -> None:
    for seed in range(5):
        clip = _clip(SyntheticEvent("light", "white", "blinks", "in the middle", 1.0, 8.0, seed))
        bright = render(clip, np.arange(1.5, 7.5, 0.5))[:, 120:300, 190:290].mean((1, 2, 3))
        on = bright > (bright.max() + bright.min()) / 2
        assert all(a or b for a, b in pairwise(on)) and not on.all()


def test_every_scene_can_be_painted() -> None:
    for backdrop in BACKDROPS:
        for prop in PROPS:
            pictures = [
                render(
                    SyntheticClip(SyntheticScene(backdrop, prop, side, light, 1), (), 6.0, 0),
                    [0.0],
                    width=96,
                    height=64,
                )
                for side in ("left", "right")
                for light in LIGHTS
            ]
            assert len({p.tobytes() for p in pictures}) == 4


# Truth and files


def test_truth_groups_what_happens_twice() -> None:
    what = ("ball", "red", "bounces", "on the left")
    clip = _clip(
        SyntheticEvent(*what, 1.0, 3.0, 0),
        SyntheticEvent("car", "blue", "drives", "from left to right", 2.0, 5.0, 0, "far"),
        SyntheticEvent(*what, 7.0, 9.5, 0),
    )
    entry = truth(clip, camera="cam1", recorded_at=datetime(2026, 3, 1, 15))
    assert [e["query"] for e in entry["events"]] == [clip.events[0].sentence, clip.events[1].sentence]
    assert entry["events"][0]["spans"] == [[1.0, 3.0], [7.0, 9.5]]
    assert [line["start"] for line in entry["timeline"]] == [1.0, 2.0, 7.0]
    assert entry["recorded_at"] == "2026-03-01T15:00:00+00:00"
    assert entry["camera"] == "cam1"
    whole = synthetic.ground_truth({"a.mp4": entry})
    assert json.loads(json.dumps(whole)) == whole
    assert len(whole["negative_queries"]) == 10
    assert not {e["query"] for e in entry["events"]} & set(whole["negative_queries"])


@pytest.mark.parametrize("fps", [12.5, 25, Fraction(30000, 1001)])
def test_written_frames_have_exact_times_and_look_as_drawn(tmp_path: Path, fps: float | Fraction) -> None:
    av = pytest.importorskip("av")
    clip = SyntheticClip(
        _scene(), (SyntheticEvent("car", "red", "drives", "from left to right", 0.5, 3.5, 1),), 4.0, 0
    )
    path = tmp_path / "clip.mp4"
    write_clip(clip, path, fps=fps, recorded_at=datetime(2026, 3, 1, 15))
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]
    with av.open(str(path)) as container:
        assert container.metadata["creation_time"].startswith("2026-03-01T15:00:00")
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = list(container.decode(stream))
    rate = Fraction(fps)
    assert len(frames) == round(4 * rate)
    assert all(abs(frame.time - n / rate) < 1e-4 for n, frame in enumerate(frames))
    middle = len(frames) // 2
    drawn = render(clip, [float(middle / rate)])[0]
    assert np.abs(frames[middle].to_ndarray(format="rgb24").astype(int) - drawn).mean() < 6
    assert path.read_bytes().find(b"moov") < path.read_bytes().find(b"mdat")


def test_a_clip_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("av")
    with pytest.raises(ValueError, match="even width"):
        write_clip(_clip(), tmp_path / "odd.mp4", width=481, height=320)

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(_clip(), tmp_path / "stopped.mp4", fps=5, width=96, height=64, progress=stop)
    assert list(tmp_path.iterdir()) == []


# The script


def _script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "data" / "make_footage.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_two_cameras_see_the_same_events_from_two_places(tmp_path: Path) -> None:
    pytest.importorskip("av")
    done = _script(
        *("--out", str(tmp_path), "--cameras", "2", "--clips", "2", "--duration", "6-8", "--size", "96x64"),
        *("--fps", "12.5", "--start", "2026-03-01T15:00:00", "--events-per-minute", "30"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    videos = json.loads((tmp_path / "ground_truth.json").read_text())["videos"]
    assert sorted(videos) == [f"clip_00{n}_cam{c}.mp4" for n in (1, 2) for c in (1, 2)]
    one, two = videos["clip_001_cam1.mp4"], videos["clip_001_cam2.mp4"]
    assert one["timeline"] == two["timeline"]
    assert one["scene"] != two["scene"]
    assert (one["camera"], two["camera"]) == ("cam1", "cam2")
    assert one["recorded_at"] == "2026-03-01T15:00:00+00:00" != videos["clip_002_cam1.mp4"]["recorded_at"]
    assert all((tmp_path / name).stat().st_size > 500 for name in videos)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--out", "x", "--size", "100x100"),
        ("--out", "x", "--duration", "soon"),
        ("--out", "x", "--overlap", "2"),
        ("--out", "x", "--fps", "0"),
        ("--out", "x", "--clips", "0"),
        ("--out", "x", "--start", "noon"),
    ],
)
def test_bad_usage_is_said_in_a_line(arguments: tuple[str, ...]) -> None:
    spec = importlib.util.spec_from_file_location("make_footage", ROOT / "data" / "make_footage.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_footage"] = module
    spec.loader.exec_module(module)
    with pytest.raises(SystemExit) as stopped:
        module.parse(arguments)
    assert stopped.value.code == 2


def test_the_sample_clips_match_their_truth() -> None:
    av = pytest.importorskip("av")
    folder = ROOT / "data" / "footage"
    truth_file = json.loads((folder / "ground_truth.json").read_text())
    paths = sorted(folder.glob("*.mp4"))
    assert [p.name for p in paths] == sorted(truth_file["videos"])
    assert len(paths) == 8
    assert sum(p.stat().st_size for p in paths) < 6_000_000
    for path in paths:
        with av.open(str(path)) as container:
            assert container.duration is not None
            assert abs(container.duration / 1e6 - truth_file["videos"][path.name]["duration"]) < 0.1
