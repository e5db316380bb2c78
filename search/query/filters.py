"""Filters of a query: parsed from its text, and applied to videos and events; reads no text of an event."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from footage.core.names import exact_names, fits, folded
from footage.core.plain_text import CLOSING, MARKS, evened, quoted_parts, without_quotes
from footage.core.types import File, Span
from search.query.lexical_match import words_of
from search.query.near_names import near_names
from search.query.word_terms import FUZZY, TRACK_NAMES, WordTerm, place_of, read_word_term

if TYPE_CHECKING:
    from footage.store import Store


_SHOWN_NAMES = 12


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on files, captions and events. All must hold; of a condition with several values, any."""

    collections: tuple[str, ...] = ()
    """Names of collections. Names are compared by ``footage.core.names.folded``: in any case and Unicode
    form."""
    cameras: tuple[str, ...] = ()
    """Names of cameras."""
    paths: tuple[str, ...] = ()
    """Whole paths or ends of paths, or globs of them, such as "*.mov" or "garden/*"; the exact name of a file
    is no glob."""
    after: datetime | None = None
    """Recorded at this time or later, at least in part."""
    before: datetime | None = None
    """Recorded earlier, at least in part."""
    hours: tuple[time, time] | None = None
    """Recorded between these times of day, at least in part; the second may lie past midnight."""
    longer_seconds: float | None = None
    """Videos of that length or more."""
    shorter_seconds: float | None = None
    """Videos of that length or less."""
    models: tuple[str, ...] = ()
    """Globs, in any case, of the name of a model or of its end after a "/"; one window captioned by it is
    enough."""
    event_longer_seconds: float | None = None
    """Events of that length or more, as the index has them."""
    event_shorter_seconds: float | None = None
    """Events of that length or less, as the index has them."""

    @property
    def about_events(self) -> bool:
        """Whether there is a condition on the length of events."""
        return self.event_longer_seconds is not None or self.event_shorter_seconds is not None

    def fits_event(self, span: Span) -> bool:
        """Whether an event of this span meets the conditions on its length."""
        longest, shortest = self.event_shorter_seconds, self.event_longer_seconds
        return (longest is None or span.duration_seconds <= longest) and (
            shortest is None or span.duration_seconds >= shortest
        )

    def fits_model(self, name: str) -> bool:
        """Whether captions of a model meet the condition on it."""
        return not self.models or any(fits(name, glob) for glob in self.models)

    def fits(self, file: File, exact: Collection[str] = ()) -> bool:
        """Whether a file meets every condition on files; without a recording time it meets none about time.

        Args:
            file: The file.
            exact: The ``paths`` that are no globs.
        """
        return (
            _among(file.collection, self.collections)
            and _among(file.camera, self.cameras)
            and (not self.paths or any(fits(file.path, glob, exact) for glob in self.paths))
            and (self.longer_seconds is None or file.duration_seconds >= self.longer_seconds)
            and (self.shorter_seconds is None or file.duration_seconds <= self.shorter_seconds)
            and self._recorded_then(file)
        )

    def contents(self, files: Iterable[File]) -> frozenset[str]:
        """Content ids of the files that fit and are not gone."""
        there = [file for file in files if file.content_id and file.state != "gone"]
        exact = exact_names(self.paths, (file.path for file in there))
        return frozenset(file.content_id for file in there if self.fits(file, exact))

    def _recorded_then(self, file: File) -> bool:
        if self.after is None and self.before is None and self.hours is None:
            return True
        if not file.recorded_at:
            return False
        start = datetime.fromisoformat(file.recorded_at)
        end = start + timedelta(seconds=file.duration_seconds)
        if self.after is not None and end <= _in_zone(self.after, start):
            return False
        if self.before is not None and start >= _in_zone(self.before, start):
            return False
        return self.hours is None or _within_hours(start, end, *self.hours)


NO_FILTERS = Filters()
"""Every file."""


