"""Measures the memory of `footage index` with a free model: its process and those it starts, while it runs.

A process of its own runs the command on a drawn clip, against a server on this machine that answers at once.
Ten times a second the memory of the command and of every process that it started is read from /proc (Linux):
resident, of which shared pages count whole in each process (RSS); proportional, in which a page that three
processes share counts a third in each (PSS), so that a sum over processes is right; and of no file
(anonymous), which no other process can use.

Examples:
    python -m tests.benchmarks.memory
    python -m tests.benchmarks.memory --minutes 30 --tracks captions
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import common
from tests.benchmarks.pipeline import MINUTE, draw, loop, serving

_EVERY_SECONDS = 0.1
_KINDS = {"Rss": "rss_mb", "Pss": "pss_mb", "Anonymous": "anonymous_mb"}


def main() -> None:
    """Draw a clip, index it in a process, print."""
    parser = common.parser(__doc__, "memory")
    parser.add_argument("--minutes", type=int, default=10, help="length of the clip")
    parser.add_argument("--tracks", default="captions", help="as of footage index; empty for all")
    parser.add_argument("--image-vectors", action="store_true", help="make them, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footage-bench-") as folder, serving() as address:
        home = Path(folder)
        loop(draw(home / "minute.mp4", MINUTE), home / "library" / "clip.mp4", times=arguments.minutes)
        command = ["index", str(home / "library"), "--db", str(home / "index"), "--model", address, "--quiet"]
        command += ["--tracks", arguments.tracks] if arguments.tracks else []
        command.append("--image-vectors" if arguments.image_vectors else "--no-image-vectors")
        peaks = watched([sys.executable, "-m", "ui.cli.start", *command])
    rows = [{"process": name, **figures} for name, figures in peaks.items()]
    common.show(f"peak memory of indexing {arguments.minutes} minutes with a free model, MB", rows)
    common.write(arguments.out, {"minutes": arguments.minutes, "tracks": arguments.tracks, "peaks": peaks})


def watched(command: Sequence[str]) -> dict[str, dict[str, float]]:
    """Run a command; the peak of each kind of memory, of it, of those it starts, and of all at once."""
    peaks: dict[str, dict[str, float]] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            now = {"command": memory(process.pid)}
            others = [memory(pid) for pid in below(process.pid)]
            now["processes that it started"] = total(others)
            now["together"] = total([now["command"], *others])
            for name, figures in now.items():
                held = peaks.setdefault(name, dict.fromkeys(_KINDS.values(), 0.0))
                held.update({kind: max(held[kind], figures[kind]) for kind in held})
            time.sleep(_EVERY_SECONDS)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return {name: {kind: round(size) for kind, size in held.items()} for name, held in peaks.items()}


def below(pid: int) -> list[int]:
    """The processes that a process started, and those that these started."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += [int(child), *below(int(child))]
    except OSError:
        return found  # it ended while it was looked at
    return found


def memory(pid: int) -> dict[str, float]:
    """The memory of one process, by kind; 0 of one that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return dict.fromkeys(_KINDS.values(), 0.0)
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE))
    return {name: int(found.get(key, 0)) * 1024 / 1e6 for key, name in _KINDS.items()}


def total(each: Sequence[dict[str, float]]) -> dict[str, float]:
    """Sums, by kind."""
    return {kind: sum(figures[kind] for figures in each) for kind in _KINDS.values()}


if __name__ == "__main__":
    main()
