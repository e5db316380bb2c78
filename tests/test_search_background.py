"""A peak against the library's background: what must not change it, what must, and chances that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search.retrieval.background import (
    LEAST_QUERIES,
    Background,
    heights,
    measure_background,
    standing,
)

SIMILAR = arrays(np.float64, (3, 40), elements=st.floats(-1, 1, width=32))
PEAKS = arrays(np.float64, (3,), elements=st.floats(-1, 1, width=32))


def units(rng, count, dimension=16, around=None, noise=1.0):
    vectors = rng.normal(size=(count, dimension)) * noise + (0 if around is None else around)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@given(SIMILAR, PEAKS, st.floats(-0.5, 0.5))
def test_a_query_that_is_nearer_to_everything_gains_nothing(similar, peaks, more):
    assert heights(similar + more, peaks + more) == pytest.approx(heights(similar, peaks), abs=1e-9)


@settings(max_examples=50)
@given(st.integers(0, 2**31), st.floats(0.2, 5))
def test_an_embedder_whose_similarities_are_squeezed_gives_the_same_standings(seed, times):
    rng = np.random.default_rng(seed)
    library, queries, query = units(rng, 80), units(rng, 30), units(rng, 1)[0]
    peak = float((library @ query).max())
    plain = standing(query, peak, measure_background(library, queries))
    scaled = measure_background(library * np.float32(times), queries)
    squeezed = standing(query, peak * times, scaled)
    assert squeezed.score == pytest.approx(plain.score, rel=1e-3, abs=1e-3)


@given(SIMILAR, PEAKS, st.randoms())
def test_the_order_of_the_library_does_not_matter(similar, peaks, random):
    order = list(range(40))
    random.shuffle(order)
    assert np.array_equal(heights(similar[:, order], peaks), heights(similar, peaks))


@given(SIMILAR, PEAKS, st.floats(0, 1))
def test_a_higher_peak_never_stands_lower(similar, peaks, more):
    assert (heights(similar, peaks + more) >= heights(similar, peaks)).all()


@settings(max_examples=50)
@given(st.integers(0, 2**31), st.floats(-1, 1), st.floats(0, 1))
def test_standings_rise_with_the_peak_and_stay_in_bounds(seed, peak, more):
    rng = np.random.default_rng(seed)
    background = measure_background(units(rng, 60), units(rng, 30))
    query = units(rng, 1)[0]
    low, high = standing(query, peak, background), standing(query, peak + more, background)
    assert low.height <= high.height and low.score <= high.score and low.chance >= high.chance
    assert all(1 / 31 <= each.chance <= 1 and np.isfinite(each.score) for each in (low, high))


def test_chances_of_queries_that_are_not_there_are_even():
    """Of absent queries, a share of about p has a chance of at most p."""
    rng = np.random.default_rng(3)
    library, background_queries, queries = units(rng, 400), units(rng, 400), units(rng, 400)
    background = measure_background(library, background_queries)
    chances = np.array(
        [standing(query, float((library @ query).max()), background).chance for query in queries]
    )
    for p in (0.1, 0.25, 0.5, 0.75):
        assert abs((chances <= p).mean() - p) < 0.08


def test_what_is_there_stands_above_what_is_not_though_its_similarity_does_not():
    """Queries lie in a cone of their own, as texts do; a query nearer to all is more similar to nothing."""
    rng = np.random.default_rng(4)
    mean = units(rng, 1)[0]
    library = units(rng, 500, around=2 * mean, noise=0.4)
    others = units(rng, 100, around=3 * mean, noise=0.4)
    absent = units(rng, 1, around=6 * mean, noise=0.4)[0]
    present = library[7] - 0.9 * mean
    present = (present / np.linalg.norm(present)).astype(np.float32)
    peak_absent, peak_present = float((library @ absent).max()), float((library @ present).max())
    assert peak_absent > peak_present
    background = measure_background(library, others)
    assert (
        standing(present, peak_present, background).score
        > standing(absent, peak_absent, background).score + 1
    )


def test_a_sample_stands_for_a_library_when_peaks_are_of_the_whole():
    rng = np.random.default_rng(5)
    library, queries = units(rng, 4000), units(rng, 100)
    whole = measure_background(library, queries)
    part = measure_background(library[::8], queries, peaks=(queries @ library.T).max(axis=1))
    assert part.peaks == pytest.approx(whole.peaks, rel=0.25)
    asked = units(rng, 60)
    peaks = (asked @ library.T).max(axis=1)
    by_part, by_whole = (
        np.array([standing(q, float(p), each).score for q, p in zip(asked, peaks, strict=True)])
        for each in (part, whole)
    )
    assert np.corrcoef(by_part, by_whole)[0, 1] > 0.8 and abs(by_part - by_whole).mean() < 0.6
    # Peaks of the sample alone are lower: everything would seem to be there.
    assert measure_background(library[::8], queries).peaks.mean() < part.peaks.mean() - 0.05


@pytest.mark.parametrize(("rows", "queries"), [(0, 40), (40, 0), (40, LEAST_QUERIES - 1)])
def test_too_little_of_a_background_says_nothing(rows, queries):
    rng = np.random.default_rng(6)
    background = measure_background(units(rng, rows), units(rng, queries))
    result = standing(units(rng, 1)[0], 1.0, background)
    assert not background.usable and (result.score, result.chance) == (0.0, 1.0)


def test_a_library_of_one_picture_again_and_again_is_no_error():
    rng = np.random.default_rng(7)
    background = measure_background(np.repeat(units(rng, 1), 50, axis=0), units(rng, 30))
    result = standing(units(rng, 1)[0], 0.9, background)
    assert np.isfinite(result.height) and np.isfinite(result.score) and result.chance == 1 / 31


@pytest.mark.parametrize("shapes", [((4, 3), (5, 2)), ((4,), (5, 3)), ((4, 3), (3,))])
def test_vectors_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="do not fit"):
        measure_background(np.zeros(shapes[0]), np.zeros(shapes[1]))
    with pytest.raises(ValueError, match="peaks"):
        measure_background(np.zeros((4, 3)), np.zeros((5, 3)), peaks=np.zeros(4))
    assert isinstance(measure_background(np.zeros((0, 3)), np.zeros((5, 3))), Background)
