"""Fills an index with image vectors of the demo image embedder, a frame a second, as an index run does."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from footage.core.types import Caption, Provenance, Span, Window, WindowRecord, image_track
from footage.store.records import ImageVectorRow

if TYPE_CHECKING:
    from footage.embed.protocol import ImageEmbedder
    from footage.store import Store

FRAMES_PER_SECOND = 1.0
WINDOW_SECONDS = 30.0


def fill_image_vectors(
    store: Store, embedder: ImageEmbedder, content_ids: Collection[str] | None = None
) -> None:
    """Embed a frame a second of some videos of an index, or of all, and commit their windows of 30 s."""
    from footage.media.sandbox import sample

    for content_id, video in sorted(store.videos.of(content_ids).items()):
        starts = [WINDOW_SECONDS * n for n in range(-int(-video.duration_seconds // WINDOW_SECONDS))]
        for index, start in enumerate(starts):
            span = Span(start, min(start + WINDOW_SECONDS, video.duration_seconds))
            frames = sample(store.files.path_of(content_id), span, fps=FRAMES_PER_SECOND)
            times = [float(seconds) for seconds in frames.times_seconds]
            ends = [*times[1:], span.end_seconds]
            rows = [
                ImageVectorRow(content_id, index, Span(at, max(at, end)), at, vector)
                for at, end, vector in zip(times, ends, embedder.embed_pictures(frames.pixels), strict=True)
            ]
            store.images.put(embedder.name, rows)
            store.windows.commit(
                [
                    WindowRecord(
                        Window(content_id, index, span),
                        Caption("", (), "", "stop"),
                        Provenance(embedder.name, "", "", "1 fps"),
                        track=image_track(embedder.name),
                    )
                ]
            )
