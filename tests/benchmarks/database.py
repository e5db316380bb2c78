"""Measures searching an index of up to a million events, real sentences with real vectors turned.

How the events are drawn says ``tests.benchmarks.million``. Everything is asked of the product's own code:
vectors of ``store.vectors``, words of ``store.texts``, the rest of ``Retriever`` and ``Engine``. Times
leave out embedding the query, which is shown apart. Recall is against comparing every vector, with numpy.

Examples:
    python -m tests.benchmarks.database --data ~/anet
    python -m tests.benchmarks.database --data ~/anet --sizes 10000 100000
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from evaluation.readers import read_activitynet
from footage.core.process import settle
from footage.embed.protocol import TextEmbedder
from footage.embed.text_embedder import CachedEmbedder, load_embedder
from footage.store import Store
from indexer.events import Projector
from search.engine import Engine
from search.query.filters import fitting
from search.query.parser import parse_query
from search.retrieval.retriever import Retriever
from tests.benchmarks import common, million

SIZES = (10_000, 100_000, 1_000_000)
QUERIES = 40
"""Sentences asked in every repeat, of annotators whose sentences are not in the index."""
DEPTH, BEST = 100, 10
"""Texts asked for, and those of them that recall counts."""
ADDED = 100
"""Events inserted window by window at the end, as an index run does it."""
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
    built: dict[str, object] = {}
    if not (folder / "index.lancedb").exists():
        store = Store.open(folder / "index.lancedb", create=True)
        store.embedders.claim_timeline(embedder.name)
        began = time.perf_counter()
        million.fill(store, million.draw(corpus, events), embedder.name)
        inserted = time.perf_counter()
        store.tidy()
        built = {
            "insert_seconds": round(inserted - began, 1),
            "index_seconds": round(time.perf_counter() - inserted, 1),
        }
    store = Store.open(folder / "index.lancedb")

    # 2. Open, ask for the first time.
    opened = Store.open(store.path)
    engine, retriever = Engine(opened, embedder), Retriever(opened, embedder)
    plain = [parse_query(text, plain=True) for text in asked]
    vectors = embedder.embed([query.text for query in plain], kind="query")
    first = common.seconds_of(lambda: engine.search(plain[0], ground=False))
    second = common.seconds_of(lambda: engine.search(plain[1], ground=False))

    # 3. Ask everything, in turns.
    everything = _Everything(store, embedder.name)
    filters = {name: parse_query(f"{text} x").filters for name, text in FILTERS.items()}
    chosen = {name: fitting(where, opened) for name, where in filters.items()}
    chosen["one video"] = frozenset([str(everything.contents[0])])

    def near(n: int, content_ids: frozenset[str] | None = None) -> object:
        return opened.vectors.nearest(
            embedder.name, vectors[n], limit=DEPTH, owner_kinds=("event", "scene"), content_ids=content_ids
        )

    def said(n: int, content_ids: frozenset[str] | None = None) -> object:
        return opened.texts.search(" ".join(plain[n].words), limit=DEPTH, content_ids=content_ids)

    calls: dict[str, Callable[[int], object]] = {
        "numpy, every vector": lambda n: everything.search(vectors[n]),
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
    recall = {
        name: _recall(opened, embedder.name, vectors, everything, content_ids)
        for name, content_ids in {"all": None, **chosen}.items()
    }
    passages = _recall(opened, embedder.name, vectors, everything, None, kind="passage")

    # 5. Insert a little more as an index run does, and find it before it is tidied.
    added = _added(corpus, opened, embedder)
    return {
        "events": store.status().events,
        "rows": store.row_counts(),
        **built,
        "index_run_ms_per_event": added,
        "disk_mb": round(store.size_bytes() / 1e6),
        "first_search_seconds": round(first, 2),
        "second_search_seconds": round(second, 2),
        "ms": times,
        f"recall_at_{BEST}": {**recall, "passages": passages},
        "memory": common.memory_mb(),
    }


class _Everything:
    """Every event's vector in one matrix, compared with numpy."""

    def __init__(self, store: Store, embedder: str) -> None:
        from footage.store.exact_index import matrix_of
        from footage.store.schema import vector_table

        columns = ["owner_id", "owner_kind", "content_id", "vector"]
        table = store._tables.columns(vector_table(embedder), columns)
        self.matrix = matrix_of(table)
        self.ids, kinds, self.contents = (np.array(table.column(name).to_pylist()) for name in columns[:3])
        self.of_kind = {kind: kinds == kind for kind in ("event", "passage")}

    def search(self, vector: np.ndarray) -> np.ndarray:
        """Places of the nearest, best first, all kinds."""
        cosines = self.matrix @ vector
        best = np.argpartition(-cosines, DEPTH)[:DEPTH]
        return best[np.argsort(-cosines[best])]

    def best(self, vector: np.ndarray, chosen: np.ndarray) -> set[str]:
        """Ids of the ``BEST`` nearest among some rows."""
        places = np.flatnonzero(chosen)
        cosines = (
            self.matrix[places] @ vector if len(places) < len(chosen) / 4 else (self.matrix @ vector)[places]
        )
        return set(self.ids[places[np.argsort(-cosines)[:BEST]]].tolist())


