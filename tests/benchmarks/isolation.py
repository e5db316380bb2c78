"""Measures what decoding in a child process costs beside decoding here, in turns: the same windows of clips.

Each clip in the folder ``videos`` of FOOTAGE_TEST_DATA is cut into windows as for indexing; all windows are
taken here (``footage.media.video``), then through the door (``footage.media.sandbox``), and the other way
round in the next round. Last comes the pipe alone: as many bytes as a window has, without decoding.

Examples:
    FOOTAGE_TEST_DATA=/data python -m tests.benchmarks.isolation
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from footage.core.windows import plan_windows
from footage.media import sandbox, video
from footage.media.sandbox import pool
from tests.benchmarks import common

WINDOW_SECONDS, OVERLAP_SECONDS = 30.0, 5.0


def main() -> None:
    """Measure every clip, print, write."""
    parser = common.parser(__doc__, "isolation")
    parser.add_argument("--data", type=Path, default=os.environ.get("FOOTAGE_TEST_DATA", ""))
    arguments = parser.parse_args()
    clips = sorted((Path(arguments.data) / "videos").glob("*"))
    if not clips:
        parser.error("no clips: FOOTAGE_TEST_DATA, or --data, names a folder with a folder 'videos' in it")
    rows = [measure(clip, arguments.repeats) for clip in clips]
    rows = [row for row in rows if row["bytes"]]
    common.show(f"decoding, ms, medians of {arguments.repeats}", rows)
    here, door, pipe = (sum(row[name] for row in rows) for name in ("here", "door", "pipe"))
    shares = {"door / here": round(door / here, 3), "pipe / here": round(pipe / here, 3)}
    sys.stdout.write(f"all clips: here {here:.0f} ms, {shares} (bars: 1.05 and 0.05)\n")
    common.write(arguments.out, {"rows": rows, **shares})


def measure(clip: Path, repeats: int) -> dict[str, Any]:
    """One clip, both ways in turns, and the pipe alone."""
    known = video.probe(clip)
    plan = plan_windows(
        "",
        known.duration_seconds,
        window_seconds=WINDOW_SECONDS,
        overlap_seconds=OVERLAP_SECONDS,
        gaps=known.gaps,
    )
    sizes: list[int] = []

    def take(module: Any) -> None:
        sampler = module.Sampler(clip, [window.span for window in plan], video=known)
        sizes[:] = [sampler.take(window.index).pixels.nbytes for window in plan]

    def pipe() -> None:
        for size in sizes:
            pool.run("numpy:zeros", size, "u1", name="x", timeout_seconds=60)

    took = common.in_turns(
        {"here": lambda: take(video), "door": lambda: take(sandbox), "pipe": pipe}, repeats=repeats
    )
    medians = {name: round(1000 * sorted(times)[len(times) // 2], 1) for name, times in took.items()}
    return {
        "clip": clip.name[:28],
        "windows": len(plan),
        "bytes": sum(sizes),
        **medians,
        "door / here": round(medians["door"] / medians["here"], 3),
        "pipe / here": round(medians["pipe"] / medians["here"], 3),
    }


if __name__ == "__main__":
    main()
