"""Measures searching an index of up to ten million events, real sentences with real vectors turned.

How the events are drawn says ``tests.benchmarks.million``, and of more than two million
``tests.benchmarks.multiplied``. Everything is asked of the product's own code: vectors of ``store.vectors``,
words of ``store.texts``, the rest of ``Retriever`` and ``Engine``. Times leave out embedding the query, which
is shown apart. Processor time, of all threads, is beside the time that passes. Recall is against comparing
every vector, with numpy.

With ``--keep``, the index and the exact answers stay in ``--scratch``, and another run only measures. A large
one that was cut short goes on where it was.

Examples:
    python -m tests.benchmarks.database --data ~/anet
    python -m tests.benchmarks.database --data ~/anet --sizes 10000 100000
    python -m tests.benchmarks.database --data ~/anet --sizes 10000000 --queries 20 --scratch big --keep
"""

from __future__ import annotations

import hashlib
import heapq
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from evaluation.readers import read_activitynet
from footage.core.process import settle
from footage.embed.protocol import TextEmbedder
from footage.embed.text_embedder import CachedEmbedder, load_embedder
from footage.store import Store
from footage.store.records import OwnerKind
from indexer.events import Projector
from search.engine import Engine
from search.query.filters import fitting
from search.query.parser import Query, parse_query
from search.retrieval.retriever import Retriever
from tests.benchmarks import common, million, multiplied

SIZES = (10_000, 100_000, 1_000_000)
QUERIES = 40
"""Sentences asked in every repeat, of annotators whose sentences are not in the index."""
DEPTH, BEST = 100, 10
"""Texts asked for, and those of them that recall counts."""
ADDED = 100
"""Events inserted window by window at the end, as an index run does it."""
WRITES = 8
"""Times that a search is measured right after a write."""
DRAWN_ONE_BY_ONE = 2_000_000
"""Most events of an index that is drawn event by event."""
FILTERS = {"a tenth": 'collection:"collection 3"', "a hundredth": 'camera:"camera 3"'}


def measured(
    corpus: million.Corpus,
    events: int,
    asked: Sequence[str],
    embedder: TextEmbedder,
    *,
    repeats: int,
    folder: Path,
) -> dict[str, object]:
    """Everything about an index of one size."""
    # 1. Build, or take what an earlier run built.
    built = _built(corpus, events, embedder.name, folder)
    store = Store.open(folder / "index.lancedb")
    with store.writing():
        store.tidy()  # as an index run ends: the rows that an earlier run of this inserted are indexed, too

    # 2. Open, ask for the first time.
    opened = Store.open(store.path)
    engine, retriever = Engine(opened, embedder), Retriever(opened, embedder)
    plain = [parse_query(text, plain=True) for text in asked]
    vectors = embedder.embed([query.text for query in plain], kind="query")
    first = common.seconds_of(lambda: engine.search(plain[0], ground=False))
    second = common.seconds_of(lambda: engine.search(plain[1], ground=False))

    # 3. Ask everything, in turns.
    filters = {name: parse_query(f"{text} x").filters for name, text in FILTERS.items()}
    chosen = {name: fitting(where, opened) for name, where in filters.items()}
    chosen["one video"] = frozenset([min(store.windows.covered())])

    def near(n: int, content_ids: frozenset[str] | None = None) -> object:
        return opened.vectors.nearest(
            embedder.name, vectors[n], limit=DEPTH, owner_kinds=("event", "scene"), content_ids=content_ids
        )

    def said(n: int, content_ids: frozenset[str] | None = None) -> object:
        return opened.texts.search(" ".join(plain[n].words), limit=DEPTH, content_ids=content_ids)

    calls: dict[str, Callable[[int], object]] = {
        "vectors": near,
        **{f"vectors, {name}": lambda n, ids=ids: near(n, ids) for name, ids in chosen.items()},
        "words": said,
        **{f"words, {name}": lambda n, ids=ids: said(n, ids) for name, ids in chosen.items()},
        "retrieve": lambda n: retriever.retrieve(plain[n]),
        "retrieve, a tenth": lambda n: retriever.retrieve(plain[n], content_ids=chosen["a tenth"]),
        "engine": lambda n: engine.search(plain[n], ground=False),
        **{
            f"engine, {name}": lambda n, where=where: engine.search(
                replace(plain[n], filters=where), ground=False
            )
            for name, where in filters.items()
        },
    }
    times = _asked(calls, len(asked), repeats)

    # 4. How much of what comparing every vector finds.
    scopes = {"all": None, **chosen}
    truth = _truth(opened, embedder.name, vectors, scopes, folder / "truth.json")
    recall = {
        name: _recall(opened, embedder.name, vectors, truth[name], content_ids)
        for name, content_ids in scopes.items()
    }
    passages = _recall(opened, embedder.name, vectors, truth["passages"], None, kind="passage")
    together = _recall_together(opened, embedder.name, vectors, truth, chosen["a tenth"])

    # 5. Insert a little more as an index run does, and find it before it is tidied.
    added = _added(corpus, opened, embedder)
    written = _after_writes(corpus, opened, embedder, engine, plain)
    return {
        "events": store.status().events,
        "rows": store.row_counts(),
        **built,
        "index_run_ms_per_event": added,
        "disk_mb": round(store.size_bytes() / 1e6),
        "first_search_seconds": round(first, 2),
        "second_search_seconds": round(second, 2),
        "after_write_ms": written,
        "ms": times,
        f"recall_at_{BEST}": {**recall, "passages": passages, **together},
        "memory": common.memory_mb(),
    }


