"""Runs the parts one after the other within their time, prints one table and writes JSON."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import common
from tests.benchmarks.gpu.rows import HEADING, Row, line

ROOT = Path(__file__).resolve().parents[3]
BUDGET_SECONDS = 540.0
"""For everything; ten minutes with what starting and stopping takes."""
GRACE_SECONDS = 8.0


@dataclass(frozen=True)
class Part:
    """A module of this package that runs as a process."""

    name: str
    seconds: float
    """Its share of the time; what earlier parts leave goes to the last."""
    package: str = "tests.benchmarks.gpu"
    """Where the module is."""


PARTS = (Part("right", 170.0), Part("fast", 170.0), Part("fits", 110.0), Part("compiled", 540.0))
"""In the order in which they matter."""


def main() -> int:
    """Run, print, write.

    Returns:
        1 when something was wrong or what has to be right could not be looked at, otherwise 0.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a small shape, on whatever there is")
    parser.add_argument("--seconds", type=float, default=BUDGET_SECONDS, help="time for everything")
    parser.add_argument("--parts", default=",".join(part.name for part in PARTS), help="which, by comma")
    parser.add_argument("--peak-tflops", type=float, help="the card's dense bfloat16 peak")
    parser.add_argument("--peak-gbs", type=float, help="the peak of its memory")
    parser.add_argument("--out", type=Path, default=common.RESULTS / "gpu.json", help="where the JSON goes")
    given = parser.parse_args()
    machine = common.machine()
    if machine["gpu"] is None and not given.tiny:
        print("There is no GPU here: nothing was measured (--tiny shows that it runs).")  # noqa: T201
        return 0
    options = ["--tiny"] if given.tiny else []
    if given.peak_tflops and given.peak_gbs:
        options += ["--peak-tflops", str(given.peak_tflops), "--peak-gbs", str(given.peak_gbs)]
    chosen = [part for part in PARTS if part.name in given.parts.split(",")]
    rows = ran(chosen, options, given.seconds)
    print(f"\n{machine['gpu'] or machine['cpu']}, {machine['versions']}\n{HEADING}")  # noqa: T201
    for row in rows:
        print(line(row))  # noqa: T201
    result = {"benchmark": "gpu", "tiny": given.tiny}
    common.write(given.out, {**result, "rows": [{**vars(row), "share": row.share} for row in rows]})
    return 1 if bad(rows) else 0


def ran(
    parts: Sequence[Part], options: Sequence[str], seconds: float, *, grace_seconds: float = GRACE_SECONDS
) -> list[Row]:
    """Runs parts one after the other, each in a process of its own.

    Args:
        parts: Which.
        options: Given to each of them.
        seconds: For all of them; a part that there is no time for is left out, and its row says so.
        grace_seconds: A part that is over its own time by so much is ended.
    """
    end = time.monotonic() + seconds
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            left = min(part.seconds, end - time.monotonic() - grace_seconds)
            if left < 1:
                rows.append(Row(part.name, "all of it", status="skipped", note="no time left"))
                continue
            path = Path(folder, f"{part.name}.jsonl")
            given = [*options, "--rows", str(path), "--seconds", f"{left:.1f}"]
            ended = _process(part, given, left, grace_seconds)
            if path.exists():
                rows += [Row(**json.loads(text)) for text in path.read_text().splitlines()]
            if ended:
                rows.append(Row(part.name, "the rest of it", status="failed", note=ended))
    return rows


def _process(part: Part, options: Sequence[str], seconds: float, grace_seconds: float) -> str:
    """Runs a part; returns why it did not come to its end, or nothing."""
    # Without bytecode every part would compile torch and transformers again.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-m", f"{part.package}.{part.name}", *options]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, timeout=seconds + grace_seconds)
    except subprocess.TimeoutExpired:
        return f"ended after {seconds:.0f} s"
    return f"the process ended with {done.returncode}" if done.returncode else ""


def bad(rows: Sequence[Row]) -> bool:
    """Whether something is wrong, or a part that says what is right did not do so."""
    return any(row.status == "wrong" or (row.part == "right" and row.status == "failed") for row in rows)


if __name__ == "__main__":
    sys.exit(main())
