"""Measures an index run whose model costs nothing: reading, decoding, the index; each run in its own process.

The model answers at once with a constant caption, so what is left is what the project itself costs. Clips are
drawn by ffmpeg: 640x360, 30 frames a second, H.264 with B-frames, a keyframe every 10 s.

Examples:
    python -m tests.benchmarks.pipeline
    python -m tests.benchmarks.pipeline --scaling --minutes 10 30 60 120
    python -m tests.benchmarks.pipeline --server     # the same through a server on this machine
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import common

CLIP_SECONDS = 95
LONG_MINUTES = 10
MINUTE = 60
CAPTION = "Scene: A test picture.\n\nEvents:\n<1.0 - 4.0> A square moves.\n<10.0 - 12.5> The counter turns."
_KEYFRAMES = ["-g", "300", "-keyint_min", "300", "-sc_threshold", "0"]


class FreeModel:
    """Sees nothing, costs nothing, and always says the same; windows and frames are those of Marlin-2B."""

    def __init__(self) -> None:
        from footage.core.types import Provenance
        from footage.vlm.profiles import MARLIN_2B
        from footage.vlm.protocol import Capabilities

        self.profile = replace(MARLIN_2B, name="free")
        self.capabilities = Capabilities(max_batch=4)
        self.provenance = Provenance("free", "1", "1", "as Marlin-2B")
        self.stage_seconds: dict[str, float] = {}

    def prepare(self, frames):
        """Keep the window's span, drop its pictures."""
        from footage.vlm.protocol import Prepared

        return Prepared(frames.span, None)

    def run(self, requests):
        """Answer."""
        from footage.core.types import Answer

        return [Answer(CAPTION, "stop") for _ in requests]


def main() -> None:
    """Draw the clips, index them, print."""
    parser = common.parser(__doc__, "pipeline")
    parser.add_argument("--scaling", action="store_true", help="cost and memory from minutes to hours")
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 30, 60, 120], help="for --scaling")
    parser.add_argument("--server", action="store_true", help="ask a server here that answers at once")
    parser.add_argument("--address", help=argparse.SUPPRESS)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sys.stdout.write(json.dumps(index_once(arguments.one, arguments.address)) + "\n")
        return
    with tempfile.TemporaryDirectory(prefix="footage-bench-") as folder:
        if arguments.server:
            out = arguments.out.with_name("server.json")
            with serving() as address:
                result = costs(Path(folder), arguments.repeats, address)
        elif arguments.scaling:
            out = arguments.out.with_name("scaling.json")
            result = scaling(Path(folder), arguments.minutes)
        else:
            out = arguments.out
            result = costs(Path(folder), arguments.repeats)
    common.write(out, result)


@contextmanager
def serving() -> Iterator[str]:
    """A server of its own process that answers at once with a constant caption; its address."""
    script = Path(__file__).resolve().parents[1] / "serve_demo.py"
    command = [sys.executable, str(script), "--constant"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1?profile=marlin-2b"
        finally:
            process.kill()


def costs(folder: Path, repeats: int, address: str | None = None) -> dict[str, object]:
    """The two clips, several times each."""
    short = draw(folder / "95 s" / "clip.mp4", CLIP_SECONDS)
    long = loop(draw(folder / "minute.mp4", MINUTE), folder / "10 min" / "clip.mp4", times=LONG_MINUTES)
    runs: dict[str, list[dict[str, float]]] = {"95 s": [], "10 min": []}
    for _ in range(repeats):
        for name, clip in (("95 s", short), ("10 min", long)):
            runs[name].append(measure(clip.parent, address))
    rows = [
        {"clip": name, **{key: common.spread(r[key] for r in every)["median"] for key in every[0]}}
        for name, every in runs.items()
    ]
    common.show(f"an index run with a free model, medians of {repeats}", rows)
    return {"rows": rows, "runs": runs}


def scaling(folder: Path, minutes: list[int]) -> dict[str, object]:
    """So many minutes as one file, and as files of a minute each."""
    minute = draw(folder / "minute.mp4", MINUTE)
    rows: list[dict[str, object]] = []
    for count in minutes:
        for shape in ("one file", "a file a minute"):
            home = folder / f"{count} {shape}"
            if shape == "one file":
                loop(minute, home / "long.mp4", times=count)
            else:
                for number in range(count):
                    loop(minute, home / f"{number:03}.mp4", times=1, comment=str(number))
            rows.append({"minutes": count, "as": shape, **measure(home)})
            common.show("so far", rows[-1:])
            for path in home.iterdir():
                path.unlink()
    common.show("cost and memory by length", rows)
    return {"rows": rows}


def draw(path: Path, seconds: int) -> Path:
    """A clip with motion everywhere and some noise, as a camera has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = f"testsrc2=size=640x360:rate=30:duration={seconds},noise=alls=6:allf=t,format=yuv420p"
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "26", *_KEYFRAMES]
    ffmpeg(["-f", "lavfi", "-i", picture, *encode, str(path)])
    return path


def loop(clip: Path, path: Path, *, times: int, comment: str = "") -> Path:
    """A clip several times over, its pictures copied; the comment makes equal clips different files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    again = ["-stream_loop", str(times - 1), "-i", str(clip), "-c", "copy"]
    ffmpeg([*again, "-metadata", f"comment={comment}", str(path)])
    return path


def ffmpeg(arguments: list[str]) -> None:
    """Run ffmpeg, quietly."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)


def measure(library: Path, address: str | None = None) -> dict[str, float]:
    """Index a folder in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.pipeline", "--one", str(library)]
    command += ["--address", address] if address else []
    response = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(response.splitlines()[-1])
    return found


def index_once(library: Path, address: str | None = None) -> dict[str, float]:
    """Index a folder into a new index; what the run itself took, libraries and decoders loaded before."""
    from footage.core.process import settle
    from footage.embed.text_embedder import load_embedder
    from footage.store import Store
    from footage.vlm import load_model
    from indexer.pipeline import index

    settle()
    common.start_decoders()
    embedder = load_embedder()
    embedder.embed(["to warm up"])
    model = load_model(address) if address else FreeModel()
    with tempfile.TemporaryDirectory(prefix="footage-bench-") as folder:
        store = Store.open(Path(folder) / "index.lancedb", create=True)
        loaded = common.memory_mb().get("resident_mb", 0)
        wrote, spent, began = written(), common.cpu_seconds(), time.perf_counter()
        report = index([library], store=store, model=model, embedder=embedder)
        wall, spent = time.perf_counter() - began, common.cpu_seconds() - spent
        wrote = written() - wrote
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    seconds = report.seconds_captioned
    memory = common.memory_mb()
    return {
        "footage_seconds": round(seconds, 1),
        "wall_seconds": round(wall, 2),
        "times_playback": round(seconds / wall, 1),
        "cpu_seconds": round(spent, 2),
        "cpu_per_footage_second": round(spent / seconds, 4),
        "decode_seconds": round(report.stage_seconds["decode"], 2),
        "written_mb": round(wrote / 1e6, 2),
        "index_mb": round(size / 1e6, 2),
        "loaded_mb": loaded,
        "peak_mb": memory.get("peak_mb", 0),
        "end_mb": memory.get("resident_mb", 0),
    }


def written() -> int:
    """Bytes this process has written so far; 0 where the system does not tell."""
    response = Path("/proc/self/io")
    lines = response.read_text().splitlines() if response.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("wchar:")), 0)


if __name__ == "__main__":
    main()
