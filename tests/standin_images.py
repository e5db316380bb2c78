"""A deterministic image embedder for tests about what surrounds it, and makers that say what they did."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from footage.core.types import Video
from footage.embed.protocol import ImageEmbedder
from indexer.tracks.images import ImageMaker


class StandinImageEmbedder(ImageEmbedder):
    """The mean colours of the quarters of a picture, and their differences from grey, as a vector."""

    picture_pixels = 64 * 48
    dimension = 13

    def __init__(self, name: str = "standin") -> None:
        self.name = name
        self.pictures = 0

    def embed_pictures(self, pictures):
        self.pictures += len(pictures)
        return np.stack([self._vector(np.asarray(each, np.float32) / 255) for each in pictures])

    def embed_texts(self, texts):
        raise AssertionError("no text is embedded while videos are indexed")

    def _vector(self, picture):
        height, width = picture.shape[0] // 2, picture.shape[1] // 2
        parts = [picture[y : y + height, x : x + width] for y in (0, height) for x in (0, width)]
        vector = np.concatenate([[1.0], *(part.mean(axis=(0, 1)) - 0.5 for part in parts)])
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class CountingMaker(ImageMaker):
    """Notes how often its embedder was loaded, and which files and windows were read for it alone."""

    def __init__(
        self, name: str = "standin", *, revision: str = "1", fails: Exception | None = None, loads=None
    ) -> None:
        self.loaded = 0
        self.opened: list[str] = []
        self.read: list[tuple[str, int]] = []
        self._fails = fails
        self._loads = loads or (lambda: StandinImageEmbedder(name))
        super().__init__(name, self._counted, revision=revision)

    def _counted(self):
        self.loaded += 1
        if self._fails is not None:
            raise self._fails
        return self._loads()

    def open(self, path: str, video: Video):
        self.opened.append(Path(path).name)
        return _CountingReader(super().open(path, video), Path(path).name, self.read)


class _CountingReader:
    def __init__(self, reader, name: str, read: list[tuple[str, int]]) -> None:
        self._reader, self._name, self._read = reader, name, read

    @property
    def provenance(self):
        return self._reader.provenance

    def read(self, window):
        self._read.append((self._name, window.index))
        return self._reader.read(window)

    def close(self):
        self._reader.close()
