"""What overlapping windows saw becomes one timeline."""

import random

from hypothesis import given
from hypothesis import strategies as st

from footage.core.timeline import covered_seconds, event_id, merge_events, merge_spans, normalise_text
from footage.core.types import Caption, CaptionEvent, Provenance, Span, Window, WindowRecord
from footage.core.windows import plan_windows

DURATION = 80.0
PLAN = plan_windows("c", DURATION, window_seconds=30.0, overlap_seconds=5.0)  # 0-30, 25-55, 50-80


def record(index, *lines):
    events = tuple(CaptionEvent(Span(start, end), text) for start, end, text in lines)
    return WindowRecord(PLAN[index], Caption("", events, "", "stop"), Provenance("m", "r", "1", "b"))


def merged(*records):
    found = merge_events("c", records)
    return [(e.span.start_seconds, e.span.end_seconds, e.text, e.window_indexes) for e in found]


def test_an_event_seen_whole_by_two_windows_is_one():
    assert merged(record(0, (26, 28, "A dog jumps.")), record(1, (26, 28, "A dog jumps."))) == [
        (26, 28, "A dog jumps.", (0, 1))
    ]


def test_an_end_cut_by_a_window_gives_way_to_the_one_that_was_seen():
    seen = merged(record(0, (20, 30, "A car drives.")), record(1, (25, 28, "a car  drives")))
    assert seen == [(20, 28, "A car drives.", (0, 1))]


def test_an_event_longer_than_a_window_is_joined_over_all_that_saw_it():
    seen = merged(
        record(0, (10, 30, "It rains.")), record(1, (25, 55, "It rains.")), record(2, (50, 60, "It rains."))
    )
    assert seen == [(10, 60, "It rains.", (0, 1, 2))]


def test_sightings_a_moment_apart_beside_the_seam_are_one():
    assert merged(record(0, (23, 26, "x")), record(1, (26.5, 28, "x"))) == [(23, 28, "x", (0, 1))]


def test_sightings_further_apart_are_two():
    assert len(merged(record(0, (23, 25, "x")), record(1, (27, 28, "x")))) == 2


def test_what_one_window_tells_apart_stays_apart_and_pairs_with_its_own():
    once, twice = (25.5, 26.5, "The light blinks."), (27, 28, "The light blinks.")
    seen = merged(
        record(0, once, twice), record(1, (25.6, 26.4, "The light blinks."), (27.1, 28, "The light blinks."))
    )
    assert [(text, windows) for _, _, text, windows in seen] == [("The light blinks.", (0, 1))] * 2
    assert [round(start) for start, *_ in seen] == [26, 27]


def test_other_words_are_another_event():
    assert len(merged(record(0, (26, 28, "a red car")), record(1, (26, 28, "a blue car")))) == 2


def alike(one, other):
    """A stand-in for an embedder: texts are as alike as they share words."""
    ours, theirs = set(normalise_text(one).split()), set(normalise_text(other).split())
    return len(ours & theirs) / len(ours | theirs)


def joined(*records):
    found = merge_events("c", records, likeness=alike)
    return [(e.span.start_seconds, e.span.end_seconds, e.text, e.window_indexes) for e in found]


def test_one_event_in_other_words_is_one_and_who_saw_more_of_it_names_it():
    cut, whole = (20, 30, "a red car drives along"), (25, 36, "a red car drives by")
    assert joined(record(0, cut), record(1, whole)) == [(20, 36, "a red car drives by", (0, 1))]
    assert len(merged(record(0, cut), record(1, whole))) == 2


def test_other_things_at_one_time_stay_two():
    assert len(joined(record(0, (25, 30, "a dog sleeps")), record(1, (25, 30, "two birds land on it")))) == 2


def test_what_both_windows_tell_apart_stays_apart():
    red, blue = (26, 29, "a red car drives by"), (26, 29, "a blue car drives by")
    assert len(joined(record(0, red, blue), record(1, red, blue))) == 2
    assert len(joined(record(0, red, blue), record(1, red))) == 2


def test_like_words_at_other_times_stay_two():
    assert (
        len(joined(record(0, (25, 27, "a red car drives by")), record(1, (28, 30, "a red car drives on"))))
        == 2
    )