def _built(corpus: million.Corpus, events: int, embedder: str, folder: Path) -> dict[str, object]:
    """Make an index with all its indexes, or what an earlier run left to do; says how long that took."""
    path, done = folder / "index.lancedb", folder / "built.json"
    if done.exists():
        return dict(json.loads(done.read_text()))
    large = events > DRAWN_ONE_BY_ONE
    if path.exists() and not large:
        shutil.rmtree(path)
    store = Store.open(path, create=True)
    store.embedders.claim_timeline(embedder)
    began, used = time.perf_counter(), time.process_time()
    if large:
        inserted = multiplied.fill(store, corpus, events, embedder, on_progress=_say)
    else:
        inserted = million.fill(store, million.draw(corpus, events), embedder)
    middle, spent = time.perf_counter(), time.process_time()
    store.tidy()
    response: dict[str, object] = {
        "inserted": inserted,
        "insert_seconds": round(middle - began, 1),
        "insert_cpu_seconds": round(spent - used, 1),
        "index_seconds": round(time.perf_counter() - middle, 1),
        "index_cpu_seconds": round(time.process_time() - spent, 1),
    }
    done.write_text(json.dumps(response))
    return response


def _say(events: int) -> None:
    common.show("inserted", [{"events": events}])


def _truth(
    store: Store,
    embedder: str,
    vectors: np.ndarray,
    scopes: Mapping[str, frozenset[str] | None],
    path: Path,
) -> dict[str, list[set[str]]]:
    """Ids of the ``BEST`` nearest events to each query, of all videos and of some, and of the passages.

    Every vector is compared; the result is kept in a file for the same queries.
    """
    from footage.store.exact_index import matrix_of
    from footage.store.schema import vector_table

    stamp = hashlib.sha256(vectors.tobytes()).hexdigest()
    if path.exists() and (held := json.loads(path.read_text()))["queries"] == stamp:
        return {name: [set(ids) for ids in each] for name, each in held["best"].items()}
    heaps: dict[str, list[list[tuple[float, str]]]] = {
        name: [[(-2.0, "")] * BEST for _ in vectors] for name in (*scopes, "passages")
    }
    for batch in store._tables.arrow_batches(
        vector_table(embedder), ["owner_id", "owner_kind", "content_id", "vector"]
    ):
        import pyarrow as pa

        table = pa.Table.from_batches([batch])
        ids, kinds, contents = (np.array(table.column(n).to_pylist()) for n in range(3))
        cosines = matrix_of(table) @ vectors.T
        events = kinds == "event"
        chosen = {"passages": kinds == "passage"}
        for name, among in scopes.items():
            chosen[name] = (
                events if among is None else events & np.array([each in among for each in contents])
            )
        for name, mask in chosen.items():
            for n, heap in enumerate(heaps[name]):
                for place in np.flatnonzero(mask & (cosines[:, n] > heap[0][0])):
                    heapq.heappushpop(heap, (float(cosines[place, n]), str(ids[place])))
    best = {name: [{each for _, each in heap if each} for heap in each] for name, each in heaps.items()}
    lists = {name: [sorted(ids) for ids in each] for name, each in best.items()}
    path.write_text(json.dumps({"queries": stamp, "best": lists}))
    return best


