"""Near-duplicates: alignment of pictures by time, merging of stretches, copies and repeats of an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.core.tracks import image_track
from footage.core.types import Caption, File, Provenance, Span, Video, Window, WindowRecord
from footage.store import Store
from footage.store.records import ImageVectorRow
from search.duplicates import (
    CopiedVideo,
    DuplicateLimits,
    Duplicates,
    StretchPlace,
    copied_videos,
    find_duplicates,
    joined,
    peaks,
    probe_places,
    repeated_stretches,
)
from search.retrieval.alignment import (
    LEAST_SECONDS,
    Alignment,
    PictureSequence,
    align,
    best_parts,
    runs,
    scene_distance,
)

DIMENSION, UNRELATED = 48, 1.0


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def scene(rng: np.random.Generator) -> np.ndarray:
    return unit(rng.normal(size=DIMENSION))


def moving(rng: np.random.Generator, seconds: int, *, where: np.ndarray, by: float = 0.35) -> np.ndarray:
    """A picture a second of one place, in which something else is to be seen every second."""
    return unit(where + by * unit(rng.normal(size=(seconds, DIMENSION))))


def noisy(rng: np.random.Generator, vectors: np.ndarray, by: float = 0.03) -> np.ndarray:
    """The same pictures, encoded again."""
    return unit(vectors + by * unit(rng.normal(size=vectors.shape)))


def sequence(name: str, vectors: np.ndarray) -> PictureSequence:
    starts = np.arange(len(vectors), dtype=float)
    return PictureSequence(name, starts, starts + 1, vectors)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(12, 60), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_a_part_is_found_where_it_is(seed, length, before, after, marked):
    rng = np.random.default_rng(seed)
    place = scene(rng)
    part = moving(rng, length, where=place)
    whole = np.concatenate(
        [moving(rng, before, where=place), noisy(rng, part), moving(rng, after, where=place)]
    )
    if marked:  # a logo shifts every picture by the same amount
        whole = unit(whole + 0.3 * scene(rng))
    (found,) = align(sequence("a", part), sequence("b", whole), float(before), unrelated=UNRELATED).same
    assert abs(found.span.start_seconds - 0) <= 2 and abs(found.span.end_seconds - length) <= 2
    assert found.other.start_seconds == found.span.start_seconds + before
    assert found.agreement > 0.8


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(-30, 30))
def test_one_place_on_two_days_is_alike_and_not_the_same(seed, offset):
    rng = np.random.default_rng(seed)
    place = scene(rng)
    daylight = np.linspace(0, 0.5, 60)[:, None] * scene(rng)  # goes by on both days
    one, other = (unit(moving(rng, 60, where=place) + daylight) for _ in range(2))
    found = align(sequence("a", one), sequence("b", other), float(offset), unrelated=UNRELATED)
    assert not found.same and found.alike_seconds > 0


def test_other_scenes_and_still_pictures_are_nothing():
    rng = np.random.default_rng(1)
    one, other = (sequence(name, moving(rng, 40, where=scene(rng))) for name in "ab")
    found = align(one, other, 0.0, unrelated=UNRELATED)
    assert not found.same and found.alike_seconds == 0
    still = sequence("c", np.repeat(scene(rng)[None], 40, axis=0))
    found = align(still, still, 10.0, unrelated=UNRELATED)
    assert not found.same and found.alike_seconds == 30


def test_a_picture_that_stands_for_long_is_on_show_until_the_next():
    rng = np.random.default_rng(2)
    one, other = scene(rng), scene(rng)
    held = PictureSequence("a", np.array([0.0, 10.0]), np.array([10.0, 11.0]), np.stack([one, other]))
    vectors, shown = held.shown_at(np.array([-1.0, 0.0, 8.5, 9.5, 10.0, 11.0]))
    assert shown.tolist() == [False, True, True, True, True, False]
    assert np.allclose(vectors[2], one) and np.allclose(vectors[3], (one + other) / 2)
    assert np.allclose(vectors[4], other)
    with pytest.raises(ValueError, match="order of time"):
        PictureSequence("a", np.array([1.0, 0.0]), np.array([2.0, 1.0]), np.stack([one, other]))
    with pytest.raises(ValueError, match="do not fit"):
        PictureSequence("a", np.array([1.0]), np.array([2.0]), np.stack([one, other]))


@given(st.lists(st.floats(-5, 5, allow_nan=False), max_size=40))
def test_best_parts_are_disjoint_and_best(scores):
    values = np.array(scores, float)
    parts = list(best_parts(values))
    cells = [cell for first, past in parts for cell in range(first, past)]
    assert len(cells) == len(set(cells)) and all(values[first:past].sum() > 0 for first, past in parts)
    every = [values[a:b].sum() for a in range(len(values)) for b in range(a + 1, len(values) + 1)]
    best = max(every, default=0.0)
    assert (values[slice(*parts[0])].sum() if parts else 0.0) == pytest.approx(max(best, 0.0))


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 4))
def test_runs_cover_every_true_cell_and_bridge_no_more_than_allowed(mask, bridged):
    found = runs(np.array(mask, bool), bridged=bridged)
    covered = {cell for first, past in found for cell in range(first, past)}
    assert {cell for cell, true in enumerate(mask) if true} <= covered
    assert all(mask[first] and mask[past - 1] for first, past in found)
    assert all(right[0] - left[1] > bridged for left, right in pairwise(found))


spans = st.builds(
    lambda start, length: Span(start, start + length), st.floats(0, 500), st.floats(LEAST_SECONDS, 60)
)
alignments = st.builds(Alignment, spans, st.floats(20, 300), st.floats(0.3, 1), st.just(0.1))
pairs = st.sampled_from([("a", "a"), ("a", "b"), ("a", "c"), ("b", "c")])


@given(st.dictionaries(pairs, st.lists(alignments, max_size=4)))
def test_merged_stretches_keep_every_place_and_none_overlap(found):
    stretches = repeated_stretches(found, ())
    for stretch in stretches:
        assert len(stretch.places) > 1 and list(stretch.places) == sorted(stretch.places)
        for one, other in pairwise(stretch.places):
            assert one.content_id != other.content_id or one.span.end_seconds <= other.span.start_seconds
    places = [place for stretch in stretches for place in stretch.places]
    for (one, other), each in found.items():
        for alignment in each:
            for name, span in ((one, alignment.span), (other, alignment.other)):
                # a video that overlaps with itself may end as one place, which is no repeat
                assert one == other or _covered(places, name, span)


def _covered(places: Iterable[StretchPlace], content_id: str, span: Span) -> bool:
    reached = span.start_seconds
    for place in sorted(places):
        if place.content_id == content_id and place.span.start_seconds <= reached:
            reached = max(reached, place.span.end_seconds)
    return reached >= span.end_seconds


@given(st.lists(st.builds(StretchPlace, st.sampled_from("ab"), spans), max_size=12))
def test_joining_places_is_idempotent(places):
    once = joined(places)
    assert joined(once) == once
    assert all(_covered(once, each.content_id, each.span) for each in places)


def test_a_loop_is_cut_into_turns():
    loop = Alignment(Span(0, 20), 10, 0.9, 0.01)
    (stretch,) = repeated_stretches({("a", "a"): [loop]}, ())
    assert [place.span for place in stretch.places] == [Span(0, 10), Span(10, 20), Span(20, 30)]


def test_what_is_shown_in_a_copy_is_named_by_its_original():
    copy = CopiedVideo("b", "a", Span(0, 30), Span(12, 42), 1.0, 0.9)
    found = {
        ("b", "c"): [Alignment(Span(5, 20), 30, 0.8, 0.1)],
        ("a", "c"): [Alignment(Span(17, 32), 18, 0.9, 0.1)],
    }
    (stretch,) = repeated_stretches(found, (copy,))
    assert stretch.places == (StretchPlace("a", Span(17, 32)), StretchPlace("c", Span(35, 50)))


def test_the_longer_video_is_the_original_and_a_part_of_a_video_is_no_copy():
    videos = {name: Video(name, seconds, 64, 64, 25, "h264") for name, seconds in (("a", 100), ("b", 30))}
    whole, half = Alignment(Span(12, 41), -12, 0.9, 0.1), Alignment(Span(12, 28), -12, 0.9, 0.1)
    (copy,) = copied_videos({("a", "b"): [whole]}, videos)
    assert (copy.content_id, copy.original_id, copy.span) == ("b", "a", Span(0, 29))
    assert copy.original_span == Span(12, 41) and copy.share == pytest.approx(29 / 30)
    assert copied_videos({("a", "b"): [half]}, videos) == ()


def test_offsets_with_most_evidence_come_first():
    votes = {10.0: 1.0, 11.0: 0.5, 40.0: 1.2, 90.0: 0.1}
    assert [offset for offset, _ in peaks(votes, 2)] == [10.0, 40.0]


@given(st.integers(1, 4000), st.integers(4, 60))
def test_probes_are_spread_and_bounded(seconds, most):
    rng = np.random.default_rng(seconds)
    limits = DuplicateLimits()
    places, slot = probe_places(sequence("a", unit(rng.normal(size=(seconds, 4)))), limits, most=most)
    assert 1 <= len(places) <= most + 2 and places == sorted(set(places))
    assert all(later - earlier <= 2 * slot + 1 for earlier, later in pairwise(places))


def test_the_distance_of_unrelated_pictures_is_that_of_scenes_however_long_each_is():
    rng = np.random.default_rng(5)
    scenes = unit(rng.normal(size=(60, DIMENSION)))
    even = scene_distance(scenes)
    assert even == pytest.approx(1.0, abs=0.2)
    assert scene_distance(np.concatenate([np.repeat(scenes[:1], 1900, axis=0), scenes])) == pytest.approx(
        even, abs=0.1
    )
    assert scene_distance(scenes[:1]) == scene_distance(scenes[:0]) == 0


def fill(store: Store, name: str, vectors: np.ndarray, *, width: int = 640) -> None:
    """A video with a picture a second."""
    seconds = float(len(vectors))
    store.files.put([File(f"/videos/{name}.mp4", name, state="indexed", duration_seconds=seconds)])
    store.videos.put([Video(name, seconds, width, 360, 25.0, "h264")])
    rows = [ImageVectorRow(name, 0, Span(at, at + 1), float(at), vector) for at, vector in enumerate(vectors)]
    store.images.put("any", rows)
    caption, made = Caption("", (), "", "stop"), Provenance("any", "1", "1", "1")
    window = Window(name, 0, Span(0, seconds))
    store.windows.commit([WindowRecord(window, caption, made, image_track("any"))])


def library(folder: Path, videos: dict[str, Sequence[np.ndarray]]) -> Store:
    store = Store.open(folder / "index.lancedb", create=True)
    for name, parts in videos.items():
        fill(store, name, np.concatenate(parts))
    return store


@pytest.mark.parametrize("seed", [1, 2])
def test_copies_edits_intros_and_cameras_of_an_index(tmp_path, seed):
    rng = np.random.default_rng(seed)
    film, other, third = (moving(rng, 90, where=scene(rng)) for _ in range(3))
    intro = moving(rng, 10, where=scene(rng))
    door = scene(rng)
    quiet = [np.repeat(door[None], 300, axis=0) for _ in range(3)]
    for day in quiet:  # a fixed camera: something crosses now and then, at other times each day
        for at in rng.integers(10, 280, 8):
            day[at : at + 4] = moving(rng, 4, where=door)
        day[:] = noisy(rng, day, by=0.02)
    store = library(
        tmp_path,
        {
            "film": [intro, film],
            "small": [noisy(rng, film[20:70])],
            "other": [intro, other],
            "edit": [noisy(rng, other[30:44]), third[5:20]],
            "third": [third],
            **{f"day{number}": [day] for number, day in enumerate(quiet)},
        },
    )
    steps: list[tuple[int, int]] = []
    found = find_duplicates(store, "any", on_probe=lambda *step: steps.append(step))
    assert [(copy.content_id, copy.original_id) for copy in found.copies] == [("small", "film")]
    (copy,) = found.copies
    assert copy.original_span.start_seconds == pytest.approx(30, abs=2) and copy.share > 0.9
    assert (
        _shared(found, "film", "other")
        and _shared(found, "edit", "other")
        and _shared(found, "edit", "third")
    )
    assert len(found.stretches) == 3, found.stretches
    assert found.coverage.alike_pairs and found.coverage.videos == 8 and not found.coverage.videos_without
    assert steps[-1] == (8, 8)


def _shared(found: Duplicates, one: str, other: str) -> bool:
    return any({one, other} == {place.content_id for place in each.places} for each in found.stretches)


def test_what_the_limits_leave_out_is_counted(tmp_path):
    rng = np.random.default_rng(7)
    film = moving(rng, 40, where=scene(rng))
    store = library(tmp_path, {"a": [film], "b": [noisy(rng, film)], "c": [noisy(rng, film)]})
    store.files.put([File("/videos/d.mp4", "d", state="indexed", duration_seconds=5)])
    store.videos.put([Video("d", 5.0, 64, 64, 25.0, "h264")])
    found = find_duplicates(store, "any", limits=DuplicateLimits(alignments=1))
    assert found.coverage.alignments == 1 and found.coverage.alignments_left_out > 0
    assert found.coverage.videos_without == ("d",)
