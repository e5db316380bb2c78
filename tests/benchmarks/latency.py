"""How long a question takes in a running engine with three candidates.

python -m tests.benchmarks.latency

It asks an engine about three videos of 95 s each (640x360, a keyframe every 10 s): cold, where its decoders
have started but no file was opened before, and warm, where they were but the answer is asked for anew;
"shelf" is cold, but the index run has left on disk what the model saw (setting keep_seen_gb). "First" is the
first answer of the model on the screen, "all" the end. "Free" is a model that answers at once, with the
windows and frames of Marlin-2B, and finds the event once in each video; "demo" is the demo model.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from footage.core.disk_cache import Shelf
from footage.core.types import Answer, Match, Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.vlm import load_model
from footage.vlm.protocol import Prepared, Prompt, VideoModel
from indexer.pipeline import index
from search.engine import Engine
from search.grounding.options import GroundingOptions
from tests.benchmarks import common
from tests.benchmarks.pipeline import FreeModel

CLIP_SECONDS = 95
CLIPS = 3
QUESTION = "a square moves"
Row = dict[str, object]


class Finding(FreeModel):
    """Has one event a video: from second 11 to 14."""

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answer at once."""
        return [Answer(self._say(prepared.span, prompt.kind), "stop") for prepared, prompt in requests]

    def _say(self, window: Span, kind: str) -> str:
        start, end = 11 - window.start_seconds, 14 - window.start_seconds
        seen = start >= 0 and end <= window.duration_seconds
        if kind == "caption":
            event = f"<{start:.1f} - {end:.1f}> A square moves." if seen else ""
            return f"Scene: A test picture.\n\nEvents:\n{event}"
        return f"From {start:.1f} to {end:.1f}." if seen else "It does not take place."


def main() -> None:
    """Measure, print, write."""
    arguments = common.parser(__doc__, "latency")
    given = arguments.parse_args()
    result: dict[str, object] = {"benchmark": "latency"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _draw(folder)
        model = Finding()
        store = _index(folder / "free.lancedb", folder, model)
        rows = queries("free", store, lambda: model, given.repeats)
        demo = load_model("demo")
        store = _index(folder / "demo.lancedb", folder, demo)
        rows += queries("demo", store, lambda: demo, given.repeats)
        demo.shelf = Shelf(folder / "seen", 1 << 30)  # type: ignore[attr-defined]
        store = _index(folder / "shelf.lancedb", folder, demo)
        rows += queries("demo, shelf", store, lambda: demo, given.repeats)
        result["queries"] = rows
        common.show("A question about three videos, in a running engine", rows)
    common.write(given.out, result)


def queries(name: str, store: Store, model: Callable[[], VideoModel], repeats: int) -> list[Row]:
    """Cold and warm, in turns."""
    embedder = load_embedder()
    embedder.embed([QUESTION], kind="query")
    looking = GroundingOptions(fresh=True, max_windows=CLIPS)
    took: dict[str, list[float]] = {}
    windows: dict[str, int] = {}

    def ask(engine: Engine, kind: str) -> None:
        began = time.perf_counter()
        shown: list[float] = []  # first what the index alone answers

        def show(_: Sequence[Match]) -> None:
            shown.append(time.perf_counter() - began)

        windows[kind] = engine.search(QUESTION, looking=looking, on_hits=show).looked.windows
        took.setdefault(f"{kind}, all", []).append(time.perf_counter() - began)
        took.setdefault(f"{kind}, first", []).append(shown[1])

    for _ in range(repeats):
        common.start_decoders()
        engine = Engine(store, embedder, model())
        engine.search(QUESTION, ground=False)
        ask(engine, "cold")
        ask(engine, "warm")
    return [
        {"model": name, "query": kind, **common.spread(seconds), "windows looked at": windows[kind[:4]]}
        for kind, seconds in sorted(took.items())
    ]


def _draw(folder: Path) -> None:
    """Clips of which no two are alike."""
    for number in range(CLIPS):
        picture = f"testsrc2=size=640x360:rate=25:duration={CLIP_SECONDS},hue=h={120 * number}"
        encoding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "250", "-threads", "2"]
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, *encoding, f"{folder}/{number}.mp4"]
        subprocess.run(command, check=True)


def _index(db: Path, folder: Path, model: VideoModel) -> Store:
    store = Store.open(db, create=True)
    index([folder], store=store, model=model, embedder=load_embedder())
    return store


if __name__ == "__main__":
    main()
