"""The protocol of text embedders; knows no model and imports nothing heavy."""

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
