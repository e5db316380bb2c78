"""Says a query's contraries that a picture can show: the same in another colour, or at night, not by day.

A picture that is nearer to "a blue car" than to "a red car" speaks against "a red car" whatever the two
similarities are worth. Which way something moves, and how often something is there, no picture says.
"""

from __future__ import annotations

import re

from search.query.lexical_match import COLOURS, PEOPLE, TIMES_OF_DAY

MOST_CONTRARIES = 24
"""Most contraries of a query: each is a text to embed."""
_WORD = re.compile(r"\w+")
_GROUPS: tuple[tuple[tuple[str, ...], ...], ...] = tuple(
    tuple(tuple(name.split("/")) for name in names.split()) for names in (COLOURS, PEOPLE, TIMES_OF_DAY)
)


def contraries(text: str) -> tuple[str, ...]:
    """The text with one word replaced by one that cannot be true as well, for each such word, none twice.

    Empty for a text without such words. A word that the text has already replaces none: "a red car and a
    blue car" has no contrary with two blue cars.
    """
    words = {match.group().casefold() for match in _WORD.finditer(text)}
    found: dict[str, None] = {}
    for match in _WORD.finditer(text):
        for group in _GROUPS:
            own = next((names for names in group if match.group().casefold() in names), None)
            if own is None:
                continue
            place = own.index(match.group().casefold())
            for names in group:
                other = names[min(place, len(names) - 1)]
                if names is not own and words.isdisjoint(names):
                    found[text[: match.start()] + other + text[match.end() :]] = None
    return tuple(found)[:MOST_CONTRARIES]
