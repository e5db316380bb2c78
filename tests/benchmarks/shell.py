"""How long `footage --help` and `footage search --no-ground` take from a shell, without a running service.

python -m tests.benchmarks.shell
python -m tests.benchmarks.shell --db ~/.footage/index.lancedb --repeats 15

They run in turns with a bare interpreter (`python -c pass`); the index is one of the sample clips, with
captions of the demo model. Processor time stands beside the time on the clock: other programs lengthen it
less.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks import common

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ROOT / "data" / "footage"
PYTHON = (sys.executable, "-c", "pass")
FOOTAGE = (sys.executable, "-m", "ui.cli")
QUESTION = "a dog runs"
BARS_SECONDS = {"footage --help": 0.3, "footage search --no-ground": 3.0}


def main() -> None:
    """Measure, print, write."""
    arguments = common.parser(__doc__, "shell")
    arguments.add_argument("--db", type=Path, help="an index; one of the sample clips is made when not given")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _environment(folder)
        db = given.db or _index(folder / "index.lancedb", environment)
        search = [*FOOTAGE, "search", "--no-ground", QUESTION, "--db", str(db), "--service", "never"]
        commands = {
            "python -c pass": [*PYTHON],
            "footage --help": [*FOOTAGE, "--help"],
            "footage search --no-ground": search,
        }
        rows = measure(commands, environment, given.repeats)
    common.show("From a shell, without a running service (seconds)", rows)
    common.write(given.out, {"benchmark": "shell", "commands": rows})


def measure(
    commands: Mapping[str, list[str]], environment: Mapping[str, str], repeats: int
) -> list[dict[str, object]]:
    """Each command's time and processor time, in turns; the first round does not count."""
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(repeats + 1):
        for name, command in commands.items():
            seconds = _run(command, environment)
            if number:
                took[name].append(seconds)
    rows: list[dict[str, object]] = []
    for name, both in took.items():
        clock, processor = (common.spread(values) for values in zip(*both, strict=True))
        figures = {"median": clock["median"], "max": clock["max"], "processor": processor["median"]}
        rows.append({"command": name, **figures, "bar": BARS_SECONDS.get(name, ""), "runs": len(both)})
    return rows


def _run(command: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command; seconds on the clock, and of processors."""
    began, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    seconds, after = time.perf_counter() - began, os.times()
    user = after.children_user - before.children_user
    return seconds, user + after.children_system - before.children_system


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the person who measures."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FOOTAGE_")}
    return {**own, "FOOTAGE_MODEL": "demo", "XDG_CONFIG_HOME": str(folder), "HF_HUB_OFFLINE": "1"}


def _index(db: Path, environment: Mapping[str, str]) -> Path:
    command = [*FOOTAGE, "index", str(CLIPS), "--db", str(db), "--tracks", "captions", "--quiet"]
    subprocess.run(command, check=True, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    return db


if __name__ == "__main__":
    main()
