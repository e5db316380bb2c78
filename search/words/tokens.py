"""Cuts a text into words for comparison, with the place of each; knows no query and no index.

Upper and lower case, accents, compatibility forms, punctuation and apostrophes make no difference. A word may
have further readings, each over one or several tokens:

    web-cam        "web", "cam" and "webcam"
    twenty-one     "twenty", "one" and "21"
    1,000          "1", "000" and "1000"
    EXIT12         "exit", "12" and "exit12"

Scripts that write words without spaces (Chinese, Japanese, Thai, …) are cut into single characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_SIGNS = (  # vowel signs and the like: parts of words that are no letters to ``re``
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8"
    "\u0900-\u0903\u093a-\u0963\u0966-\u0dff"
)
_TOKEN = re.compile(
    rf"[{_UNSPACED}][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u3099\u309a]*"
    rf"|\d+|(?:[^\W\d_{_UNSPACED}]|[{_SIGNS}])+|[%&@#+]"
)
_GLUE = re.compile(r"(?:[-'’ʼ`´.,:/_‐‑–]|\u00ad)?")  # noqa: RUF001 - the typographic ones are meant
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u00ad]")
_SIGN_WORDS = {"%": "percent", "&": "and", "@": "at", "#": "number", "+": "plus"}
_NAMES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
)
_ONES = {word: number for number, word in enumerate(_NAMES)}
_ROUND = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_TENS = {word: 10 * number for number, word in enumerate(_ROUND, 2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_PLACES = re.findall(
    r"\w+", "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)
_ORDINAL_ENDS = {1: "st", 2: "nd", 3: "rd"}
_ORDINALS = {word: f"{number}{_ORDINAL_ENDS.get(number, 'th')}" for number, word in enumerate(_PLACES, 1)}
_ONES_BY_NUMBER = {number: word for word, number in _ONES.items()}
_TENS_BY_NUMBER = {number: word for word, number in _TENS.items()}
_SPELLED_ORDINALS = {ordinal: (word,) for word, ordinal in _ORDINALS.items()}
_SPELLED_SIGNS = {word: (sign,) for sign, word in _SIGN_WORDS.items()}
_OTHER_DIGITS = re.compile(r"(?![0-9])\d")
_MOST_DIGITS = 12
MOST_GLUED = 6
"""Most tokens in a row that are read as one word, such as "0", "7", "8", … of a telephone number."""


@dataclass(frozen=True, slots=True)
class WordTokens:
    """The words of a text."""

    tokens: tuple[str, ...]
    """The words as they are compared, in order."""
    places: tuple[tuple[int, int], ...]
    """Where each is in the text: first character and the one after the last."""
    readings: tuple[tuple[tuple[str, int], ...], ...]
    """For each place, every reading of what begins there, and how many tokens it takes."""


def folded(text: str) -> str:
    """A text as words are compared: compatibility forms composed, no case, no accents, ASCII digits."""
    text = unicodedata.normalize("NFKC", text).casefold()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))
    return _OTHER_DIGITS.sub(lambda match: str(unicodedata.decimal(match[0])), text)


@lru_cache(maxsize=20_000)  # the same texts come up again and again
def tokens_of(text: str, *, loose: bool = False) -> WordTokens:
    """Cut a text into words; ``loose`` also reads any two neighbours as one word."""
    cut = [(folded(match[0]), match.span()) for match in _TOKEN.finditer(text)]
    cut = [(_SIGN_WORDS.get(token, token), place) for token, place in cut]
    cut = [(token, place) for token, place in cut if any(map(str.isalnum, token))]
    tokens = tuple(token for token, _ in cut)
    places = tuple(place for _, place in cut)
    glued = [_GLUE.fullmatch(text, end, start) is not None for (_, end), (start, _) in pairwise(places)]
    return WordTokens(tokens, places, tuple(_readings(tokens, glued, loose=loose)))


def spellings(reading: str) -> set[str]:
    """How a reading may begin in a text: the reading, and the first word of it as a number or a sign."""
    found = {reading, *_SPELLED_SIGNS.get(reading, ()), *_SPELLED_ORDINALS.get(reading, ())}
    if reading.isdecimal() and len(reading) <= _MOST_DIGITS:
        found |= _first_words(int(reading))
    return found


def _first_words(number: int) -> set[str]:
    if number in _ONES_BY_NUMBER:
        return {_ONES_BY_NUMBER[number]}
    if number < 100:
        return {_TENS_BY_NUMBER[number // 10 * 10]}
    if number < 1_000:
        return {_ONES_BY_NUMBER[number // 100]}
    words = _first_words(number // 100) if number < 10_000 else set()
    return words | _first_words(number // 1_000)


def _readings(
    tokens: Sequence[str], glued: Sequence[bool], *, loose: bool
) -> Iterator[tuple[tuple[str, int], ...]]:
    for start, token in enumerate(tokens):
        readings = {(token, 1): None}
        if token in _ORDINALS:
            readings[_ORDINALS[token], 1] = None
        if number := _number(tokens, start):
            readings[number] = None
        joined = token
        for end in range(start + 1, min(len(tokens), start + MOST_GLUED)):
            if not glued[end - 1]:
                break
            joined += tokens[end]
            readings[joined, end + 1 - start] = None
        if loose and start + 1 < len(tokens):
            readings[token + tokens[start + 1], 2] = None
        yield tuple(readings)


def _number(tokens: Sequence[str], start: int) -> tuple[str, int] | None:
    """The number that is spelled out from a place on, in digits, and how many tokens it takes."""
    total = group = 0
    place, last = start, "none"
    while place < len(tokens):
        token = tokens[place]
        if token in _ONES and (last in ("none", "scale") or (last == "tens" and 0 < _ONES[token] < 10)):
            group, last = group + _ONES[token], "ones"
        elif token in _TENS and last in ("none", "scale"):
            group, last = group + _TENS[token], "tens"
        elif token in _SCALES and last in ("ones", "tens", "scale") and (group or total):
            if _SCALES[token] == 100:
                group *= 100
            else:
                total, group = total + group * _SCALES[token], 0
            last = "scale"
        elif (
            token == "and"
            and last == "scale"
            and tokens[place + 1 : place + 2]
            and (tokens[place + 1] in _ONES or tokens[place + 1] in _TENS)
        ):
            pass
        else:
            break
        place += 1
    return (str(total + group), place - start) if place > start else None
