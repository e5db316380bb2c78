"""Makes events of the readings of texts at their places; pure, knows neither pictures nor the recogniser.

A ``Sighting`` is what stood at one place without a break. Near-equal readings of it are one text, decided by
vote; numbers that run (clocks, timecode, counters) are one event with all their readings; what two windows
saw of one text is joined.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

from footage.core.types import CaptionEvent, Span, TextBox

MOST_EVENTS = 400
"""Most events of one window; beyond, those that are seen for the shortest time are left out."""
MOST_BOXES = 6
"""Most boxes of an event whose text stays the same."""
MOST_RUNNING_BOXES = 160
"""Most boxes of a text that runs: both sides of each second of a window of a minute, and some more."""
SIMILAR = 0.75
"""Least share of equal letters of two readings of one text."""
_RUNS_SECONDS = 3.0
"""A text with digits that changes at least this often runs; a score board does not."""
_LEAST_VALUES = 3
"""Fewest different readings of a text that runs."""
TO = " to "
"""Stands between the first and the last reading of a text that runs, in the text of its event."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read at one place."""

    at_seconds: float
    """When, in video time."""
    until_seconds: float
    """Last sampled time at which the picture there was still the same."""
    text: str
    """What it says."""
    score: float
    """How sure the recogniser is, 0 to 1."""
    box: TextBox
    """Where."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A text that stands in the picture without a break, as far as the watching goes."""

    span: Span
    """From first to last sight, in video time."""
    readings: tuple[Reading, ...]
    """In order of time; at least one."""
    moves: bool = False
    """Whether it moves through the picture."""


def events_of(sightings: Iterable[Sighting], *, within: Span) -> tuple[CaptionEvent, ...]:
    """The events of one window, ascending; what is no text by its scores is left out."""
    joined = _joined_sightings([part for each in sightings for part in _parts(each)])
    events = [event for each in joined if (event := _event(each, within)) is not None]
    if len(events) > MOST_EVENTS:
        events = sorted(events, key=lambda event: -event.span.duration_seconds)[:MOST_EVENTS]
    return tuple(sorted(events, key=lambda event: (event.span, event.text)))


def join_cut(
    events: Sequence[CaptionEvent], cuts: Iterable[Span], *, near_seconds: float
) -> tuple[CaptionEvent, ...]:
    """Join the events of one text that windows cut in two.

    Args:
        events: Of all windows, in any order.
        cuts: The spans of the windows.
        near_seconds: How near to the edge of its window an event ends that goes on in the next one.
    """
    edges = sorted({edge for cut in cuts for edge in (cut.start_seconds, cut.end_seconds)})
    waiting: list[CaptionEvent] = sorted(events, key=lambda event: (event.span, event.text))
    for edge in edges:
        ending = [each for each in waiting if abs(each.span.end_seconds - edge) <= near_seconds]
        taken: set[int] = set()
        for event in waiting:
            if abs(event.span.start_seconds - edge) > near_seconds or event.span.end_seconds <= edge:
                continue
            partner = max(
                (each for each in ending if id(each) not in taken and _one_text(each, event)),
                key=lambda each: _similarity(each.text, event.text),
                default=None,
            )
            if partner is not None and partner is not event:
                taken.add(id(partner))
                waiting = [each for each in waiting if each is not partner and each is not event]
                waiting.append(_both(partner, event))
    return tuple(sorted(waiting, key=lambda event: (event.span, event.text)))


def skeleton(text: str) -> str:
    """A text with every digit, and every letter that is mistaken for one, as 0, and without spaces."""
    return re.sub(r"(?<=[0-9:/.])[OoIlSBZ]|[OoIlSBZ](?=[0-9:/.])|\d", "0", re.sub(r"\s+", "", text))


def similar(text: str, other: str) -> bool:
    """Whether two texts can be readings of one."""
    return _similarity(text, other) >= SIMILAR


def runs_on(text: str, other: str) -> bool:
    """Whether two readings can be of one number that runs: the same but for their digits."""
    first, second = skeleton(text), skeleton(other)
    return "0" in first and first.count("0") >= 2 and _similarity(first, second) >= _SAME_SKELETON


_SAME_SKELETON = 0.8


