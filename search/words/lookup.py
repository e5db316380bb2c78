"""Looks words up in all that is said or written in an index; knows no video file and judges nothing.

Full-text search is not used here: it returns the best few of many lines, drops stop words and stems, and
"not found" must mean that no line has the words. Instead every line is searched, in two steps. The folded
texts stand in one string, which is searched for the words, or the rarest of them; the lines that have it, and
those around them, are compared word by word.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from footage.core.languages import same_language
from footage.core.speech_cover import COVERED_PART
from footage.core.timecode import overlap_seconds
from footage.core.tracks import SPEECH_TRACK, SUBTITLE_TRACK
from footage.core.types import Hit, Span
from footage.store.repositories.track_lines import TrackLines
from search.query.word_terms import WordTerm
from search.words import matching
from search.words.nearest import NearestLines
from search.words.tokens import WordTokens, folded, spellings, tokens_of

JOIN_SECONDS = 3.0
"""Longest pause across which a phrase may go on: recognisers end an utterance at a pause for breath, and
subtitles at a change of picture."""
MOST_LINES = 5_000
"""Most lines with the rarest word of a sentence that are looked through: half a second."""
MOST_NEAREST = 5
"""Most lines that are listed where none has the words."""
_DROPPED = dict.fromkeys(map(ord, "-'’ʼ`´.,:/_‐‑–\u00ad"))  # noqa: RUF001 - the typographic ones are meant
_SPACE = re.compile(r"\s")
_WORD = re.compile(r"[^\W_]+")
_LEAST_PIECE = 3  # letters of a part of a word that is written as two


@dataclass(frozen=True, slots=True)
class WordHit:
    """A line, or several in a row, with the wanted words."""

    lines: tuple[Hit, ...]
    """The lines, in order of time."""
    text: str
    """Their texts, joined by spaces."""
    marks: tuple[tuple[int, int], ...]
    """Where in it the wanted words are: first character and the one after the last, ascending."""
    likeness: float
    """1 for the very words, less for each typing error; of several places the best."""
    nearest: bool = False
    """Whether the words are not there, and it is one of the lines that come nearest to them."""

    @property
    def span(self) -> Span:
        """When the lines are said or shown."""
        return Span(
            min(line.span.start_seconds for line in self.lines),
            max(line.span.end_seconds for line in self.lines),
        )

    @property
    def track(self) -> str:
        """The track of the lines."""
        return self.lines[0].track

    @property
    def content_id(self) -> str:
        """The video."""
        return self.lines[0].content_id

    @property
    def confidence(self) -> float | None:
        """How sure the recogniser is of the lines, 0 to 1: of the least sure; None where nothing says so."""
        known = [line.confidence for line in self.lines if line.confidence is not None]
        return min(known, default=None)


def compare_for(term: WordTerm) -> matching.Compare:
    """How the words of a term are compared with those of a text."""
    if term.fuzzy:
        return matching.alike_in_print if term.kind == "shows" else matching.alike
    return matching.same if term.exact else matching.same_stem


class WordIndex:
    """The lines of an index, ready to be searched; made once for each version of it."""

    def __init__(self, lines: TrackLines) -> None:
        self.lines = lines
        """The lines."""
        texts = [_SPACE.sub(" ", folded(text)).translate(_DROPPED) for text in lines.texts]
        self._whole = "\n".join(texts)
        self._ends = list(accumulate(len(text) + 1 for text in texts))
        self._vocabulary: frozenset[str] | None = None
        self._nearest: dict[tuple[str, ...], NearestLines] = {}

    def search(
        self, term: WordTerm, *, tracks: Collection[str], content_ids: Collection[str] | None = None
    ) -> list[WordHit]:
        """Every place where words are said or written, by video and time.

        Args:
            term: The words.
            tracks: Where to look.
            content_ids: Only in these videos; in all when None.
        """
        wanted = tokens_of(term.text, loose=term.fuzzy)
        chosen = None if content_ids is None else frozenset(content_ids)
        rows = [
            row
            for row in self._candidates(term, wanted)
            if self.lines.tracks[row] in tracks and (chosen is None or self.lines.content_ids[row] in chosen)
        ]
        groups: dict[tuple[int, ...], set[tuple[int, int, int, float]]] = {}
        for row in rows:
            for at, found in self._places(row, wanted, term):
                groups.setdefault(at, set()).update(found)
        return _once([self._hit(at, found) for at, found in sorted(_merged(groups).items())])

    def nearest(
        self,
        term: WordTerm,
        *,
        tracks: Collection[str],
        content_ids: Collection[str] | None = None,
        limit: int = MOST_NEAREST,
    ) -> list[WordHit]:
        """The lines that come nearest to words which no line has, the nearest first.

        Args:
            term: The words.
            tracks: Where to look.
            content_ids: Only in these videos; in all when None.
            limit: Most places.
        """
        searched = tuple(track for track in term.tracks if track in tracks)
        if searched not in self._nearest:
            rows = [row for row, track in enumerate(self.lines.tracks) if track in searched]
            goes_on = [
                row + 1 == after and self._goes_on(row, after)
                for row, after in pairwise([*rows, len(self.lines)])
            ]
            self._nearest[searched] = NearestLines(self.lines, rows, goes_on, printed=term.kind == "shows")
        chosen = None if content_ids is None else frozenset(content_ids)
        return _once(
            [
                replace(
                    self._hit(
                        tuple(row for row, *_ in near.pieces),
                        [(row, start, end, near.likeness) for row, start, end in near.pieces],
                    ),
                    nearest=True,
                )
                for near in self._nearest[searched].search(term.text, content_ids=chosen, limit=limit)
            ]
        )

    def search_all(
        self, words: Sequence[str], *, tracks: Collection[str], content_ids: Collection[str] | None = None
    ) -> list[tuple[WordHit, bool]]:
        """Lines that have all of some words, with their neighbours, in any order and form.

        Lines that share one are one place; of words too common to look through, nothing.

        Returns:
            Each place, and whether the words are in this order there.
        """
        chosen = None if content_ids is None else frozenset(content_ids)
        options = [{matching.stem(word).removesuffix("i").translate(_DROPPED) or word} for word in words]
        counts = [sum(self._whole.count(piece) for piece in pieces) for pieces in options]
        if not 0 < min(counts) <= MOST_LINES:
            return []
        found: list[tuple[WordHit, bool]] = []
        used: set[int] = set()
        for row in self._rows_with(options[counts.index(min(counts))]):
            there = self.lines.tracks[row] in tracks
            if not there or row in used or (chosen is not None and self.lines.content_ids[row] not in chosen):
                continue
            for around in ((row,), (row - 1, row), (row, row + 1)):
                if all(self._goes_on(*pair) for pair in pairwise(around)) and not used & set(around):
                    place = self._place_of_all(around, words)
                    if place is not None:
                        found.append(place)
                        used.update(around)
                        break
        return found

    def _place_of_all(self, rows: Sequence[int], words: Sequence[str]) -> tuple[WordHit, bool] | None:
        """All of some words in some lines; None where one is missing."""
        text = " ".join(self.lines.texts[row] for row in rows)
        tokens = tokens_of(text)
        firsts, marks = [], set()
        for word in words:
            occurrences = matching.occurrences(tokens_of(word), tokens, matching.same_stem)
            if not occurrences:
                return None
            firsts.append(occurrences[0].first)
            marks |= {(tokens.places[o.first][0], tokens.places[o.end - 1][1]) for o in occurrences}
        lines = tuple(self.lines.hit(row) for row in rows)
        return WordHit(lines, text, _apart(sorted(marks)), 1.0), firsts == sorted(firsts)

    # -- Which lines ---------------------------------------------------------------------------------------

    def _candidates(self, term: WordTerm, wanted: WordTokens) -> list[int]:
        """Lines that may have the words, or a part of them: those with the rarest one."""
        if term.fuzzy:
            longest = max(range(len(wanted.tokens)), key=lambda n: len(wanted.tokens[n]))
            return self._rows_with(self._similar_words(wanted, longest, compare_for(term)))
        if term.exact and len(wanted.tokens) > 1 and not _has_numbers(wanted):
            return self._rows_with_phrase(wanted)
        options = [self._spelled(wanted, place, term) for place in _own_places(wanted)]
        counts = [sum(self._whole.count(piece) for piece in pieces) for pieces in options]
        return self._rows_with(options[counts.index(min(counts))])

    def _rows_with_phrase(self, wanted: WordTokens) -> list[int]:
        """The lines in which some words begin that stand one after the other, with no letter between them."""
        pieces = (re.escape(token.translate(_DROPPED) or token) for token in wanted.tokens)
        found = re.finditer(r"[\W_]*".join(pieces), self._whole)
        return sorted({bisect_right(self._ends, match.start()) for match in found})

    def _spelled(self, wanted: WordTokens, place: int, term: WordTerm) -> set[str]:
        """What a line has of which the words from a place on are a reading."""
        pieces = {piece for reading, _ in wanted.readings[place] for piece in spellings(reading)}
        if not term.exact:
            pieces = {matching.stem(piece).removesuffix("i") for piece in pieces}
        return {piece.translate(_DROPPED) or piece for piece in pieces}

    def _similar_words(self, wanted: WordTokens, place: int, compare: matching.Compare) -> set[str]:
        """The words of the index that may be a wanted word, or a part of it, with typing errors."""
        if self._vocabulary is None:
            self._vocabulary = frozenset(_WORD.findall(self._whole))
        readings = {reading for reading, _ in wanted.readings[place]}
        if place:
            readings.update(reading for reading, taken in wanted.readings[place - 1] if taken > 1)
        return {
            word
            for word in self._vocabulary
            for reading in readings
            if compare(reading, word) is not None
            or (len(word) >= _LEAST_PIECE and (reading.startswith(word) or reading.endswith(word)))
        }

    def _rows_with(self, pieces: Iterable[str]) -> list[int]:
        """The lines with any of some pieces of text."""
        rows: set[int] = set()
        for piece in pieces:
            at = self._whole.find(piece) if piece else -1
            while at >= 0:
                row = bisect_right(self._ends, at)
                rows.add(row)
                at = self._whole.find(piece, self._ends[row])
        return sorted(rows)

    # -- Word by word --------------------------------------------------------------------------------------

    def _places(
        self, row: int, wanted: WordTokens, term: WordTerm
    ) -> Iterable[tuple[tuple[int, ...], list[tuple[int, int, int, float]]]]:
        """Where the words are in a line and its neighbours: the lines, and line, start, end, likeness."""
        around = self._around(row, len(wanted.tokens))
        text = " ".join(self.lines.texts[n] for n in around)
        begins = list(accumulate((len(self.lines.texts[n]) + 1 for n in around), initial=0))
        tokens = tokens_of(text, loose=term.fuzzy)
        for found in matching.occurrences(wanted, tokens, compare_for(term)):
            pieces = []
            for start, end in _joined_places(tokens.places[found.first : found.end], begins):
                number = bisect_right(begins, start) - 1
                pieces.append((around[number], start - begins[number], end - begins[number], found.likeness))
            yield tuple(sorted({piece[0] for piece in pieces})), pieces

    def _around(self, row: int, words: int) -> list[int]:
        """A line and those right before and after it that a phrase of some words may begin or end in."""
        before: list[int] = []
        after: list[int] = []
        for near, step in ((before, -1), (after, 1)):
            at, missing = row, words - 1
            while missing > 0 and self._goes_on(at, at + step):
                at += step
                near.append(at)
                missing -= max(1, len(tokens_of(self.lines.texts[at]).tokens))
        return [*reversed(before), row, *after]

    def _goes_on(self, row: int, other: int) -> bool:
        """Whether a phrase may go on from one line to a neighbour."""
        lines = self.lines
        if not 0 <= other < len(lines):
            return False
        first, second = min(row, other), max(row, other)
        return (
            lines.content_ids[first] == lines.content_ids[second]
            and lines.tracks[first] == lines.tracks[second]
            and lines.languages[first] == lines.languages[second]
            and lines.starts_seconds[second] - lines.ends_seconds[first] <= JOIN_SECONDS
            and lines.starts_seconds[second] >= lines.starts_seconds[first]
        )

    def _hit(self, rows: tuple[int, ...], found: Collection[tuple[int, int, int, float]]) -> WordHit:
        texts = [self.lines.texts[row] for row in rows]
        begins = dict(zip(rows, accumulate((len(text) + 1 for text in texts), initial=0), strict=False))
        marks = sorted({(begins[row] + start, begins[row] + end) for row, start, end, _ in found})
        likeness = max(likeness for *_, likeness in found)
        return WordHit(tuple(self.lines.hit(row) for row in rows), " ".join(texts), _apart(marks), likeness)


def _has_numbers(wanted: WordTokens) -> bool:
    """Whether any of some words may be written in another way: numbers, and signs that are words."""
    return any(spellings(reading) != {reading} for readings in wanted.readings for reading, _ in readings)


def _own_places(wanted: WordTokens) -> list[int]:
    """The places of words that no reading from before them takes in ("one" of "twenty-one" is not)."""
    taken = {
        place
        for start, readings in enumerate(wanted.readings)
        for _, count in readings
        for place in range(start + 1, start + count)
    }
    return [place for place in range(len(wanted.tokens)) if place not in taken]


def _joined_places(places: Sequence[tuple[int, int]], begins: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches of a text that some words in a row take, cut where a line ends."""
    joined: list[tuple[int, int]] = []
    for start, end in places:
        line = bisect_right(begins, start)
        if joined and bisect_right(begins, joined[-1][0]) == line:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _merged(
    groups: dict[tuple[int, ...], set[tuple[int, int, int, float]]],
) -> dict[tuple[int, ...], set[tuple[int, int, int, float]]]:
    """Groups of lines that share one become one."""
    merged: list[tuple[set[int], set[tuple[int, int, int, float]]]] = []
    for rows, found in sorted(groups.items()):
        if merged and not merged[-1][0].isdisjoint(rows):
            merged[-1][0].update(rows)
            merged[-1][1].update(found)
        else:
            merged.append((set(rows), set(found)))
    return {tuple(sorted(rows)): found for rows, found in merged}


def _apart(marks: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Marks in order, those that overlap as one."""
    apart: list[tuple[int, int]] = []
    for start, end in marks:
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return tuple(apart)


def _once(hits: Sequence[WordHit]) -> list[WordHit]:
    """Hits without the speech that a subtitle of the same language has in the same words.

    Speech that a subtitle covers with other words stays, unlike in ``footage.core.speech_cover``: subtitles
    are often shorter than what is said, and the words are looked for, not read.
    """
    subtitles: dict[str, list[WordHit]] = {}
    for hit in hits:
        if hit.track == SUBTITLE_TRACK:
            subtitles.setdefault(hit.content_id, []).append(hit)

    def said_twice(hit: WordHit) -> bool:
        return hit.track == SPEECH_TRACK and any(
            same_language(hit.lines[0].language, other.lines[0].language)
            and overlap_seconds(hit.span, other.span)
            >= COVERED_PART * min(hit.span.duration_seconds, other.span.duration_seconds)
            for other in subtitles.get(hit.content_id, ())
        )

    return [hit for hit in hits if not said_twice(hit)]
