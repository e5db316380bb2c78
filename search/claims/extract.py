"""Takes a text about a video apart into claims, by lists of words and simple rules; asks no model.

The rules know what ``search.query.lexical_match`` compares (colours, places, directions, numbers, people),
quoted words, and nouns and verbs as far as the forms of English words show them. What they do not recognise
is claimed by the sentence as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from footage.core.plain_text import evened, quoted_parts
from search.claims.records import Claim, ClaimKind, TextEntry
from search.query.lexical_match import (
    COLOURS,
    CONTRASTS,
    FUNCTION_WORDS,
    HEADING,
    LATER_WORDS,
    NUMBERS,
    PEOPLE,
    POSITION,
    SIDES_OF_A_DOOR,
    TIMES_OF_DAY,
    words_of,
)
from search.query.negation import PREPOSITIONS

ExtractDetails = Callable[[str], "Sequence[Detail]"]
"""Finds the details of a text; ``details`` unless something else is given, such as a judge of texts."""

_KIND_OF_GROUP: dict[str, ClaimKind] = {
    COLOURS: "attribute",
    PEOPLE: "object",
    NUMBERS: "count",
    TIMES_OF_DAY: "attribute",
    SIDES_OF_A_DOOR: "attribute",
}
_KIND_OF_WORD: dict[str, ClaimKind] = {
    word: _KIND_OF_GROUP.get(names, "action")
    for names in CONTRASTS
    for name in names.split()
    for word in name.split("/")
}
_ORDER_WORDS = LATER_WORDS - {"again", "continue", "continues"} | {"before", "first"}
_WORD = re.compile(r"\w+(?:[-'’]\w+)*")  # noqa: RUF001 - the typographic apostrophe is meant
_DIGITS = re.compile(r"\b\d+\b(?![.,:]\d)")
_FROM = re.compile(r"\b(?:from )?(?:the )?(?:left|right) $", re.IGNORECASE)
_SINGULAR = frozenset(words_of("a an another one each every"))
_OPENS_A_THING = _SINGULAR | frozenset(
    words_of(
        "the some several many few both all his her its their this that these those my your our two "
        "three four five six seven eight nine ten"
    )
)
_ADJECTIVES = frozenset(
    words_of(
        "big small large little tall short long old young new empty full open closed bright dark light "
        "heavy wooden metal plastic striped plain dirty clean wet dry fast slow happy sad"
    )
)
_VERBS = frozenset(
    words_of(
        "is are was were has have had does do did goes go went gets get sits sit stands stand lies lie "
        "falls fall runs run walks walk drives drive jumps jump rides ride holds hold takes take puts "
        "put comes come makes make throws throw catches catch stops stop turns turn looks look plays "
        "play eats eat drinks drink cuts cut ran sat stood lay fell drove rode held took came made threw "
        "caught ate drank"
    )
)
_NO_VERBS = FUNCTION_WORDS | PREPOSITIONS | frozenset(words_of("and or but"))


@dataclass(frozen=True, slots=True, order=True)
class Detail:
    """Some words of a text that claim one thing."""

    start: int
    """Where they begin in the text."""
    end: int
    """Where they are over."""
    kind: ClaimKind
    """What they claim something about."""

    def of(self, text: str) -> str:
        """The words."""
        return text[self.start : self.end]


def claims_of(entry: TextEntry, *, extract: ExtractDetails | None = None) -> list[Claim]:
    """The claims of an entry: one for each detail of its text, then one for each time.

    A text in which nothing says what happens makes the claim that it happens, kind "action".

    Args:
        entry: The entry.
        extract: Finds the details of the text; ``details`` when None.
    """
    text = evened(entry.text)
    where = entry.spans[0] if entry.spans else None
    found = sorted((extract or details)(text))
    claims = [Claim(text, each.kind, where, each.of(text), entry.id) for each in found]
    if not any(each.kind == "action" for each in found):
        claims.append(Claim(text, "action", where, "", entry.id))
    return claims + [Claim(text, "time", span, "", entry.id) for span in entry.spans]


def details(text: str) -> list[Detail]:
    """The details that a text claims, in order; none shares a letter with another."""
    taken: list[Detail] = []
    for found in (
        _quoted(text),
        _headings(text),
        _found("attribute", POSITION.finditer(text.casefold()) if _same_length(text) else ()),
        _listed(text),
        _found("count", _DIGITS.finditer(text)),
    ):
        taken += [each for each in found if _free(each, taken)]
    taken += [each for each in _nouns_and_verbs(text, taken) if _free(each, taken)]
    return sorted(taken)


def _quoted(text: str) -> Iterable[Detail]:
    for start, end in quoted_parts(text):
        if text[start + 1 : end - 1].strip():
            yield Detail(start + 1, end - 1, "text")


def _headings(text: str) -> Iterable[Detail]:
    """Which way something moves, with where it comes from, as in "from left to right"."""
    if not _same_length(text):
        return
    for match in HEADING.finditer(text.casefold()):
        before = _FROM.search(text[: match.start()])
        yield Detail(before.start() if before else match.start(), match.end(), "action")


def _listed(text: str) -> Iterable[Detail]:
    for match in _WORD.finditer(text):
        word = match.group().casefold()
        if word in _ORDER_WORDS:
            yield Detail(match.start(), match.end(), "order")
        elif word in _KIND_OF_WORD:
            yield Detail(match.start(), match.end(), _KIND_OF_WORD[word])


def _nouns_and_verbs(text: str, taken: Sequence[Detail]) -> Iterable[Detail]:
    """The noun after each article, number or the like, and the verb right after it."""
    words = list(_WORD.finditer(text))
    place = 0
    while place < len(words):
        opener = words[place].group().casefold()
        place += 1
        if opener not in _OPENS_A_THING:
            continue
        # 1. The words that describe the thing.
        while place + 1 < len(words) and _describes(words[place], taken):
            place += 1
        # 2. The thing: the last of the words up to a verb or a preposition.
        first = place
        while place < len(words) and _continues_noun(words, first, place, opener, taken):
            place += 1
        if place == first:
            continue
        yield Detail(words[place - 1].start(), words[place - 1].end(), "object")
        # 3. What it does.
        if place < len(words) and words[place].group().casefold() not in _NO_VERBS:
            yield Detail(words[place].start(), words[place].end(), "action")


def _describes(match: re.Match[str], taken: Sequence[Detail]) -> bool:
    word, detail = match.group().casefold(), _detail_at(match, taken)
    return (
        word in _ADJECTIVES or word in NUMBERS.split() or (detail is not None and detail.kind == "attribute")
    )


def _continues_noun(
    words: Sequence[re.Match[str]], first: int, place: int, opener: str, taken: Sequence[Detail]
) -> bool:
    """Whether a word belongs to the noun that begins at ``first``."""
    word, detail = words[place].group().casefold(), _detail_at(words[place], taken)
    if word in _NO_VERBS or word in _VERBS or word in _OPENS_A_THING:
        return False
    if place == first:
        return detail is None or detail.kind == "object"
    before = words[place - 1].group().casefold()
    if detail is not None or _detail_at(words[place - 1], taken) is not None:
        return False
    if before.endswith(("'s", "’s")):  # noqa: RUF001 - the typographic apostrophe is meant
        return True
    if opener not in _SINGULAR and before.endswith("s") and not before.endswith("ss"):
        return False  # "the cars pass"
    return not word.endswith(("ing", "ed", "s")) or word.endswith("ss")


def _detail_at(match: re.Match[str], taken: Sequence[Detail]) -> Detail | None:
    return next((each for each in taken if each.start < match.end() and match.start() < each.end), None)


def _found(kind: ClaimKind, matches: Iterable[re.Match[str]]) -> Iterable[Detail]:
    for match in matches:
        yield Detail(match.start(), match.end(), kind)


def _free(detail: Detail, taken: Iterable[Detail]) -> bool:
    return all(detail.end <= other.start or other.end <= detail.start for other in taken)


def _same_length(text: str) -> bool:
    """Whether places in the case-folded text are those in the text: "ß" and a few others grow."""
    return len(text.casefold()) == len(text)
