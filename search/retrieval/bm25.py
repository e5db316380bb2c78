"""Scores texts by the words of a query, or words like them; knows no vectors of texts and no index.

BM25 (Robertson and Zaragoza, 2009) with similar words: for each word of the query, the most similar word of
the text counts::

    score = sum over the query's words of  rarity * most over the text's words of (likeness * saturation)

rarity      log(1 + (texts - having + 0.5) / (having + 0.5)), of the query's word
likeness    1 for the word and its inflections; else (cosine - LEAST_LIKE) / (1 - LEAST_LIKE) of the two
            words' vectors
saturation  count * (K1 + 1) / (count + K1 * (1 - B + B * length / mean length))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.query.lexical_match import FUNCTION_WORDS, same_word, words_of

if TYPE_CHECKING:
    import numpy as np

    from footage.embed.protocol import TextEmbedder

K1 = 0.4
"""Saturation of repeated words. It is low: in a caption, a word that occurs once counts almost in full."""
B = 0.4
"""Penalty of long texts. Both were chosen on ActivityNet Captions; 1.2 and 0.75, the values of LanceDB's
full-text search, suit web pages and cost 0.2 points of recall at 1."""
LEAST_LIKE = 0.2
"""Least cosine of two similar words: "woman" and "lady" have 0.5, "guitar" and "violin" 0.5."""
ALIKE = 8
"""Most similar words that count for one."""


class Words:
    """The words of some texts, counted once."""

    def __init__(self, texts: Sequence[str], embedder: TextEmbedder) -> None:
        """Count the words; the embedder gives the similarity of two words."""
        import numpy as np

        counts = [Counter(word for word in words_of(text) if word not in FUNCTION_WORDS) for text in texts]
        self._number: dict[str, int] = {}
        for counted in counts:
            for word in counted:
                self._number.setdefault(word, len(self._number))
        numbers = np.array([self._number[word] for counted in counts for word in counted], np.int32)
        order = np.argsort(numbers, kind="stable")
        lengths = np.array([counted.total() for counted in counts], np.float32)
        tally = np.array([count for counted in counts for count in counted.values()], np.float32)[order]
        self._texts = np.repeat(np.arange(len(texts)), [len(counted) for counted in counts])[order]
        self._begins = np.searchsorted(numbers[order], np.arange(len(self._number) + 1))
        norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()) if len(texts) else 1.0, 1.0))
        self._saturation = tally * (K1 + 1) / (tally + norm[self._texts])
        self._count = len(texts)
        self._embedder = embedder
        self._vectors: np.ndarray | None = None
        self._alike: dict[str, list[tuple[int, float]]] = {}

    def scores(self, words: Sequence[str]) -> np.ndarray:
        """The score of every text for some words, float32 (texts,); 0 for a text without any similar word."""
        import numpy as np

        total = np.zeros(self._count, np.float32)
        for word in dict.fromkeys(words):
            if word in FUNCTION_WORDS:
                continue
            most = np.zeros(self._count, np.float32)
            for number, weight in self._like(word):
                place = slice(self._begins[number], self._begins[number + 1])
                texts = self._texts[place]
                most[texts] = np.maximum(most[texts], weight * self._saturation[place])
            total += most
        return total

    def _like(self, word: str) -> list[tuple[int, float]]:
        """Numbers of the words similar to one, each with its likeness times the rarity of the one."""
        if word not in self._alike:
            self._alike[word] = self._look_up(word)
        return self._alike[word]

    def _look_up(self, word: str) -> list[tuple[int, float]]:
        import numpy as np

        if not self._number:
            return []
        if self._vectors is None:
            self._vectors = self._embedder.embed_words(list(self._number))
            self._names = list(self._number)
        own = self._number.get(word)
        having = 0 if own is None else int(self._begins[own + 1] - self._begins[own])
        rarity = float(np.log(1 + (self._count - having + 0.5) / (having + 0.5)))
        cosines = self._vectors @ self._embedder.embed_words([word])[0]
        near = np.flatnonzero(cosines > LEAST_LIKE)
        near = near[np.argsort(-cosines[near], kind="stable")[:ALIKE]]
        like = {
            int(n): 1.0
            if same_word(word, self._names[n])
            else (float(cosines[n]) - LEAST_LIKE) / (1 - LEAST_LIKE)
            for n in near
        }
        if own is not None:
            like[own] = 1.0
        return [(number, likeness * rarity) for number, likeness in like.items()]
