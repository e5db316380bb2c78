"""What reading videos from object storage costs beside reading files: requests, bytes, processor time.

python -m tests.benchmarks.objects

A real S3 server (moto) on this machine serves a clip of noise (320x240, about 0.35 MB a second). Steps are
taken in turns from the file and from the object, with an empty cache before each. The model answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from s3_server import s3_environment
from standin_model import StandinEmbedder, StandinModel, write_noise

from footage.core.disk_cache import Shelf
from footage.core.types import Span
from footage.media import sandbox
from footage.media.sandbox.pool import end_children
from footage.objects import blocks, requests
from footage.store import Store
from indexer.pipeline import index


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="length of the clip")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, s3_environment("films") as served:
        folder = Path(temporary)
        clip = write_noise(folder / "clip.mp4", seconds=options.seconds)
        served.client().upload_file(str(clip), "films", "clip.mp4")
        middle = options.seconds / 2

        def indexed(path: str, number: int) -> None:
            store = Store.open(folder / f"{number}.lancedb", create=True)
            index([path], store=store, model=StandinModel(), embedder=StandinEmbedder())

        steps: dict[str, Callable[[str, int], object]] = {
            "probe": lambda path, _: sandbox.probe(path),
            "two seconds from the middle": lambda path, _: sandbox.sample(path, Span(middle, middle + 2)),
            "a preview of two seconds": lambda path, number: sandbox.write_preview(
                path, Span(middle, middle + 2), folder / f"{number}.mp4"
            ),
            "index": indexed,
        }
        _say(
            f"clip of {clip.stat().st_size / 2**20:.1f} MiB, {options.seconds} s; median of {options.repeats}"
        )
        _say(f"{'step':32}{'file, CPU s':>12}{'object, CPU s':>15}{'requests':>10}{'MiB':>8}")
        number = 0
        for name, step in steps.items():
            spent: dict[str, list[float]] = {"file": [], "object": []}
            for _ in range(options.repeats):
                for kind, path in (("file", str(clip)), ("object", "s3://films/clip.mp4")):
                    number += 1
                    end_children()
                    sandbox.probe_image(_picture(folder))  # a child that has started
                    blocks.use_cache(Shelf(folder / f"blocks{number}", 10**9))
                    requests.forget_statuses()
                    served.requests.clear()
                    before = _processor_seconds()
                    step(path, number)
                    spent[kind].append(_processor_seconds() - before)
            file, stored = (statistics.median(spent[kind]) for kind in ("file", "object"))
            count, mebibytes = len(served.requests), served.bytes_asked() / 2**20
            _say(f"{name:32}{file:12.2f}{stored:15.2f}{count:10}{mebibytes:8.1f}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _picture(folder: Path) -> Path:
    from PIL import Image

    path = folder / "dot.png"
    if not path.exists():
        Image.new("RGB", (8, 8)).save(path)
    return path


def _processor_seconds() -> float:
    """Of this process, the server in it included, and of its children, those that run as well."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = place.read_text().rpartition(")")[2].split()
            if int(fields[1]) == os.getpid():
                total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    main()
