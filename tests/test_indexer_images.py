"""Image vectors in an index run: real clips, a real index, pictures from the captions' frames or the file."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from killing import kill_at, steps_of
from standin_images import CountingMaker
from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.core.errors import ModelUnavailableError
from footage.core.tracks import image_track
from footage.core.types import Frames, Span, Video, Window
from footage.store import Store
from indexer.pipeline import forecast, index
from indexer.reembedding_images import reembed_images
from indexer.tracks.image_feed import ImageFeed
from indexer.tracks.pictures import Shot, image_windows, standing, steps

SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))
KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "1"))
TRACK = image_track("standin")
LEVELS = [20] * 3 + [220] * 4 + [20] * 2 + [120] * 25  # 34 s, two image windows


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    write_levels(folder / "a.mp4", LEVELS)
    write_levels(folder / "still.mp4", [200] * 5)
    return folder


@pytest.fixture
def library(clips, tmp_path):
    return Path(shutil.copytree(clips, tmp_path / "library"))


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


def run(paths, store, maker=None, model=None, **options):
    return index(
        [paths] if isinstance(paths, Path) else paths,
        store=store,
        model=model,
        embedder=StandinEmbedder(),
        makers=[maker or CountingMaker()],
        **options,
    )


def named(report, name):
    (content_id,) = {file.content_id for file in report.files if file.path.endswith(name)}
    return content_id


def checked_images(store: Store, embedder: str = "standin") -> dict[str, list[tuple[float, float]]]:
    """Starts and ends of the vectors of each video, after a look at what must always hold of them."""
    found = {}
    spans = store.windows.spans(track=image_track(embedder))
    for content_id in sorted(store.videos.all()):
        rows = store.images.of(embedder, content_id)
        by_window = {n: list(each) for n, each in itertools.groupby(rows, key=lambda row: row.window_index)}
        windows = spans.get(content_id, {})
        assert by_window.keys() == windows.keys(), "a committed window has vectors, and no other"
        for number, window in windows.items():
            ends = [window.start_seconds, *(row.span.end_seconds for row in by_window[number])]
            starts = [*(row.span.start_seconds for row in by_window[number]), window.end_seconds]
            assert starts == ends, "the spans of a window's vectors fill it"
            assert all(
                row.span.start_seconds <= row.at_seconds < row.span.end_seconds for row in by_window[number]
            )
            assert len({row.at_seconds for row in by_window[number]}) == len(by_window[number])
        found[content_id] = [(row.span.start_seconds, row.span.end_seconds) for row in rows]
    return found


# -- which pictures ------------------------------------------------------------------------------------------


def test_images_alone_have_a_vector_for_each_second_in_which_something_changes(library, store):
    maker, readings = CountingMaker(), []
    report = run(library, store, maker, on_progress=readings.append)
    assert (report.indexed, report.captions_made) == (2, False)
    images = checked_images(store)
    assert images[named(report, "a.mp4")] == [(0, 3), (3, 7), (7, 9), (9, 30), (30, 34)]
    assert images[named(report, "still.mp4")] == [(0, 5)]
    made = report.tracks[TRACK]
    assert (made.windows, made.seconds, made.vectors, made.events) == (3, 39, 6, 0)
    assert maker.loaded == 1
    (progress,) = readings[-1].tracks
    assert (progress.seconds_done, progress.seconds_total) == (39, 39)
    again = CountingMaker()
    report = run(library, store, again)
    assert (report.unchanged, again.read, again.loaded) == (2, [], 0)


def test_vectors_hold_what_the_pictures_show(library, store):
    report = run(library, store)
    rows = store.images.of("standin", named(report, "a.mp4"))
    vectors = np.stack([row.vector for row in rows])
    likeness = vectors @ vectors.T
    assert likeness[0, 2] > 0.999 > likeness[0, 1]  # dark, bright, dark


@given(
    levels=st.lists(st.sampled_from([20, 120, 220]), min_size=1, max_size=20),
    start=st.integers(0, 50),
    rest=st.floats(0.001, 1),
)
def test_pictures_stand_for_all_of_a_stretch(levels, start, rest):
    within = Span(start, start + len(levels) - 1 + rest)
    shots = [Shot(float(start + n), np.full((4, 4, 3), level, np.uint8)) for n, level in enumerate(levels)]
    kept = standing(shots, within)
    edges = [within.start_seconds, *(picture.span.end_seconds for picture in kept)]
    assert [*(picture.span.start_seconds for picture in kept), within.end_seconds] == edges
    assert all(p.span.start_seconds <= p.shot.at_seconds < p.span.end_seconds for p in kept)
    changes = 1 + sum(one != other for one, other in itertools.pairwise(levels))
    assert len(kept) == changes


@given(
    duration=st.floats(0.2, 95),
    window_seconds=st.floats(1, 40),
    overlap=st.floats(0, 0.9),
    fps=st.floats(1.0, 5.0),
    lost=st.sets(st.integers(0, 30), max_size=2),
)
def test_the_frames_of_any_captions_give_the_pictures_of_the_same_seconds(
    duration, window_seconds, overlap, fps, lost
):
    """Whatever the captions' windows are: within the spacing of their frames, and inside the window."""
    from footage.core.windows import plan_windows

    video = Video("a" * 32, duration, 64, 48, 25.0, "h264")
    wanted = image_windows(video)
    feed = ImageFeed(CountingMaker())
    feed.begin(video.content_id, wanted)
    plan = plan_windows(
        video.content_id,
        video.duration_seconds,
        window_seconds=window_seconds,
        overlap_seconds=window_seconds * overlap,
    )
    got, covered = {}, []
    for window in plan:
        if window.index in lost:
            continue
        span = window.span
        count = max(2, int(np.ceil(fps * span.duration_seconds)) + 1)
        times = np.linspace(span.start_seconds, span.end_seconds, count, endpoint=False)
        pixels = np.zeros((count, 4, 4, 3), np.uint8)  # the time in the pixels, so that each differs
        pixels[..., 0], pixels[..., 1] = (times * 40 % 256)[:, None, None], (times * 7 % 256)[:, None, None]
        covered.append(span)
        for image_window, reading in feed.take(window, Frames(pixels, tuple(times.tolist()), span)):
            assert image_window.index not in got
            got[image_window.index] = reading.images
            ticks = list(steps(image_window.span, image_window.span))
            for row in reading.images:
                assert image_window.span.start_seconds <= row.at_seconds < image_window.span.end_seconds
                assert min(abs(row.at_seconds - tick) for tick in ticks) <= 1 / fps + 1e-5
    if not lost and all(w.span.duration_seconds > 1 / fps for w in wanted):
        assert got.keys() == {window.index for window in wanted}


