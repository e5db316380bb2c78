"""Measures this project beside its nearest peer in one run: nemostation, in an environment of its own.

Both index the same footage and answer the same question through the same server on this machine, which
answers at once, with the same stand-in for an embedder (nemostation's needs a model hub). They alternate;
every run is a process of its own. The footage is a real traffic camera, 95 s at 640x360, 30 frames a second.
nemostation's index and search are hidden commands of its program; their library functions are called.

*Loaded* is the work alone: libraries are imported and, here, decoder processes have started before.
*Process* is everything from the start of the interpreter to its end. A question is asked about three videos
of which none was opened before. *First* is the first answer of the model on the screen, *candidates* when it
has looked at the three best windows, after which nemostation is done. This project goes on, to confirm what
it found and to find more: *all*. *Again* is all of it in the same process; nemostation keeps nothing between
questions, and leaves out windows that seem still to it.

Examples:
    FOOTAGE_TEST_DATA=/data python -m tests.benchmarks.peer
    FOOTAGE_TEST_DATA=/data python -m tests.benchmarks.peer --repeats 9 --home /tmp/peer
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import common
from tests.benchmarks.peer_driver import CANDIDATES, HashEmbedder
from tests.benchmarks.pipeline import ffmpeg, serving

PEER = "nemostation[index]==0.1.24"
SOURCE = "dvrscan_traffic_camera.mp4"
CLIP_SECONDS = 95
SHIFT_SECONDS = 5
"""The videos that are searched begin this much later each, so that no two are alike."""
QUESTION = "a square moves"
DRIVER = Path(__file__).with_name("peer_driver.py")
MEASURES = ("first", "candidates", "all", "again", "loaded", "cpu")
Row = dict[str, Any]


def main() -> None:
    """Set up both, measure in turns, print, write."""
    parser = common.parser(__doc__, "peer")
    parser.add_argument("--data", type=Path, default=os.environ.get("FOOTAGE_TEST_DATA", ""))
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "footage-benchmarks"
    parser.add_argument("--home", type=Path, default=home, help="where the peer's environment is kept")
    parser.add_argument("--ours", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        what, *rest = arguments.ours
        sys.stdout.write(json.dumps((_index if what == "index" else _search)(*rest)) + "\n")
        return
    source = Path(arguments.data) / "videos" / SOURCE
    if not source.exists():
        parser.error(f"no {source}: FOOTAGE_TEST_DATA, or --data, names a folder that holds it")
    python = environment(arguments.home)
    commands = {
        "footage": [sys.executable, "-m", "tests.benchmarks.peer", "--ours"],
        "nemostation": [str(python), str(DRIVER)],
    }
    with tempfile.TemporaryDirectory(prefix="footage-bench-") as name, serving() as address:
        videos = [draw(Path(name) / "videos" / f"{n}.mp4", source, n) for n in range(CANDIDATES)]
        runs = _in_turns(commands, Path(name), address, videos, arguments.repeats)
    rows = [_row(what, measure, runs) for what in runs for measure in runs[what]["footage"][0]["seconds"]]
    common.show(f"seconds, medians of {arguments.repeats}, in turns", rows)
    windows = {what: {who: each[0]["windows"] for who, each in runs[what].items()} for what in runs}
    sys.stdout.write(f"windows shown to the model: {windows}\n")
    common.write(arguments.out, {"peer": PEER, "rows": rows, "windows": windows, "runs": runs})


def environment(home: Path) -> Path:
    """The Python of an environment that holds the peer; made on the first call."""
    made = home / PEER.replace("[index]==", "-")
    if not (made / "ready").exists():
        shutil.rmtree(made, ignore_errors=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(made)], check=True)
        install = [*uv, "pip", "install", "--quiet", "--python", str(made / "bin" / "python"), PEER]
        subprocess.run(install, check=True)
        (made / "ready").touch()
    return made / "bin" / "python"


def draw(path: Path, source: Path, number: int) -> Path:
    """The traffic camera over and over, H.264 with B-frames and x264's usual distance of keyframes."""
    path.parent.mkdir(exist_ok=True)
    looped = ["-stream_loop", "-1", "-ss", str(SHIFT_SECONDS * number), "-i", str(source)]
    fitted = ["-t", str(CLIP_SECONDS), "-vf", "scale=640:360,fps=30", "-an", "-pix_fmt", "yuv420p"]
    ffmpeg([*looped, *fitted, "-c:v", "libx264", "-preset", "veryfast", str(path)])
    return path


