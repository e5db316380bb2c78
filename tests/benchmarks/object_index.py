"""An index on object storage beside the same one in a folder: requests of each step, and those in a row.

python -m tests.benchmarks.object_index

The storage is moto's on this machine, behind a proxy that counts the requests and then delays each of them:
the time that a step takes longer, divided by the delay, is the number of requests that wait for one another.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from footage.core.types import File
from footage.store import Store
from indexer.pipeline import index
from search.engine import Engine
from search.query.parser import parse_query
from tests.benchmarks import common

sys.path.insert(0, str(Path(__file__).parents[1]))
from s3_server import S3Server, s3_environment
from standin_model import StandinEmbedder, StandinModel, write_levels

DELAY_SECONDS = 0.03
ADDRESS = "s3://footage/library.lancedb"
CLIPS, CLIP_SECONDS = 3, 24


def steps(store: Store, library: Path) -> dict[str, Callable[[], object]]:
    """What is measured, in order: each is done again and again on an index that holds the library."""
    place, numbers = store.path, iter(range(10**9))
    engine = Engine(store, StandinEmbedder())

    def search(word: str) -> object:
        return engine.search(parse_query(f"the picture is {word}", plain=True), ground=False)

    def commit() -> None:
        number = str(next(numbers))
        store.files.put([File(path=f"/{number}.mp4", content_id=number, state="new")])

    def locked(*calls: Callable[[], object]) -> None:
        with store.writing():
            for call in calls:
                call()

    def run() -> None:
        model = StandinModel()
        index([library], store=store, model=model, embedder=StandinEmbedder())

    return {
        "open": lambda: Store.open(place),
        "first search": lambda: Engine(Store.open(place), StandinEmbedder()).search(
            parse_query("the picture is bright", plain=True), ground=False
        ),
        "search": lambda: search("bright"),
        "first search after a commit": lambda: (locked(commit), search("dark")),
        "take and release the lease": lambda: locked(),
        "lease and one commit": lambda: locked(commit),
        "lease and two commits": lambda: locked(commit, commit),
        "status": store.status,
        "index run with nothing new": run,
        "tidy": lambda: locked(store.tidy),
    }


def measure(served: S3Server, library: Path, folder: Path, repeats: int) -> list[dict[str, object]]:
    """Each step on both indexes, in turns."""
    stores = [Store.open(folder / "index.lancedb", create=True), Store.open(ADDRESS, create=True)]
    for store in stores:
        index([library], store=store, model=StandinModel(), embedder=StandinEmbedder())
    local, remote = (steps(store, library) for store in stores)
    rows = []
    for name, step in remote.items():
        step()
        before = len(served.requests)
        step()
        requests = len(served.requests) - before
        folder_ms, plain, delayed = [], [], []
        for _ in range(repeats):
            folder_ms.append(common.seconds_of(local[name]))
            plain.append(common.seconds_of(step))
            served.before_answer.append(lambda method, path: time.sleep(DELAY_SECONDS))
            delayed.append(common.seconds_of(step))
            served.before_answer.clear()
        middle = [sorted(times)[repeats // 2] for times in (folder_ms, plain, delayed)]
        in_a_row = (middle[2] - middle[1]) / DELAY_SECONDS
        rows.append(
            {
                "step": name,
                "requests": requests,
                "in a row": round(in_a_row, 1),
                "folder ms": round(1000 * middle[0]),
                "moto ms": round(1000 * middle[1]),
            }
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as made, s3_environment("footage") as served:
        folder = Path(made)
        for number in range(CLIPS):
            levels = [200 if (second + number) // 4 % 2 else 30 for second in range(CLIP_SECONDS)]
            write_levels(folder / "library" / f"{number}.mp4", levels)
        rows = measure(served, folder / "library", folder, repeats)
    common.show("An index on object storage", rows)


if __name__ == "__main__":
    main()
