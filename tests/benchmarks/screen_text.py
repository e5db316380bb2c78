"""Measures what the screen-text track costs in processor time, per second of footage, decoding included.

Every real clip in the folder ``videos`` of FOOTAGE_TEST_DATA is read as an index run reads it, its decoder in
a child process; the time of that child counts. The models are loaded before. The bar is 0.15 over all clips.

Examples:
    FOOTAGE_TEST_DATA=/data python -m tests.benchmarks.screen_text
    FOOTAGE_TEST_DATA=/data python -m tests.benchmarks.screen_text --repeats 1
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from footage.media import sandbox
from indexer.tracks.burned_in_clock import read_clock
from indexer.tracks.burned_in_timecode import read_timecode
from indexer.tracks.screen_text import ScreenTextMaker
from indexer.tracks.text_recogniser import TextRecogniser
from tests.benchmarks import common

BAR = 0.15
"""Most processor seconds per second of footage."""


def main() -> None:
    """Measure every clip, print, write."""
    parser = common.parser(__doc__, "screen_text")
    parser.add_argument("--data", type=Path, default=os.environ.get("FOOTAGE_TEST_DATA", ""))
    arguments = parser.parse_args()
    clips = sorted((Path(arguments.data) / "videos").glob("*"))
    if not clips:
        parser.error("no clips: FOOTAGE_TEST_DATA, or --data, names a folder with a folder 'videos' in it")
    recogniser = TextRecogniser()
    blank = np.zeros((360, 640, 3), np.uint8)
    recogniser.read(blank, [np.array([[0, 0], [99, 0], [99, 30], [0, 30]], np.float32)])
    recogniser.find(blank, side_pixels=640)
    maker = ScreenTextMaker(recogniser=recogniser)
    rows = []
    for clip in clips:
        rows.append(measure(maker, clip, arguments.repeats))
        sys.stderr.write(f"{clip.name} done\n")
    seconds = sum(row["seconds"] for row in rows)
    total = sum(row["cpu per second"] * row["seconds"] for row in rows) / seconds
    common.show(f"screen text, medians of {arguments.repeats}", rows)
    sys.stdout.write(f"all clips: {total:.3f} processor seconds per second of footage (bar: {BAR})\n")
    common.write(arguments.out, {"rows": rows, "cpu_per_second": total, "bar": BAR})


def measure(maker: ScreenTextMaker, clip: Path, repeats: int) -> dict[str, Any]:
    """One clip."""
    video = sandbox.probe(clip)
    took: list[float] = []
    for _ in range(repeats):
        reader = maker.open(str(clip), video)
        began = time.process_time() + children_seconds()
        windows = maker.windows(video)
        events = [event for window in windows for event in reader.read(window).events]
        took.append(time.process_time() + children_seconds() - began)
    clock, timecode = read_clock(events, video), read_timecode(events, video)
    return {
        "clip": clip.name[:34],
        "seconds": round(video.duration_seconds, 1),
        "cpu per second": round(float(np.median(took)) / video.duration_seconds, 3),
        "looks": reader.looks,
        "lines": reader.lines,
        "events": len(events),
        "clock": (clock.recorded_at or "no date") if clock else "",
        "timecode": timecode.start if timecode else "",
    }


def children_seconds() -> float:
    """Processor seconds of the child processes that run now."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        if int(fields[1]) == os.getpid():
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
