"""A text embedder that is loaded when the first text is embedded; knows no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from footage.embed.protocol import TextEmbedder, TextKind

if TYPE_CHECKING:
    import numpy as np


class DeferredEmbedder:
    """A ``TextEmbedder`` whose name is known before it is loaded."""

    dimension: int
    """Length of a vector."""

    def __init__(self, name: str, load: Callable[[], TextEmbedder]) -> None:
        """Load nothing yet; ``load`` is called at each use, and so keeps what it loaded."""
        self.name = name
        self._load = load

    def __getattr__(self, name: str) -> int:
        """The dimension; loads the embedder."""
        if name != "dimension":
            raise AttributeError(name)
        self.dimension = self._load().dimension
        return self.dimension

    def embed(self, texts: Sequence[str], *, kind: TextKind = "document") -> np.ndarray:
        """As ``TextEmbedder.embed``.

        Raises:
            FootageError: the embedder cannot be loaded.
        """
        return self._load().embed(texts, kind=kind)

    def embed_words(self, words: Sequence[str]) -> np.ndarray:
        """As ``TextEmbedder.embed_words``; errors as ``embed``."""
        return self._load().embed_words(words)
