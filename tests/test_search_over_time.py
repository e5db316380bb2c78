"""Similarity over a few seconds, and where a span is cut: bounds, and what must not change them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.core.image_hit import ImageHit
from footage.core.types import Span
from search.retrieval.over_time import cut_at_half, over_time


def pictures(lengths, *, video="a"):
    """Pictures in a row that stand for so many seconds each."""
    edges = [0.0, *np.cumsum(lengths).tolist()]
    return [ImageHit(video, 0, Span(start, end), start, 0.0) for start, end in itertools.pairwise(edges)]


ROWS = st.lists(st.tuples(st.sampled_from([0.5, 1.0, 3.0]), st.floats(-1, 1)), min_size=1, max_size=25)


def near(hits, similar, elsewhere=None):
    lengths = {hit.content_id: max(h.span.end_seconds for h in hits) for hit in hits}
    return over_time(hits, np.array(similar), durations_seconds=lengths, elsewhere=elsewhere)


@given(ROWS, st.randoms())
def test_over_time_stays_within_the_similarities_and_knows_no_order(rows, random):
    hits, similar = pictures([length for length, _ in rows]), [value for _, value in rows]
    found = near(hits, similar)
    assert (found <= max(similar) + 1e-9).all() and (found >= min(similar) - 1e-9).all()
    order = list(range(len(hits)))
    random.shuffle(order)
    assert near([hits[n] for n in order], [similar[n] for n in order]) == pytest.approx(found[order])


def test_one_near_picture_among_far_ones_counts_a_third_and_a_long_one_in_full():
    assert near(pictures([1] * 5), [0, 0, 0.9, 0, 0])[2] == pytest.approx(0.3)
    assert near(pictures([1, 1, 8, 1]), [0, 0, 0.9, 0])[2] == pytest.approx(0.72)
    assert near(pictures([1] * 3), [0.9, 0.9, 0.9]) == pytest.approx([0.9] * 3)  # nothing beside the ends


def test_pictures_that_were_not_retrieved_count_as_far_as_they_may_be():
    hits = [hit for number, hit in enumerate(pictures([1] * 5)) if number in (0, 2)]
    lengths = {"a": 5.0}
    found = over_time(hits, np.array([0.3, 0.9]), durations_seconds=lengths, elsewhere=0.3)
    assert found[1] == pytest.approx((0.9 + 0.3 + 0.3) / 3)


@settings(max_examples=60)
@given(ROWS, st.floats(-0.5, 0.5))
def test_spans_take_each_picture_once_and_the_nearest_first(rows, middle):
    hits, similar = pictures([length for length, _ in rows]), np.array([value for _, value in rows])
    weighed = near(hits, similar)
    spans = cut_at_half(hits, similar, weighed, middle)
    assert sum(span.duration_seconds for span, _, _ in spans) == pytest.approx(hits[-1].span.end_seconds)
    ordered = sorted(span for span, _, _ in spans)
    assert all(one.end_seconds <= other.start_seconds for one, other in itertools.pairwise(ordered))
    assert [weighed[n] for _, n, _ in spans] == sorted((weighed[n] for _, n, _ in spans), reverse=True)
    assert sorted(n for _, _, members in spans for n in members) == list(range(len(hits)))
    assert all(span.start_seconds <= hits[n].at_seconds < span.end_seconds for span, n, _ in spans)


def test_a_span_ends_where_less_than_half_is_left_and_where_time_is_missing():
    hits = pictures([1] * 6)
    similar = np.array([0.1, 0.6, 0.8, 0.45, 0.3, 0.1])
    spans = cut_at_half(hits, similar, near(hits, similar), 0.0)
    assert spans[0][0] == Span(1, 4)
    apart = [hits[0], hits[1], ImageHit("a", 0, Span(9, 10), 9.0, 0.0)]
    alike = np.array([0.8, 0.8, 0.8])
    assert sorted(span for span, _, _ in cut_at_half(apart, alike, alike, 0.0)) == [Span(0, 2), Span(9, 10)]
