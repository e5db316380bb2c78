"""The JSON form of a track's events, which ``windows.raw`` holds for every track but captions; pure.

Captions keep the model's answer there. Other tracks keep all that the recogniser returned about each event:
confidence, language, words with their times, places in the picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from footage.core.types import Caption, CaptionEvent, Span, SpokenWord, TextBox


def track_caption(events: Iterable[CaptionEvent], *, notes: Iterable[str] = ()) -> Caption:
    """The record of one window of a track, with its events in order of time."""
    ordered = tuple(sorted(events, key=lambda event: (event.span, event.text)))
    return Caption("", ordered, events_to_json(ordered), "stop", tuple(notes))


def events_to_json(events: Iterable[CaptionEvent]) -> str:
    """Write events as one line of JSON; what is empty is left out."""
    return json.dumps([_event_to_dict(event) for event in events], ensure_ascii=False, separators=(",", ":"))


def events_from_json(raw: str) -> tuple[CaptionEvent, ...]:
    """Read what ``events_to_json`` wrote.

    Raises:
        ValueError: It is not of that form.
    """
    try:
        events = json.loads(raw)
        if not isinstance(events, list):
            raise TypeError(f"a list is needed, not {type(events).__name__}")
        return tuple(map(_event_from_dict, events))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"events of a track cannot be read: {error!r}") from error


def _event_to_dict(event: CaptionEvent) -> dict[str, Any]:
    full = {
        "start": event.span.start_seconds,
        "end": event.span.end_seconds,
        "text": event.text,
        "confidence": event.confidence,
        "language": event.language or None,
        "words": [
            [word.span.start_seconds, word.span.end_seconds, word.text, word.confidence]
            for word in event.words
        ],
        "boxes": [_box_to_list(box) for box in event.boxes],
    }
    return {name: value for name, value in full.items() if value is not None and value != []}


def _box_to_list(box: TextBox) -> list[float | str]:
    places = [box.at_seconds, box.left, box.top, box.right, box.bottom]
    return [*places, box.text] if box.text else [*places]


def _box_from_list(box: list[Any]) -> TextBox:
    at_seconds, left, top, right, bottom, *text = box
    return TextBox(at_seconds, left, top, right, bottom, str(text[0]) if text else "")


def _event_from_dict(event: Mapping[str, Any]) -> CaptionEvent:
    confidence = event.get("confidence")
    return CaptionEvent(
        Span(event["start"], event["end"]),
        str(event["text"]),
        None if confidence is None else float(confidence),
        str(event.get("language", "")),
        tuple(
            SpokenWord(Span(start, end), str(text), float(probability))
            for start, end, text, probability in event.get("words", ())
        ),
        tuple(map(_box_from_list, event.get("boxes", ()))),
    )