def is_running(event: CaptionEvent) -> bool:
    """Whether an event is a number that runs; its boxes then hold the readings."""
    return any(box.text for box in event.boxes)


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _similarity(text: str, other: str) -> float:
    first, second = _plain(text), _plain(other)
    if first == second:
        return 1.0 if first or text == other else 0.0
    if not first or not second:
        return 0.0
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _digits(text: str) -> str:
    return "".join(re.findall(r"\d", text))


def _parts(sighting: Sighting) -> list[Sighting]:
    """A sighting cut where its text becomes another one: not for misreadings, and not while a number runs."""
    runs: list[list[Reading]] = []
    for reading in sighting.readings:
        last = runs[-1][-1].text if runs else ""
        same = runs and (similar(last, reading.text) or runs_on(last, reading.text))
        same = same or (sighting.moves and _shares(last, reading.text))
        if same:
            runs[-1].append(reading)
        else:
            runs.append([reading])
    pieces: list[list[Reading]] = []
    for run in runs:
        pieces += [run] if _running(run) else _by_value(run)
    if len(pieces) == 1:
        return [sighting]
    parts, start = [], sighting.span.start_seconds
    for piece, following in pairwise([*pieces, []]):
        end = sighting.span.end_seconds
        if following:
            until = min(piece[-1].until_seconds, following[0].at_seconds)
            end = min(max(start, (until + following[0].at_seconds) / 2), end)
        parts.append(Sighting(Span.clamped(start, end), tuple(piece), sighting.moves))
        start = end
    return parts


def _shares(text: str, other: str) -> bool:
    """Whether two readings can be parts of one text that crawls."""
    block = SequenceMatcher(None, text, other, autojunk=False).find_longest_match()
    return block.size >= max(_LEAST_SHARED, min(len(text), len(other)) / 2)


def _running(readings: Sequence[Reading]) -> bool:
    """Whether readings of one skeleton are of a number that runs."""
    values = [_digits(reading.text) for reading in readings]
    changes = sum(before != after for before, after in pairwise(values))
    lasted = readings[-1].at_seconds - readings[0].at_seconds
    distinct = len(set(values))
    if distinct < _LEAST_VALUES or changes * _RUNS_SECONDS < lasted:
        return False
    return distinct > len(values) / 2 or distinct >= changes * 0.6


