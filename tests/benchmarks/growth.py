"""Measures how an index bears growth: events inserted window by window, with invented captions and vectors.

Prints, for every tenth of the events, the time an event took to insert and the process's peak memory; at the
end the ratio of the last tenth's time to the first's.

Examples:
    python -m tests.benchmarks.growth
    python -m tests.benchmarks.growth --events 20000 --json
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from footage.core.process import settle
from footage.core.types import Caption, CaptionEvent, File, Provenance, Span, Video, WindowRecord
from footage.core.windows import plan_windows
from footage.embed.protocol import TextEmbedder
from footage.embed.text_embedder import TextKind
from footage.store import Store
from footage.synthetic import clips
from indexer.events import Projector

DIMENSION = 384
EVENTS_PER_WINDOW = 3
WINDOWS_AT_ONCE = 4
HOUR = 3600.0


class Invented(TextEmbedder):
    """Vectors of the right length that mean nothing; a text always has the same one."""

    def __init__(self) -> None:
        self.name, self.dimension = "invented", DIMENSION

    def embed(self, texts: Sequence[str], *, kind: TextKind = "document") -> np.ndarray:
        """One unit vector a text, float32 (texts, 384)."""
        seeds = [zlib.crc32(text.encode()) for text in texts]
        rows = [np.random.default_rng(seed).normal(size=DIMENSION) for seed in seeds]
        vectors = np.array(rows, np.float32).reshape(len(texts), DIMENSION)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def records(content_id: str, rng: np.random.Generator) -> list[WindowRecord]:
    """An hour of captions."""
    made = []
    for window in plan_windows(content_id, HOUR, window_seconds=30.0, overlap_seconds=5.0):
        # Between the seams, so that every event is one and counts once.
        inside = np.arange(window.span.start_seconds + 6, window.span.end_seconds - 8, 4)
        starts = rng.choice(inside, min(EVENTS_PER_WINDOW, len(inside)), replace=False)
        events = tuple(
            CaptionEvent(
                Span(float(start), float(start) + 2.5),
                f"{rng.choice(clips.ALL_SENTENCES)} ({content_id[:4]})",
            )
            for start in sorted(starts)
        )
        made.append(
            WindowRecord(
                window, Caption("A street.", events, "raw", "stop"), Provenance("bench", "1", "1", "none")
            )
        )
    return made


def main() -> None:
    """Insert, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="one object a line")
    arguments = parser.parse_args()
    settle()
    rng, embedder, rows = np.random.default_rng(0), Invented(), []
    with tempfile.TemporaryDirectory(prefix="footage-bench-") as folder:
        store = Store.open(Path(folder) / "index.lancedb", create=True)
        projector = Projector(store, embedder)
        inserted, video, spent, since = 0, 0, 0.0, 0
        while inserted < arguments.events:
            content_id = f"{video:032x}"
            store.videos.put([Video(content_id, HOUR, 640, 480, 25.0, "h264")])
            store.files.put([File(f"/bench/{video}.mp4", content_id, state="indexed", duration_seconds=HOUR)])
            projector.begin(content_id)
            hour = records(content_id, rng)
            for first in range(0, len(hour), WINDOWS_AT_ONCE):
                batch = hour[first : first + WINDOWS_AT_ONCE]
                began = time.perf_counter()
                store.windows.add(batch)
                projector.add(content_id, batch)
                store.tidy_if_due()
                spent += time.perf_counter() - began
                count = sum(len(record.caption.events) for record in batch)
                inserted, since = inserted + count, since + count
                if since >= arguments.events / 10:
                    rows.append(reading(inserted, 1000 * spent / since))
                    tell(rows[-1], as_json=arguments.json)
                    spent, since = 0.0, 0
            began = time.perf_counter()
            projector.finish(content_id)
            spent += time.perf_counter() - began
            video += 1
    ratio = rows[-1]["insert_ms_per_event"] / rows[0]["insert_ms_per_event"]
    tell({"last_to_first": round(ratio, 3)}, as_json=arguments.json)


def reading(events: int, insert_ms: float) -> dict[str, float]:
    """One row of the curve."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "events": events,
        "insert_ms_per_event": round(insert_ms, 3),
        "peak_mb": round(peak / (1e6 if sys.platform == "darwin" else 1e3)),
    }


def tell(row: dict[str, float], *, as_json: bool) -> None:
    """Print a row."""
    line = json.dumps(row) if as_json else "  ".join(f"{name} {value:g}" for name, value in row.items())
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
