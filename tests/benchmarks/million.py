"""Draws an index of any size from real sentences and their real vectors; knows nothing of what is measured.

An event of the index is a real sentence with its vector turned in a random direction, as far as a sentence is
from its nearest neighbour. A window holds the sentences of one real video, so that words stand together as in
life, and a video is made of ``WINDOWS_PER_VIDEO`` such windows, from the ``LIKE`` real videos nearest to
one. A passage has the mean of its events' vectors: embedding a hundred thousand of them would take hours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from evaluation.readers import MomentQuery
from footage.core.timeline import merge_events
from footage.core.types import Caption, CaptionEvent, File, Provenance, Span, Video, Window, WindowRecord
from footage.store import Store, TextRow, VectorRow, text_rows

WINDOWS_PER_VIDEO = 14
"""Six minutes of windows of 30 s that share 5."""
LIKE = 30
"""Of so many real videos, those of a window are drawn."""
WINDOW_SECONDS, STEP_SECONDS = 30.0, 25.0
COLLECTIONS, CAMERAS = 10, 100
"""Videos are dealt out evenly: a collection holds a tenth of them, a camera a hundredth."""
_VIDEOS_AT_ONCE = 500
_PROVENANCE = Provenance("benchmark", "1", "1", "none")


@dataclass(frozen=True)
class Corpus:
    """Real sentences by the video they describe, with their vectors."""

    groups: Sequence[Sequence[int]]
    """Places of each real video's sentences, in order of time."""
    like: np.ndarray
    """The places of the groups that are nearest to each, itself first, int (groups, ``LIKE``)."""
    texts: Sequence[str]
    """The sentences."""
    vectors: np.ndarray
    """Unit vectors of them, float32 (sentences, dimension)."""
    distances: np.ndarray
    """Cosine distance of each to the nearest other sentence, float32 (sentences,)."""


@dataclass(frozen=True)
class Drawn:
    """One video of the index."""

    video: Video
    file: File
    records: list[WindowRecord]
    texts: tuple[TextRow, ...]
    sources: np.ndarray
    """The sentences that its events say, in their order, int (events,)."""
    inside: Sequence[Sequence[int]]
    """Of each text, the events whose vectors' mean it has: an event has its own."""
    vectors: np.ndarray
    """Of the texts, float32 (texts, dimension)."""


def read_corpus(events: Sequence[MomentQuery], vectors: np.ndarray) -> Corpus:
    """Group sentences by video and measure how near each one's nearest neighbour is.

    Args:
        events: The sentences.
        vectors: Theirs, float32 unit vectors (sentences, dimension).
    """
    groups: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        if event.text.strip():
            groups.setdefault(event.video, []).append(place)
    distances = np.zeros(len(events), np.float32)
    for first in range(0, len(events), 1000):
        block = slice(first, first + 1000)
        cosines = vectors[block] @ vectors.T
        cosines[cosines > 0.9999] = -1.0  # itself, and others in the same words
        distances[block] = 1.0 - cosines.max(axis=1)
    means = np.stack([vectors[group].mean(axis=0) for group in groups.values()])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    like = np.argsort(-(means @ means.T), axis=1)[:, :LIKE]
    return Corpus(list(groups.values()), like, [event.text for event in events], vectors, distances)


def draw(corpus: Corpus, events: int, *, seed: int = 0, name: str = "") -> Iterator[Drawn]:
    """Videos that hold so many events together, a few more at the end; the same ones each time."""
    rng = np.random.default_rng(seed)
    held = number = 0
    while held < events:
        about = rng.integers(len(corpus.groups))
        others = rng.permutation(corpus.like[about])[:WINDOWS_PER_VIDEO]
        groups = [corpus.groups[n] for n in others]
        yield _drawn(corpus, groups, f"{name}{number}", rng, number)
        held, number = held + sum(map(len, groups)), number + 1


