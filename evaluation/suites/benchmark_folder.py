"""Draws a small benchmark: clips, and what happens in them in the format of each benchmark; asks no model.

``python -m evaluation.suites.benchmark_folder FOLDER`` writes one, to try ``footage eval benchmark`` on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from footage.synthetic.clips import ALL_SENTENCES, SyntheticClip, ground_truth, random_clip, truth, write_clip

SHORT_SECONDS = (10, 15)
"""Length of most clips: they fit into the demo model's window, and are shown whole."""
LONG_SECONDS = 40.0
"""Length of every ``LONG_EACH``-th clip, which is shown in windows."""
LONG_EACH = 4
"""See ``LONG_SECONDS``."""
FPS = 10
"""Frames a second of the clips."""
NULL_QUERIES = 2
"""Queries of each clip in the GMR format that nothing in it answers."""
_STREAM = 0xBE4C  # sets these clips apart from those that any plain seed draws


@dataclass(frozen=True, slots=True)
class DrawnBenchmark:
    """A folder of clips, and annotations about them."""

    videos: Path
    """Folder of the clips, some of them in a folder of their own."""
    annotations: Mapping[str, Path]
    """The annotation file by name of the benchmark."""


def draw_benchmark(
    folder: Path, *, seed: int, videos: int, on_progress: Callable[[str, int, int], None] | None = None
) -> DrawnBenchmark:
    """Draw clips, and write annotations in the format of each benchmark.

    The formats with one span a query leave out what happens more than once in a clip; QVHighlights, GMR and
    this project's own format have it with all its spans. GMR has queries that nothing answers.

    Args:
        folder: Where; made if there is none.
        seed: Decides what is drawn.
        videos: How many clips.
        on_progress: Called with (stage, clips done, clips in all).
    """
    # 1. The clips; every second one lies in a folder of its own.
    place = folder / "videos"
    clips: dict[str, SyntheticClip] = {}
    for number in range(videos):
        rng = np.random.default_rng([_STREAM, seed, number])
        long = number % LONG_EACH == LONG_EACH - 1
        seconds = LONG_SECONDS if long else float(rng.integers(*SHORT_SECONDS))
        name = f"v_{seed}_{number}.{round(seconds)}"
        clips[name] = random_clip(
            rng, duration_seconds=seconds, events_per_minute=14.0, repeat=0.3, event_seconds=(2.0, 5.0)
        )
        path = place / ("more" if number % 2 else "") / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_clip(clips[name], path, fps=FPS, width=192, height=128)
        if on_progress:
            on_progress("drawing", number + 1, videos)
    # 2. The annotations.
    truths = {name: truth(clip) for name, clip in clips.items()}
    files = {
        "timelens": ("timelens.json", json.dumps(_by_video(truths, "spans", "queries"))),
        "activitynet": ("activitynet.json", json.dumps(_by_video(truths, "timestamps", "sentences"))),
        "charades-sta": ("charades.txt", _charades(truths)),
        "qvhighlights": ("qvhighlights.jsonl", _windows(truths, None)),
        "gmr": ("gmr.jsonl", _windows(truths, np.random.default_rng([_STREAM, seed]))),
        "footage": ("truth.json", json.dumps(_own(truths, seed))),
    }
    written = {}
    for name, (file, content) in files.items():
        written[name] = folder / file
        written[name].write_text(content, encoding="utf-8")
    timelens, activitynet = written.pop("timelens"), written["activitynet"]
    parts = ("charades-timelens", "activitynet-timelens", "qvhighlights-timelens")
    return DrawnBenchmark(place, {**dict.fromkeys(parts, timelens), **written, "youcook2": activitynet})


def _by_video(truths: Mapping[str, Mapping[str, Any]], spans: str, texts: str) -> dict[str, Any]:
    """JSON of video to duration and, under two keys, as many spans as texts."""
    return {
        name: {
            "duration": each["duration"],
            spans: [event["spans"][0] for event in _once(each)],
            texts: [event["query"] for event in _once(each)],
        }
        for name, each in truths.items()
    }


def _charades(truths: Mapping[str, Mapping[str, Any]]) -> str:
    return "".join(
        f"{name} {event['spans'][0][0]} {event['spans'][0][1]}##{event['query']}\n"
        for name, each in truths.items()
        for event in _once(each)
    )


def _windows(truths: Mapping[str, Mapping[str, Any]], rng: np.random.Generator | None) -> str:
    """Lines of QVHighlights; with a generator, those that nothing answers as well."""
    lines: list[dict[str, Any]] = []
    for name, each in truths.items():
        asked = {event["query"]: event["spans"] for event in each["events"]}
        if rng is not None:
            absent = [sentence for sentence in ALL_SENTENCES if sentence not in asked]
            asked |= {absent[n]: [] for n in rng.choice(len(absent), NULL_QUERIES, replace=False)}
        for query, spans in asked.items():
            line = {"qid": len(lines), "query": query, "vid": name, "duration": each["duration"]}
            lines.append({**line, "relevant_windows": spans})
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def _own(truths: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, Any]:
    videos = {
        f"{name}.mp4": {
            **each,
            "events": [{**event, "id": f"{name}/{event['id']}"} for event in each["events"]],
        }
        for name, each in truths.items()
    }
    return ground_truth(videos, seed=seed)


def _once(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What happens a single time."""
    return [event for event in entry["events"] if len(event["spans"]) == 1]


def main(arguments: list[str] | None = None) -> int:
    """Draw a benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.suites.benchmark_folder", description="Draw a small benchmark."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where")
    parser.add_argument("--seed", type=int, default=0, help="decides what is drawn")
    parser.add_argument("--videos", type=int, default=12, metavar="N", help="clips to draw")
    given = parser.parse_args(arguments)
    drawn = draw_benchmark(given.folder, seed=given.seed, videos=given.videos)
    for name, path in drawn.annotations.items():
        print(f"--name {name} --videos {drawn.videos} --annotations {path}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
