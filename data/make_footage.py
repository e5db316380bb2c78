"""Writes synthetic footage and its ground truth to disk; the drawing is in footage/synthetic/clips.py.

Examples:
    python data/make_footage.py --out clips --clips 20 --seed 7 --duration 20-180
    python data/make_footage.py --out hour --duration 3600 --events-per-minute 6 --start 2026-03-01T15:00:00
    python data/make_footage.py --out pair --cameras 2 --duration 60
    python data/make_footage.py --out talk --narrated --clips 5
    python data/make_footage.py --samples
    python data/make_footage.py --samples --narrated
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from footage.core.errors import FootageError
from footage.synthetic import clips as synthetic
from footage.synthetic import track_clips
from footage.synthetic.clock_overlay import BurnedInClock, Overlay
from footage.synthetic.narration import filled_in, narrate
from footage.synthetic.signs import Movement, Sign
from footage.synthetic.signs import filled_in as sign_text

SAMPLES_DIR = Path(__file__).resolve().parent / "footage"
NARRATED_DIR = Path(__file__).resolve().parent / "narrated"
SAMPLES_SEED = 2026


@dataclass(frozen=True)
class Sample:
    """One of the clips that come with the project."""

    name: str
    """File name."""
    scene: synthetic.SyntheticScene
    """The place."""
    duration_seconds: float
    """Length, seconds."""
    fps: float
    """Frames a second."""
    recorded_at: str
    """Wall clock at its start, UTC."""
    camera: str | None = None
    """Name of the camera; samples of one start and several cameras share their events."""


def _samples() -> list[Sample]:
    scene = synthetic.SyntheticScene
    return [
        Sample("beach_dusk.mp4", scene("beach", "bench", "left", "dusk", 1), 20, 30, "2026-03-01T18:20:00"),
        Sample(
            "park_dusk.mp4", scene("park", "lamp post", "right", "dusk", 2), 30, 25, "2026-03-01T18:05:00"
        ),
        Sample("park_day.mp4", scene("park", "tree", "left", "day", 0), 45, 30, "2026-03-01T10:30:00"),
        Sample(
            "gate_cam1.mp4",
            scene("street", "lamp post", "left", "day", 3),
            60,
            25,
            "2026-03-01T15:00:00",
            "cam1",
        ),
        Sample(
            "gate_cam2.mp4", scene("yard", "tree", "right", "day", 4), 60, 12.5, "2026-03-01T15:00:00", "cam2"
        ),
        Sample("beach_day.mp4", scene("beach", "house", "right", "day", 5), 90, 25, "2026-03-01T12:00:00"),
        Sample(
            "street_dusk.mp4", scene("street", "house", "right", "dusk", 0), 120, 12.5, "2026-03-01T18:40:00"
        ),
        Sample("yard_day.mp4", scene("yard", "bench", "left", "day", 2), 180, 12.5, "2026-03-01T08:15:00"),
    ]


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        ends = float(low), float(high or low)
    except ValueError:
        ends = (0.0, 0.0)
    if not 6 <= ends[0] <= ends[1] <= 7200:
        raise argparse.ArgumentTypeError(f"{text!r} is not seconds or a range such as 20-180, from 6 to 7200")
    return ends


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (
        width.isdigit() and height.isdigit() and 0 < int(width) <= 3840 and int(width) * 2 == int(height) * 3
    ):
        raise argparse.ArgumentTypeError(f"{text!r} is not WxH of a 3:2 picture, such as 480x320 or 720x480")
    if int(width) % 2 or int(height) % 2:
        raise argparse.ArgumentTypeError(f"{text!r}: width and height must be even")
    return int(width), int(height)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a probability from 0 to 1")
    return value


def _rate(text: str) -> Fraction:
    try:
        value = Fraction(text).limit_denominator(1001)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 1 <= value <= 120:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not frames a second from 1 to 120, such as 25 or 30000/1001"
        )
    return value


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-03-01T15:00:00") from exc


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 600")
    return value


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    summary, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--clips", type=int, default=1, help="how many clips (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same footage (default 0)")
    parser.add_argument(
        "--duration", type=_range, default=(30.0, 30.0), help="seconds or a range: 30, 20-180"
    )
    parser.add_argument("--events-per-minute", type=_positive, default=12.0, help="default 12")
    parser.add_argument(
        "--repeat", type=_share, default=0.15, help="share of events that repeat one (default 0.15)"
    )
    parser.add_argument(
        "--overlap", type=_share, default=0.25, help="share of events that overlap one (default 0.25)"
    )
    parser.add_argument(
        "--cameras", type=int, choices=(1, 2), default=1, help="2: every clip from two places at once"
    )
    parser.add_argument(
        "--start", type=_moment, help="wall clock at the first clip's start; UTC unless it names a zone"
    )
    parser.add_argument("--fps", type=_rate, default=Fraction(25), help="frames a second (default 25)")
    parser.add_argument("--size", type=_size, default=(480, 320), help="WxH, 3:2 (default 480x320)")
    parser.add_argument(
        "--samples", action="store_true", help="write the clips that come with the project instead"
    )
    parser.add_argument(
        "--narrated",
        action="store_true",
        help="with a narrator (espeak-ng), signs and a clock in the picture",
    )
    options = parser.parse_args(arguments)
    if options.samples:
        options.out = options.out or (NARRATED_DIR if options.narrated else SAMPLES_DIR)
    if options.out is None:
        parser.error("say where to write with --out FOLDER (or ask for --samples)")
    if options.clips < 1:
        parser.error(f"--clips must be 1 or more, not {options.clips}")
    return options


def _say(line: str, end: str = "\n") -> None:
    sys.stderr.write(line + end)
    sys.stderr.flush()


def _progress(name: str, duration: float) -> Callable[[float], None]:
    def show(seconds: float) -> None:
        _say(f"\r{name}: {seconds:.0f} of {duration:.0f} s", "\n" if seconds >= duration else "")

    return show if sys.stderr.isatty() else lambda seconds: None


def _write(
    clip: synthetic.SyntheticClip, path: Path, *, fps: float | Fraction, size: tuple[int, int], crf: float,
    recorded_at: datetime | None, camera: str | None,
) -> dict[str, Any]:  # fmt: skip
    width, height = size
    show = _progress(path.name, clip.duration_seconds)
    synthetic.write_clip(
        clip, path, fps=fps, width=width, height=height, crf=crf, recorded_at=recorded_at, progress=show
    )
    _say(
        f"{path.name}: {clip.duration_seconds:g} s, {len(clip.events)} events, {path.stat().st_size:,} bytes"
    )
    return synthetic.truth(clip, camera=camera, recorded_at=recorded_at)


def make_samples(out: Path) -> dict[str, dict[str, Any]]:
    """Write the clips that come with the project; return the truth of each."""
    videos: dict[str, dict[str, Any]] = {}
    clips: dict[str, synthetic.SyntheticClip] = {}
    for index, sample in enumerate(_samples()):
        rng = np.random.default_rng([SAMPLES_SEED, index])
        clip = synthetic.random_clip(
            rng, duration_seconds=sample.duration_seconds, events_per_minute=9, scene=sample.scene
        )
        shared = clips.setdefault(sample.recorded_at, clip)
        clip = replace(clip, events=shared.events)
        videos[sample.name] = _write(
            clip, out / sample.name, fps=sample.fps, size=(480, 320), crf=23,
            recorded_at=datetime.fromisoformat(sample.recorded_at), camera=sample.camera,
        )  # fmt: skip
    return videos


def make_clips(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Write random clips; return the truth of each."""
    videos: dict[str, dict[str, Any]] = {}
    recorded_at = options.start
    for index in range(options.clips):
        rng = np.random.default_rng([options.seed, index])
        low, high = options.duration
        duration = round(rng.uniform(low, high) / synthetic.GRID_SECONDS) * synthetic.GRID_SECONDS
        first = synthetic.random_clip(
            rng,
            duration_seconds=duration,
            events_per_minute=options.events_per_minute,
            overlap=options.overlap,
            repeat=options.repeat,
        )
        for number in range(1, options.cameras + 1):
            clip, camera, name = first, None, f"clip_{index + 1:03d}"
            if options.cameras > 1:
                camera, name = f"cam{number}", f"{name}_cam{number}"
            while number > 1 and clip.scene.backdrop == first.scene.backdrop:
                clip = replace(first, scene=synthetic.random_scene(rng))
            videos[f"{name}.mp4"] = _write(
                clip, options.out / f"{name}.mp4", fps=options.fps, size=options.size, crf=23,
                recorded_at=recorded_at, camera=camera,
            )  # fmt: skip
        if recorded_at is not None:
            recorded_at += timedelta(seconds=duration)
    return videos


