"""Times, places and reliability of the very words in a line, from the record behind it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from footage.core.timecode import overlap_seconds
from footage.core.types import CaptionEvent, Span, SpokenWord, TextBox
from search.words import matching
from search.words.lookup import WordHit
from search.words.tokens import WordTokens, tokens_of

CONTEXT_SECONDS = 0.3
"""Added before and after the words: the times of a speech recogniser are off by some tenths of a second."""
EDGE_SECONDS = 0.5
"""How far a record's event may lie from the line that was derived from it."""


@dataclass(frozen=True, slots=True)
class WordDetails:
    """What the records of a hit say about the very words."""

    span: Span
    """When: of speech the words themselves, with a little context; else the whole line."""
    confidence: float | None
    """How sure the recogniser is of these words, 0 to 1; None where nothing says so."""
    boxes: tuple[TextBox, ...] = ()
    """Where they are in the picture, by time."""


def details_of(
    hit: WordHit, wanted: WordTokens, events: Iterable[CaptionEvent], compare: matching.Compare
) -> WordDetails:
    """What the records say about the words of a hit.

    Args:
        hit: Where the words are.
        wanted: The words.
        events: The events of the windows that the lines were derived from.
        compare: How words are compared.
    """
    whole = Span.clamped(hit.span.start_seconds - EDGE_SECONDS, hit.span.end_seconds + EDGE_SECONDS)
    near = sorted(
        (event for event in events if overlap_seconds(event.span, whole) > 0),
        key=lambda event: (event.span, event.text),
    )
    spoken = {(word.span, word.text): word for event in near for word in event.words}
    said = _said([spoken[key] for key in sorted(spoken)], wanted, compare, whole)
    if said:
        span = Span.clamped(
            said[0].span.start_seconds - CONTEXT_SECONDS,
            max(word.span.end_seconds for word in said) + CONTEXT_SECONDS,
            within=whole,
        )
        return WordDetails(span, sum(word.confidence for word in said) / len(said))
    texts = {line.text for line in hit.lines}
    boxes = {
        box
        for event in near
        for box in event.boxes
        if event.text in texts or matching.occurrences(wanted, tokens_of(event.text), compare)
    }
    ordered = sorted(boxes, key=lambda box: (box.at_seconds, box.top, box.left, box.right, box.bottom))
    return WordDetails(hit.span, hit.confidence, tuple(ordered))


def _said(
    words: Sequence[SpokenWord], wanted: WordTokens, compare: matching.Compare, within: Span
) -> list[SpokenWord]:
    """The spoken words that are the wanted ones, of every place inside a span, by time."""
    if not words:
        return []
    tokens = tokens_of(" ".join(word.text for word in words))
    begins = list(accumulate((len(word.text) + 1 for word in words), initial=0))
    found: list[SpokenWord] = []
    for each in matching.occurrences(wanted, tokens, compare):
        start, end = tokens.places[each.first][0], tokens.places[each.end - 1][1]
        found += [
            word
            for word, first, after in zip(words, begins, begins[1:], strict=False)
            if first < end and start < after - 1 and overlap_seconds(word.span, within) > 0
        ]
    return found
