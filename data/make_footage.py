"""Writes synthetic footage and its ground truth to disk; the drawing is in footage/synthetic/clips.py.

Examples:
    python data/make_footage.py --out clips --clips 20 --seed 7 --duration 20-180
    python data/make_footage.py --out hour --duration 3600 --events-per-minute 6 --start 2026-03-01T15:00:00
    python data/make_footage.py --out pair --cameras 2 --duration 60
    python data/make_footage.py --samples
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

from footage.synthetic import clips as synthetic

SAMPLES_DIR = Path(__file__).resolve().parent / "footage"
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
    options = parser.parse_args(arguments)
    if options.samples:
        options.out = options.out or SAMPLES_DIR
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Write footage and `ground_truth.json`; 0 when done, 1 when it could not be written, 2 on bad usage."""
    options = parse(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        videos = make_samples(options.out) if options.samples else make_clips(options)
        seed = SAMPLES_SEED if options.samples else options.seed
        text = json.dumps(synthetic.ground_truth(videos, seed=seed), indent=1, ensure_ascii=False)
        part = options.out / ".ground_truth.json.part"
        part.write_text(text + "\n", encoding="utf-8")
        os.replace(part, options.out / "ground_truth.json")
    except (OSError, ImportError) as exc:
        _say(f"could not write the footage to {options.out}: {exc}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
