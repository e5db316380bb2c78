"""Re-ranks the best texts of a query with a cross-encoder; knows no index.

An embedder reads query and text apart from each other. A cross-encoder reads both at once, which takes
longer, so that only the best texts are read (Nogueira and Cho, "Passage Re-ranking with BERT", 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from footage.core.errors import WrongCheckpointError
from footage.core.types import Hit
from footage.embed.models import load_model

MOST = 50
"""Number of texts that are read."""
_STEP = 1e-6  # least difference of two scores: they have six decimals
_HEADS = ("ForSequenceClassification", "ForCausalLM")
_HINT = "Name the folder or the hub name of a sentence-transformers cross-encoder, or leave --rerank out."


class Reranker:
    """A cross-encoder behind one method. Make it with ``load_reranker``."""

    name: str
    """The folder or the hub name it was loaded by."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self._model = model

    def reordered(self, query: str, hits: Sequence[Hit]) -> list[Hit]:
        """The same hits, the best ``MOST`` of them in the order in which they fit the query.

        The first of them gets the best of their scores, the next the next best, so that bonuses added to
        scores elsewhere keep their weight; where scores are equal, a little more, so that the order holds.
        Nothing else of a hit changes. Texts that fit equally well keep their order.

        Args:
            query: What is looked for.
            hits: Best first, by their scores.
        """
        best, rest = hits[:MOST], hits[MOST:]
        if not best:
            return []
        texts = list(dict.fromkeys(hit.text for hit in best))
        pairs = [(_clean(query), _clean(text)) for text in texts]
        figures = self._model.predict(pairs, show_progress_bar=False, convert_to_numpy=True).tolist()
        fit = dict(zip(texts, figures, strict=True))
        above = rest[0].score if rest else best[-1].score - _STEP
        scores: list[float] = []
        for hit in reversed(best):
            above = max(hit.score, round(above + _STEP, 6))
            scores.append(above)
        ordered = sorted(best, key=lambda hit: -fit[hit.text])
        return [
            *(replace(hit, score=score) for hit, score in zip(ordered, reversed(scores), strict=True)),
            *rest,
        ]


def load_reranker(name: str, *, device: str = "auto") -> Reranker:
    """Load a cross-encoder from a folder or by its hub name (see ``load_model``).

    Args:
        name: Folder, or name on the hub.
        device: Where it runs; "auto" is the best this machine has.

    Raises:
        DependencyError: sentence-transformers is missing.
        ModelUnavailableError: the folder holds no model, or the hub does not give it.
        WrongCheckpointError: the model gives no figure for how well two texts fit.
    """
    model = load_model("re-ranker", name, device=None if device == "auto" else device, hint=_HINT)
    # A model without a head would get one of random numbers.
    heads = model.config.architectures or []
    if not any(head.endswith(_HEADS) for head in heads):
        raise WrongCheckpointError(
            f"{name!r} is not a re-ranker but a {', '.join(heads) or 'model of an unknown kind'}", hint=_HINT
        )
    if model.num_labels != 1:
        raise WrongCheckpointError(
            f"{name!r} is not a re-ranker: it returns {model.num_labels} scores per pair of texts, not one",
            hint=_HINT,
        )
    return Reranker(name, model)


def _clean(text: str) -> str:
    """A text without halves of characters, which tokenizers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")
