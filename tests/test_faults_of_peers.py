"""Faults measured on the nearest peer of this project, one test each; not one of them may be found here.

Its speed (two of the eleven faults) and its finding of what is absent (two more) are measured elsewhere.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from standin_model import BRIGHT, DARK, StandinEmbedder, StandinModel, write_levels

from footage.core.types import Span
from footage.media.video import sample
from footage.store import Store
from indexer.pipeline import index


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


def run(paths, store, model=None, **options):
    return index([paths], store=store, model=model or StandinModel(), embedder=StandinEmbedder(), **options)


def write_counter(path: Path, seconds: int, *, fps: int = 4, gop_seconds: int = 10) -> Path:
    """A clip whose brightness says the second (4 levels each), with a keyframe every ``gop_seconds`` only."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=fps, options={"g": str(gop_seconds * fps), "sc_threshold": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(seconds * fps):
            picture = np.full((48, 64, 3), 4 * (number // fps), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_window_that_begins_between_keyframes_begins_where_it_says(tmp_path):
    # The peer cut by stream copy, at keyframes: "25 to 55 s" really was 20 to 55 s, and every time 5 s late.
    clip = write_counter(tmp_path / "long.mp4", 60)
    frames = sample(clip, Span(25, 55))
    assert frames.times_seconds[0] == 25.0 and 54.5 <= frames.times_seconds[-1] < 55
    shown = frames.pixels.mean(axis=(1, 2, 3)) / 4
    assert np.abs(shown - np.floor(frames.times_seconds)).max() < 0.7


def test_nothing_is_passed_over_as_still(tmp_path, store):
    # The peer compared the sizes of three pictures and marked 2 of 4 moving chunks as still, for good.
    write_levels(tmp_path / "films" / "still.mp4", [90] * 13)
    (file,) = run(tmp_path / "films", store).files
    covered = [
        (record.window.span.start_seconds, record.window.span.end_seconds)
        for record in store.windows.of(file.content_id)
    ]
    assert covered == [(0, 4), (3, 7), (6, 10), (9, 13)]


def test_other_content_at_the_same_path_is_indexed(tmp_path, store):
    # The peer knew a file by its path alone: what was replaced kept its old captions.
    clip = write_levels(tmp_path / "films" / "a.mp4", [200] * 3)
    run(tmp_path / "films", store)
    write_levels(clip, [10] * 3)
    assert run(tmp_path / "films", store).indexed == 1
    assert {hit.text for hit in store.texts.search("picture", owner_kinds=["event"])} == {DARK}


def test_a_deleted_file_is_out_of_the_answers(tmp_path, store):
    # The peer went on answering with a file that was not there any more.
    clip = write_levels(tmp_path / "films" / "a.mp4", [200] * 3)
    write_levels(tmp_path / "films" / "b.mp4", [10] * 3)
    run(tmp_path / "films", store)
    clip.unlink()
    run(tmp_path / "films", store)
    assert {hit.text for hit in store.texts.search("picture", owner_kinds=["event"])} == {DARK}
    near = store.vectors.search("standin", StandinEmbedder().embed([BRIGHT])[0], owner_kinds=["event"])
    assert {hit.text for hit in near} == {DARK}


def test_an_apostrophe_in_a_path_is_a_letter_like_any_other(tmp_path, store):
    # The peer spliced paths into a database filter; its run died on this one.
    folder = tmp_path / 'Anna\'s "films"; DROP TABLE files --'
    clip = write_levels(folder / "it's.mp4", [200] * 3)
    assert run(folder, store).indexed == 1
    assert store.files.at(str(clip)).state == "indexed" and run(folder, store).unchanged == 1
    shutil.rmtree(folder)
    write_levels(folder / "other.mp4", [200] * 2)
    assert (run(folder, store).gone, store.contents.prune()) == (1, (1, 1))


def test_the_seam_of_two_windows_doubles_nothing_and_no_event_is_empty(tmp_path, store):
    # The peer merged nothing across the overlap, and stored an event at the end of the file as (95.0, 95.0).
    class AtTheEnd(StandinModel):
        def _caption(self, levels, times, span, text):
            end = span.duration_seconds
            return super()._caption(levels, times, span, text) + f"\n<{end:.1f} - {end:.1f}> It ends."

    write_levels(tmp_path / "films" / "a.mp4", [20] * 3 + [220] * 4 + [20] * 4)
    (file,) = run(tmp_path / "films", store, AtTheEnd()).files
    events = store.events.of(file.content_id)
    bright = [event.span for event in events if event.text == BRIGHT]
    assert [(span.start_seconds, span.end_seconds) for span in bright] == [pytest.approx((3, 7), abs=0.5)]
    assert all(event.span.duration_seconds > 0 and event.span.end_seconds <= 11 for event in events)


def test_words_are_found_while_the_run_goes_on(tmp_path, store):
    # The peer built its full-text index at the end of a whole run, and hid that it was missing until then.
    for number in range(5):
        write_levels(tmp_path / "films" / f"{number}.mp4", [200 - number] * 4)
    found = []

    def look(progress):
        found.append(len(store.texts.search("bright", owner_kinds=["event", "scene"])))

    run(tmp_path / "films", store, StandinModel(max_batch=1), on_progress=look)
    assert found[0] == 0 and any(0 < each < found[-1] for each in found)
