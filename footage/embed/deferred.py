"""A text embedder that is loaded when the first text is embedded; knows no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from footage.embed.protocol import TextEmbedder, TextKind

if TYPE_CHECKING:
    import numpy as np


class DeferredEmbedder:
    """A ``TextEmbedder`` whose name is known before it is loaded."""

    def __init__(self, name: str, load: Callable[[], TextEmbedder]) -> None:
        """Load nothing yet; ``load`` is called at each use, and so keeps what it loaded."""
        self.name = name
        self._load = load

    @property
    def dimension(self) -> int:
        """Length of a vector; loads it."""
        return self._load().dimension

    def embed(self, texts: Sequence[str], *, kind: TextKind = "document") -> np.ndarray:
        """As ``TextEmbedder.embed``.

        Raises:
            FootageError: the embedder cannot be loaded.
        """
        return self._load().embed(texts, kind=kind)

    def embed_words(self, words: Sequence[str]) -> np.ndarray:
        """As ``TextEmbedder.embed_words``; errors as ``embed``."""
        return self._load().embed_words(words)