def _drawn(
    corpus: Corpus, groups: Sequence[Sequence[int]], name: str, rng: np.random.Generator, number: int
) -> Drawn:
    content_id = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    length = STEP_SECONDS * (len(groups) - 1) + WINDOW_SECONDS
    records, source = [], {}
    for index, group in enumerate(groups):
        begin = STEP_SECONDS * index
        lines = []
        for place, sentence in enumerate(group):
            # Between the seams, so that every event is one and counts once.
            start = begin + 5.5 + 18 * place / len(group)
            span = Span(round(start, 3), round(start + 18 / len(group), 3))
            lines.append(CaptionEvent(span, corpus.texts[sentence].strip()))
            source[span] = sentence
        window = Window(content_id, index, Span(begin, begin + WINDOW_SECONDS))
        records.append(WindowRecord(window, Caption("", tuple(lines), "", "stop"), _PROVENANCE))
    events = merge_events(content_id, records)
    texts = text_rows(content_id, events, records)
    own = np.array([source[text.span] for text in texts if text.owner_kind == "event"])
    spans = [text.span for text in texts if text.owner_kind == "event"]
    at = iter(range(len(own)))
    inside = [
        [next(at)]
        if text.owner_kind == "event"
        else [
            n
            for n, span in enumerate(spans)
            if text.span.start_seconds <= span.start_seconds and span.end_seconds <= text.span.end_seconds
        ]
        for text in texts
    ]
    vectors = text_vectors(turned(corpus, own, rng), inside)
    recorded = datetime(2026, 1, 1) + timedelta(seconds=number * length)
    file = File(
        path=f"/benchmark/{name}.mp4",
        content_id=content_id,
        collection=f"collection {number % COLLECTIONS}",
        camera=f"camera {number % CAMERAS}",
        recorded_at=recorded.isoformat(),
        duration_seconds=length,
        state="indexed",
    )
    video = Video(content_id, length, 640, 480, 25.0, "h264")
    return Drawn(video, file, records, texts, own, inside, vectors)


def turned(corpus: Corpus, sentences: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The vectors of some sentences, each turned in a random direction as far as its like are apart."""
    vectors, distances = corpus.vectors[sentences], rng.choice(corpus.distances, len(sentences))
    away = rng.standard_normal(vectors.shape, dtype=np.float32)
    away -= (away * vectors).sum(axis=1, keepdims=True) * vectors
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    cosines = (1.0 - distances)[:, None]
    turned: np.ndarray = (cosines * vectors + np.sqrt(1 - cosines**2) * away).astype(np.float32)
    return turned


def text_vectors(events: np.ndarray, inside: Sequence[Sequence[int]]) -> np.ndarray:
    """The vector of each text: the mean of those of the events inside it, of length 1."""
    counts = [len(each) for each in inside]
    places = np.fromiter((place for each in inside for place in each), np.int64, sum(counts))
    sums = np.add.reduceat(events[places], np.concatenate([[0], np.cumsum(counts)[:-1]]), axis=0)
    vectors: np.ndarray = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def fill(store: Store, videos: Iterator[Drawn], embedder: str) -> int:
    """Insert videos in large pieces, as a restored or imported index would be; returns how many events.

    An index run inserts them window by window: what that costs is measured apart.
    """
    events = 0
    piece: list[Drawn] = []

    def put() -> None:
        from footage.store.records import file_to_row, text_to_row, video_to_row

        tables = store._tables
        tables.insert("files", [file_to_row(each.file) for each in piece])
        tables.insert("videos", [video_to_row(each.video) for each in piece])
        store.windows.add([record for each in piece for record in each.records])
        texts = [text for each in piece for text in each.texts]
        for table, kinds in (("passages", {"passage"}), ("events", {"event", "scene", "video"})):
            tables.insert(table, [text_to_row(text) for text in texts if text.owner_kind in kinds])
        rows = [
            VectorRow(
                text.owner_kind,
                text.owner_id,
                text.content_id,
                text.window_indexes,
                text.span,
                text.text,
                vector,
            )
            for each in piece
            for text, vector in zip(each.texts, each.vectors, strict=True)
        ]
        store.vectors.put(embedder, rows, new=True)
        piece.clear()

    for video in videos:
        piece.append(video)
        events += sum(text.owner_kind == "event" for text in video.texts)
        if len(piece) == _VIDEOS_AT_ONCE:
            put()
    if piece:
        put()
    return events
