"""Finds negation in queries and texts, such as "a street not wet" and "no cars"; knows no filter.

There is no grammar here but a list of words. The negated part begins after the negating word and ends with
the clause; after "no" and "without", which negate a thing, it ends at the next preposition: in "no cars on
the street" the street is wanted. A word in quotation marks negates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from search.query.lexical_match import FUNCTION_WORDS, unsaid, words_of
from search.query.quotes import only_words

_NOT = frozenset(words_of("not never cannot"))
_AUXILIARIES = frozenset(words_of("is are was were does do did has have had can could will would"))
_CONTRACTED = frozenset(f"{word}n't" for word in _AUXILIARIES) | {"can't", "won't"}
_NO = "no"
_IN_TEXTS = frozenset({"without"})  # in a query, "a man without a hat" is best left as it is
_PLAIN_NEXT = {"no": {"one", "longer", "more", "matter"}, "not": {"only", "just"}}
_CLAUSE_ENDS = frozenset(words_of("but and while when then"))
PREPOSITIONS = frozenset(
    words_of(
        "on in at by near under over behind beside along across from to into onto through during with "
        "inside outside around above below between"
    )
)
"""Words that say how one thing lies to another."""
_OR = frozenset({"or", "nor"})
_BEFORE = _AUXILIARIES | frozenset(words_of("but and or with there that which who")) | {",", ";"}
_SAYS_NOTHING = FUNCTION_WORDS | {"any", "very"}
_TOKEN = re.compile(r"\s*(?:[^\s,.;:!?]+|[,.;:!?]+(?=\s|$)|[,.;:!?])")
_STOPS = re.compile(r"[,.;:!?]+$")


def take_out(
    text: str, *, negators: frozenset[str] = frozenset()
) -> tuple[str, tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Take the negated parts out of a text.

    Args:
        text: One line, without quotation marks (see ``search.query.quotes``).
        negators: Further words that negate the thing after them, beside "no".

    Returns:
        The rest, unchanged where nothing is negated; the words of each negated thing; and each negation as
        typed. A word such as "is" or "but" before a negation is removed with it.
    """
    tokens = _TOKEN.findall(text)
    names = [token.strip().casefold().replace("’", "'") for token in tokens]  # noqa: RUF001
    kept: list[int] = []
    negated: list[tuple[str, ...]] = []
    typed: list[str] = []
    place = 0
    while place < len(tokens):
        end = _end(names, place, negators)
        phrases = _phrases(tokens, names, place + 1, end)
        if not phrases:
            kept.append(place)
            place += 1
            continue
        while kept and names[kept[-1]] in _BEFORE:
            kept.pop()
        negated += phrases
        typed.append("".join(tokens[place:end]).strip())
        place = end
    if not negated:
        return text, (), ()
    return "".join(tokens[n] for n in kept).strip(" ,;"), tuple(negated), tuple(typed)


def affirms(words: Sequence[str], text: str) -> bool:
    """Whether some words occur in a text, in that order, and are not negated there ("without a hat")."""
    rest, _, _ = take_out(only_words(text), negators=_IN_TEXTS)
    return not unsaid(words, rest)


def _end(names: Sequence[str], place: int, negators: frozenset[str]) -> int:
    """The end of the negated part, if the word at this place negates; else the next place."""
    name = names[place]
    thing = name == _NO or name in negators
    if not (thing or name in _NOT or name in _CONTRACTED):
        return place + 1
    end = place + 1
    if end < len(names) and names[end] in _PLAIN_NEXT.get(name, ()):
        return end
    while end < len(names) and not (
        _STOPS.match(names[end]) or names[end] in _CLAUSE_ENDS or (thing and names[end] in PREPOSITIONS)
    ):
        end += 1
    return end


def _phrases(tokens: Sequence[str], names: Sequence[str], start: int, end: int) -> list[tuple[str, ...]]:
    """The words of each thing between two places; "or" separates things."""
    found: list[list[str]] = [[]]
    for token, name in zip(tokens[start:end], names[start:end], strict=True):
        if name in _OR:
            found.append([])
        else:
            found[-1] += [word for word in words_of(token) if word not in _SAYS_NOTHING]
    return [tuple(words) for words in found if words]
