"""Compares the words of a query and a text, one by one and in order; knows nothing of their meaning.

Embeddings place "a red car" next to "a white car", and "from left to right" next to "from right to left".
So the words of a text are compared before it counts as evidence for a query.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

_WORD = re.compile(r"\w+(?:['’]\w+)*")  # noqa: RUF001 - the typographic apostrophe is meant


@lru_cache(maxsize=20_000)  # the same texts come up again and again
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in order, case-folded, without punctuation."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


FUNCTION_WORDS = frozenset(
    words_of(
        "a an and are as at by for from in into is of off on onto or out over some somebody someone "
        "something that the there this to up was were while who with"
    )
)
"""Words without content of their own: a text may lack them."""
LATER_WORDS = frozenset(words_of("after afterwards again continue continues finally lastly next then"))
"""Words that refer to an earlier event."""
SHARED_LETTERS = 3
"""Fewest letters at the beginning that inflections of one English word share: "run" and "runs"."""
LONGEST_ENDING = 3
"""Most letters at the end by which inflections of one English word differ: "-ing"."""


def unsaid(query_words: Sequence[str], text: str) -> str:
    """The first part of a query that a text lacks: a word, or two words in the other order; else empty.

    Inflections count as the same word ("drives", "driving"). Synonyms do not: a text in other words may mean
    the same, which cannot be decided here.
    """
    said = words_of(text)
    asked = [word for word in query_words if word not in FUNCTION_WORDS]
    places = []
    for wanted in asked:
        found = [index for index, word in enumerate(said) if same_word(word, wanted)]
        if not found:
            return wanted
        places.append(found)
    for (first, here), (second, there) in combinations(zip(asked, places, strict=True), 2):
        if first != second and min(here) > max(there):
            return f"{first} … {second}"
    return ""


def said_share(words: Sequence[str], text: str) -> float:
    """The share of some words that occur in a text, 0 to 1; function words count only where all are such."""
    asked = [word for word in words if word not in FUNCTION_WORDS] or list(words)
    said = words_of(text)
    return sum(any(same_word(word, other) for other in said) for word in asked) / len(asked)


def says(words: Sequence[str], text: str) -> bool:
    """Whether some words occur in a text, one right after the other; inflections count as the same word."""
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


# Words that cannot both be true of one thing. Embeddings place them next to each other, as they occur in the
# same sentences.
COLOURS = "black white grey/gray red orange yellow green blue purple/violet pink brown"
"""Names of colours, the spellings of one with a stroke between them."""
PEOPLE = "man/men/boy/boys woman/women/girl/girls"
"""Words for male and for female people, in the same order."""
TIMES_OF_DAY = "day/daytime/daylight night/nighttime"
"""Words for day and for night, in the same order."""
NUMBERS = "one two three four five six seven eight nine ten"
"""Words for small numbers, in order."""
SIDES_OF_A_DOOR = "indoors/inside outdoors/outside"
"""Words for inside and for outside."""
CONTRASTS = (
    COLOURS,
    PEOPLE,
    NUMBERS,
    TIMES_OF_DAY,
    SIDES_OF_A_DOOR,
    "opens/open/opening/opened closes/close/closing/closed",
    "enters/enter/entering/entered leaves/leave/leaving/exits/exit/exiting",
)
"""Groups of words: of the words in a group only one can be true of a thing; spellings and forms of one with
strokes between them."""
_CONTRASTED: dict[str, tuple[int, str]] = {
    word: (kind, name.split("/")[0])
    for kind, names in enumerate(CONTRASTS)
    for name in names.split()
    for word in name.split("/")
}
"""For each word that another contradicts the number of its kind, and its name: one of its spellings."""
_SIDE = r"(?P<{}>left|right)"
HEADING = re.compile(
    rf"\b(?:to|towards?) (?:the |his |her |its |their )?{_SIDE.format('side')}\b(?! (?:side )?of\b)"
    rf"|\b{_SIDE.format('way')}wards?\b"
)
"""Which way something moves."""
POSITION = re.compile(
    r"\b(?:on|at|in|to) (?:the )?(?:far |very )?(?P<place>left|right|middle|cent(?:re|er)|top|bottom)\b"
    r"|\b(?P<beside>left|right) of\b|\b(?P<mid>mid)-"
)
"""Where something is in the picture."""


def clash(query: str, text: str) -> str:
    """The words of a text that contradict a query, as in "white, not red"; else empty.

    Compared are words of which only one can be true of a thing: colours, directions, sides, numbers, man and
    woman, day and night, in and out, open and close. A text without such a word does not contradict, nor one
    with both.
    """
    wanted = _contrast_words(query)
    if not any(wanted):
        return ""
    for asked, stated in zip(wanted, _contrast_words(text), strict=True):
        if asked and stated and not asked & stated:
            return f"{', '.join(sorted(stated))}, not {', '.join(sorted(asked))}"
    return ""


def agreed(query: str, text: str) -> float:
    """Share of the words that ``clash`` compares in a query and a text has too, 0 to 1; 1 without any."""
    asked = [
        (ours, theirs)
        for ours, theirs in zip(_contrast_words(query), _contrast_words(text), strict=True)
        if ours
    ]
    return sum(bool(ours & theirs) for ours, theirs in asked) / len(asked) if asked else 1.0


@lru_cache(maxsize=20_000)
def _contrast_words(text: str) -> tuple[frozenset[str], ...]:
    """The words of a text for each kind of contrast: headings, positions, then ``CONTRASTS``."""
    line = " ".join(text.casefold().split())
    headings = {f"to the {match['side'] or match['way']}" for match in HEADING.finditer(line)}
    rest = HEADING.sub(" ", line)
    places = {_place(match) for match in POSITION.finditer(rest)}
    named: list[set[str]] = [set() for _ in CONTRASTS]
    for word in words_of(rest):
        if word in _CONTRASTED:
            kind, name = _CONTRASTED[word]
            named[kind].add(name)
    return (frozenset(headings), frozenset(places), *map(frozenset, named))


def _place(match: re.Match[str]) -> str:
    name = match["place"] or match["beside"] or "middle"
    return "middle" if name.startswith(("cent", "mid")) else name