def test_frames_that_are_far_apart_are_not_enough(library, store):
    feed = ImageFeed(CountingMaker())
    feed.begin("c", (Window("c", 0, Span(0, 30)),))
    pixels = np.zeros((20, 4, 4, 3), np.uint8)
    span = Span(0, 30)
    assert feed.take(Window("c", 0, span), Frames(pixels, tuple(np.linspace(0, 29, 20)), span)) == []


# -- beside captions -----------------------------------------------------------------------------------------


def test_beside_captions_no_frame_is_decoded_twice(library, store, tmp_path):
    maker, readings = CountingMaker(), []
    report = run(library, store, maker, StandinModel(), on_progress=readings.append)
    assert (report.indexed, maker.read, maker.loaded) == (2, [], 1)
    made = report.tracks[TRACK]
    assert (made.windows, made.seconds, made.vectors) == (3, 39, 6)
    (progress,) = readings[-1].tracks
    assert (progress.seconds_done, progress.seconds_total) == (39, 39)
    fed = checked_images(store)
    alone = Store.open(tmp_path / "alone", create=True)
    run(library, alone)
    for content_id, spans in checked_images(alone).items():
        for edges, others in zip(spans, fed[content_id], strict=True):
            assert edges == pytest.approx(others, abs=0.51)  # captions see half seconds
    report = run(library, store, again := CountingMaker(), StandinModel())
    assert (report.unchanged, again.read) == (2, [])


