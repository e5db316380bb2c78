"""The retrieval protocol of CaReBench (Xu et al., 2025, arXiv 2501.00513), over vectors of captions; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from footage.store.records import PASSAGE_WORDS

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder

RECALL_AT = (1, 5, 10)
"""The k of R@k."""


@dataclass(frozen=True, slots=True)
class CaptionRetrievalScores:
    """Recalls of both directions, as shares."""

    text_to_video: dict[int, float]
    """Share of texts with their video among the first k, 0 to 1, by k."""
    video_to_text: dict[int, float]
    """Share of videos with one of their texts among the first k, 0 to 1, by k."""

    @property
    def mean_recall(self) -> float:
        """Mean of all recalls of both directions, 0 to 1."""
        return float(np.mean([*self.text_to_video.values(), *self.video_to_text.values()]))


def retrieval_scores(
    texts: np.ndarray, videos: np.ndarray, video_of_text: Sequence[int]
) -> CaptionRetrievalScores:
    """Recalls of texts and videos ranked by cosine; a hit if anything that belongs there is in the first k.

    What is equally near is ranked in the order given.

    Args:
        texts: float array of shape (texts, dimension), rows L2-normalised.
        videos: float array of shape (videos, dimension), rows L2-normalised.
        video_of_text: Row of the video that each text belongs to.

    Raises:
        ValueError: when the shapes do not fit, or there is nothing to rank.
    """
    if len(texts) != len(video_of_text) or not len(texts) or not len(videos):
        raise ValueError(
            f"{len(texts)} texts, {len(videos)} videos and {len(video_of_text)} pairs do not fit"
        )
    positive = np.zeros((len(texts), len(videos)), bool)
    positive[np.arange(len(texts)), list(video_of_text)] = True
    scores = np.asarray(texts, float) @ np.asarray(videos, float).T
    return CaptionRetrievalScores(_recalls(scores, positive), _recalls(scores.T, positive.T))


def rebias(temporal: CaptionRetrievalScores, spatial: CaptionRetrievalScores) -> float | None:
    """ReBias: |1 - mean recall with temporal captions / mean recall with spatial captions|; 0 is no bias.

    Returns:
        None where nothing was found with spatial captions.
    """
    return abs(1 - temporal.mean_recall / spatial.mean_recall) if spatial.mean_recall else None


def caption_retrieval(
    references: Sequence[str], captions: Sequence[str], embedder: TextEmbedder
) -> CaptionRetrievalScores:
    """Retrieval among clips that are represented by their captions: reference i is the text of caption i.

    Raises:
        ValueError: when there are no clips, or not as many references as captions.
    """
    rows = range(len(captions))
    return retrieval_scores(text_vectors(references, embedder), text_vectors(captions, embedder), rows)


def text_vectors(texts: Sequence[str], embedder: TextEmbedder) -> np.ndarray:
    """One vector for each text: the mean over its parts of ``PASSAGE_WORDS`` words, L2-normalised.

    Returns:
        float array of shape (texts, dimension); a text without words is as near to every other as any.
    """
    parts = [_parts(text) for text in texts]
    vectors = embedder.embed([part for each in parts for part in each] or [""])
    ends = np.cumsum([len(each) for each in parts])
    means = np.array(
        [
            vectors[end - len(each) : end].mean(axis=0) if each else np.zeros(embedder.dimension)
            for each, end in zip(parts, ends, strict=True)
        ]
    )
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    normal: np.ndarray = means / np.where(lengths, lengths, 1)
    return normal


def _parts(text: str) -> list[str]:
    """A text in parts that the embedder reads whole."""
    words = text.split()
    return [" ".join(words[at : at + PASSAGE_WORDS]) for at in range(0, len(words), PASSAGE_WORDS)]


def _recalls(scores: np.ndarray, positive: np.ndarray) -> dict[int, float]:
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(positive, order, axis=1)
    return {k: float(ranked[:, :k].any(axis=1).mean()) for k in RECALL_AT}
