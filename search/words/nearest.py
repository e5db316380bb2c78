"""Finds the lines that come nearest to words that no line has; knows no video file and no verdict.

All lines are written as one row of sounds (``search.words.sounds``), and texts on screen as one row of
letters. The wanted words are laid against every place of it (Sellers, 1980): sounds that are missing, added
or others cost, more in words that are rare in the index. So a place is near if it has much of the phrase, in
its order, also where the recogniser cut it into other words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from footage.store.repositories.track_lines import TrackLines
from search.words.matching import in_print
from search.words.sounds import VOWELS, sounds_of, unlikeness
from search.words.tokens import words_of

VOWEL_SHARE = 0.5
"""What a vowel counts for beside a consonant: vowels differ between speakers, and all are one sound here."""
ADDED_SHARE = 0.6
"""What a sound costs that stands between those of the wanted words, beside one that is missing."""
PRINTED_NUMBER = 3.0
"""What a number on screen counts for beside a letter."""
LEAST_WEIGHT = 0.3
"""Weight of a word that every line has, beside 1 for a word that none has."""
LEAST_LIKENESS = 0.65
"""Least likeness of a place. On drawn clips, places where the wanted words were misheard have 0.7 to 0.97."""
BEYOND_CHANCE = 0.15
"""How much more like the words a place has to be than the most similar one to the same sounds from back to
front, which stand for words that nobody says: by chance, short words come near to something in a long talk.
Misheard words of drawn clips are beyond chance by 0.16 to 0.47."""
_BARRIER = 1_000.0  # costs more than any words: no phrase goes on across it
_MOST_SIGNS = 120  # of words that are compared with everything; about 20 words
_LONGEST = 3  # times as many signs as are wanted may be in a place


@dataclass(frozen=True, slots=True)
class NearLine:
    """A place that comes near to some words."""

    pieces: tuple[tuple[int, int, int], ...]
    """For each line the number of it, the first letter of what is like the words, and the one after it."""
    likeness: float
    """Share of the wanted words that is there, 0 to 1, by sounds and rarity."""


class NearestLines:
    """Some lines of an index as one row of sounds, or of letters; made once for each version of it."""

    def __init__(
        self, lines: TrackLines, rows: Sequence[int], goes_on: Sequence[bool], *, printed: bool
    ) -> None:
        """Write lines as sounds or letters.

        Args:
            lines: The lines.
            rows: Numbers of those that are searched, ascending.
            goes_on: For each of these whether a phrase may go on in the next of them.
            printed: Whether they were read from a picture, so that letters count, not sounds.
        """
        self._lines, self._rows, self._printed = lines, np.asarray(rows, np.int64), printed
        self._codes: dict[str, int] = {"\n": 0}
        self._lines_with: Counter[tuple[str, ...]] = Counter()
        codes: list[int] = []
        ends: list[int] = []
        for row in rows:
            words = self._words(lines.texts[row])
            self._lines_with.update(set(words))
            codes += [self._codes.setdefault(sign, len(self._codes)) for word in words for sign in word]
            codes.append(0)
            ends.append(len(codes))
        self._text = np.asarray(codes, np.int32)
        self._ends = np.asarray(ends, np.int64)
        costs = np.asarray([ADDED_SHARE * self._share(sign) for sign in self._codes])
        self._added = costs[self._text] if len(codes) else np.zeros(0)
        self._added[self._ends - 1] = np.where(np.asarray(goes_on, bool), 0.0, _BARRIER)

    def search(self, text: str, *, content_ids: Collection[str] | None, limit: int) -> list[NearLine]:
        """The places that come nearest to some words, the nearest first; no line is in two of them.

        Args:
            text: The words.
            content_ids: Only in these videos; in all when None.
            limit: Most places.
        """
        if not len(self._text):
            return []
        signs, weights = self._weighted(self._words(text))
        if not 0 < len(signs) <= _MOST_SIGNS:
            return []
        costs = self._costs(signs, weights, self._text, self._added)
        begins = np.concatenate(([0], self._ends[:-1]))
        likeness = 1 - np.minimum.reduceat(costs, begins) / sum(weights)
        least = max(LEAST_LIKENESS, self._by_chance(signs, weights) + BEYOND_CHANCE)
        found: list[NearLine] = []
        used: set[int] = set()
        for place in np.argsort(-likeness, kind="stable"):
            if likeness[place] < least or len(found) == limit:
                break
            if content_ids is not None and self._lines.content_ids[int(self._rows[place])] not in content_ids:
                continue
            begin = int(begins[place])
            last = begin + int(np.argmin(costs[begin : int(self._ends[place])]))
            first = self._first(signs, weights, last)
            places = range(int(np.searchsorted(self._ends, first, side="right")), int(place) + 1)
            if used.isdisjoint(places):
                used.update(places)
                found.append(NearLine(self._pieces(places, first, last), float(likeness[place])))
        return found

    def _by_chance(self, signs: Sequence[str], weights: Sequence[float]) -> float:
        """The likeness that a row of signs like these reaches by chance: the same ones from back to front."""
        costs = self._costs(signs[::-1], weights[::-1], self._text, self._added)
        return 1 - float(np.min(costs)) / sum(weights)

    def _pieces(self, places: Sequence[int], first: int, last: int) -> tuple[tuple[int, int, int], ...]:
        """The words of some lines that have a sign between two of the row."""
        pieces = []
        for place in places:
            row = int(self._rows[place])
            at = int(self._ends[place - 1]) if place else 0
            touched = []
            for token, where in words_of(self._lines.texts[row]):
                after = at + len(self._signs(token))
                if at <= last and first < after:
                    touched.append(where)
                at = after
            if touched:
                pieces.append((row, touched[0][0], touched[-1][1]))
        return tuple(pieces)

    def _first(self, signs: Sequence[str], weights: Sequence[float], last: int) -> int:
        """The sign of the row with which the best place begins that ends with a sign."""
        begin = max(0, last + 1 - _LONGEST * len(signs))
        back, added = self._text[begin : last + 1][::-1], self._added[begin : last + 1][::-1]
        costs = self._costs(signs[::-1], weights[::-1], back, added, anchored=True)
        return last - int(np.argmin(costs))

    def _costs(
        self,
        signs: Sequence[str],
        weights: Sequence[float],
        text: NDArray[np.int32],
        added: NDArray[np.float64],
        *,
        anchored: bool = False,
    ) -> NDArray[np.float64]:
        """For every place of a text, the least cost of some signs that end there.

        Args:
            signs: The wanted signs.
            weights: What each costs if it is missing.
            text: The text, as codes.
            added: What each of its signs costs between wanted ones.
            anchored: Whether they have to begin where the text does.
        """
        total = np.cumsum(added)
        costs = total.copy() if anchored else np.zeros(len(text))
        before = 0.0  # the cost at the place before the text
        for sign, weight in zip(signs, weights, strict=True):
            table = np.asarray([self._unlikeness(sign, other) for other in self._codes])
            table[0] = _BARRIER
            others = costs + weight
            costs = np.concatenate(([before], costs[:-1])) + weight * table[text]
            np.minimum(costs, others, out=costs)
            before += weight
            costs[0] = min(costs[0], before + added[0])
            costs = total + np.minimum.accumulate(costs - total)
        return costs

    def _weighted(self, words: Sequence[tuple[str, ...]]) -> tuple[list[str], list[float]]:
        """The signs of some words, and the weight of each: that of its word, by rarity, and its own."""
        signs: list[str] = []
        weights: list[float] = []
        count = len(self._ends)
        for word in words:
            rarity = math.log((count + 1) / (self._lines_with[word] + 1)) / math.log(count + 1)
            signs += word
            weights += [(LEAST_WEIGHT + (1 - LEAST_WEIGHT) * rarity) * self._share(sign) for sign in word]
        return signs, weights

    def _words(self, text: str) -> list[tuple[str, ...]]:
        return [self._signs(token) for token, _ in words_of(text)]

    def _signs(self, token: str) -> tuple[str, ...]:
        """The sounds or letters of a word; a number in print is one sign: a digit of it says nothing."""
        if self._printed:
            return (token,) if token.isdecimal() else tuple(in_print(token))
        return tuple(sounds_of(token))

    def _share(self, sign: str) -> float:
        if self._printed:
            return PRINTED_NUMBER if sign.isdecimal() else 1.0
        return VOWEL_SHARE if sign in VOWELS else 1.0

    def _unlikeness(self, one: str, other: str) -> float:
        return float(one != other) if self._printed else unlikeness(one, other)
