"""Measures index runs on a Ray cluster of one node and of two, in turns; the model costs nothing.

The nodes are emulated on this machine: each has one core, to which its processes are pinned, so decoding is
the bound. The driver, which writes the index, has no core of its own: it takes its time from both. Clips are
drawn by ffmpeg: 1280x720, 30 frames a second, H.264 with B-frames, a keyframe every 10 s.

Examples:
    python -m tests.benchmarks.cluster
    python -m tests.benchmarks.cluster --minutes 20 --repeats 5
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import common
from tests.benchmarks.pipeline import FreeModel, ffmpeg, loop

ROOT = Path(__file__).resolve().parents[2]
MINUTE = 60
NODES = (1, 2)
STORE_BYTES = 1 << 30
"""Memory of each node for frames that wait for the model."""


@dataclass(frozen=True)
class FreeParts:
    """The free model, on a node."""

    def model(self) -> FreeModel:
        """As ``WorkerParts.model``."""
        return FreeModel()

    def maker(self, track: str) -> Any:
        """No other track is read."""
        raise ValueError(track)


def main() -> None:
    """Draw the clips, index them on both clusters in turns, print."""
    parser = common.parser(__doc__, "cluster")
    parser.add_argument("--minutes", type=int, default=8, help="minutes of footage, as files of one minute")
    parser.add_argument("--nodes", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(repeats=3)
    arguments = parser.parse_args()
    if arguments.nodes:
        sys.stdout.write(json.dumps(index_once(arguments.nodes, arguments.library)) + "\n")
        return
    if len(os.sched_getaffinity(0)) < max(NODES):
        sys.exit(f"this benchmark needs {max(NODES)} cores")
    with tempfile.TemporaryDirectory(prefix="footage-bench-") as folder:
        library = Path(folder) / "library"
        minute = draw(Path(folder) / "minute.mp4")
        for number in range(arguments.minutes):
            loop(minute, library / f"{number:03}.mp4", times=1, comment=str(number))
        runs: dict[int, list[dict[str, float]]] = {nodes: [] for nodes in NODES}
        for number in range(arguments.repeats):
            for nodes in NODES[:: -1 if number % 2 else 1]:
                runs[nodes].append(measure(nodes, library))
    rows = [
        {"nodes": nodes, **{key: common.spread(run[key] for run in every)["median"] for key in every[0]}}
        for nodes, every in runs.items()
    ]
    common.show(f"index runs on emulated nodes of one core, medians of {arguments.repeats}", rows)
    ratio = rows[0]["wall_seconds"] / rows[-1]["wall_seconds"]
    sys.stdout.write(f"two nodes are {ratio:.2f} times as fast as one\n")
    common.write(arguments.out, {"rows": rows, "runs": runs, "times_faster": ratio})


def draw(path: Path) -> Path:
    """A minute with motion everywhere and some noise, in pictures that take long to decode."""
    picture = f"testsrc2=size=1280x720:rate=30:duration={MINUTE},noise=alls=6:allf=t,format=yuv420p"
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-g", "300", "-sc_threshold", "0"]
    ffmpeg(["-f", "lavfi", "-i", picture, *encode, str(path)])
    return path


def measure(nodes: int, library: Path) -> dict[str, float]:
    """One run, with a cluster and a driver of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.cluster", "--nodes", str(nodes)]
    command += ["--library", str(library)]
    response = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout
    found: dict[str, float] = json.loads(response.splitlines()[-1])
    return found


@contextmanager
def cluster_of(count: int) -> Iterator[str]:
    """A cluster of so many nodes, each pinned to a core of its own; its address."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(ROOT)
    import ray
    from ray.cluster_utils import Cluster as Nodes

    cores = os.sched_getaffinity(0)
    nodes = Nodes()
    try:
        for core in sorted(cores)[:count]:
            os.sched_setaffinity(0, {core})  # what is started now stays there
            nodes.add_node(num_cpus=1, object_store_memory=STORE_BYTES, include_dashboard=False)
        os.sched_setaffinity(0, cores)
        yield nodes.address
    finally:
        os.sched_setaffinity(0, cores)
        ray.shutdown()
        nodes.shutdown()


def index_once(nodes: int, library: Path) -> dict[str, float]:
    """Index a folder on a cluster; what the run itself took, everything loaded and warm before."""
    from footage.embed.text_embedder import load_embedder
    from indexer.executors.cluster import Cluster
    from indexer.executors.on_ray import ClusterShares, RayExecutor

    embedder = load_embedder()
    embedder.embed(["to warm up"])
    with cluster_of(nodes) as address, tempfile.TemporaryDirectory(prefix="footage-bench-") as folder:
        executor = RayExecutor(Cluster(address), FreeParts(), shares=ClusterShares(models=1), batch_size=2)
        some = sorted(library.iterdir())[:nodes]
        run(executor, embedder, some, Path(folder) / "warm.lancedb")
        spent, began = common.cpu_seconds(), time.perf_counter()
        report = run(executor, embedder, [library], Path(folder) / "index.lancedb")
        wall, spent = time.perf_counter() - began, common.cpu_seconds() - spent
        executor.close()
    return {
        "footage_seconds": round(report.seconds_captioned, 1),
        "wall_seconds": round(wall, 2),
        "times_playback": round(report.seconds_captioned / wall, 1),
        "decode_seconds": round(report.stage_seconds["decode"], 2),
        "driver_cpu_seconds": round(spent, 2),
    }


def run(executor: Any, embedder: Any, paths: list[Path], database: Path) -> Any:
    """One index run into a new index."""
    from footage.store import Store
    from indexer.pipeline import index

    store = Store.open(database, create=True)
    return index(paths, store=store, model=None, embedder=embedder, executor=executor)


if __name__ == "__main__":
    main()
