"""Words, and whether a text says all that a query asks for, in the same order; knows not what they mean.

Embeddings place "a red car" next to "a white car", and "from left to right" next to "from right to left".
Before a text may speak for a query, its words are compared one by one.
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
    """The share of some words that a text says, 0 to 1; function words count only where all are such."""
    asked = [word for word in words if word not in FUNCTION_WORDS] or list(words)
    said = words_of(text)
    return sum(any(same_word(word, other) for other in said) for word in asked) / len(asked)


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


# What cannot both be said of one thing. Embeddings place such words next to each other, as they occur in
# the same sentences.
_CONTRASTS: tuple[dict[str, str], ...] = tuple(
    {word: name for name in names.split() for word in name.split("/")}
    for names in (
        "black white grey/gray red orange yellow green blue purple/violet pink brown",
        "man/men/boy/boys woman/women/girl/girls",
        "one two three four five six seven eight nine ten",
        "day/daytime/daylight night/nighttime",
        "indoors/inside outdoors/outside",
        "opens/open/opening/opened closes/close/closing/closed",
        "enters/enter/entering/entered leaves/leave/leaving/exits/exit/exiting",
    )
)
_SIDE = r"(?P<{}>left|right)"
_HEADING = re.compile(
    rf"\b(?:to|towards?) (?:the |his |her |its |their )?{_SIDE.format('side')}\b(?! (?:side )?of\b)"
    rf"|\b{_SIDE.format('way')}wards?\b"
)
_POSITION = re.compile(
    r"\b(?:on|at|in|to) (?:the )?(?:far |very )?(?P<place>left|right|middle|cent(?:re|er)|top|bottom)\b"
    r"|\b(?P<beside>left|right) of\b|\b(?P<mid>mid)-"
)


def clash(query: str, text: str) -> str:
    """What a text says in place of something a query asks for, as in "white, not red"; else empty.

    Looked at are words of which only one can be true of a thing: colours, directions, sides, numbers, man and
    woman, day and night, in and out, open and close. A text that is silent about one of them does not clash,
    nor one that says both.
    """
    for asked, told in zip(_told(query), _told(text), strict=True):
        if asked and told and not asked & told:
            return f"{', '.join(sorted(told))}, not {', '.join(sorted(asked))}"
    return ""


def agreed(query: str, text: str) -> float:
    """Share of what ``clash`` looks at in a query that a text says too, 0 to 1; 1 where that is nothing."""
    asked = [(ours, theirs) for ours, theirs in zip(_told(query), _told(text), strict=True) if ours]
    return sum(bool(ours & theirs) for ours, theirs in asked) / len(asked) if asked else 1.0


@lru_cache(maxsize=20_000)
def _told(text: str) -> tuple[frozenset[str], ...]:
    """What a text says of each kind of contrast."""
    line = " ".join(text.casefold().split())
    headings = {f"to the {match['side'] or match['way']}" for match in _HEADING.finditer(line)}
    rest = _HEADING.sub(" ", line)
    places = {_place(match) for match in _POSITION.finditer(rest)}
    words = words_of(rest)
    told = [{names[word] for word in words if word in names} for names in _CONTRASTS]
    named = (frozenset(name.split("/")[0] for name in names) for names in told)
    return (frozenset(headings), frozenset(places), *named)


def _place(match: re.Match[str]) -> str:
    name = match["place"] or match["beside"] or "middle"
    return "middle" if name.startswith(("cent", "mid")) else name