def make_narrated(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Write random clips with a narrator, signs and clocks; return the truth of each."""
    videos: dict[str, dict[str, Any]] = {}
    for index in range(options.clips):
        rng = np.random.default_rng([options.seed, index])
        name = f"narrated_{index + 1:03d}.mp4"
        videos[name] = _write_narrated(track_clips.random_track_clip(rng), options.out / name)
    return videos


def _write_narrated(clip: track_clips.TrackClip, path: Path, **given: Any) -> dict[str, Any]:
    show = _progress(path.name, clip.duration_seconds)
    track_clips.write_track_clip(clip, path, progress=show, **given)
    said = len(clip.narration.sentences) if clip.narration else 0
    _say(
        f"{path.name}: {clip.duration_seconds:g} s, {said} sentences, {len(clip.signs)} signs, "
        f"{path.stat().st_size:,} bytes"
    )
    return track_clips.track_truth(clip)


def _sign(
    pattern: str,
    movement: Movement,
    start: float,
    end: float,
    *words: str,
    left: float = 0.5,
    top: float = 0.18,
) -> Sign:
    lists = pattern.count("{")
    text = sign_text(pattern, [("", word) for word in words[:lists]])
    colours = {"static": ((255, 255, 255), (20, 62, 150)), "banner": ((20, 20, 24), (250, 206, 30))}
    board = colours.get(movement, ((255, 255, 255), (170, 24, 28)))
    return Sign(
        text, movement, start, end, font="sans bold", size=0.06, colours=board, left=left,
        left_at_end=1 - left if movement == "moving" else left, top=0.71 if movement == "banner" else top,
        upper_case=False,
    )  # fmt: skip


def _narrated_samples() -> dict[str, track_clips.TrackClip]:
    """The two narrated clips that come with the project."""
    station = (
        filled_in("The train to {city} leaves from platform {number}.", "Denver", "twelve"),
        filled_in("Please call {person} in room {number} before {day}.", "Sarah", "fifty", "Friday"),
        filled_in("The train to {city} leaves from platform {number}.", "Chicago", "seven"),
        filled_in("The {place} is closed on {day} because of repairs.", "museum", "Monday"),
    )
    streets = (
        filled_in("Our flight from {city} is {number} minutes late.", "Madrid", "twelve"),
        filled_in("You can buy {thing} at the {place} until {day}.", "coffee", "airport", "Tuesday"),
        filled_in("Turn {side} at the {place} and walk for {number} minutes.", "left", "church", "ten"),
    )
    scenes = (
        synthetic.SyntheticScene("park", "bench", "right", "day", 1),
        synthetic.SyntheticScene("street", "house", "left", "dusk", 3),
    )
    signs = (
        (_sign("Platform {number}", "static", 0.0, 30.0, "12", left=0.1),
         _sign("{shop} open on {day}", "banner", 8.0, 16.0, "Bakery", "Friday")),
        (_sign("Exit {number}", "static", 4.0, 30.0, "12", left=0.9),
         _sign("Caution: {hazard}", "banner", 6.0, 13.0, "Wet floor"),
         _sign("Bus {number} to {street} Street", "moving", 16.0, 26.0, "25", "Church", left=0.0, top=0.33)),
    )  # fmt: skip
    clock = BurnedInClock(
        datetime(2026, 3, 14, 19, 5, 11, 400_000),
        "%d-%m-%Y %H:%M:%S",
        Overlay("bottom right", "mono bold", 0.05, 0),
    )
    clips = {}
    for index, (name, said, voice) in enumerate(
        (("park_announcements.mp4", station, "en-us"), ("street_signs.mp4", streets, "en-us+m2"))
    ):
        rng = np.random.default_rng([SAMPLES_SEED, 100 + index])
        clips[name] = track_clips.TrackClip(
            synthetic.random_clip(rng, duration_seconds=30, events_per_minute=6, scene=scenes[index]),
            narrate(rng, duration_seconds=30, sentences=said, voice=voice),
            signs[index],
            clock if index else None,
        )
    return clips


QUESTIONS = ('said:"train to Denver"', 'shows:"exit 12"')
"""Asked of the narrated samples; their spans are looked up in the clips."""
ABSENT_QUESTIONS = ('said:"train to Vienna"',)


def make_narrated_samples(out: Path) -> dict[str, dict[str, Any]]:
    """Write the two narrated clips; return the truth of each, with the demo's questions as their events."""
    videos = {}
    for name, clip in _narrated_samples().items():
        entry = _write_narrated(clip, out / name, crf=27)
        entry["events"] = [
            {"id": f"e{number}", "query": query, "spans": spans}
            for number, query in enumerate(QUESTIONS, 1)
            if (spans := _spans_of(query, entry))
        ]
        videos[name] = entry
    return videos


def _spans_of(query: str, entry: dict[str, Any]) -> list[list[float]]:
    kind, _, words = query.lower().replace('"', "").partition(":")
    texts = entry["said" if kind == "said" else "shown"]
    return [[text["start"], text["end"]] for text in texts if words in text["text"].lower()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write footage and `ground_truth.json`; 0 when done, 1 when it could not be written, 2 on bad usage."""
    options = parse(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        if options.narrated:
            videos = make_narrated_samples(options.out) if options.samples else make_narrated(options)
        else:
            videos = make_samples(options.out) if options.samples else make_clips(options)
        seed = SAMPLES_SEED if options.samples else options.seed
        truth = synthetic.ground_truth(videos, seed=seed)
        if options.narrated:
            truth["negative_queries"] = list(ABSENT_QUESTIONS) if options.samples else []
        text = json.dumps(truth, indent=1, ensure_ascii=False)
        part = options.out / ".ground_truth.json.part"
        part.write_text(text + "\n", encoding="utf-8")
        os.replace(part, options.out / "ground_truth.json")
    except (OSError, ImportError, FootageError) as exc:
        _say(f"could not write the footage to {options.out}: {exc}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
