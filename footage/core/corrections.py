"""Corrections: what a person writes in place of a wrong caption, and how it replaces the caption; pure.

A correction is made for an event: for its words and its time; one without words removes the event. Events are
derived from captions again and again, so it finds its event anew each time, by these, not by an id that
captioning anew would change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from footage.core.timecode import iou, overlap_seconds
from footage.core.timeline import event_id, normalise_text
from footage.core.types import Event, Span

SAME_IOU = 0.5
"""Two spans agree from this IoU on; the field's usual bar for a span that is right."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One version of the correction of an event. The latest one that was not undone counts."""

    id: str
    """Names it."""
    content_id: str
    """The video."""
    original_span: Span
    """When the event it was made for happens according to the caption, in video time."""
    original_text: str
    """What happens according to the caption."""
    span: Span
    """When it happens, in video time."""
    text: str
    """What happens; empty where the event is removed."""
    author: str = ""
    """Who says so, as typed."""
    made_at: float = 0.0
    """When, seconds since the epoch."""
    undone_at: float = 0.0
    """When it was taken back, seconds since the epoch; 0 while it stands."""

    @property
    def original(self) -> tuple[str, Span, str]:
        """Video, span and text of the event that it was made for: what its versions have in common."""
        return self.content_id, self.original_span, self.original_text

    @property
    def removes(self) -> bool:
        """Whether it removes its event: nothing takes the place of that."""
        return not self.text

    @property
    def event_id(self) -> str:
        """Id of the event that it makes, or removes."""
        if self.removes:
            return event_id(*self.original)
        return event_id(self.content_id, self.span, self.text)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A timeline in which corrections have taken the place of what they were made for."""

    events: tuple[Event, ...]
    """The events, by start."""
    matched: tuple[Correction, ...] = ()
    """Standing corrections that took an event's place."""
    unmatched: tuple[Correction, ...] = ()
    """Standing corrections whose event is no longer there, as after captioning anew in other words. What they
    say is an event all the same, beside the new captions, wherever a window shows that time; those that
    remove an event change nothing."""


def standing(corrections: Iterable[Correction]) -> list[Correction]:
    """The latest version for each event that was not taken back, oldest first."""
    latest: dict[tuple[str, Span, str], Correction] = {}
    for correction in sorted(corrections, key=lambda each: (each.made_at, each.id)):
        if not correction.undone_at:
            latest[correction.original] = correction
    return sorted(latest.values(), key=lambda each: (each.made_at, each.id))


def restored(corrections: Iterable[Correction]) -> list[Correction]:
    """Removals that were taken back, of events for which nothing stands: the caption counts again."""
    listed = list(corrections)
    stands, added = {each.original for each in standing(listed)}, additions(listed)
    return [
        each
        for each in listed
        if each.removes and each.original not in stands and each.original[1:] not in added
    ]


def redoable(corrections: Iterable[Correction]) -> list[Correction]:
    """For each event, the version that was taken back last and could count again, by when it was made.

    A version that was made before the standing one cannot: the standing one would still count.
    """
    listed = list(corrections)
    stands = {each.original: each for each in standing(listed)}
    last: dict[tuple[str, Span, str], Correction] = {}
    for each in listed:
        original = each.original
        now = stands.get(original)
        if not each.undone_at or (now and now.made_at >= each.made_at):
            continue
        if original not in last or last[original].undone_at < each.undone_at:
            last[original] = each
    return sorted(last.values(), key=lambda each: (each.made_at, each.id))


def additions(corrections: Iterable[Correction]) -> set[tuple[Span, str]]:
    """Span and text of what persons added that no caption mentions: its first version replaces itself."""
    first: dict[tuple[str, Span, str], Correction] = {}
    for each in sorted(corrections, key=lambda each: (each.made_at, each.id)):
        first.setdefault(each.original, each)
    return {
        (each.original_span, each.original_text)
        for each in first.values()
        if (each.span, each.text) == (each.original_span, each.original_text)
    }


def apply(
    content_id: str,
    events: Sequence[Event],
    corrections: Iterable[Correction],
    *,
    windows: Mapping[int, Span],
) -> Corrected:
    """Replace captioned events by their corrections, and leave out those that were removed.

    A correction takes the place of the events that say what it was made for, or what it says itself, at that
    time: words equal (case, spacing and closing punctuation aside), spans alike (``SAME_IOU``). Applying it
    twice changes nothing more, and the order of events does not matter.

    Args:
        content_id: The video.
        events: Its events as derived from captions.
        corrections: Every version of its corrections.
        windows: Spans of its committed windows by index; an event belongs to those it overlaps.
    """
    latest = [each for each in standing(corrections) if each.content_id == content_id]
    said: dict[str, list[Correction]] = defaultdict(list)
    for correction in latest:
        for words in {normalise_text(text) for text in (correction.original_text, correction.text) if text}:
            said[words].append(correction)
    kept: dict[str, Event] = {}
    matched: set[str] = set()
    for event in events:
        meant = [each for each in said[normalise_text(event.text)] if _means(each, event)]
        matched |= {each.id for each in meant}
        if not meant:
            kept[event.id] = event
    for correction in latest:
        indexes = () if correction.removes else _windows_of(correction, windows)
        if indexes:
            made = correction.event_id, content_id, correction.span, correction.text
            kept[correction.event_id] = Event(*made, tuple(indexes))
    return Corrected(
        tuple(sorted(kept.values(), key=lambda event: (event.span, event.text, event.id))),
        tuple(each for each in latest if each.id in matched),
        tuple(each for each in latest if each.id not in matched),
    )


def same_time(one: Span, other: Span) -> bool:
    """Whether two spans agree: equal, or alike (``SAME_IOU``)."""
    return one == other or iou(one, other) >= SAME_IOU


def _means(correction: Correction, event: Event) -> bool:
    text = normalise_text(event.text)
    return (
        text == normalise_text(correction.original_text) and same_time(correction.original_span, event.span)
    ) or (text == normalise_text(correction.text) and same_time(correction.span, event.span))


def _windows_of(correction: Correction, windows: Mapping[int, Span]) -> list[int]:
    """The windows that show the time of a correction; an instant lies in those that hold it."""
    span = correction.span
    return sorted(
        index
        for index, window in windows.items()
        if overlap_seconds(span, window) > 0
        or (span.duration_seconds == 0 and window.start_seconds <= span.start_seconds < window.end_seconds)
    )
