"""Events of tracks: their JSON form, and how windows become a timeline."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.track_events import events_from_json, events_to_json, track_caption
from footage.core.track_projection import track_events
from footage.core.types import CaptionEvent, Provenance, Span, SpokenWord, TextBox, Window, WindowRecord

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SECONDS = st.floats(0, 1e5, allow_nan=False)
SHARES = st.floats(0, 1, allow_nan=False)


@st.composite
def spans(draw):
    start, end = sorted((draw(SECONDS), draw(SECONDS)))
    return Span(start, end)


@st.composite
def boxes(draw):
    left, right = sorted((draw(SHARES), draw(SHARES)))
    top, bottom = sorted((draw(SHARES), draw(SHARES)))
    return TextBox(draw(SECONDS), left, top, right, bottom, draw(TEXTS))


LINES = st.builds(
    CaptionEvent,
    spans(),
    TEXTS,
    st.none() | SHARES,
    TEXTS,
    st.lists(st.builds(SpokenWord, spans(), TEXTS, SHARES), max_size=3).map(tuple),
    st.lists(boxes(), max_size=3).map(tuple),
)


@given(st.lists(LINES, max_size=5), st.lists(TEXTS, max_size=2))
def test_events_come_back_from_json_as_they_were(lines, notes):
    caption = track_caption(lines, notes=notes)
    assert events_from_json(caption.raw) == caption.events
    assert sorted(map(repr, caption.events)) == sorted(map(repr, lines))
    assert (caption.notes, caption.scene, caption.finish_reason) == (tuple(notes), "", "stop")
    assert events_to_json(caption.events) == caption.raw and "\n" not in caption.raw


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "no json",
        "3",
        "[3]",
        '[{"start": 1}]',
        '[{"start": 2, "end": 1, "text": ""}]',
        '[{"start": NaN, "end": 1, "text": ""}]',
        '[{"start": 1, "end": 2, "text": "", "words": [[1, 2, "a"]]}]',
        '[{"start": 1, "end": 2, "text": "", "words": 3}]',
        '[{"start": 1, "end": 2, "text": "", "boxes": [[1, 0.5, 0, 0.4, 1]]}]',
        '{"start": 1}',
        "null",
    ],
)
def test_json_that_holds_no_events_is_refused(raw):
    with pytest.raises(ValueError):
        events_from_json(raw)


@given(st.recursive(st.none() | st.floats() | st.text(max_size=5), lambda each: st.lists(each, max_size=3)))
def test_any_other_json_is_refused_or_read_and_nothing_else(value):
    try:
        events_from_json(json.dumps(value))
    except ValueError:
        return
    assert value == []


_CENTISECONDS = st.integers(0, 2000).map(lambda number: number / 100)  # ids tell times apart to 1 ms


@given(st.lists(st.tuples(_CENTISECONDS, _CENTISECONDS, st.sampled_from("abc")), max_size=8))
def test_every_event_of_every_window_is_on_the_timeline_under_a_window_that_holds_it(drawn):
    windows = [Window("c", index, Span(8.0 * index, 8.0 * index + 8)) for index in range(3)]
    lines = [CaptionEvent(Span.clamped(start, start + length), text) for start, length, text in drawn]
    records = [
        WindowRecord(
            window,
            track_caption(
                line
                for line in lines
                if window.span.start_seconds <= line.span.start_seconds < window.span.end_seconds
            ),
            Provenance("m", "r", "1", ""),
            "speech",
        )
        for window in windows
    ]
    events = track_events("c", records, track="speech", merge=lambda content_id, events, cuts: events)
    assert {(event.span, event.text) for event in events} == {(line.span, line.text) for line in lines}
    assert len({event.id for event in events}) == len(events)
    for event in events:
        first = windows[event.window_indexes[0]].span
        assert (
            event.track == "speech" and first.start_seconds <= event.span.start_seconds <= first.end_seconds
        )
