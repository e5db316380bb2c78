"""Plants errors of known kinds in the true entries of drawn footage; knows no model and no judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from footage.core.timecode import iou, overlap_seconds
from footage.core.types import Span
from footage.synthetic.clips import (
    ALL_EVENTS,
    COLOURS,
    CROSSERS,
    DIRECTIONS,
    GRID_SECONDS,
    PLACES,
    STAYERS,
    SyntheticClip,
    SyntheticEvent,
)
from search.claims.records import ErrorKind, TextEntry

Planted = Literal["colour", "where", "object", "time", "invented", "missing"]
PLANTED: tuple[Planted, ...] = ("colour", "where", "object", "time", "invented", "missing")
MOVED_SECONDS = (1.0, 10.0)
"""Least and most by which a time is moved."""
_TRIES = 200
_STREAM = 0xA0D17


@dataclass(frozen=True, slots=True)
class PlantedEntry:
    """An entry, and the error that was planted in it."""

    entry: TextEntry
    """The entry, as it stands in the corrupted file."""
    planted: Planted | None
    """The error; None for an entry that was left as it is."""
    kinds: frozenset[ErrorKind] = frozenset()
    """The kind of error that it is."""
    moved_seconds: float = 0.0
    """By how much its time was moved; 0 for other errors."""


@dataclass(frozen=True, slots=True)
class CorruptedClip:
    """The entries of one clip after errors were planted."""

    path: str
    """The clip."""
    entries: tuple[PlantedEntry, ...]
    """Its entries, by time."""
    missing: tuple[SyntheticEvent, ...]
    """The events whose entries were taken out."""


def corrupt(clips: Mapping[str, SyntheticClip], *, seed: int, rate: float) -> list[CorruptedClip]:
    """Plant errors in the entries of some clips.

    Args:
        clips: The clips, by path.
        seed: Which errors.
        rate: Share of all events that get an error of each kind; invented ones are added.
    """
    rng = np.random.default_rng([_STREAM, seed])
    events = [(path, n) for path, clip in clips.items() for n in range(len(clip.events))]
    count = max(1, round(rate * len(events)))
    order = [events[int(n)] for n in rng.permutation(len(events))]
    kinds: dict[tuple[str, int], Planted] = {}
    for place, planted in enumerate(each for each in PLANTED if each != "invented"):
        kinds |= dict.fromkeys(order[place * count : (place + 1) * count], planted)
    made: dict[str, list[PlantedEntry]] = {path: [] for path in clips}
    for path, clip in clips.items():
        for n, event in enumerate(clip.events):
            if kinds.get((path, n)) != "missing":
                entry = TextEntry(f"{n}", event.sentence, (_span(event),))
                made[path].append(_planted(entry, event, clip, kinds.get((path, n)), rng))
    paths = list(clips)
    for n in range(count):
        path = paths[int(rng.integers(len(paths)))]
        made[path] += _invented(f"invented-{n}", clips[path], rng)
    return [
        CorruptedClip(
            path,
            tuple(sorted(made[path], key=lambda each: each.entry.spans)),
            tuple(event for n, event in enumerate(clip.events) if kinds.get((path, n)) == "missing"),
        )
        for path, clip in clips.items()
    ]


def _planted(
    entry: TextEntry,
    event: SyntheticEvent,
    clip: SyntheticClip,
    planted: Planted | None,
    rng: np.random.Generator,
) -> PlantedEntry:
    """The entry with its error; as it is where none can be planted."""
    if planted == "time":
        return _moved(entry, event, clip, rng)
    if planted is None:
        return PlantedEntry(entry, None)
    choices = list(_others(event, planted))
    for place in rng.permutation(len(choices)):
        text = choices[int(place)].sentence
        if not _is_true(text, _span(event), clip):
            kind: ErrorKind = "attribute" if planted == "colour" else "object"
            if planted == "where":
                kind = "action" if event.crosses else "attribute"
            return PlantedEntry(replace(entry, text=text), planted, frozenset({kind}))
    return PlantedEntry(entry, None)


def _others(event: SyntheticEvent, planted: Planted) -> Iterator[SyntheticEvent]:
    """The event with another colour, direction or place, or thing."""
    if planted == "colour":
        yield from (replace(event, colour=each) for each in COLOURS if each != event.colour)
    elif planted == "where":
        places = DIRECTIONS if event.crosses else PLACES
        yield from (replace(event, where=each) for each in places if each != event.where)
    else:
        verbs = CROSSERS if event.crosses else STAYERS
        yield from (replace(event, kind=kind, verb=verbs[kind]) for kind in verbs if kind != event.kind)


def _moved(
    entry: TextEntry, event: SyntheticEvent, clip: SyntheticClip, rng: np.random.Generator
) -> PlantedEntry:
    """The entry at another time, where that is possible."""
    least, most = (round(seconds / GRID_SECONDS) for seconds in MOVED_SECONDS)
    length = event.end_seconds - event.start_seconds
    for _ in range(_TRIES):
        by = float(rng.integers(least, most + 1) * GRID_SECONDS * rng.choice((-1, 1)))
        start = event.start_seconds + by
        if start < 0 or start + length > clip.duration_seconds:
            continue
        span = Span(start, start + length)
        others = [each for each in clip.events if each is not event and each.sentence == event.sentence]
        if not any(iou(_span(each), span) > 0 for each in others):
            return PlantedEntry(replace(entry, spans=(span,)), "time", frozenset({"time"}), abs(by))
    return PlantedEntry(entry, None)


def _invented(name: str, clip: SyntheticClip, rng: np.random.Generator) -> Sequence[PlantedEntry]:
    """An entry about something that does not take place, and that no single other detail would make true."""
    for _ in range(_TRIES):
        what = ALL_EVENTS[int(rng.integers(len(ALL_EVENTS)))]
        length = float(rng.integers(4, 17)) * GRID_SECONDS
        latest = int((clip.duration_seconds - length) / GRID_SECONDS)
        start = float(rng.integers(0, latest + 1)) * GRID_SECONDS
        event = SyntheticEvent(*what, start, start + length, 0)
        near = [each for each in clip.events if overlap_seconds(_span(each), _span(event)) > 0]
        if any(each.sentence == event.sentence for each in clip.events):
            continue
        if all(_differences(event, each) > 1 for each in near):
            entry = TextEntry(name, event.sentence, (_span(event),))
            return [PlantedEntry(entry, "invented", frozenset({"invented"}))]
    return []


def _differences(one: SyntheticEvent, other: SyntheticEvent) -> int:
    pairs = ((one.kind, other.kind), (one.colour, other.colour), (one.where, other.where))
    return sum(mine != theirs for mine, theirs in pairs)


def _is_true(text: str, span: Span, clip: SyntheticClip) -> bool:
    """Whether a sentence is true of anything at a time."""
    return any(each.sentence == text and overlap_seconds(_span(each), span) > 0 for each in clip.events)


def _span(event: SyntheticEvent) -> Span:
    return Span(event.start_seconds, event.end_seconds)
