"""Captions that are carried over: which, how they are marked, and the same index however the run went."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standin_model import StandinEmbedder, StandinModel, write_levels
from test_indexer_growing_files import DyingTables, Killed, Recorder, write_recording

from footage.core.corrections import Correction
from footage.core.errors import WindowError
from footage.core.types import (
    Caption,
    CaptionEvent,
    File,
    Frames,
    Provenance,
    Span,
    Video,
    Window,
    WindowRecord,
)
from footage.store import Store
from indexer.pipeline import index
from indexer.prefetch import DecodedWindow
from indexer.reuse import FILES_BEFORE, REFERENCES, CaptionReuse, FilesOfCameras, carried_over, is_fit

WINDOWS = {"window_seconds": 2.0, "overlap_seconds": 0.5}
WRITES = 24  # to the tables, about, in a run of the library below
PROVENANCE = Provenance("model", "1", "1", "budget", "2 s, 0 s shared")
EVENT = CaptionEvent(Span(0.5, 1.5), "A door is open.")
CAPTION = Caption("A yard.", (EVENT,), "raw", "stop", ())
MOVING = -1


def video(content_id, size=(64, 48)):
    return Video(content_id, 60.0, *size, 4.0, "h264")


def file(path, content_id, **changes):
    return replace(File(path, content_id, 1, 0.0, collection="c", root="/c", state="indexed"), **changes)


def window(content_id, index, seconds=2.0):
    return Window(content_id, index, Span(2.0 * index, 2.0 * index + seconds))


def decoded(place, level, size=(64, 48)):
    """A window of one level all the time, or one in which a corner brightens."""
    pixels = np.full((4, size[1], size[0], 3), 100 if level == MOVING else level, np.uint8)
    if level == MOVING:
        pixels[2, :4, :4] = 200
    start, step = place.span.start_seconds, place.span.duration_seconds / 4
    times = tuple(start + step * number for number in range(4))
    return DecodedWindow(place, Frames(pixels, times, place.span))


def model(calls, faults=()):
    """Captions windows; those with a fault are cut off, unreadable or too much, by turns."""

    def make(batch):
        results = []
        for each in batch:
            calls.append((each.window.content_id, each.window.index))
            start = each.window.span.start_seconds
            event = replace(EVENT, span=Span(start + 0.5, start + 1.5))
            caption = replace(CAPTION, events=(event,), raw=f"{each.frames.pixels.mean()} {each.window}")
            fault = faults[(each.window.content_id, each.window.index)] if calls[-1] in faults else ""
            if fault == "error":
                results.append(WindowError("too much"))
                continue
            if fault == "cut":
                caption = replace(caption, finish_reason="length", notes=("truncated",))
            if fault == "unreadable":
                caption = replace(caption, events=(), notes=("unreadable",))
            results.append(WindowRecord(each.window, caption, PROVENANCE))
        return results

    return make


def reuse_of(store, files=(), **options):
    known = {each.path: each for each in files}
    return CaptionReuse(
        store, PROVENANCE, files=known, committed=store.windows.spans(), **{"enabled": True, **options}
    )


def caption(store, reuse, batch, make):
    """Caption a batch and commit it, as a run does."""
    results = reuse.caption(batch, make)
    store.windows.commit(each for each in results if isinstance(each, WindowRecord))
    return results


def sources(store, content_id="a"):
    return {each.window.index: each.reused_from for each in store.windows.of(content_id)}


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "index.lancedb", create=True).writing():
        yield Store.open(tmp_path / "index.lancedb")


# --- What is carried over -----------------------------------------------------------------------------------


def test_the_record_of_a_reused_window_is_the_reference_moved_to_its_time():
    record = WindowRecord(window("a", 0), CAPTION, PROVENANCE)
    moved = carried_over(record, window("b", 3))
    assert moved == WindowRecord(
        window("b", 3), replace(CAPTION, events=(CaptionEvent(Span(6.5, 7.5), EVENT.text),)), PROVENANCE,
        reused_from="a/0",
    )  # fmt: skip


def test_what_lies_beyond_the_end_of_a_shorter_window_is_cut_off():
    late = CaptionEvent(Span(1.2, 2.0), "It ends.")
    record = WindowRecord(window("a", 0), replace(CAPTION, events=(EVENT, late)), PROVENANCE)
    moved = carried_over(record, window("a", 2, seconds=1.0))
    assert [event.span for event in moved.caption.events] == [Span(4.5, 5.0)]


def test_a_caption_that_is_not_whole_or_not_the_windows_own_is_no_reference():
    record = WindowRecord(window("a", 0), CAPTION, PROVENANCE)
    assert is_fit(record)
    assert not is_fit(replace(record, reused_from="b/1"))
    assert not is_fit(replace(record, caption=replace(CAPTION, finish_reason="length")))
    for note in ("truncated", "unreadable", "repetition loop", "first stage only"):
        assert not is_fit(replace(record, caption=replace(CAPTION, notes=(note,))))
    assert not is_fit(WindowError("too much"))


def test_only_windows_in_which_nothing_changes_carry_a_caption_over_and_never_a_carried_one(store):
    calls = []
    reuse = reuse_of(store)
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    levels = [100, 100, MOVING, 100, 200, 104, 109, 100]
    caption(store, reuse, [decoded(window("a", n), level) for n, level in enumerate(levels)], model(calls))
    assert calls == [("a", 0), ("a", 2), ("a", 4)]
    own = {0: "", 2: "", 4: ""}
    assert sources(store) == {**dict.fromkeys(range(8), "a/0"), **own}
    assert [still.window_index for still in store.stills.of(["a"])] == [0, 4]


def test_a_window_is_compared_with_what_was_captioned_so_that_slow_changes_add_up(store):
    """A corner brightens by 4 levels from window to window: below the threshold each time."""
    reuse = reuse_of(store)
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    batch = [decoded(window("a", n), 100) for n in range(5)]
    for n, each in enumerate(batch):
        each.frames.pixels[:, :8, :8] = 100 + 4 * n
    calls = []
    caption(store, reuse, batch, model(calls))
    assert calls == [("a", 0), ("a", 2), ("a", 4)]


def test_a_shorter_reference_a_single_frame_and_another_size_do_not_count(store):
    reuse = reuse_of(store)
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    short = decoded(window("a", 0, seconds=1.0), 100)
    one = decoded(window("a", 2), 100)
    one = replace(one, frames=Frames(one.frames.pixels[:1], one.frames.times_seconds[:1], one.window.span))
    calls = []
    caption(store, reuse, [short, decoded(window("a", 1), 100), one], model(calls))
    assert calls == [("a", 0), ("a", 1), ("a", 2)]
    reuse.begin(file("/c/b.mp4", "b"), video("b", size=(128, 96)))
    caption(store, reuse, [decoded(window("b", 0), 100)], model(calls))
    assert calls[3:] == [("b", 0)]


def test_files_of_one_camera_follow_each_other_and_others_do_not(store):
    files = [
        file("/c/1.mp4", "a", camera="gate"),
        file("/c/2.mp4", "b", camera="gate"),
        file("/c/3.mp4", "c", camera="yard"),
        file("/c/0.mp4", "d", camera="gate"),
    ]
    reuse, calls = reuse_of(store, files[:1]), []
    for each in files:
        reuse.begin(each, video(each.content_id))
        caption(store, reuse, [decoded(window(each.content_id, 0), 100)], model(calls))
    assert calls == [("a", 0), ("c", 0), ("d", 0)]
    assert sources(store, "b") == {0: "a/0"}


def test_files_before_are_the_nearest_ones_without_copies_and_those_that_grow():
    files = [file(f"/c/{n:02}.mp4", f"content {n}") for n in range(12)]
    files[3] = replace(files[3], content_id="growing-1")
    files[5] = replace(files[5], content_id="content 6")
    files[8] = replace(files[8], state="gone")
    before = FilesOfCameras(files).before(files[11])
    assert before == tuple(f"content {n}" for n in (10, 9, 7, 6, 4, 2, 1, 0))
    assert len(before) == FILES_BEFORE
    assert FilesOfCameras(files).before(replace(files[11], path="/other/11.mp4")) == ()


def test_so_many_references_are_compared_with_and_no_more(store):
    distinct = [60 + 20 * n for n in range(REFERENCES + 1)]
    looks = [*distinct, distinct[1], distinct[0]]
    pictures = []
    for n, level in enumerate(looks):
        each = decoded(window("a", n), 30)
        each.frames.pixels[:, :, :16] = level  # half of the patches at most: no change of light explains it
        pictures.append(each)
    reuse, calls = reuse_of(store), []
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    caption(store, reuse, pictures, model(calls))
    assert [index for _, index in calls] == [*range(REFERENCES + 1), REFERENCES + 2]


def test_a_caption_that_a_person_corrected_is_not_carried_over_from_then_on(store):
    reuse, calls = reuse_of(store), []
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    caption(store, reuse, [decoded(window("a", n), 100) for n in range(2)], model(calls))
    said = Correction("1", "a", Span(2.5, 3.5), EVENT.text, Span(2.5, 3.5), "A door is shut.", made_at=1.0)
    store.annotations.corrections.put([said])
    caption(store, reuse, [decoded(window("a", n), 100) for n in (2, 3)], model(calls))
    assert calls == [("a", 0), ("a", 2)]
    store.annotations.corrections.put([replace(said, undone_at=2.0)])
    caption(store, reuse, [decoded(window("a", 4), 100)], model(calls))
    assert sources(store)[4] == "a/2"


def test_captions_under_other_settings_are_not_carried_over(store):
    reuse, calls = reuse_of(store), []
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    caption(store, reuse, [decoded(window("a", n), 100) for n in range(2)], model(calls))
    store.windows.commit(
        replace(each, provenance=replace(PROVENANCE, revision="0")) for each in store.windows.of("a")
    )
    again = reuse_of(store)
    again.begin(file("/c/a.mp4", "a"), video("a"))
    caption(store, again, [decoded(window("a", n), 100) for n in range(2)], model(calls))
    assert calls == [("a", 0), ("a", 0)]


def test_a_window_that_is_replaced_without_reuse_is_no_reference_any_more(store):
    reuse, calls = reuse_of(store), []
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    caption(store, reuse, [decoded(window("a", 0), 100)], model(calls))
    off = reuse_of(store, enabled=False)
    caption(store, off, [decoded(window("a", 0), MOVING)], model(calls))
    assert store.stills.of(["a"]) == []


# --- However the run went -----------------------------------------------------------------------------------

LEVELS = st.lists(st.sampled_from([100, 100, 100, 105, 180, MOVING]), min_size=1, max_size=9)
FAULTS = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.integers(0, 8)), st.sampled_from(["error", "cut", "unreadable"])
)


def rows(store):
    return [replace(each) for content_id in "ab" for each in store.windows.of(content_id)]


def captioned(folder, levels, faults, sizes, cuts):
    """What the index says after captioning two files in batches of some sizes, begun anew at some batches."""
    calls, make = [], None
    files = {name: file(f"/c/{name}.mp4", name) for name in "ab"}
    store = Store.open(folder, create=True)
    with store.writing():
        store.videos.put(video(name) for name in files)
        make = model(calls, faults)
        windows = [
            decoded(window(name, n), level)
            for name, each in zip("ab", levels, strict=True)
            for n, level in enumerate(each)
        ]
        reuse, begun, batches = reuse_of(store), set(), itertools.cycle(sizes)
        known = {}
        while windows:
            count = next(batches)
            batch, windows = windows[:count], windows[count:]
            if count in cuts:  # killed and resumed: nothing but the index is left
                reuse, begun = reuse_of(store, known.values()), set()
            for each in batch:
                name = each.window.content_id
                if name not in begun:
                    reuse.begin(files[name], video(name))
                    begun.add(name)
                    known[name] = files[name]
            caption(store, reuse, batch, make)
        return rows(store), store.stills.of(["a", "b"])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    levels=st.tuples(LEVELS, LEVELS),
    faults=FAULTS,
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    cuts=st.sets(st.integers(1, 7)),
)
def test_batches_and_interruptions_change_nothing(levels, faults, sizes, cuts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    one = captioned(folder / "one.lancedb", levels, faults, [1], set())
    other = captioned(folder / "other.lancedb", levels, faults, sizes, cuts)
    assert one[0] == other[0]
    places = [[(each.content_id, each.window_index) for each in stills] for _, stills in (one, other)]
    assert places[0] == places[1]


# --- Whole runs ---------------------------------------------------------------------------------------------


def run(library, database, model=None, **options):
    return index(
        [library],
        store=Store.open(database, create=True),
        model=model or StandinModel(**WINDOWS),
        embedder=StandinEmbedder(),
        reuse="yes",
        **options,
    )


def content_of(database: Path):
    store = Store.open(database)
    files = store.files.all()
    return (
        [(each.path, each.state, each.content_id) for each in files],
        [(store.windows.of(each.content_id), store.events.of(each.content_id)) for each in files],
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Two files of a camera: dark, then light, then dark again; then light and dark."""
    folder = tmp_path_factory.mktemp("camera")
    write_levels(folder / "1.mp4", [20] * 8 + [220] * 6 + [20] * 4)
    write_levels(folder / "2.mp4", [220] * 5 + [20] * 5)
    return folder


