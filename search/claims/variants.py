"""Sentences that differ from a claimed one in a detail, and the details in which two sentences differ; pure.

A judge that can only say when a sentence takes place tells a wrong detail from a right one by asking for the
same sentence with another detail: the one that takes place is right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from search.claims.extract import Detail, details
from search.claims.records import ClaimKind
from search.query.lexical_match import CONTRASTS, HEADING, NUMBERS, POSITION, agreed, clash, says, words_of

MOST_VARIANTS = 16
"""Most sentences with one other detail: the model is asked about each."""
_SIDES = {"left": "right", "right": "left"}
_PLACES = ("on the left", "in the middle", "on the right")
_GROUPS = tuple(tuple(tuple(name.split("/")) for name in names.split()) for names in CONTRASTS)
_NUMBERS = tuple(NUMBERS.split())


@dataclass(frozen=True, slots=True)
class DetailChange:
    """A detail of one sentence for which another sentence has a different one."""

    kind: ClaimKind
    """What it is about."""
    part: str
    """The words of the first sentence."""
    instead: str
    """The words of the second one; empty where it has none of that kind."""


def variants(text: str) -> list[str]:
    """The sentence with one detail replaced by another that cannot be true as well.

    Replaced are directions, places in the picture, colours, people, small numbers by their neighbours, times
    of day, and verbs with an opposite; details with few alternatives come first. A word that the sentence
    has already replaces none, nor is one of two equal words replaced.
    """
    choices = [(detail, _others(detail.of(text), text)) for detail in details(text)]
    choices.sort(key=lambda choice: len(choice[1]))
    found = [replaced(text, detail, other) for detail, others in choices for other in others]
    return [each for each in dict.fromkeys(found) if changes(text, each)][:MOST_VARIANTS]


def replaced(text: str, detail: Detail, other: str) -> str:
    """The text with other words for a detail, and the article before them as they need it."""
    if detail.of(text)[:1].isupper():
        other = other[:1].upper() + other[1:]
    before = text[: detail.start]
    article = re.search(r"\b(an?)(?= $)", before, re.IGNORECASE)
    if article is not None:
        vowel = other[:1].casefold() in "aeiou"
        before = f"{before[: article.start()]}{article.group()[0]}{'n' if vowel else ''} "
    return before + other + text[detail.end :]


def changes(claimed: str, seen: str) -> tuple[DetailChange, ...]:
    """The details of a claimed sentence that another one contradicts or lacks, in order.

    The verb of another thing is no change of its own: in "a dog runs" for "a car drives" the dog is.
    """
    there = [_Worded(each, each.of(seen)) for each in details(seen)]
    open_there = [each for each in there if not _agrees(each.words, claimed)]
    found: list[DetailChange] = []
    for detail in details(claimed):
        part = detail.of(claimed)
        if _agrees(part, seen):
            continue
        other = next((each for each in open_there if _alike(detail, part, each)), None)
        if other is not None:
            open_there.remove(other)
        found.append(DetailChange(detail.kind, part, other.words if other else ""))
    if any(each.kind == "object" for each in found):
        found = [each for each in found if each.kind != "action" or _compared(each.part)]
    return tuple(found)


def same_event(one: str, other: str) -> bool:
    """Whether two sentences have the same details."""
    return not changes(one, other) and not changes(other, one)


def units(text: str) -> int:
    """How many details of a sentence can be wrong by themselves: a thing and its verb count as one."""
    found = details(text)
    verbs = sum(each.kind == "action" and not _compared(each.of(text)) for each in found)
    has_object = any(each.kind == "object" for each in found)
    return max(1, len(found) - (verbs if has_object else 0))


@dataclass(frozen=True, slots=True)
class _Worded:
    """A detail and its words."""

    detail: Detail
    """The detail."""
    words: str
    """Its words."""


def _agrees(part: str, text: str) -> bool:
    if _compared(part):
        return agreed(part, text) == 1.0
    return says(words_of(part), text)


def _compared(part: str) -> bool:
    """Whether ``lexical_match`` knows what contradicts the words."""
    return agreed(part, "") < 1.0


def _alike(detail: Detail, part: str, other: _Worded) -> bool:
    """Whether two details answer the same question."""
    if _compared(part):
        return bool(clash(part, other.words))
    return detail.kind == other.detail.kind and not _compared(other.words)


def _others(part: str, text: str) -> Sequence[str]:
    """Other words for a detail."""
    plain = part.casefold()
    if HEADING.search(plain):
        return [re.sub(r"left|right", lambda match: _SIDES[match.group()], plain)]
    if POSITION.fullmatch(plain):
        return [each for each in _PLACES if clash(plain, each) and not says(words_of(each), text)]
    if plain in _NUMBERS:
        at = _NUMBERS.index(plain)
        return [_NUMBERS[n] for n in (at + 1, at - 1) if 0 <= n < len(_NUMBERS)]
    said = set(words_of(text))
    for group in _GROUPS:
        own = next((names for names in group if plain in names), None)
        if own is not None:
            form = own.index(plain)
            return [
                names[min(form, len(names) - 1)]
                for names in group
                if names is not own and said.isdisjoint(names)
            ]
    return ()
