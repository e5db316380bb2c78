"""Commits what is read of one track, and keeps what is derived from it in step; reads no file.

A track of texts has events and vectors that are derived from its committed windows. Of an image track the
vectors are all there is: they are written first, and count once their window is committed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from footage.core.tracks import image_track
from footage.core.types import WindowRecord
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from indexer.committer import Committer
from indexer.events import Projector
from indexer.progress import ProgressTracker
from indexer.tracks.held import HeldTrack
from indexer.tracks.images import ImageMaker
from indexer.tracks.protocol import TrackMaker
from indexer.tracks.worker import TrackRead


class TrackWriter(AbstractContextManager["TrackWriter"], Protocol):
    """Writes one track, inside ``with``; leaving it brings up to date what lags."""

    def begin(self, content_id: str) -> None:
        """Note that the index holds nothing of a video yet, so that nothing is looked up."""
        ...

    def write(self, read: Sequence[TrackRead]) -> None:
        """Commit some windows."""
        ...

    def remove(self, content_id: str, indexes: Collection[int]) -> None:
        """Take back windows that a video is no longer cut into."""
        ...

    def finish(self, content_id: str) -> None:
        """Note that no more comes of a video."""
        ...


class TextTrackWriter:
    """The writer of a track with texts."""

    def __init__(
        self,
        store: Store,
        embedder: TextEmbedder,
        maker: TrackMaker,
        *,
        held: HeldTrack,
        meter: ProgressTracker,
    ) -> None:
        """Take an index that is locked for writing, and what it held of the track when the run began."""
        self._store = store
        self._track = maker.track
        self._meter = meter
        self._projector = Projector(store, embedder, track=maker.track, merge=maker.merge)
        self._committer = Committer(
            store, committed=held.spans, meter=meter, before_replacing=self._projector.replacing
        )

    def __enter__(self) -> Self:
        self._projector.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._projector.__exit__(kind, error, trace)

    def begin(self, content_id: str) -> None:
        """As ``TrackWriter.begin``."""
        self._projector.begin(content_id)

    def write(self, read: Sequence[TrackRead]) -> None:
        """Commit some windows, then update the events and vectors of their videos."""
        records = [each.record for each in read]
        self._committer.commit(records)
        for content_id, group in by_content(records).items():
            with self._meter.timing("embed and project"):
                self._projector.add(content_id, group)

    def remove(self, content_id: str, indexes: Collection[int]) -> None:
        """Take back windows; their events go with the next projection."""
        self._store.windows.remove(content_id, indexes, track=self._track)
        self._projector.drop(content_id, indexes)

    def finish(self, content_id: str) -> None:
        """Project the rest of a video."""
        with self._meter.timing("embed and project"):
            self._projector.finish(content_id)


class ImageTrackWriter:
    """The writer of an image track.

    Killed between two of its steps it leaves vectors whose window is not committed, which no reader sees and
    the next run replaces; it never leaves a window without its vectors.
    """

    def __init__(self, store: Store, maker: ImageMaker, *, held: HeldTrack, meter: ProgressTracker) -> None:
        """Take an index that is locked for writing, and what it held of the track when the run began."""
        self._store = store
        self._embedder = maker.name
        self._track = image_track(maker.name)
        self._held = held
        self._meter = meter

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing lags."""

    def begin(self, content_id: str) -> None:
        """Nothing is looked up."""

    def write(self, read: Sequence[TrackRead]) -> None:
        """Write the vectors of some windows, then commit the windows; those that are replaced go first."""
        records = [each.record for each in read]
        with self._meter.timing("write"):
            for content_id, group in by_content(records).items():
                held = self._held.spans.get(content_id, {})
                if replaced := [each.window.index for each in group if each.window.index in held]:
                    self._store.windows.remove(content_id, replaced, track=self._track)
            self._store.images.put(self._embedder, [image for each in read for image in each.images])
            self._store.windows.add(records)
        for record in records:
            self._held.add(record)

    def remove(self, content_id: str, indexes: Collection[int]) -> None:
        """Take back windows, then their vectors."""
        self._store.windows.remove(content_id, indexes, track=self._track)
        self._store.images.remove(self._embedder, content_id, indexes)

    def finish(self, content_id: str) -> None:
        """Nothing lags."""


def by_content(records: Sequence[WindowRecord]) -> dict[str, list[WindowRecord]]:
    """Windows by content id, each in the order given."""
    grouped: dict[str, list[WindowRecord]] = {}
    for record in records:
        grouped.setdefault(record.window.content_id, []).append(record)
    return grouped
