"""Finds words in a text: a phrase word by word, inflections, typing errors; pure, knows no index."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from search.words.tokens import WordTokens

LETTERS_PER_EDIT = 4
"""One typing error is allowed in so many letters of the longer word: "web" and "webb" are alike, "cat" and
"hat" are not."""
EDIT_WEIGHT = 1.5
"""What an edit costs: the share of edited letters times this is taken off the likeness. One edit in four
letters ("goal", "coal") leaves 0.63, which is "uncertain"; one in nine leaves 0.83."""
_VOWEL = re.compile("[aeiouy]")
_CONFUSED = str.maketrans({"0": "o", "1": "i", "l": "i", "|": "i", "5": "s", "8": "b", "2": "z", "6": "g"})
"""Letters and digits that text recognisers take for each other."""

Compare = Callable[[str, str], int | None]
"""How many edits lead from one word to another; None where they are different words."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place where a text has the wanted words."""

    first: int
    """Number of the first token."""
    end: int
    """Number of the token after the last."""
    likeness: float
    """1 for the very words, less for each typing error."""


def occurrences(wanted: WordTokens, text: WordTokens, compare: Compare) -> list[Occurrence]:
    """Every place where a text has the wanted words one after the other, none inside another; in order."""
    found: list[Occurrence] = []
    letters = max(1, sum(map(len, wanted.tokens)))
    start = 0
    while start < len(text.tokens):
        best = _best_end(wanted, text, compare, start)
        if best is None:
            start += 1
            continue
        edits, end = best
        found.append(Occurrence(start, end, max(0.0, 1 - EDIT_WEIGHT * edits / letters)))
        start = end
    return found


def _best_end(wanted: WordTokens, text: WordTokens, compare: Compare, start: int) -> tuple[int, int] | None:
    """Fewest edits with which the wanted words begin at a token of the text, and the token after them."""
    count = len(wanted.tokens)
    reached: list[dict[int, int]] = [{} for _ in range(count + 1)]  # by wanted word: edits by token
    reached[0][start] = 0
    for place in range(count):
        for token, edits in reached[place].items():
            if token >= len(text.tokens):
                continue
            for word, taken in wanted.readings[place]:
                further = reached[place + taken]
                for other, covered in text.readings[token]:
                    more = compare(word, other)
                    if more is not None:
                        end = token + covered
                        further[end] = min(edits + more, further.get(end, edits + more))
    return min(((edits, end) for end, edits in reached[count].items()), default=None)


def same(one: str, other: str) -> int | None:
    """Compare two words: 0 edits if they are equal."""
    return 0 if one == other else None


def same_stem(one: str, other: str) -> int | None:
    """Compare two words: 0 edits if they are inflections of one."""
    return 0 if one == other or stem(one) == stem(other) else None


def alike(one: str, other: str) -> int | None:
    """Compare two words as ``edits_between``, inflections included."""
    return 0 if one == other else edits_between(one, other)


def alike_in_print(one: str, other: str) -> int | None:
    """As ``alike``; letters that a text recogniser mixes up are equal."""
    return 0 if one == other else edits_between(in_print(one), in_print(other))


def in_print(word: str) -> str:
    """A word with one letter for all that look like it."""
    return word.replace("rn", "m").replace("vv", "w").translate(_CONFUSED)


def allowed_edits(one: str, other: str) -> int:
    """Most edits between two words that may be the same; none in numbers."""
    return 0 if one.isdecimal() or other.isdecimal() else max(len(one), len(other)) // LETTERS_PER_EDIT


@lru_cache(maxsize=200_000)
def edits_between(one: str, other: str) -> int | None:
    """Edits from one word to another (a letter more, less, another, or two exchanged), None for too many."""
    most = allowed_edits(one, other)
    if abs(len(one) - len(other)) > most:
        return None
    if one == other or most == 0:
        return 0 if one == other else None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last = row, before
        row = [i]
        for j, another in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != another))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == another:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without the endings of English plurals, tenses and possessives.

    The first step of Porter's algorithm (1980) and the silent "e": the derived words of later steps
    ("nation", "national") are other words here. What is not ASCII or has a digit stays as it is.
    """
    if not (word.isascii() and word.isalpha()) or len(word) < 4:
        return word
    if word.endswith("sses") or (word.endswith("ies") and len(word) > 4) or word.endswith("oes"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) > 1 and _VOWEL.search(rest):
            word = rest
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 2 and word.endswith("y") and _VOWEL.search(word[:-1]):
        word = f"{word[:-1]}i"
    return word