def _asked(
    calls: Mapping[str, Callable[[int], object]], queries: int, repeats: int
) -> dict[str, dict[str, object]]:
    """Milliseconds of each call: percentiles over the queries, and of those the median of all repeats.

    "cpu" is processor time of all threads, the mean of every call.
    """
    response: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    used = dict.fromkeys(calls, 0.0)
    for _ in range(repeats):
        times: dict[str, list[float]] = {name: [] for name in calls}
        for n in range(queries):
            for name in list(calls)[:: -1 if n % 2 else 1]:
                began = time.process_time()
                times[name].append(1000 * common.seconds_of(lambda name=name, n=n: calls[name](n)))
                used[name] += time.process_time() - began
        for name, values in times.items():
            response[name].append(common.percentiles(values))
    return {
        name: {
            which: round(float(np.median([each[which] for each in rounds])), 1)
            for which in ("p50", "p95", "p99")
        }
        | {"cpu": round(1000 * used[name] / queries / repeats, 1)}
        | {"p50_of_each": [each["p50"] for each in rounds], "p95_of_each": [each["p95"] for each in rounds]}
        for name, rounds in response.items()
    }


def _recall(
    store: Store,
    embedder: str,
    vectors: np.ndarray,
    truth: Sequence[set[str]],
    content_ids: frozenset[str] | None,
    *,
    kind: OwnerKind = "event",
) -> float:
    """Share of the ``BEST`` nearest that are among the ``BEST`` that the index brings back."""
    shares = []
    for vector, true in zip(vectors, truth, strict=True):
        hits, _ = store.vectors.nearest(
            embedder, vector, limit=DEPTH, owner_kinds=(kind,), content_ids=content_ids
        )
        shares.append(len(true & {hit.owner_id for hit in hits[:BEST]}) / len(true))
    return round(float(np.mean(shares)), 4)


def _recall_together(
    store: Store,
    embedder: str,
    vectors: np.ndarray,
    truth: Mapping[str, Sequence[set[str]]],
    tenth: frozenset[str],
) -> dict[str, float]:
    """The same of the search for events and passages at once, which the whole retrieval does."""
    shares: dict[str, list[float]] = {}
    for n, vector in enumerate(vectors):
        for name, content_ids in (("all", None), ("a tenth", tenth)):
            (events, _), (passages, _) = store.vectors.nearest_of(
                embedder, vector, (("event", "scene"), ("passage",)), limit=DEPTH, content_ids=content_ids
            )
            compared = [(name, events), *([("passages", passages)] if content_ids is None else [])]
            for which, hits in compared:
                true = truth[which][n]
                found = len(true & {hit.owner_id for hit in hits[:BEST]})
                shares.setdefault(f"{which}, at once", []).append(found / len(true))
    return {name: round(float(np.mean(each)), 4) for name, each in shares.items()}


def _added(corpus: million.Corpus, store: Store, embedder: TextEmbedder) -> float:
    """Milliseconds an event takes that is inserted as an index run inserts it, embedding left out."""
    projector, events, spent = Projector(store, embedder), 0, 0.0
    for drawn in _new_videos(corpus, ADDED):
        embedder.embed([text.text for text in drawn.texts if text.text])
        began = time.perf_counter()
        _write(store, projector, drawn, len(drawn.records))
        spent += time.perf_counter() - began
        events += len(drawn.sources)
    return round(1000 * spent / events, 2)


