"""Whether a text says everything a query asks for, in the same order; knows words, not their meaning.

Embeddings place "a red car" next to "a white car", and "from left to right" next to "from right to left".
Before a text may speak for a query, its words are compared one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from search.query import words_of

FUNCTION_WORDS = frozenset(
    words_of(
        "a an and are as at by for from in into is of off on onto or out over some somebody someone "
        "something that the there this to up was were while who with"
    )
)
"""Words that carry no content of their own, so that a text may do without them."""
LATER_WORDS = frozenset(words_of("after afterwards again continue continues finally lastly next then"))
"""Words that lean on what came before."""
SHARED_LETTERS = 3
"""Letters at the beginning that inflections of one English word share at least: "run" and "runs"."""
LONGEST_ENDING = 3
"""Letters by which inflections of one English word differ at most: "-ing"."""


def unsaid(query_words: Sequence[str], text: str) -> str:
    """What a query asks for and a text does not say: a word, or two words in the other order; else empty.

    Inflections count as the same word ("drives", "driving"), synonyms do not: a text in other words may well
    mean the same, but nothing here can tell.
    """
    said = words_of(text)
    asked = [word for word in query_words if word not in FUNCTION_WORDS]
    places = [[index for index, word in enumerate(said) if same_word(word, wanted)] for wanted in asked]
    for wanted, found in zip(asked, places, strict=True):
        if not found:
            return wanted
    for (first, here), (second, there) in combinations(zip(asked, places, strict=True), 2):
        if first != second and min(here) > max(there):
            return f"{first} … {second}"
    return ""


def says(words: Sequence[str], text: str) -> bool:
    """Whether a text says some words, one right after the other; inflections count as the same word."""
    said = words_of(text)
    return any(
        all(same_word(one, other) for one, other in zip(words, said[start:], strict=False))
        for start in range(len(said) - len(words) + 1)
    )


def same_word(one: str, other: str) -> bool:
    """Whether two words are inflections of one: the same beginning, and only short endings that differ."""
    if one == other:
        return True
    if one[:SHARED_LETTERS] != other[:SHARED_LETTERS] or len(one) < SHARED_LETTERS:
        return False
    shared = SHARED_LETTERS
    for a, b in zip(one[shared:], other[shared:], strict=False):
        if a != b:
            break
        shared += 1
    return max(len(one), len(other)) - shared <= LONGEST_ENDING
