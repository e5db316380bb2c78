"""Error rates of recognised words and letters against the true ones; pure, and knows no recogniser.

Word error rate as usual: substitutions, deletions and insertions over true words, after a normalisation that
leaves no difference between "twelve" and "12", "7%" and "seven percent", case and punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: number for number, word in enumerate(_ONES)} | {
    word: 10 * number for number, word in enumerate(_TENS, 2)
}


def spoken_words(text: str) -> list[str]:
    """The words of a text as they are compared: lower case, no punctuation, numbers below 100 as digits."""
    plain = unicodedata.normalize("NFKC", text).lower().replace("%", " percent ")
    words: list[str] = []
    tens = False
    for word in re.findall(r"\w+", re.sub(r"(?<=\w)['’](?=\w)", "", plain)):  # noqa: RUF001 - both are meant
        value = _VALUES.get(word)
        if value is None:
            words.append(word)
        elif tens and 0 < value < 10:
            words[-1] = str(int(words[-1]) + value)
        else:
            words.append(str(value))
        tens = value is not None and value >= 20
    return words


def written_letters(text: str) -> str:
    """The letters of a text as they are compared: lower case, without spaces and punctuation, "%" kept."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return "".join(letter for letter in plain if letter.isalnum() or letter == "%")


def edit_distance(true: Sequence[Hashable], read: Sequence[Hashable]) -> int:
    """How many elements must be replaced, left out or put in to make one sequence of the other."""
    return _table(true, read)[-1][-1]


def equal_places(true: Sequence[Hashable], read: Sequence[Hashable]) -> dict[int, int]:
    """Where each element of the first sequence is in the second, in a best alignment; equal ones alone."""
    table = _table(true, read)
    pairs = {}
    row, column = len(true), len(read)
    while row and column:
        if true[row - 1] == read[column - 1] and table[row][column] == table[row - 1][column - 1]:
            pairs[row - 1] = column - 1
            row, column = row - 1, column - 1
        elif table[row][column] == table[row - 1][column - 1] + 1:
            row, column = row - 1, column - 1
        elif table[row][column] == table[row - 1][column] + 1:
            row -= 1
        else:
            column -= 1
    return pairs


def _table(true: Sequence[Hashable], read: Sequence[Hashable]) -> list[list[int]]:
    table = [list(range(len(read) + 1))]
    for row, one in enumerate(true, 1):
        before, now = table[-1], [row]
        for column, other in enumerate(read, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (one != other)))
        table.append(now)
    return table
