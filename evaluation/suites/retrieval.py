"""Measures retrieval on somebody's annotations: one annotator's sentences indexed, another's asked; no video.

Here because only commands may both index and search.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.metrics import IOUS, ranks_summary
from evaluation.readers import MomentQuery
from footage.core.errors import UsageError
from footage.core.timecode import iou
from footage.core.types import Caption, CaptionEvent, File, Hit, Provenance, Span, Video, Window, WindowRecord
from footage.embed.text_embedder import CachedEmbedder
from footage.store import Store
from indexer.events import Projector
from search.query.parser import parse_query
from search.retrieval.retriever import Arm, Retriever

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from search.retrieval.rerank import Reranker

DEPTH = 300
"""Texts asked of each search, so that a hundred videos come up in every arm."""
LISTED = 100
"""Videos and moments that count."""
LATENCY_QUERIES = 200
"""Queries that are asked again one by one, embedding included, to time them."""
DRAWS = 1_000
"""Bootstrap draws of the intervals, over videos."""
MAIN = ("video_R@1", "video_R@10", "video_R@100", "moment_R@1@0.5")
"""Figures that get an interval."""

OnProgress = Callable[[str, int, int], None]
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """The scores of a run."""

    arms: Mapping[str, Mapping[str, float | list[float]]]
    """Figures in percent by arm, some with their 95 % interval under the same name with "_95"; and times."""
    gains: Mapping[str, Mapping[str, list[float]]]
    """By arm, what its figures are over those of "vector": ratio, and the ends of its 95 % interval."""
    videos: int
    """Videos indexed."""
    events: int
    """Sentences indexed."""
    queries: int
    """Sentences asked."""
    index_seconds: float
    """Time to index, embedding left out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The ranks of one query."""

    video: str
    """The video it is about."""
    video_rank: float
    """Place of that video among those listed, from 1; infinite when it is not."""
    moment_ranks: tuple[float, ...]
    """Place of the first moment in it that reaches each of ``IOUS``; infinite when none does."""


def evaluate_retrieval(
    corpus: Sequence[MomentQuery],
    queries: Sequence[MomentQuery],
    embedder: TextEmbedder,
    *,
    reranker: Reranker | None = None,
    arms: Sequence[Arm],
    cache_dir: Path,
    limit_queries: int | None = None,
    on_progress: OnProgress = lambda stage, done, total: None,
) -> RetrievalScores:
    """Index every sentence of a corpus with its span, ask every query, and see where its video comes.

    Args:
        corpus: What is indexed: sentences and spans by video.
        queries: What is asked; a query whose video is not in the corpus is an error.
        embedder: Embeds both.
        reranker: Puts the best texts into their last order, if there is one.
        arms: By what texts are ordered, one after the other over the same index.
        cache_dir: Where embeddings are kept from one run to the next.
        limit_queries: Ask only so many, chosen by a hash of their text; all when None.
        on_progress: Called with (stage, done, in all).

    Raises:
        UsageError: a query is about a video that the corpus does not hold.
    """
    videos: dict[str, list[MomentQuery]] = {}
    for event in corpus:
        videos.setdefault(event.video, []).append(event)
    if unknown := sorted({query.video for query in queries} - videos.keys()):
        raise UsageError(
            f"{len(unknown):,} videos of the queries are not in the corpus, first {unknown[0]!r}."
        )
    asked = _chosen(queries, limit_queries)
    cached = CachedEmbedder(embedder, cache_dir)
    cached.embed_all(
        [event.text for event in corpus],
        on_progress=lambda done, total: on_progress("embedding the corpus", done, total),
    )
    cached.embed_all(
        [parse_query(query.text, plain=True).text for query in asked],
        kind="query",
        on_progress=lambda done, total: on_progress("embedding the queries", done, total),
    )
    with tempfile.TemporaryDirectory(prefix="footage-eval-") as folder:
        began = time.perf_counter()
        store = Store.open(Path(folder) / "index.lancedb", create=True)
        _index(videos, store, cached, on_progress)
        indexed_seconds = time.perf_counter() - began
        retriever = Retriever(store, cached, reranker)
        outcomes = {}
        for arm in arms:
            outcomes[arm] = [
                _ask(retriever, query, arm, on_progress, number, len(asked))
                for number, query in enumerate(asked)
            ]
        latency = _latency(Retriever(store, embedder, reranker), asked[:LATENCY_QUERIES], arms, on_progress)
    summaries = {arm: _summary(found) for arm, found in outcomes.items()}
    draws = {arm: _draws(found) for arm, found in outcomes.items()}
    return RetrievalScores(
        arms={arm: {**_figures(summaries[arm], draws[arm]), **latency[arm]} for arm in arms},
        gains={
            arm: _gains(summaries["vector"], draws["vector"], summaries[arm], draws[arm])
            for arm in arms
            if arm != "vector" and "vector" in arms
        },
        videos=len(videos),
        events=len(corpus),
        queries=len(asked),
        index_seconds=round(indexed_seconds, 1),
    )


def _chosen(queries: Sequence[MomentQuery], limit: int | None) -> list[MomentQuery]:
    """The queries with the lowest hashes, in the order given: the same ones in every run."""
    if limit is None or limit >= len(queries):
        return list(queries)

    def digest(query: MomentQuery) -> str:
        return hashlib.sha256(f"{query.video}/{query.text}".encode()).hexdigest()

    chosen = {query.id for query in sorted(queries, key=digest)[:limit]}
    return [query for query in queries if query.id in chosen]


def _index(
    videos: Mapping[str, Sequence[MomentQuery]], store: Store, embedder: TextEmbedder, on_progress: OnProgress
) -> None:
    """One window a video, with its sentences as events; everything else as an index run does it."""
    provenance = Provenance("annotations", "1", "none", "none")
    lengths = {
        name: events[0].duration_seconds or max(event.spans[0].end_seconds for event in events)
        for name, events in videos.items()
    }
    store.embedders.claim_timeline(embedder.name)
    store.files.put(
        File(f"/{name}", name, state="indexed", duration_seconds=length) for name, length in lengths.items()
    )
    store.videos.put(Video(name, length, 0, 0, 0.0, "none") for name, length in lengths.items())
    projector = Projector(store, embedder)
    for number, (name, events) in enumerate(videos.items()):
        lines = tuple(CaptionEvent(event.spans[0], event.text) for event in events if event.text)
        window = Window(name, 0, Span(0, lengths[name]))
        record = WindowRecord(window, Caption("", lines, "", "stop"), provenance)
        projector.begin(name)
        store.windows.add([record])
        projector.add(name, [record])
        projector.finish(name)
        store.tidy_if_due()
        on_progress("indexing", number + 1, len(videos))
    store.tidy()


def _ask(
    retriever: Retriever, query: MomentQuery, arm: Arm, on_progress: OnProgress, number: int, total: int
) -> Outcome:
    candidates = retriever.retrieve(parse_query(query.text, plain=True), limit=LISTED, depth=DEPTH, arm=arm)
    listed = [candidate.video.content_id for candidate in candidates]
    rank = listed.index(query.video) + 1 if query.video in listed else np.inf
    hits: list[Hit] = sorted(
        (hit for candidate in candidates for hit in candidate.hits),
        key=lambda hit: (-hit.score, hit.content_id, hit.span),
    )[:LISTED]
    overlaps = [
        max(iou(hit.span, span) for span in query.spans) if hit.content_id == query.video else 0.0
        for hit in hits
    ]
    moments = tuple(
        next((place for place, overlap in enumerate(overlaps, 1) if overlap >= least), np.inf)
        for least in IOUS
    )
    on_progress(f"asking, {arm}", number + 1, total)
    return Outcome(query.video, rank, moments)


def _latency(
    retriever: Retriever, queries: Sequence[MomentQuery], arms: Sequence[Arm], on_progress: OnProgress
) -> dict[str, Figures]:
    """Milliseconds of a query as a search asks it, embedding included."""
    result: dict[str, Figures] = {}
    for arm in arms:
        times = []
        for number, query in enumerate(queries):
            parsed = parse_query(query.text, plain=True)
            began = time.perf_counter()
            retriever.retrieve(parsed, arm=arm)
            times.append(1000 * (time.perf_counter() - began))
            on_progress(f"timing, {arm}", number + 1, len(queries))
        p50, p95 = np.percentile(times, [50, 95])
        result[arm] = {"query_p50_ms": round(float(p50), 1), "query_p95_ms": round(float(p95), 1)}
    return result


def _figures(values: Figures, draws: Sequence[Figures]) -> dict[str, float | list[float]]:
    """Every figure, and the interval of the main ones under the same name with "_95"."""
    figures: dict[str, float | list[float]] = dict(values)
    for name in MAIN:
        low, high = np.percentile([draw[name] for draw in draws], [2.5, 97.5])
        figures[f"{name}_95"] = [round(float(low), 2), round(float(high), 2)]
    return figures


def _gains(
    theirs: Figures, their_draws: Sequence[Figures], ours: Figures, our_draws: Sequence[Figures]
) -> dict[str, list[float]]:
    """Ratio of each main figure to the base's on the same queries, with the 95 % interval of paired draws."""
    gains = {}
    for name in MAIN:
        ratios = [a[name] / b[name] for a, b in zip(our_draws, their_draws, strict=True) if b[name]]
        low, high = np.percentile(ratios, [2.5, 97.5]) if ratios else (np.nan, np.nan)
        ratio = ours[name] / theirs[name] if theirs[name] else np.nan
        gains[name] = [round(float(value), 3) for value in (ratio, low, high)]
    return gains


def _summary(outcomes: Sequence[Outcome]) -> Figures:
    return ranks_summary(
        np.array([outcome.video_rank for outcome in outcomes]),
        np.array([outcome.moment_ranks for outcome in outcomes]),
    )


def _draws(outcomes: Sequence[Outcome]) -> list[Figures]:
    """The figures of ``DRAWS`` samples of as many videos, drawn with replacement, always the same ones."""
    of_video: dict[str, list[int]] = {}
    for number, outcome in enumerate(outcomes):
        of_video.setdefault(outcome.video, []).append(number)
    groups = [np.array(of_video[video]) for video in sorted(of_video)]
    ranks = np.array([outcome.video_rank for outcome in outcomes])
    moments = np.array([outcome.moment_ranks for outcome in outcomes])
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        rows = np.concatenate([groups[n] for n in rng.integers(len(groups), size=len(groups))])
        drawn.append(ranks_summary(ranks[rows], moments[rows]))
    return drawn
