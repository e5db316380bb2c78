"""Makers of other tracks that have the nodes of a cluster read; the thread that reads a file waits for it."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from typing import Any

from footage.core.errors import VideoError, WindowError
from footage.core.types import CaptionEvent, File, Provenance, Span, Video, Window
from footage.embed.protocol import ImageEmbedder
from footage.store.records import ImageVectorRow
from indexer.executors.cluster import RETRIES, ActorLostError, Cluster, WorkerLostError
from indexer.tracks.images import ImageMaker
from indexer.tracks.pictures import StandingPicture
from indexer.tracks.protocol import ChoosesFile, FileReader, TrackMaker, TrackReading


class ReaderPool:
    """The ``TrackReader`` actors of a cluster, each taken by one thread at a time."""

    def __init__(self, cluster: Cluster, start: Callable[[], Any], *, count: int) -> None:
        """Start the actors.

        Args:
            cluster: Runs them.
            start: Starts one.
            count: How many.
        """
        self._cluster = cluster
        self._start = start
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._actors = [start() for _ in range(count)]
        for actor in self._actors:
            self._free.put(actor)

    def take(self) -> Any:
        """An actor, as soon as one is free."""
        return self._free.get()

    def give_back(self, actor: Any) -> None:
        """Have others take an actor."""
        self._free.put(actor)

    def replaced(self, actor: Any) -> Any:
        """Another actor for one that ended."""
        self._cluster.end(actor)
        self._actors.remove(actor)
        self._actors.append(new := self._start())
        return new

    def call(self, actor: Any, method: str, *arguments: Any) -> Any:
        """What a method of an actor returns.

        Raises:
            WorkerLostError: The actor ended.
            Exception: What the method raised.
        """
        return self._cluster.get(getattr(actor, method).remote(*arguments))

    def close(self) -> None:
        """End the actors."""
        for actor in self._actors:
            self._cluster.end(actor)
        self._actors = []


class RemoteReader:
    """One file that an actor reads; where the actor is lost, another one goes on."""

    def __init__(self, pool: ReaderPool, track: str, file: File, path: str, video: Video) -> None:
        """Take an actor and begin the file.

        Raises:
            FootageError: It cannot be read.
        """
        self._pool = pool
        self._opening = track, file, path, video
        self._actor = pool.take()
        try:
            self._provenance: Provenance = self._call("open", *self._opening)
        except BaseException:
            pool.give_back(self._actor)
            raise

    @property
    def provenance(self) -> Provenance:
        """As ``FileReader.provenance``, as of the last window that was read."""
        return self._provenance

    def read(self, window: Window) -> TrackReading:
        """As ``FileReader.read``."""
        reading: TrackReading
        reading, self._provenance = self._call("read", window)
        return reading

    def close(self) -> None:
        """Let another thread have the actor; the file is closed when it opens the next one."""
        self._pool.give_back(self._actor)

    def _call(self, method: str, *arguments: Any) -> Any:
        lost: WorkerLostError | None = None
        for _ in range(1 + RETRIES):
            try:
                if lost is not None and method != "open":
                    self._pool.call(self._actor, "open", *self._opening)
                return self._pool.call(self._actor, method, *arguments)
            except WorkerLostError as error:
                lost = error
                if isinstance(error, ActorLostError):
                    self._actor = self._pool.replaced(self._actor)
        raise WindowError(f"the workers that read it were lost {1 + RETRIES} times: {lost}") from lost


class RemoteMaker:
    """A maker whose files are read on the nodes; what needs no file is done here."""

    def __init__(self, maker: TrackMaker, pool: ReaderPool) -> None:
        """Take a maker of this machine, which loads nothing."""
        self._maker = maker
        self._pool = pool

    @property
    def track(self) -> str:
        """As ``TrackMaker.track``."""
        return self._maker.track

    def windows(self, video: Video) -> tuple[Window, ...]:
        """As ``TrackMaker.windows``."""
        return self._maker.windows(video)

    def open(self, path: str, video: Video) -> FileReader:
        """As ``TrackMaker.open``."""
        return RemoteReader(self._pool, self.track, _file(path, video), path, video)

    def merge(
        self, content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
    ) -> tuple[CaptionEvent, ...]:
        """As ``TrackMaker.merge``."""
        return self._maker.merge(content_id, events, cuts)


class RemoteChoosingMaker(RemoteMaker):
    """One that chooses the file, too: that is done here, where all copies are seen."""

    def __init__(self, maker: TrackMaker, pool: ReaderPool, choose: Callable[[Sequence[str]], str]) -> None:
        """Take a maker and its ``choose``."""
        super().__init__(maker, pool)
        self.choose = choose


class RemoteImageMaker(ImageMaker):
    """The maker of image vectors whose embedder is on the nodes."""

    def __init__(self, maker: ImageMaker, readers: ReaderPool, embedders: ReaderPool) -> None:
        """Take the maker of this machine, which loads nothing.

        Args:
            maker: The maker.
            readers: Read files.
            embedders: Embed pictures that captioning decoded.
        """
        super().__init__(maker.name, _refuse_to_load, revision=maker.provenance.revision)
        self._readers = readers
        self._embedders = embedders
        self._pixels = 0

    @property
    def picture_pixels(self) -> int:
        """As ``ImageMaker.picture_pixels``; asked once."""
        self._pixels = self._pixels or self._ask("picture_pixels")
        return self._pixels

    def open(self, path: str, video: Video) -> FileReader:
        """As ``ImageMaker.open``."""
        return RemoteReader(self._readers, self.track, _file(path, video), path, video)

    def vectors(self, window: Window, pictures: Sequence[StandingPicture]) -> tuple[ImageVectorRow, ...]:
        """As ``ImageMaker.vectors``; several threads may ask at once."""
        rows: tuple[ImageVectorRow, ...] = self._ask("vectors", window, tuple(pictures))
        return rows

    def _ask(self, method: str, *arguments: Any) -> Any:
        actor = self._embedders.take()
        lost: WorkerLostError | None = None
        try:
            for _ in range(1 + RETRIES):
                try:
                    return self._embedders.call(actor, method, self.track, *arguments)
                except WorkerLostError as error:
                    lost = error
                    if isinstance(error, ActorLostError):
                        actor = self._embedders.replaced(actor)
        finally:
            self._embedders.give_back(actor)
        raise VideoError(f"the workers that embed pictures were lost {1 + RETRIES} times: {lost}") from lost


def remote(maker: TrackMaker, readers: ReaderPool, embedders: Callable[[], ReaderPool]) -> TrackMaker:
    """A maker that has the nodes read what another one would read here."""
    if isinstance(maker, ImageMaker):
        return RemoteImageMaker(maker, readers, embedders())
    if isinstance(maker, ChoosesFile):
        return RemoteChoosingMaker(maker, readers, maker.choose)
    return RemoteMaker(maker, readers)


def _refuse_to_load() -> ImageEmbedder:
    raise AssertionError("pictures are embedded on the nodes")


def _file(path: str, video: Video) -> File:
    """What a node checks before it reads: the size, as far as it is known."""
    return File(path, video.content_id, size_bytes=video.size_bytes)
