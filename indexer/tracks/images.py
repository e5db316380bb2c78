"""The image track: vectors of a video's pictures, one a second at most; knows no index.

The embedder is loaded when the first window is read. Two threads may ask it: the one that reads tracks, and
the one that captions, whose frames are used where both are made (``indexer.tracks.image_feed``).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial

from footage.core.errors import DecodeError
from footage.core.timeline import merge_spans
from footage.core.tracks import image_track
from footage.core.types import CaptionEvent, Provenance, Span, Video, Window
from footage.embed.protocol import ImageEmbedder
from footage.media.sandbox import SandboxSampler
from footage.store.records import ImageVectorRow
from indexer.tracks.pictures import (
    BUDGET,
    CONTRACT_VERSION,
    STEP_SECONDS,
    Shot,
    StandingPicture,
    image_windows,
    standing,
)
from indexer.tracks.protocol import FileReader, TrackReading

_PIECE_SECONDS = 10.0
"""What is decoded at once; where something is damaged, so much of its window is lost."""


class ImageMaker:
    """Makes the vectors of one image embedder for a run."""

    def __init__(
        self,
        name: str,
        load: Callable[[], ImageEmbedder],
        *,
        revision: str = "",
        decode_timeout_seconds: float = 120.0,
    ) -> None:
        """Take an embedder, without loading it.

        Args:
            name: Its name in the index.
            load: Loads it.
            revision: Commit or digest of its weights, where known.
            decode_timeout_seconds: Give up on a decoder after this long without progress.
        """
        self.name = name
        self.provenance = Provenance(name, revision, CONTRACT_VERSION, BUDGET)
        """Under what its windows are read."""
        self._load = load
        self._embedder: ImageEmbedder | None = None
        self._lock = threading.Lock()
        self._timeout_seconds = decode_timeout_seconds

    @property
    def track(self) -> str:
        """Which track."""
        return image_track(self.name)

    @property
    def picture_pixels(self) -> int:
        """Of how many pixels the embedder sees a picture; loads it.

        Raises:
            FootageError: It cannot be loaded.
        """
        with self._lock:
            return self._loaded().picture_pixels

    def windows(self, video: Video) -> tuple[Window, ...]:
        """Half a minute each, without overlap; none of an image file."""
        return image_windows(video)

    def open(self, path: str, video: Video) -> FileReader:
        """Begin a file; opens nothing yet."""
        pieces = [piece for window in self.windows(video) for piece in _pieces(window.span)]
        sampler = partial(
            SandboxSampler,
            path,
            pieces,
            fps=1 / STEP_SECONDS,
            video=video,
            on_ticks=True,
            timeout_seconds=self._timeout_seconds,
        )
        return ImageReader(self, pieces, lambda: sampler(pixels_per_frame=self.picture_pixels))

    def merge(
        self, content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
    ) -> tuple[CaptionEvent, ...]:
        """The track has no events."""
        return events

    def vectors(self, window: Window, pictures: Sequence[StandingPicture]) -> tuple[ImageVectorRow, ...]:
        """Embed the pictures of one window.

        Raises:
            FootageError: The embedder cannot be loaded.
        """
        with self._lock:
            made = self._loaded().embed_pictures([picture.shot.pixels for picture in pictures])
        return tuple(
            ImageVectorRow(window.content_id, window.index, picture.span, picture.shot.at_seconds, vector)
            for picture, vector in zip(pictures, made, strict=True)
        )

    def _loaded(self) -> ImageEmbedder:
        if self._embedder is None:
            self._embedder = self._load()
        return self._embedder


class ImageReader:
    """Reads the pictures of one file, window after window."""

    def __init__(
        self, maker: ImageMaker, pieces: Sequence[Span], open_sampler: Callable[[], SandboxSampler]
    ) -> None:
        """Take what ``ImageMaker.open`` has made; ``pieces`` are the spans of the sampler."""
        self._maker = maker
        self._pieces = pieces
        self._open_sampler = open_sampler
        self._sampler: SandboxSampler | None = None

    @property
    def provenance(self) -> Provenance:
        """The embedder, and how pictures are chosen."""
        return self._maker.provenance

    def read(self, window: Window) -> TrackReading:
        """Read one window; of a window that is damaged in part, what decodes.

        Raises:
            VideoError: None of it decodes.
            FootageError: The embedder cannot be loaded.
        """
        self._sampler = self._sampler or self._open_sampler()
        first = bisect_left(self._pieces, window.span.start_seconds, key=lambda piece: piece.start_seconds)
        failed: DecodeError | None = None
        shots: list[Shot] = []
        decoded: list[Span] = []
        for number, piece in enumerate(self._pieces[first:], start=first):
            if piece.start_seconds >= window.span.end_seconds:
                break
            try:
                frames = self._sampler.take(number)
            except DecodeError as error:
                failed = error
                continue
            decoded.append(piece)
            shots += map(Shot, frames.times_seconds, frames.pixels)
        if failed is not None and not shots:
            raise failed
        pictures = [
            picture
            for stretch in merge_spans(decoded)
            for picture in standing(
                [s for s in shots if stretch.start_seconds <= s.at_seconds < stretch.end_seconds], stretch
            )
        ]
        notes = ("some of it cannot be decoded",) if failed is not None else ()
        if not pictures:  # a window without a vector and without a note counts as damaged
            notes = ("no picture lies in it",)
        return TrackReading(notes=notes, images=self._maker.vectors(window, pictures))

    def close(self) -> None:
        """Free the decoded pictures; nothing is held open."""
        self._sampler = None


def _pieces(span: Span) -> list[Span]:
    """A window in pieces that are decoded at once, in order."""
    edges = [span.start_seconds]
    while edges[-1] + _PIECE_SECONDS < span.end_seconds:
        edges.append(edges[-1] + _PIECE_SECONDS)
    return [Span(start, end) for start, end in zip(edges, [*edges[1:], span.end_seconds], strict=True)]
