"""What a person says takes the place of what a caption says, whatever order things come in."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from footage.core.corrections import Correction, apply, restored, same_time, standing
from footage.core.timeline import event_id
from footage.core.types import Event, Span

HERE = Span(2, 7)
WINDOWS = {0: Span(0, 30), 1: Span(25, 55)}
WORDS = st.sampled_from(["A dog runs.", "a dog  runs", "A cat sleeps.", "A red van stops."])
SPANS = st.tuples(st.integers(0, 50), st.integers(1, 20)).map(lambda s: Span(s[0], min(55, s[0] + s[1])))


def event(text="A dog runs.", start=2.0, end=6.0) -> Event:
    span = Span(start, end)
    return Event(event_id("c", span, text), "c", span, text, (0,))


def correction(number=1, *, original=None, span=HERE, text="A fox runs.", **changes) -> Correction:
    original = original or event()
    made = Correction(f"k{number}", "c", original.span, original.text, span, text, "Ann", float(number))
    return replace(made, **changes)


def said(result) -> list[tuple[str, Span]]:
    return [(each.text, each.span) for each in result.events]


events = st.lists(st.builds(lambda s, t: event(t, s.start_seconds, s.end_seconds), SPANS, WORDS), max_size=6)
corrections = st.lists(
    st.builds(
        lambda n, o, s, t, u: correction(n, original=o, span=s, text=t, undone_at=float(u)),
        st.integers(1, 9),
        st.builds(lambda s, t: event(t, s.start_seconds, s.end_seconds), SPANS, WORDS),
        SPANS,
        st.one_of(WORDS, st.just("")),
        st.integers(0, 1),
    ),
    max_size=4,
    unique_by=lambda each: each.id,
)


@given(events, corrections)
def test_what_stands_is_there_once_and_twice_is_as_good_as_once(timeline, versions):
    once = apply("c", timeline, versions, windows=WINDOWS)
    assert apply("c", once.events, versions, windows=WINDOWS).events == once.events
    ids = [each.id for each in once.events]
    stands = standing(versions)
    assert len(ids) == len(set(ids))
    assert {each.event_id for each in stands if not each.removes} <= set(ids)
    assert all(text for text, _ in said(once))
    assert {*once.matched, *once.unmatched} == {*stands}
    assert not set(once.matched) & set(once.unmatched)


@given(events, corrections, st.randoms())
def test_order_does_not_matter(timeline, versions, random):
    expected = apply("c", timeline, versions, windows=WINDOWS)
    random.shuffle(timeline)
    random.shuffle(versions)
    assert apply("c", timeline, versions, windows=WINDOWS) == expected


@given(events)
def test_without_corrections_nothing_changes(timeline):
    assert set(apply("c", timeline, [], windows=WINDOWS).events) == set(timeline)


def test_it_takes_the_place_of_its_event_even_if_that_moved_a_little():
    for moved in (event(), event("a dog runs", 2.5, 6.5)):
        result = apply("c", [moved, event("A cat sleeps.", 8, 9)], [correction()], windows=WINDOWS)
        assert said(result) == [("A fox runs.", Span(2, 7)), ("A cat sleeps.", Span(8, 9))]
        assert result.matched and not result.unmatched


def test_of_an_event_that_is_no_longer_told_it_is_kept_beside_and_named():
    for other in (event("A cat sleeps."), event("A dog runs.", 20, 24)):
        result = apply("c", [other], [correction()], windows=WINDOWS)
        assert len(result.events) == 2 and [each.id for each in result.unmatched] == ["k1"]


def test_a_caption_that_has_learned_the_same_is_not_told_twice():
    result = apply("c", [event("A fox runs", 2, 6.5)], [correction()], windows=WINDOWS)
    assert said(result) == [("A fox runs.", Span(2, 7))] and result.matched


def test_the_latest_version_counts_until_it_is_taken_back():
    first, second = correction(1), correction(2, text="A wolf runs.")
    assert said(apply("c", [event()], [second, first], windows=WINDOWS))[0][0] == "A wolf runs."
    undone = replace(second, undone_at=9.0)
    assert said(apply("c", [event()], [undone, first], windows=WINDOWS))[0][0] == "A fox runs."
    both = [undone, replace(first, undone_at=9.0)]
    assert apply("c", [event()], both, windows=WINDOWS).events == (event(),)


def test_a_removed_event_is_gone_until_that_is_undone():
    removal = correction(2, text="")
    cat = event("A cat sleeps.", 8, 9)
    for moved in (event(), event("a dog runs", 2.5, 6.5)):
        result = apply("c", [moved, cat], [correction(1), removal], windows=WINDOWS)
        assert result.events == (cat,) and result.matched == (removal,)
    undone = replace(removal, undone_at=9.0)
    assert "A fox runs." in dict(said(apply("c", [event(), cat], [correction(1), undone], windows=WINDOWS)))
    assert restored([correction(1), undone]) == [] and restored([undone]) == [undone]


def test_what_was_captioned_in_other_words_after_a_removal_is_an_event():
    other = event("A cat sleeps.")
    assert apply("c", [other], [correction(text="")], windows=WINDOWS).events == (other,)


def test_it_belongs_to_every_window_that_shows_it_and_without_one_to_none():
    shared = correction(span=Span(24, 28))
    assert apply("c", [event()], [shared], windows=WINDOWS).events[0].window_indexes == (0, 1)
    assert apply("c", [event()], [correction()], windows={}).events == ()


def test_instants_are_of_one_time_only_where_they_are_equal():
    assert same_time(Span(2, 2), Span(2, 2)) and not same_time(Span(2, 2), Span(2, 3))
