"""Puts image vectors and their windows into an index, without any picture: unit vectors from a seed."""

from __future__ import annotations

import hashlib

import numpy as np

from footage.core.track_events import track_caption
from footage.core.tracks import image_track
from footage.core.types import File, Provenance, Span, Video, Window, WindowRecord
from footage.store import Store
from footage.store.records import ImageVectorRow

EMBEDDER = "demo-clip"
WINDOW_SECONDS = 30.0


def content_of(name: str) -> str:
    """A content id."""
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def unit_vectors(count: int, dimension: int = 32, *, seed: int = 0) -> np.ndarray:
    """float32 (count, dimension)."""
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def put_video(store: Store, name: str, *, windows: int = 2) -> str:
    """A video of some windows, in a file; returns its content id."""
    content_id, seconds = content_of(name), windows * WINDOW_SECONDS
    store.files.put([File(f"/{name}", content_id, state="indexed", duration_seconds=seconds)])
    store.videos.put([Video(content_id, seconds, 64, 48, 25.0, "h264")])
    return content_id


def image_rows(content_id: str, index: int, vectors: np.ndarray) -> list[ImageVectorRow]:
    """The vectors of one window, each standing for as long as every other."""
    edges = np.linspace(index * WINDOW_SECONDS, (index + 1) * WINDOW_SECONDS, len(vectors) + 1).tolist()
    return [
        ImageVectorRow(content_id, index, Span(start, end), start, vector)
        for start, end, vector in zip(edges[:-1], edges[1:], vectors, strict=True)
    ]


def image_window(content_id: str, index: int, embedder: str = EMBEDDER) -> WindowRecord:
    """The commit of one window."""
    span = Span(index * WINDOW_SECONDS, (index + 1) * WINDOW_SECONDS)
    return WindowRecord(
        Window(content_id, index, span),
        track_caption(()),
        Provenance(embedder, "", "image-1", "1 vector/s"),
        image_track(embedder),
    )


def put_images(
    store: Store, content_id: str, *, windows: int = 2, pictures: int = 5, seed: int = 0, embedder=EMBEDDER
) -> np.ndarray:
    """Write and commit the windows of a video; returns all their vectors, float32."""
    vectors = unit_vectors(windows * pictures, seed=seed)
    for index, some in enumerate(np.split(vectors, windows)):
        store.images.put(embedder, image_rows(content_id, index, some))
        store.windows.commit([image_window(content_id, index, embedder)])
    return vectors