def test_what_the_captions_frames_cannot_bring_is_read_from_the_file(library, store):
    with pytest.raises(KeyboardInterrupt):
        run(library / "a.mp4", store, model=StandinModel(stop_at=3, max_batch=1))
    checked_images(store)
    maker = CountingMaker()
    report = run(library, store, maker, StandinModel())
    assert report.indexed == 2 and ("a.mp4", 0) in maker.read
    assert set(maker.read) <= {("a.mp4", 0), ("a.mp4", 1)} and len(maker.read) == len(set(maker.read))
    assert [len(each) for each in checked_images(store).values()].count(0) == 0
    assert store.status().images["standin"].track.seconds == 39


def test_images_added_to_captions_are_read_from_the_files(library, store):
    index([library], store=store, model=StandinModel(), embedder=StandinEmbedder(), makers=[])
    maker, model = CountingMaker(), StandinModel()
    report = run(library, store, maker, model)
    assert (len(model.log), len(maker.read), report.indexed) == (0, 3, 2)
    assert store.status().images["standin"].track.seconds == 39 and checked_images(store)


def test_an_embedder_that_cannot_be_loaded_costs_no_caption(library, store):
    maker = CountingMaker(fails=ModelUnavailableError("there is no such embedder"))
    report = run(library, store, maker, StandinModel())
    assert report.windows_captioned > 0 and report.tracks[TRACK].broken == "there is no such embedder"
    assert {file.state for file in report.files} == {"waiting"} and report.stopped is False
    assert store.status().images == {}
    assert run(library, store, model=StandinModel()).indexed == 2
    assert store.status().images["standin"].track.seconds == 39


def test_a_limit_of_footage_counts_what_captions_brought(library, store):
    report = run(library, store, CountingMaker(), StandinModel(), max_seconds=8.0)
    first = store.status()
    assert first.images["standin"].track.seconds <= 8 + 30 and first.seconds_indexed <= 8 + 4
    assert report.waiting > 0
    checked_images(store)
    assert run(library, store, CountingMaker(), StandinModel()).waiting == 0
    assert store.status().images["standin"].track.seconds == 39


# -- the files, and what was there before --------------------------------------------------------------------


def test_copies_and_moved_files_are_read_once(library, store):
    shutil.copy(library / "still.mp4", library / "copy.mp4")
    maker = CountingMaker()
    report = run(library, store, maker, StandinModel())
    assert (report.indexed, report.tracks[TRACK].windows) == (3, 3)
    (library / "a.mp4").rename(library / "moved.mp4")
    again = CountingMaker()
    run(library, store, again, StandinModel())
    assert again.read == [] and len(checked_images(store)) == 2


def test_windows_of_another_length_and_of_other_weights_are_replaced(library, store):
    report = run(library, store)
    content_id = named(report, "a.mp4")
    rows = store.images.of("standin", content_id)
    (last,) = [each for each in store.windows.of(content_id, track=TRACK) if each.window.index == 1]
    # 1. As after a file whose length was read in another way: one window too short, one too many.
    from dataclasses import replace

    with store.writing():
        store.windows.commit(
            [
                replace(last, window=Window(content_id, 1, Span(30, 32))),
                replace(last, window=Window(content_id, 2, Span(32, 34))),
            ]
        )
        store.images.put("standin", [replace(rows[0], window_index=2, span=Span(32, 34), at_seconds=32)])
    maker = CountingMaker()
    run(library, store, maker)
    assert maker.read == [("a.mp4", 1)]
    assert checked_images(store)[content_id][-1] == (30, 34)
    # 2. Other weights of the same name are another model; the vectors of another name stay.
    run(library, store, CountingMaker("other"))
    maker = CountingMaker(revision="2")
    run(library, store, maker)
    assert len(maker.read) == 3 and checked_images(store) and checked_images(store, "other")
    # 3. The same ones are read again on request alone, and then only if something differs.
    maker = CountingMaker(revision="2")
    run(library, store, maker, mix="replace")
    assert maker.read == []