def fitting(filters: Filters, store: Store) -> frozenset[str]:
    """Content ids of the videos that meet the conditions on files and models.

    Raises:
        StoreError: when the index cannot be read.
    """
    found = filters.contents(store.files.all())
    if not filters.models:
        return found
    return found & {
        content_id
        for content_id, windows in store.windows.provenance_by_index().items()
        if any(filters.fits_model(provenance.model) for provenance in windows.values())
    }


def unknown_names(filters: Filters, files: Iterable[File]) -> tuple[str, ...]:
    """A sentence for each camera and collection that no file has, with the nearest of the known names."""
    there = [file for file in files if file.state != "gone"]
    kinds = (
        ("camera", filters.cameras, {file.camera for file in there if file.camera}),
        ("collection", filters.collections, {file.collection for file in there if file.collection}),
    )
    return tuple(
        f'There is no {kind} "{name}"; {_meant_or_listed(name, known, kind)}.'
        for kind, names, known in kinds
        for name in names
        if not any(_among(other, (name,)) for other in known)
    )


def written_filter(name: str, value: str) -> str:
    """A filter as it is typed, its value in quotation marks where it needs them."""
    bare = evened(value).replace('"', "")
    is_plain = bare and not any(char.isspace() or char in MARKS for char in bare)
    return f"{name}:{bare}" if is_plain else f'{name}:"{bare}"'


def _meant_or_listed(name: str, known: Collection[str], kind: str) -> str:
    """The names there are, after the nearest one if there is one."""
    listed, near = _listed(known, kind), near_names(name, known, most=1)
    return f"did you mean {written_filter(kind, near[0])}? T{listed[1:]}" if near else listed


def _listed(names: Collection[str], kind: str) -> str:
    """The names there are, or how many more."""
    if not names:
        return f"the index has no {kind}"
    shown = sorted(names)[:_SHOWN_NAMES]
    more = len(names) - len(shown)
    return f"there are {', '.join(shown)}" + (f" and {more} more" if more else "")


def read_moment(text: str) -> datetime | None:
    """A date, with or without a time, ISO 8601; without a zone in that of each file; None if neither."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def read_hours(text: str) -> tuple[time, time] | None:
    """Two times of day, such as "22:00-06:30"; None if it is not that."""
    first, dash, second = text.partition("-")
    try:
        hours = time.fromisoformat(first), time.fromisoformat(second)
    except ValueError:
        return None
    return hours if dash and hours[0] != hours[1] and not (hours[0].tzinfo or hours[1].tzinfo) else None


def read_length(text: str) -> float | None:
    """Seconds of "90", "90s", "5m" or "1.5h"; None if it is not that."""
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:].lower())
    number = text[:-1] if unit else text
    if not number.replace(".", "", 1).isdecimal() or not number.isascii():
        return None
    return float(number) * (unit or 1.0)


def _among(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or folded(value) in map(folded, wanted)


def _in_zone(moment: datetime, other: datetime) -> datetime:
    """A time that can be compared with another; without a time zone it is in the other's."""
    if moment.tzinfo is not None and other.tzinfo is None:
        return moment.astimezone(UTC).replace(tzinfo=None)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=other.tzinfo)


def _within_hours(start: datetime, end: datetime, first: time, last: time) -> bool:
    """Whether a recording and a time of day meet, on any of its days."""
    day: date = start.date() - timedelta(days=1)
    while day <= end.date():
        opens = datetime.combine(day, first, start.tzinfo)
        closes = datetime.combine(day + timedelta(days=last <= first), last, start.tzinfo)
        if start < closes and opens < max(end, start + timedelta(microseconds=1)):
            return True
        day += timedelta(days=1)
    return False


# -- Filters in the text of a query ------------------------------------------------------------------------