def _by_value(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Readings of one skeleton that does not run, cut where its number changes for good."""
    pieces: list[list[Reading]] = [[readings[0]]]
    for number, reading in enumerate(readings[1:], 1):
        held, value = _digits(pieces[-1][-1].text), _digits(reading.text)
        later = [_digits(each.text) for each in readings[number + 1 :]]
        sure = value not in later and held in later  # a misreading: the old value comes back
        if value == held or sure or not value or not held:
            pieces[-1].append(reading)
        else:
            pieces.append([reading])
    return pieces


def _joined_sightings(sightings: list[Sighting]) -> list[Sighting]:
    """Sightings of one text with a short break between them, as one."""
    joined: list[Sighting] = []
    for each in sorted(sightings, key=lambda sighting: sighting.span):
        partner = next((number for number, old in enumerate(joined) if _goes_on(old, each)), None)
        if partner is None:
            joined.append(each)
            continue
        old = joined[partner]
        end = max(old.span.end_seconds, each.span.end_seconds)
        joined[partner] = Sighting(
            Span(old.span.start_seconds, end),
            tuple(sorted((*old.readings, *each.readings), key=lambda reading: reading.at_seconds)),
            old.moves or each.moves,
        )
    return joined


BREAK_SECONDS = 2.0
"""Longest break in which a text counts as still there: something passed before it, or a reading failed."""


def _goes_on(old: Sighting, new: Sighting) -> bool:
    if not -0.01 <= new.span.start_seconds - old.span.end_seconds <= BREAK_SECONDS:
        return False
    before, after = old.readings[-1], new.readings[0]
    both_run = _running(old.readings) or _running(new.readings)
    if both_run and not runs_on(before.text, after.text):
        return False
    if not both_run and (
        not similar(_voted(old.readings)[0], _voted(new.readings)[0])
        or _digits(_voted(old.readings)[0]) != _digits(_voted(new.readings)[0])
    ):
        return False
    if _near(before.box, after.box):
        return True
    aligned = min(abs(before.box.left - after.box.left), abs(before.box.top - after.box.top)) < _ALIGNED
    return (old.moves or new.moves or aligned) and len(_plain(before.text)) >= _LEAST_LETTERS_ELSEWHERE


_ALIGNED = 0.02
"""How near a text that rolls or crawls stays to its column or row, as a share of the picture."""
_LEAST_LETTERS_ELSEWHERE = 5
"""Fewest letters by which a text that moves is known again at another place."""


def _near(box: TextBox, other: TextBox) -> bool:
    """Whether two boxes share most of the smaller one."""
    wide = min(box.right, other.right) - max(box.left, other.left)
    high = min(box.bottom, other.bottom) - max(box.top, other.top)
    if wide <= 0 or high <= 0:
        return False
    areas = [(each.right - each.left) * (each.bottom - each.top) for each in (box, other)]
    return wide * high >= 0.4 * min(areas)


def _voted(readings: Sequence[Reading]) -> tuple[str, float]:
    """The best reading of one text: the one that most, and the surest, agree on; and how sure they are."""
    weight: dict[str, float] = defaultdict(float)
    for reading in readings:
        weight[reading.text] += reading.score**4
    best = max(weight, key=lambda text: (weight[text], len(text), text))
    agreeing = [reading.score for reading in readings if reading.text == best]
    support = sum(agreeing) / len(agreeing)
    return best, round(support, 3)


def _event(sighting: Sighting, within: Span) -> CaptionEvent | None:
    """The event of a sighting; None where it is no text."""
    readings = sighting.readings
    span = Span.clamped(sighting.span.start_seconds, sighting.span.end_seconds, within=within)
    if span.duration_seconds <= 0:
        return None
    if _running(readings):
        return _running_event(readings, span)
    text, score = _voted(readings)
    if sighting.moves:
        text = stitched([reading.text for reading in readings if reading.score >= _SURE_ENOUGH]) or text
    agreeing = sum(similar(text, reading.text) for reading in readings)
    if not _legible(text, score, agreeing, span.duration_seconds, within.duration_seconds):
        return None
    boxes = [replace(reading.box, text="") for reading in readings]
    return CaptionEvent(span, text, score, language_of(text), boxes=_thinned(boxes, MOST_BOXES, within))


def stitched(texts: Sequence[str]) -> str:
    """The whole of a text that crawls through the picture, of what was read of it one after the other."""
    whole = texts[0] if texts else ""
    for text in texts[1:]:
        begin = max(0, len(whole) - len(text) - _MOST_LOST)
        tail = whole[begin:]
        block = SequenceMatcher(None, tail, text, autojunk=False).find_longest_match()
        if block.size < _LEAST_SHARED:
            continue
        further = len(text) - block.b - block.size - (len(tail) - block.a - block.size)
        if further > 0:
            whole = whole[: begin + block.a] + text[block.b :]
        elif len(text) > len(whole):
            whole = text
    return whole[:_MOST_STITCHED]


_LEAST_SHARED, _MOST_LOST, _MOST_STITCHED = 6, 30, 600
"""Letters that two readings of a crawling text share at least, that may be left behind, and that are kept."""


def _running_event(readings: Sequence[Reading], span: Span) -> CaptionEvent | None:
    """The event of a number that runs, with its readings."""
    sure = [reading for reading in readings if reading.score >= _SURE_ENOUGH]
    score = sum(reading.score for reading in sure) / max(1, len(sure))
    if len(sure) < _LEAST_VALUES or score < _LEAST_RUNNING_SCORE:
        return None
    boxes: list[TextBox] = []
    for reading in sure:
        boxes.append(replace(reading.box, at_seconds=reading.at_seconds, text=reading.text))
        if reading.until_seconds > reading.at_seconds and not _HAS_FRAMES.search(reading.text):
            boxes.append(replace(reading.box, at_seconds=reading.until_seconds, text=reading.text))
    kept = _thinned(boxes, MOST_RUNNING_BOXES, span)
    return CaptionEvent(span, range_text(sure[0].text, sure[-1].text), round(score, 3), "", boxes=kept)


_HAS_FRAMES = re.compile(r"\d[:.]\d\d[:;.,]\d\d[:;.,]\d\d")
_SURE_ENOUGH = 0.7
"""Least score of a reading of a number that runs."""
_LEAST_RUNNING_SCORE = 0.8
"""Least mean score of them; below, the digits of a blurred text change by misreading alone."""


def range_text(first: str, last: str) -> str:
    """What a number runs from and to, without saying twice what stays: "2026-03-01 14:03:10 to 14:03:58"."""
    if first == last:
        return first
    head, word = last.split(" ")[:-1], last.split(" ")[-1]
    shared = first.split(" ")[: len(head)]
    return f"{first}{TO}{word}" if head and head == shared and len(word) >= 4 else f"{first}{TO}{last}"


def _legible(text: str, score: float, agreeing: int, lasted: float, window: float) -> bool:
    """Whether a text is one by its scores; stray glyphs in scenes without text score 0.5 to 0.8."""
    letters = len(_plain(text))
    plain_to_see = score >= _PLAIN_SCORE and letters >= _PLAIN_LETTERS  # on something that passes quickly
    if not letters or (lasted < min(_LEAST_SECONDS, window / 2) and not plain_to_see):
        return False
    least = _LEAST_SCORES.get(letters, _LEAST_SCORE)
    if len(text) > 2 * letters + 2:
        least = max(least, _LEAST_SCORES[2])
    return score >= least and (agreeing >= 2 or score >= _ALONE)


_LEAST_SECONDS, _PLAIN_SCORE, _PLAIN_LETTERS = 0.4, 0.98, 5
"""Texts seen for less are left out, but for those with this score and number of letters."""
_LEAST_SCORES = {1: 0.98, 2: 0.95, 3: 0.92}
_LEAST_SCORE = 0.86
"""Least score of a text, by its number of letters and digits: see ``tests/benchmarks/screen_text``."""
_ALONE = 0.95
"""Least score of a text that was read once."""


def language_of(text: str) -> str:
    """The language of a text by its script, where that says it: Japanese, Chinese, Greek; else empty."""
    counts = {
        "ja": len(re.findall(r"[\u3040-\u30ff]", text)),
        "zh": len(re.findall(r"[\u4e00-\u9fff]", text)),
        "el": len(re.findall(r"[\u0370-\u03ff]", text)),
    }
    if counts["ja"]:
        return "ja"
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] * 2 > len(_plain(text)) else ""


def _thinned(boxes: Sequence[TextBox], most: int, within: Span) -> tuple[TextBox, ...]:
    """Boxes in order of time, each once, evenly thinned to a number; none outside the window."""
    held: dict[float, TextBox] = {}
    for box in boxes:
        if within.start_seconds <= box.at_seconds <= within.end_seconds:
            held.setdefault(box.at_seconds, box)
    ordered = [held[at] for at in sorted(held)]
    if len(ordered) <= most:
        return tuple(ordered)
    return tuple(ordered[round(number * (len(ordered) - 1) / (most - 1))] for number in range(most))


def _one_text(event: CaptionEvent, other: CaptionEvent) -> bool:
    """Whether two events at the edge of two windows are of one text."""
    if is_running(event) or is_running(other):
        said = [_last_text(event), _first_text(other)]
        if not runs_on(*said):
            return False
    elif not similar(event.text, other.text) or _digits(event.text) != _digits(other.text):
        return False
    if not event.boxes or not other.boxes:
        return True
    moved = len(_plain(event.text)) >= _LEAST_LETTERS_ELSEWHERE and event.text == other.text
    return moved or _near(event.boxes[-1], other.boxes[0])


def _last_text(event: CaptionEvent) -> str:
    return next((box.text for box in reversed(event.boxes) if box.text), event.text)


def _first_text(event: CaptionEvent) -> str:
    return next((box.text for box in event.boxes if box.text), event.text)


def _both(event: CaptionEvent, other: CaptionEvent) -> CaptionEvent:
    """One event of two that follow one another."""
    span = Span(event.span.start_seconds, max(event.span.end_seconds, other.span.end_seconds))
    longer, shorter = sorted((event, other), key=lambda each: -each.span.duration_seconds)
    confidence = max(
        (each.confidence for each in (event, other) if each.confidence is not None), default=None
    )
    boxes = tuple(sorted((*event.boxes, *other.boxes), key=lambda box: box.at_seconds))
    if is_running(event) or is_running(other):
        text = range_text(_first_text(event), _last_text(other))
        return CaptionEvent(span, text, confidence, longer.language, boxes=boxes)
    best = max((longer, shorter), key=lambda each: (each.confidence or 0.0, each.span.duration_seconds))
    return CaptionEvent(span, best.text, confidence, best.language, boxes=_thinned(boxes, MOST_BOXES, span))
