"""Measures searching an index of a million image vectors; they are drawn, so that it needs no picture.

A video has scenes of a minute; inside one a vector moves a little every second, as that of a picture does.
All is asked of the product's own code (``store.images``); recall is against comparing every vector, with
numpy. Processor time, of all threads, is given beside the time that passes: other work disturbs it less.

Examples:
    python -m tests.benchmarks.images
    python -m tests.benchmarks.images --vectors 100000 --dimensions 128
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from footage.core.process import settle
from footage.core.track_events import track_caption
from footage.core.tracks import image_track
from footage.core.types import File, Provenance, Span, Video, Window, WindowRecord
from footage.store import Store
from footage.store.records import ImageVectorRow
from tests.benchmarks import common

EMBEDDER = "drawn"
VECTORS, DIMENSIONS = 1_000_000, (128, 768)
VIDEO_SECONDS, WINDOW_SECONDS, SCENE_SECONDS = 1200, 30, 60
DEPTH, BEST = 400, 10
"""Vectors asked for, as ``search.retrieval.images`` does, and those of them that recall counts."""
SAMPLE = 2000
SCENES = 3000
"""Different scenes that videos show, so that each occurs in several videos."""
ADDED = 40
"""Windows written at the end, one by one, as an index run does it."""


class Drawing:
    """Draws the vectors of videos."""

    def __init__(self, dimension: int) -> None:
        self._rng = np.random.default_rng(0)
        self.dimension = dimension
        self._scenes = self._rng.normal(size=(SCENES, dimension)).astype(np.float32)

    def video(self) -> np.ndarray:
        """One vector a second, unit length, float32 (seconds, dimension)."""
        shown = self._rng.integers(SCENES, size=VIDEO_SECONDS // SCENE_SECONDS)
        noise = self._rng.normal(size=(VIDEO_SECONDS, self.dimension)).astype(np.float32)
        own = self._rng.normal(size=(len(shown), self.dimension)).astype(np.float32)
        scenes = np.repeat(self._scenes[shown] + 0.6 * own, SCENE_SECONDS, axis=0)
        return _unit(scenes + 0.4 * noise)

    def query(self) -> np.ndarray:
        """A scene as a query sees it."""
        scene = self._scenes[self._rng.integers(SCENES)]
        return _unit(scene + self._rng.normal(size=self.dimension).astype(np.float32))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def content_of(number: int) -> str:
    """A content id."""
    return hashlib.blake2b(f"video {number}".encode(), digest_size=16).hexdigest()


def rows(content_id: str, vectors: np.ndarray, first: int = 0) -> list[ImageVectorRow]:
    """One vector a second."""
    return [
        ImageVectorRow(content_id, second // WINDOW_SECONDS, Span(second, second + 1), float(second), vector)
        for second, vector in enumerate(vectors, start=first)
    ]


def window(content_id: str, index: int) -> WindowRecord:
    """The commit of a window."""
    span = Span(index * WINDOW_SECONDS, (index + 1) * WINDOW_SECONDS)
    provenance = Provenance(EMBEDDER, "", "1", "1 vector/s")
    return WindowRecord(Window(content_id, index, span), track_caption(()), provenance, image_track(EMBEDDER))


def fill(store: Store, drawing: Drawing, videos: int) -> Iterator[np.ndarray]:
    """Write videos, and give back their vectors as they are stored, float16."""
    for number in range(videos):
        content_id, vectors = content_of(number), drawing.video()
        store.files.put([File(f"/v{number}", content_id, state="indexed", duration_seconds=VIDEO_SECONDS)])
        store.videos.put([Video(content_id, VIDEO_SECONDS, 640, 360, 25.0, "h264")])
        store.images.put(EMBEDDER, rows(content_id, vectors))
        store.windows.add([window(content_id, n) for n in range(VIDEO_SECONDS // WINDOW_SECONDS)])
        store.tidy_if_due()
        yield vectors.astype(np.float16)


def measured(total: int, dimension: int, *, queries: int, repeats: int, folder: Path) -> dict[str, object]:
    """Everything about an index of so many vectors of one length."""
    # 1. Write them, make the indexes.
    videos = max(1, total // VIDEO_SECONDS)
    store, drawing = Store.open(folder / "index.lancedb", create=True), Drawing(dimension)
    began = time.perf_counter()
    matrix = np.concatenate(list(fill(store, drawing, videos)))
    inserted = time.perf_counter()
    store.tidy()
    indexed = time.perf_counter()
    time.sleep(16)  # versions younger than that are kept
    store.tidy()
    [table] = store.images.tables()
    size = sum(each.stat().st_size for each in (store.path / f"{table}.lance").rglob("*") if each.is_file())

    # 2. Ask.
    opened = Store.open(store.path)
    contents = [content_of(number) for number in range(videos)]
    scopes = {"every video": None, "a tenth": contents[::10], "one video": contents[:1]}
    asked = np.stack([drawing.query() for _ in range(queries)])
    first = common.seconds_of(lambda: opened.images.nearest(EMBEDDER, asked[0], limit=DEPTH))
    calls: dict[str, Callable[[int], object]] = {
        name: lambda n, ids=ids: opened.images.nearest(EMBEDDER, asked[n], limit=DEPTH, content_ids=ids)
        for name, ids in scopes.items()
    }
    calls["count"] = lambda n: opened.images.count(EMBEDDER)
    sampled = common.seconds_of(lambda: opened.images.sample(EMBEDDER, SAMPLE))
    times = {name: _percentiles(call, queries, repeats) for name, call in calls.items()}

    # 3. How much of what comparing every vector finds.
    recall = {
        name: _recall(opened, matrix, contents, asked, None if ids is None else [*map(contents.index, ids)])
        for name, ids in scopes.items()
    }

    # 4. Write more, as an index run does.
    added = _added(store, drawing, videos)
    bytes_each = size / len(matrix)
    return {
        "vectors": len(matrix),
        "dimension": dimension,
        "insert_seconds": round(inserted - began, 1),
        "index_seconds": round(indexed - inserted, 1),
        "first_search_seconds": round(first, 2),
        "sample_seconds": round(sampled, 2),
        "added_ms_per_window": added,
        "bytes_per_vector": round(bytes_each),
        "mb_per_hour_one_a_second": round(3600 * bytes_each / 1e6, 2),
        "mb_per_hour_still": round(3600 / WINDOW_SECONDS * bytes_each / 1e6, 3),
        "ms": times,
        f"recall_at_{BEST}": recall,
        "memory": common.memory_mb(),
    }


def _percentiles(call: Callable[[int], object], queries: int, repeats: int) -> dict[str, float]:
    used = time.process_time()
    values = [1000 * common.seconds_of(lambda n=n: call(n)) for _ in range(repeats) for n in range(queries)]
    cpu = 1000 * (time.process_time() - used) / len(values)
    return {**common.percentiles(values), "cpu_mean": round(cpu, 1)}


def _recall(
    store: Store, matrix: np.ndarray, contents: list[str], asked: np.ndarray, videos: list[int] | None
) -> float:
    """Share of the ``BEST`` nearest that are among the ``BEST`` that the index brings back."""
    ids = None if videos is None else [contents[number] for number in videos]
    chosen = range(len(contents)) if videos is None else videos
    shares = []
    for query in asked:
        best: list[tuple[float, str, float]] = []
        for number in chosen:  # a video at a time: the matrix is of 16 bits a number
            start = number * VIDEO_SECONDS
            cosines = matrix[start : start + VIDEO_SECONDS].astype(np.float32) @ query
            top = np.argpartition(-cosines, BEST)[:BEST]
            best += [(float(cosines[place]), contents[number], float(place)) for place in top]
        true = {(content_id, at) for _, content_id, at in sorted(best, reverse=True)[:BEST]}
        hits, _ = store.images.nearest(EMBEDDER, query, limit=DEPTH, content_ids=ids)
        shares.append(len(true & {(hit.content_id, hit.at_seconds) for hit in hits[:BEST]}) / BEST)
    return round(float(np.mean(shares)), 4)


def _added(store: Store, drawing: Drawing, videos: int) -> float:
    """Milliseconds of a window of 30 vectors that is written and committed by itself."""
    content_id, vectors = content_of(videos), drawing.video()
    began = time.perf_counter()
    for index in range(ADDED):
        start = index * WINDOW_SECONDS
        store.images.put(EMBEDDER, rows(content_id, vectors[start : start + WINDOW_SECONDS], start))
        store.windows.add([window(content_id, index)])
        store.tidy_if_due()
    return round(1000 * (time.perf_counter() - began) / ADDED, 1)


def main() -> None:
    """Measure, print, write."""
    settle()
    parser = common.parser(__doc__, "images")
    parser.add_argument("--vectors", type=int, default=VECTORS)
    parser.add_argument("--dimensions", type=int, nargs="+", default=DIMENSIONS)
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--scratch", type=Path, help="where the indexes are made")
    given = parser.parse_args()
    results = []
    for dimension in given.dimensions:
        folder = Path(tempfile.mkdtemp(prefix="footage-benchmark-", dir=given.scratch))
        try:
            result = measured(
                given.vectors, dimension, queries=given.queries, repeats=given.repeats, folder=folder
            )
        finally:
            shutil.rmtree(folder)
        results.append(result)
        common.show(
            f"{result['vectors']:,} vectors of {dimension} numbers",
            [{name: value for name, value in result.items() if isinstance(value, int | float)}],
        )
        times = result["ms"]
        assert isinstance(times, dict)
        common.show("milliseconds", [{"what": name, **row} for name, row in times.items()])
        common.show(f"recall@{BEST}", [result[f"recall_at_{BEST}"]])  # type: ignore[list-item]
        common.write(given.out, {"queries": given.queries, "repeats": given.repeats, "results": results})


if __name__ == "__main__":
    main()