def _in_turns(
    commands: dict[str, list[str]], folder: Path, address: str, videos: Sequence[Path], repeats: int
) -> dict[str, dict[str, list[Row]]]:
    """Runs by what was done, and by who did it; every other round the other one begins."""
    runs: dict[str, dict[str, list[Row]]] = {what: {who: [] for who in commands} for what in ("index", "ask")}
    for who, command in commands.items():
        _run([*command, "index", str(folder / who), _address(who, address), *map(str, videos)])
    for number in range(repeats):
        for who in list(commands)[:: -1 if number % 2 else 1]:
            where = _address(who, address)
            new = folder / f"{who} {number}"
            runs["index"][who].append(_run([*commands[who], "index", str(new), where, str(videos[0])]))
            runs["ask"][who].append(_run([*commands[who], "search", str(folder / who), where, QUESTION]))
            shutil.rmtree(new)
    return runs


def _address(who: str, address: str) -> str:
    return address if who == "footage" else address.partition("?")[0]


def _run(command: list[str]) -> Row:
    """One process: what it measured itself, and what all of it took."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    found: Row = json.loads(said.splitlines()[-1])
    assert not found["errors"], found
    seconds = {name: found[name] for name in MEASURES if name in found}
    process_seconds = {"process": wall, "process cpu": usage.ru_utime + usage.ru_stime}
    windows = {name: found[name] for name in ("windows", "left_out") if name in found}
    return {"seconds": {**seconds, **process_seconds}, "windows": windows}


def _row(what: str, measure: str, runs: dict[str, dict[str, list[Row]]]) -> Row:
    # The peer shows nothing before it is done, and does the same again.
    found = {
        who: [run["seconds"].get(measure, run["seconds"].get("all", 0.0)) for run in each]
        for who, each in runs[what].items()
    }
    middle = {who: round(common.spread(values)["median"], 2) for who, values in found.items()}
    ratios = [theirs / ours for ours, theirs in zip(found["footage"], found["nemostation"], strict=True)]
    spread = common.spread(ratios, digits=1)
    return {
        "what": what,
        "measured": measure,
        **middle,
        "ratio": spread["median"],
        "from": spread["min"],
        "to": spread["max"],
    }


def _ready() -> None:
    """What the product does when it starts: settings of the process, and decoders that have loaded."""
    from footage.core.process import settle

    settle()
    common.start_decoders()


def _index(db: str, address: str, *videos: str) -> Row:
    """Index videos with this project."""
    from footage.store import Store
    from footage.vlm import load_model
    from indexer.pipeline import index

    _ready()
    model = load_model(address)
    store = Store.open(Path(db), create=True)
    spent, began = common.cpu_seconds(), time.perf_counter()
    report = index(videos, store=store, model=model, embedder=HashEmbedder())
    wall = time.perf_counter() - began
    cpu = common.cpu_seconds() - spent
    return {"loaded": wall, "cpu": cpu, "windows": report.windows_captioned, "errors": [*report.warnings]}


def _search(db: str, address: str, question: str) -> Row:
    """Ask with this project, twice."""
    from footage.store import Store
    from footage.vlm import load_model
    from search.engine import Engine
    from search.grounding.options import GroundingOptions

    _ready()
    engine = Engine(Store.open(Path(db)), HashEmbedder(), load_model(address))
    looking = GroundingOptions(max_windows=CANDIDATES, fresh=True)
    engine.search(question, ground=False)
    seconds: dict[str, float] = {}
    shown: list[bool] = []
    spent, began = common.cpu_seconds(), time.perf_counter()

    def show(_: Sequence[Any]) -> None:
        if shown:  # the first time it is what the index alone answers
            seconds.setdefault("first", time.perf_counter() - began)
        shown.append(True)

    def done(windows: int, _: int) -> None:
        if windows >= CANDIDATES:
            seconds.setdefault("candidates", time.perf_counter() - began)

    result = engine.search(question, looking=looking, on_hits=show, on_progress=done)
    seconds["all"], seconds["cpu"] = time.perf_counter() - began, common.cpu_seconds() - spent
    seconds["again"] = common.seconds_of(lambda: engine.search(question, looking=looking))
    return {**seconds, "windows": result.looked.windows, "errors": []}


if __name__ == "__main__":
    main()
