"""Finds what cannot be true of a truth file by arithmetic alone; asks no model and opens no video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from evaluation.audit.written import Pair, WrittenEntry
from footage.core.timecode import format_time
from footage.core.timeline import normalise_text
from footage.core.types import Span, on_grid
from search.claims.records import ClaimError, Severity

ROUNDING_SECONDS = 0.05
"""An end this far past the end of the video is no error: half a unit of a time with one decimal, and about
the length of a frame, by which programs differ about the end of a video."""
DURATION_TOLERANCE_SECONDS = 1.0
"""Containers count a video's last frame and its sound differently; a greater difference is an error."""
MAJOR_DURATION_SHARE = 0.1
"""A duration that is wrong by more than this share is that of another cut of the video."""
MAJOR_OUTSIDE_SHARE = 0.5
"""A span of which more than this share lies outside the video leads a viewer to another moment."""


def check_duration(written_seconds: float | None, real_seconds: float | None) -> list[ClaimError]:
    """The error of a video's written duration, if any; nothing where one of both is not known."""
    if written_seconds is None or real_seconds is None:
        return []
    if written_seconds <= 0:
        return [
            _error("major", f"The duration is written as {written_seconds:g} s.", format_time(real_seconds))
        ]
    apart = abs(written_seconds - real_seconds)
    if apart <= DURATION_TOLERANCE_SECONDS:
        return []
    severity: Severity = "major" if apart > MAJOR_DURATION_SHARE * real_seconds else "minor"
    sentence = f"The video lasts {real_seconds:.1f} s, not {written_seconds:.1f} s."
    return [_error(severity, sentence, format_time(real_seconds))]


def check_times(
    entry: WrittenEntry, duration_seconds: float | None, *, is_written: bool = False
) -> list[ClaimError]:
    """Errors in the times of one entry.

    Args:
        entry: The entry.
        duration_seconds: Length of the video; None while unknown.
        is_written: Whether that is what the file says. Then an end past it is an error from half a unit of
            its last decimal on, else from ``ROUNDING_SECONDS`` on.
    """
    errors: list[ClaimError] = []
    for pair in entry.pairs:
        tolerance = _rounding_of(pair[1]) if is_written else ROUNDING_SECONDS
        errors += _check_pair(pair, duration_seconds, tolerance)
    spans = sorted(valid_spans(entry, None))
    for before, after in pairwise(spans):
        if after.start_seconds < before.end_seconds:
            both = Span(before.start_seconds, max(before.end_seconds, after.end_seconds))
            sentence = f"Two spans of the entry overlap: {clock(before)} and {clock(after)}."
            errors.append(_error("minor", sentence, clock(both), both))
    return errors


def check_equal_texts(entries: Sequence[WrittenEntry], *, is_own: bool) -> dict[str, ClaimError]:
    """Errors of entries of one video that have the same text, by the id of the entry.

    The later of two overlapping entries is a duplicate. Two entries with the same text at different times
    leave each other's moment out, so that a right answer counts as wrong; not so in this project's own
    format, where entries with the same text are one query (``is_own``).
    """
    errors: dict[str, ClaimError] = {}
    for same in _same_texts(entries).values():
        untimed = [entry for entry in same if not entry.pairs]
        for entry in untimed[1:]:
            errors[entry.id] = _error("minor", f'The same text stands in entry "{untimed[0].id}".')
        # 1. In the order of time, whatever begins before the latest end so far overlaps what ends there.
        timed = sorted(
            ((span, number) for number, entry in enumerate(same) for span in valid_spans(entry, None)),
            key=lambda pair: (pair[0].start_seconds, pair[1]),
        )
        apart: list[int] = []
        latest: tuple[Span, int] | None = None
        for span, number in timed:
            if latest is None or span.start_seconds >= latest[0].end_seconds:
                apart.append(number)
            elif latest[1] != number:
                errors.setdefault(same[number].id, _overlapping(span, latest[0], same[latest[1]]))
            if latest is None or span.end_seconds > latest[0].end_seconds:
                latest = (span, number)
        # 2. Entries at other times are left out of each other.
        if not is_own:
            for number, other in zip(apart, (*apart[1:], *apart[:1]), strict=True):
                if number != other:
                    errors.setdefault(same[number].id, _left_out(same[other]))
    return errors