@pytest.fixture(scope="module")
def unbroken(library, tmp_path_factory):
    database = tmp_path_factory.mktemp("unbroken") / "index.lancedb"
    return run(library, database), database


def test_a_run_says_how_many_windows_were_reused_and_finds_the_same_events(unbroken, library, tmp_path):
    report, database = unbroken
    plain = index(
        [library],
        store=Store.open(tmp_path / "plain.lancedb", create=True),
        model=StandinModel(**WINDOWS),
        embedder=StandinEmbedder(),
    )
    assert report.windows_captioned + report.windows_reused == plain.windows_captioned
    assert report.windows_reused >= plain.windows_captioned / 2
    assert report.seconds_captioned + report.seconds_reused == pytest.approx(28.0, abs=0.2)
    events = [
        [(each.span, each.text) for _, found in content_of(place)[1] for each in found]
        for place in (database, tmp_path / "plain.lancedb")
    ]
    assert events[0] == events[1]


def test_a_run_that_was_stopped_goes_on_to_the_same_index(unbroken, library, tmp_path):
    database = tmp_path / "index.lancedb"
    with pytest.raises(KeyboardInterrupt):
        run(library, database, StandinModel(stop_at=3, **WINDOWS), batch_size=4)
    run(library, database, batch_size=8)
    assert content_of(database) == content_of(unbroken[1])


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
def test_a_killed_run_goes_on_to_the_same_index(unbroken, library, tmp_path, share):
    """It dies before one of its writes; stills are written before their windows."""
    folder = tmp_path / "index.lancedb"
    Store.open(folder, create=True)
    tables = DyingTables.connect(folder)
    tables.moment = round(share * WRITES)
    with pytest.raises(Killed):
        index(
            [library],
            store=Store(tables),
            model=StandinModel(**WINDOWS),
            embedder=StandinEmbedder(),
            reuse="yes",
            batch_size=2,
        )
    run(library, folder, batch_size=3)
    assert content_of(folder) == content_of(unbroken[1])