def test_the_same_line_twice_in_one_window_is_once():
    assert len(merged(record(0, (3, 4, "x"), (3, 4, "X."), (5, 6, "x")))) == 2


def test_windows_that_do_not_touch_share_nothing():
    assert len(merged(record(0, (29, 30, "x")), record(2, (50, 51, "x")))) == 2


def test_spans_unite_when_they_touch():
    spans = [Span(5, 6), Span(0, 2), Span(2, 3), Span(5.5, 5.7)]
    assert merge_spans(spans) == (Span(0, 3), Span(5, 6))
    assert merge_spans([]) == ()


def test_overlaps_are_covered_once():
    assert covered_seconds(PLAN) == DURATION
    assert covered_seconds([PLAN[0], PLAN[2]]) == 60
    assert covered_seconds([]) == 0


def test_ids_follow_content_span_and_text():
    assert event_id("c", Span(1, 2), "x") == event_id("c", Span(1, 2.0001), "x")
    others = [event_id("d", Span(1, 2), "x"), event_id("c", Span(1, 3), "x"), event_id("c", Span(1, 2), "y")]
    assert len({event_id("c", Span(1, 2), "x"), *others}) == 4
    assert len(event_id("c", Span(0, 1), "\ud800 odd")) == 32


@st.composite
def captions(draw):
    """Records of some of the windows, with events anywhere inside them."""
    records = []
    for window in draw(st.lists(st.sampled_from(PLAN), unique=True)):
        first, last = int(window.span.start_seconds * 2), int(window.span.end_seconds * 2)
        lines = draw(
            st.lists(
                st.tuples(
                    st.integers(first, last),
                    st.integers(first, last),
                    st.sampled_from(["A dog.", "a dog", "cat"]),
                ),
                max_size=6,
            )
        )
        records.append(record(window.index, *((min(a, b) / 2, max(a, b) / 2, text) for a, b, text in lines)))
    return records


@given(captions(), st.randoms())
def test_order_and_repetition_do_not_matter(records, rng: random.Random):
    shuffled = [*records, *records[:1]]
    rng.shuffle(shuffled)
    assert merge_events("c", shuffled) == merge_events("c", records)


@given(captions(), st.randoms())
def test_likeness_does_not_depend_on_the_order_either(records, rng: random.Random):
    shuffled = [*records, *records[:1]]
    rng.shuffle(shuffled)
    events = merge_events("c", records, likeness=alike)
    assert merge_events("c", shuffled, likeness=alike) == events
    assert len(events) <= len(merge_events("c", records))


@given(captions())
def test_merging_what_was_merged_changes_nothing(records):
    events = merge_events("c", records, likeness=alike)
    lines = tuple(CaptionEvent(event.span, event.text) for event in events)
    whole = WindowRecord(
        Window("c", 0, Span(0, DURATION)), Caption("", lines, "", "stop"), Provenance("m", "r", "1", "b")
    )
    again = merge_events("c", [whole], likeness=alike)
    assert {(e.span, normalise_text(e.text)) for e in again} == {
        (e.span, normalise_text(e.text)) for e in events
    }


@given(captions())
def test_what_lasts_goes_on_lasting(records):
    lasting = [
        WindowRecord(
            one.window,
            Caption("", tuple(e for e in one.caption.events if e.span.duration_seconds > 0), "", "stop"),
            one.provenance,
        )
        for one in records
    ]
    assert all(event.span.duration_seconds > 0 for event in merge_events("c", lasting, likeness=alike))


@given(captions())
def test_no_sighting_is_lost_and_none_is_invented(records):
    events = merge_events("c", records)
    assert len({event.id for event in events}) == len(events)
    assert list(events) == sorted(events, key=lambda event: (event.span, event.text, event.id))
    for one in records:
        for line in one.caption.events:
            assert any(
                normalise_text(event.text) == normalise_text(line.text)
                and one.window.index in event.window_indexes
                for event in events
            )
    written = {line.text for one in records for line in one.caption.events}
    for event in events:
        assert event.text in written
        assert 0 <= event.span.start_seconds <= event.span.end_seconds <= DURATION
        windows: list[Window] = [PLAN[index] for index in event.window_indexes]
        assert event.span.start_seconds >= min(window.span.start_seconds for window in windows)
        assert event.span.end_seconds <= max(window.span.end_seconds for window in windows)
