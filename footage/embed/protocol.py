"""The protocols of embedders of texts and of pictures; knows no model and imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

TextKind = Literal["document", "query"]
"""What a text is: one that is searched (a caption, a passage), or one to search for."""


class TextEmbedder(Protocol):
    """Turns texts into vectors."""

    name: str
    """Name of its vectors in an index; another name is another vector table."""
    dimension: int
    """Length of a vector."""

    def embed(self, texts: Sequence[str], *, kind: TextKind = "document") -> np.ndarray:
        """Embed texts of one kind. Texts that are compared with each other are documents, all of them.

        Returns:
            float32 array of shape (len(texts), dimension), each row L2-normalised.
        """
        ...

    def embed_words(self, words: Sequence[str]) -> np.ndarray:
        """Vectors for comparing single words, fast enough for a whole vocabulary.

        Returns:
            float32 array of shape (len(words), length), each row L2-normalised, or zero; ``length`` is the
            same in every call and need not be ``dimension``.
        """
        ...


class ImageEmbedder(Protocol):
    """Turns pictures and texts into vectors of one space."""

    name: str
    """Name of its vectors in an index; another name is another vector table."""
    dimension: int
    """Length of a vector."""
    picture_pixels: int
    """Width times height of a picture beyond which it sees no more."""

    def embed_pictures(self, pictures: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Embed pictures, those that are searched and those to search with alike.

        Args:
            pictures: uint8 RGB, one array of shape (count, height, width, 3) or a list of (height, width, 3).

        Returns:
            float32 array of shape (count, dimension), each row L2-normalised.
        """
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts to search pictures with.

        Returns:
            float32 array of shape (len(texts), dimension), each row L2-normalised.
        """
        ...