def _after_writes(
    corpus: million.Corpus, store: Store, embedder: TextEmbedder, engine: Engine, asked: Sequence[Query]
) -> dict[str, float]:
    """Milliseconds of the first search after four windows of a new video were written elsewhere."""
    writer = Store.open(store.path)
    projector = Projector(writer, embedder)
    times, cpu = [], []
    videos = _new_videos(corpus, 100 * WRITES)
    for n, drawn in zip(range(WRITES), videos, strict=False):
        embedder.embed([text.text for text in drawn.texts if text.text])
        _write(writer, projector, drawn, 4)
        used = time.process_time()
        seconds = common.seconds_of(lambda n=n: engine.search(asked[n % len(asked)], ground=False))
        times.append(1000 * seconds)
        cpu.append(1000 * (time.process_time() - used))
    return {"median": round(float(np.median(times)), 1), "most": round(max(times), 1)} | {
        "cpu": round(float(np.mean(cpu)), 1)
    }


def _new_videos(corpus: million.Corpus, events: int) -> Iterator[million.Drawn]:
    """Videos that no earlier run wrote."""
    return million.draw(corpus, events, seed=time.time_ns(), name=f"added at {time.time_ns()}: ")


def _write(store: Store, projector: Projector, drawn: million.Drawn, windows: int) -> None:
    """Write a video as an index run does."""
    store.videos.put([drawn.video])
    store.files.put([drawn.file])
    projector.begin(drawn.video.content_id)
    for first in range(0, windows, 4):
        store.windows.add(drawn.records[first : min(windows, first + 4)])
        projector.add(drawn.video.content_id, drawn.records[first : min(windows, first + 4)])
        store.tidy_if_due()
    projector.finish(drawn.video.content_id)


def main() -> None:
    """Measure, print, write."""
    settle()
    parser = common.parser(__doc__, "database")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="events of each index")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FOOTAGE_TEST_DATA", "")) / "anet",
        help="folder with ActivityNet's val_1.json and val_2*.json",
    )
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--scratch", type=Path, help="where the indexes are made and vectors are kept")
    parser.add_argument("--keep", action="store_true", help="leave the indexes there for another run")
    given = parser.parse_args()
    scratch = given.scratch or Path(tempfile.gettempdir()) / "footage-benchmark"
    plain = load_embedder()
    embedder = CachedEmbedder(plain, scratch)
    events = [each for each in read_activitynet(given.data / "val_1.json") if each.text.strip()]
    embedder.embed_all([each.text for each in events], on_progress=lambda done, whole: None)
    corpus = million.read_corpus(events, embedder.embed([each.text for each in events]))
    [others] = sorted(given.data.glob("val_2*.json"))[:1]
    texts = sorted({each.text.strip() for each in read_activitynet(others)})
    asked = texts[:: len(texts) // given.queries][: given.queries]
    embedding = [
        1000 * common.seconds_of(lambda text=text: plain.embed([text], kind="query")) for text in asked
    ]
    results = []
    for size in given.sizes:
        folder = scratch / f"footage-bench-{size}"
        folder.mkdir(exist_ok=True)
        results.append(measured(corpus, size, asked, embedder, repeats=given.repeats, folder=folder))
        if not given.keep:
            shutil.rmtree(folder)
        _show(results[-1])
        common.write(
            given.out,
            {
                "near_neighbour_distance": common.percentiles(corpus.distances, digits=3),
                "embedding_ms": common.percentiles(embedding),
                "queries": len(asked),
                "repeats": given.repeats,
                "sizes": results,
            },
        )


def _show(result: Mapping[str, object]) -> None:
    scalars = {name: value for name, value in result.items() if isinstance(value, (int, float))}
    common.show(f"{result['events']:,} events", [scalars])
    times = result["ms"]
    assert isinstance(times, dict)
    common.show(
        "milliseconds",
        [{"what": name, **{p: row[p] for p in ("p50", "p95", "p99", "cpu")}} for name, row in times.items()],
    )
    common.show(f"recall@{BEST}", [result[f"recall_at_{BEST}"]])  # type: ignore[list-item]
    common.show("first search after a write, ms", [result["after_write_ms"]])  # type: ignore[list-item]
    common.show("memory", [result["memory"]])  # type: ignore[list-item]


if __name__ == "__main__":
    main()