def _asked(
    calls: Mapping[str, Callable[[int], object]], queries: int, repeats: int
) -> dict[str, dict[str, object]]:
    """Milliseconds of each call: percentiles over the queries, and of those the median of all repeats."""
    response: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    for _ in range(repeats):
        times: dict[str, list[float]] = {name: [] for name in calls}
        for n in range(queries):
            for name in list(calls)[:: -1 if n % 2 else 1]:
                times[name].append(1000 * common.seconds_of(lambda name=name, n=n: calls[name](n)))
        for name, values in times.items():
            response[name].append(common.percentiles(values))
    return {
        name: {
            which: round(float(np.median([each[which] for each in rounds])), 1)
            for which in ("p50", "p95", "p99")
        }
        | {"p50_of_each": [each["p50"] for each in rounds], "p95_of_each": [each["p95"] for each in rounds]}
        for name, rounds in response.items()
    }


def _recall(
    store: Store,
    embedder: str,
    vectors: np.ndarray,
    everything: _Everything,
    content_ids: frozenset[str] | None,
    *,
    kind: str = "event",
) -> float:
    """Share of the ``BEST`` nearest that are among the ``BEST`` that the index brings back."""
    chosen = everything.of_kind[kind]
    if content_ids is not None:
        chosen = chosen & np.isin(everything.contents, sorted(content_ids))
    shares = []
    for vector in vectors:
        true = everything.best(vector, chosen)
        hits, _ = store.vectors.nearest(
            embedder,
            vector,
            limit=DEPTH,
            owner_kinds=(kind,),
            content_ids=content_ids,  # type: ignore[arg-type]
        )
        shares.append(len(true & {hit.owner_id for hit in hits[:BEST]}) / len(true))
    return round(float(np.mean(shares)), 4)


def _added(corpus: million.Corpus, store: Store, embedder: TextEmbedder) -> float:
    """Milliseconds an event takes that is inserted as an index run inserts it, embedding left out."""
    projector, events, spent = Projector(store, embedder), 0, 0.0
    for drawn in million.draw(corpus, ADDED, seed=1, name="added"):
        embedder.embed([text.text for text in drawn.texts if text.text])
        began = time.perf_counter()
        store.videos.put([drawn.video])
        store.files.put([drawn.file])
        projector.begin(drawn.video.content_id)
        for first in range(0, len(drawn.records), 4):
            store.windows.add(drawn.records[first : first + 4])
            projector.add(drawn.video.content_id, drawn.records[first : first + 4])
            store.tidy_if_due()
        projector.finish(drawn.video.content_id)
        spent += time.perf_counter() - began
        events += sum(text.owner_kind == "event" for text in drawn.texts)
    return round(1000 * spent / events, 2)


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
        [{"what": name, **{p: row[p] for p in ("p50", "p95", "p99")}} for name, row in times.items()],
    )
    common.show(f"recall@{BEST}", [result[f"recall_at_{BEST}"]])  # type: ignore[list-item]
    common.show("memory", [result["memory"]])  # type: ignore[list-item]


if __name__ == "__main__":
    main()