def valid_spans(entry: WrittenEntry, duration_seconds: float | None) -> tuple[Span, ...]:
    """The spans of an entry as far as they can be: inside the video, with a length, not reversed."""
    end = float("inf") if duration_seconds is None else duration_seconds
    spans = []
    for first, last in entry.pairs:
        start, stop = max(on_grid(first), 0.0), min(on_grid(last), on_grid(end))
        if start < stop:
            spans.append(Span(start, stop))
    return tuple(spans)


def clock(span: Span) -> str:
    """A span as in "0:12.0-0:16.5"; the form of a suggestion."""
    return f"{format_time(span.start_seconds)}-{format_time(span.end_seconds)}"


def _check_pair(pair: Pair, duration: float | None, tolerance: float) -> Iterator[ClaimError]:
    start, end = map(on_grid, pair)
    if end < start:
        swapped = Span.clamped(end, start)
        yield _error(
            "major", f"The span ends before it starts: {start:g} to {end:g} s.", clock(swapped), swapped
        )
        return
    if start < 0:
        yield _error("minor", f"The span starts before the video: {start:g} s.", clock(Span.clamped(0, end)))
    if start == end:
        yield _error("major", f"The span has no length: {start:g} to {end:g} s.")
    if duration is None:
        return
    if start >= duration:
        sentence = f"The span starts at {format_time(start)}, but the video lasts {format_time(duration)}."
        yield _error("major", sentence)
    elif end > on_grid(duration + tolerance):
        outside = (end - duration) / (end - start)
        sentence = f"The span ends at {format_time(end)}, {end - duration:.2f} s after the end of the video."
        inside = Span.clamped(start, duration)
        yield _error("major" if outside > MAJOR_OUTSIDE_SHARE else "minor", sentence, clock(inside), inside)


def _rounding_of(seconds: float) -> float:
    """How far a time may be from the one that was meant, by the decimals with which it is written."""
    _, _, decimals = repr(seconds).partition(".")
    return ROUNDING_SECONDS if len(decimals) < 2 or "e" in decimals else 0.5 * 10.0 ** -len(decimals)


def _same_texts(entries: Sequence[WrittenEntry]) -> Mapping[str, list[WrittenEntry]]:
    """Entries by their text as texts are compared, where at least two have it."""
    found: dict[str, list[WrittenEntry]] = {}
    for entry in entries:
        if entry.text:
            found.setdefault(normalise_text(entry.text), []).append(entry)
    return {text: same for text, same in found.items() if len(same) > 1}


def _overlapping(span: Span, before: Span, other: WrittenEntry) -> ClaimError:
    """The error of a span of an entry at the time of another entry with the same text."""
    if span == before:
        return _error("minor", f'The same text and time stand in entry "{other.id}".', span=span)
    end = max(span.end_seconds, before.end_seconds)
    both = Span(min(span.start_seconds, before.start_seconds), end)
    sentence = f'Entry "{other.id}" has the same text at an overlapping time, {clock(before)}.'
    return _error("minor", sentence, clock(both), both)


def _left_out(other: WrittenEntry) -> ClaimError:
    """The error of an entry that leaves out the moments of another entry with the same text."""
    times = ", ".join(clock(span) for span in valid_spans(other, None))
    sentence = f'The same text is true at another time, {times}, which is entry "{other.id}" alone.'
    return ClaimError("missing", "minor", sentence, 1, 1)


def _error(severity: Severity, sentence: str, suggestion: str = "", span: Span | None = None) -> ClaimError:
    """An error that arithmetic alone shows: one vote of one."""
    return ClaimError("time", severity, sentence, 1, 1, span, suggestion)