def test_a_still_picture_without_its_window_is_no_reference(store):
    reuse, calls = reuse_of(store), []
    reuse.begin(file("/c/a.mp4", "a"), video("a"))
    reuse.caption([decoded(window("a", 0), 100)], model(calls))  # and killed before the commit
    again = reuse_of(store)
    again.begin(file("/c/a.mp4", "a"), video("a"))
    caption(store, again, [decoded(window("a", n), 100) for n in (1, 2)], model(calls))
    assert calls == [("a", 0), ("a", 1)] and sources(store) == {1: "", 2: "a/1"}


def test_a_file_that_is_followed_while_it_grows_ends_up_the_same(tmp_path):
    whole = write_recording(tmp_path / "gate.ts", [20] * 12 + [220] * 8, noise=1)
    recorder = Recorder(tmp_path, whole)
    for share in (0.5, 0.8, 1.0):
        recorder.write(share)
        recorder.look(follow=True, reuse="yes")
        recorder.clock.at += 31
    recorder.look(follow=True, reuse="yes")
    database = tmp_path / "unbroken.lancedb"
    index(
        [recorder.library],
        store=Store.open(database, create=True),
        model=StandinModel(),
        embedder=StandinEmbedder(),
        reuse="yes",
    )
    assert sum(map(len, recorder.store.windows.reused().values())) >= 2
    assert content_of(tmp_path / "index.lancedb") == content_of(database)
