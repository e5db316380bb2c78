"""Says what a filter that cannot be used was meant to be, "camra:gate" for one; reads no index.

A filter can have a misspelled name, a value that cannot be read, or a name of a camera, collection, file or
model that does not occur in the index.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

from footage.core.names import exact_names, fits, folded, is_glob
from footage.core.plain_text import MARKS, evened
from search.query.filters import (
    FILTER_NAMES,
    FILTER_VALUES,
    TRACK_FILTER,
    FilterTerms,
    read_terms,
    written_filter,
)
from search.query.near_names import near_names
from search.query.parser import Query, did_you_mean
from search.query.word_terms import TRACK_NAMES

MOST = 3
"""Most suggestions for one term."""
_NO_VALUES: Mapping[str, Collection[str]] = {}
_HOURS = re.compile(r"(\d{1,2})(?::(\d{2}))?(?:-|–|\.\.)(\d{1,2})(?::(\d{2}))?", re.ASCII)  # noqa: RUF001
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)[a-z]*", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A filter as it was typed, and one that was probably meant."""

    term: str
    """As typed: "camra:gate"."""
    better: str
    """As it would be read: "camera:gate"."""


def suggestions(query: Query, values: Mapping[str, Collection[str]] = _NO_VALUES) -> tuple[Suggestion, ...]:
    """What the filters of a query that cannot be used were probably meant to be, in the order typed.

    Args:
        query: The query.
        values: What the index has, by name of the filter: "camera", "collection", "path" (whole paths) and
            "model". A filter that is missing here has no unknown values.
    """
    found = [
        Suggestion(term, better)
        for term in dict.fromkeys((*query.unread, *query.understood))
        for better in _meant(term, values)
        if better != term and _is_read(better)
    ]
    return tuple(dict.fromkeys(found))


def corrected(text: str, suggestion: Suggestion) -> str:
    """A query with a suggestion in place of what was typed; unchanged where that does not occur."""
    line = evened(text)
    place = re.compile(rf"(?<!\S){re.escape(suggestion.term)}(?!\S)")
    return place.sub(lambda _: suggestion.better, line) if place.search(line) else text


def _meant(term: str, values: Mapping[str, Collection[str]]) -> list[str]:
    """What one term may have been meant to be."""
    typed, colon, rest = term.partition(":")
    if not colon or not rest or term.startswith("-"):
        return []
    name = (did_you_mean(term) or f"{typed}:")[:-1].casefold()
    value = rest[1:-1] if len(rest) > 1 and rest[0] in MARKS and rest[-1] in MARKS else rest
    if name in FILTER_NAMES:
        near = _near_values(name, value, values.get(name, ()))
        if near or name == typed.casefold():
            return [written_filter(name, each) for each in near]
    if name == TRACK_FILTER and folded(value) not in TRACK_NAMES:
        return [written_filter(name, each) for each in near_names(value, TRACK_NAMES, most=1)]
    if name in FILTER_VALUES and FILTER_VALUES[name][1](value) is None:
        return [written_filter(name, each) for each in [_as_written_filter(name, value)] if each]
    return [] if name == typed.casefold() else [f"{name}:{rest}"]


def _near_values(name: str, value: str, known: Collection[str]) -> tuple[str, ...]:
    """The values nearest to one that the index does not have; none for one that fits anything."""
    if name in ("camera", "collection"):
        return near_names(value, known, most=MOST)
    exact = exact_names((value,), known)
    if is_glob(value) or any(fits(each, value, exact) for each in known):
        return ()
    return near_names(PurePath(value).name, {PurePath(each).name for each in known}, most=MOST)


def _as_written_filter(name: str, value: str) -> str:
    """A time or length in the form that is read; empty where none is recognised."""
    if name == "hours" and (hours := _HOURS.fullmatch(value)):
        first, minutes, last, more = (int(each or 0) for each in hours.groups())
        return f"{first % 24:02d}:{minutes:02d}-{last % 24:02d}:{more:02d}"
    if name in ("after", "before") and (day := _DAY.fullmatch(value)):
        try:
            return date(*map(int, day.groups())).isoformat()
        except ValueError:
            return ""
    length = _LENGTH.fullmatch(value) if name not in ("after", "before", "hours") else None
    return f"{length[1]}{length[2].lower()}" if length else ""


def _is_read(term: str) -> bool:
    """Whether a term is one filter that can be read."""
    terms = FilterTerms(term)
    rest = read_terms(term, terms)
    return bool(terms.understood) and not terms.unread and not rest.strip("\ue000 ")
