"""One image vector that retrieval brought back; no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from footage.core.types import Span


@dataclass(frozen=True, slots=True)
class ImageHit:
    """One image vector that retrieval brought back."""

    content_id: str
    """The video."""
    window_index: int
    """The window of the image track that it belongs to."""
    span: Span
    """The time that the picture stands for, in video time."""
    at_seconds: float
    """Time of the frame itself."""
    similarity: float
    """Cosine to the query."""