FILTER_NAMES = {"collection": "collections", "camera": "cameras", "path": "paths", "model": "models"}
FILTER_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "after": ("after", read_moment),
    "before": ("before", read_moment),
    "hours": ("hours", read_hours),
    "longer": ("longer_seconds", read_length),
    "shorter": ("shorter_seconds", read_length),
    "event-longer": ("event_longer_seconds", read_length),
    "event-shorter": ("event_shorter_seconds", read_length),
}
WORD_TERMS = ("said", "shows")
"""Names of the terms about words (see ``search.query.word_terms``)."""
TRACK_FILTER = "in"
"""Name of the filter of tracks."""
_WORD_TERM = re.compile(rf"(?P<kind>{'|'.join(WORD_TERMS)}):", re.IGNORECASE)
_TERM = re.compile(r"(?<!\S)(?:(?P<minus>-)(?=[\0\w])|(?P<key>[A-Za-z][A-Za-z-]+):(?=[^\s/]))(?P<value>\S*)")
"""In a text whose quoted parts are masked with "\\0": an exclusion, or any word with a colon and a value."""


@dataclass
class FilterTerms:
    """The terms of a query read so far."""

    typed: str
    wordless: bool = False
    conditions: dict[str, Any] = field(default_factory=dict)
    without: list[tuple[str, ...]] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    words: list[WordTerm] = field(default_factory=list)
    without_words: list[WordTerm] = field(default_factory=list)
    tracks: list[str] = field(default_factory=list)


def read_terms(text: str, terms: FilterTerms) -> str:
    """Collect the terms of a query, and return the rest of it.

    A private character keeps the place of each term about words (see ``search.query.word_terms``).
    """
    quoted = quoted_parts(text)
    masked = list(text)
    for start, end in quoted:
        masked[start:end] = "\0" * (end - start)
    rest, done = [], 0
    for match in _TERM.finditer("".join(masked)):
        start, end = match.span()
        term, before = text[start:end], len(terms.words)
        rest.append(text[done:start])
        done = end
        if _read_term(match, text, quoted, terms):
            terms.understood.append(term)
            rest += map(place_of, range(before, len(terms.words)))
        else:
            terms.unread.append(term)
            rest.append(term)
    return " ".join("".join([*(f"{piece} " for piece in rest), text[done:]]).split())


def _read_term(
    match: re.Match[str], text: str, quoted: Collection[tuple[int, int]], terms: FilterTerms
) -> bool:
    """Collect one term; False for one that cannot be read."""
    start, end = match.span("value")
    value = text[start + 1 : end - 1] if (start, end) in quoted else text[start:end]
    key = (match["key"] or "").casefold()
    if match["minus"]:
        about_words = _WORD_TERM.match(text, start, end)
        if about_words and (term := _word_term(about_words["kind"], text, about_words.end(), end, quoted)):
            terms.without_words.append(term)
        elif words := words_of(without_quotes(value)):
            terms.without.append(words)
    elif key in WORD_TERMS and (term := _word_term(key, text, start, end, quoted)):
        terms.words.append(term)
    elif key == TRACK_FILTER and value.casefold() in TRACK_NAMES:
        terms.tracks.append(TRACK_NAMES[value.casefold()])
    elif key in FILTER_NAMES and value and value[0] not in MARKS:
        name = FILTER_NAMES[key]
        terms.conditions[name] = (*terms.conditions.get(name, ()), value)
    elif key in FILTER_VALUES and (read := FILTER_VALUES[key][1](value)) is not None:
        terms.conditions[FILTER_VALUES[key][0]] = read
    else:
        return False
    return True


def _word_term(
    kind: str, text: str, start: int, end: int, quoted: Collection[tuple[int, int]]
) -> WordTerm | None:
    """The term whose value lies between two places of a query; punctuation after it is none of it."""
    opens = start + text.startswith(FUZZY, start)
    closed = next((stop for opening, stop in quoted if opening == opens and stop <= end), None)
    exact = closed is not None and not text[closed:end].strip(CLOSING)
    return read_word_term(kind.casefold(), text[start : closed if exact else end], quoted=exact)