def test_a_damaged_part_costs_its_pictures_alone(library, store, tmp_path):
    damaged = library / "a.mp4"
    data = bytearray(damaged.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = os.urandom(40)
    damaged.write_bytes(bytes(data))
    report = run(damaged, store)
    assert report.files[0].state in ("indexed", "partial")
    checked_images(store)


def test_what_is_forgotten_and_pruned_has_no_vectors(library, store):
    report = run(library, store)
    still = named(report, "still.mp4")
    with store.writing():
        store.contents.forget(still)
    assert store.images.of("standin", still) == [] and store.images.count("standin") == 5
    (library / "a.mp4").unlink()
    run(library, store)
    with store.writing():
        assert store.contents.prune() == (1, 1)
    assert [file.path for file in store.files.all()] == [str(library / "still.mp4")]
    assert store.images.count("standin") == 1


def test_a_forecast_counts_the_windows(library, store):
    expected = forecast([library], store=store, cutting=None, makers=[CountingMaker()])
    assert (expected.tracks[TRACK].windows_new, expected.tracks[TRACK].seconds_new) == (3, 39)


# -- another embedder ----------------------------------------------------------------------------------------


def test_the_videos_of_an_index_get_vectors_of_another_embedder(library, store):
    run(library, store, model=StandinModel())
    kept = checked_images(store)
    other = library.parent / "elsewhere"
    library.rename(other)
    away = reembed_images(store, CountingMaker("other"))
    assert (away.windows, len(away.away)) == (0, 2)
    other.rename(library)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done == 1:
            raise Stopped

    with pytest.raises(Stopped):
        reembed_images(store, CountingMaker("other"), stop)
    seen, maker = [], CountingMaker("other")
    made = reembed_images(store, maker, lambda done, total: seen.append((done, total)))
    assert (made.windows, made.away, made.failed) == (2, [], {}) and seen[-1] == (2, 2)
    assert len(maker.read) == 2
    assert checked_images(store) == kept
    assert store.status().images["other"].track.seconds == 39 and checked_images(store, "other")
    assert reembed_images(store, CountingMaker("other")).windows == 0


# -- runs that are killed ------------------------------------------------------------------------------------


def index_with_captions(database: Path, library: Path) -> None:
    """Body of a process that is killed."""
    run(library, Store.open(database), CountingMaker(revision="2"), StandinModel(max_batch=2))


def index_images_alone(database: Path, library: Path) -> None:
    """Body of a process that is killed; where there are vectors of other weights, it replaces them."""
    run(library, Store.open(database), CountingMaker(revision="2"))


@pytest.mark.parametrize("body", [index_with_captions, index_images_alone])
def test_kill_9_at_any_step_leaves_no_window_without_its_vectors(library, tmp_path, body):
    start = tmp_path / "start"
    store = Store.open(start, create=True)
    if body is index_images_alone:
        run(library, store)
    copies = tmp_path / "copies"
    count = steps_of(body, start, library, copies=copies)
    rng = random.Random(SEED)
    for step in sorted(rng.randrange(count // 3, count) for _ in range(KILLS)):
        killed = Store.open(kill_at(step, body, start, library, copies=copies))
        checked_images(killed)
        body(killed.path, library)
        images = checked_images(killed)
        assert killed.status().images["standin"].track.seconds == 39, f"killed at step {step} of {count}"
        assert sorted(map(len, images.values())) == [1, 5]
