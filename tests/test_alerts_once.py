"""Which found spans are new moments: each moment once, however windows and captions cut it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Span
from footage.store.state.alerts import Extent
from service.alerts.once import SAME_WITHIN_SECONDS, sorted_out


def held(*spans):
    return [Extent(f"m{number}", Span(*span)) for number, span in enumerate(spans)]


def test_a_moment_that_a_later_window_shows_more_of_is_the_same_and_grows():
    result = sorted_out([Span(85, 110)], held((80, 90)))
    assert result.new == () and result.extents == (Extent("m0", Span(80, 110)),)
    again = sorted_out([Span(105, 130)], result.extents)
    assert again.new == () and again.extents == (Extent("m0", Span(80, 130)),)


def test_two_windows_that_report_one_moment_make_one():
    result = sorted_out([Span(80, 90), Span(81, 92), Span(200, 201)], [])
    assert result.new == (0, 2) and result.extents == (Extent("0", Span(80, 92)),)


def test_what_follows_after_a_pause_is_another_moment():
    assert sorted_out([Span(91, 95)], held((80, 90))).new == (0,)
    assert sorted_out([Span(90 + SAME_WITHIN_SECONDS, 95)], held((80, 90))).new == ()


def test_a_span_between_two_moments_is_none_of_its_own():
    result = sorted_out([Span(5, 25)], held((0, 6), (24, 30)))
    assert result.new == () and {each.span for each in result.extents} == {Span(0, 25), Span(5, 30)}


spans = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40)), max_size=12).map(
    lambda found: [Span(start / 4, (start + length) / 4) for start, length in found]
)


@given(spans)
def test_what_was_recorded_is_never_new_again(found):
    first = sorted_out(found, [])
    grown = {each.moment_id: each.span for each in first.extents}
    recorded = [Extent(str(n), grown.get(str(n), found[n])) for n in first.new]
    assert sorted_out(found, recorded).new == ()


@given(spans, spans)
def test_new_moments_are_apart_from_all_that_were_known(known, found):
    recorded = [Extent(f"m{n}", span) for n, span in enumerate(known)]
    result = sorted_out(found, recorded)
    for number in result.new:
        span = found[number]
        for other in known:
            apart = max(span.start_seconds, other.start_seconds) - min(span.end_seconds, other.end_seconds)
            assert apart > SAME_WITHIN_SECONDS
