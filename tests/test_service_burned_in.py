"""Edit lists by the timecode in the picture, from the records of a real index."""

from __future__ import annotations

import pytest

from footage.core.errors import UsageError
from footage.core.track_events import track_caption
from footage.core.tracks import SCREEN_TEXT_TRACK
from footage.core.types import Provenance, Span, Window, WindowRecord
from footage.media import sandbox
from footage.store import Store
from indexer.tracks.burned_in_timecode import spelled
from service.burned_in import with_burned_in_timecodes
from service.export import Clip, Options, export
from tests.clock_readings import event_of, readings_of

PROVENANCE = Provenance("reader", "1", "1", "1")


def indexed(tmp_path, path, show):
    """An index that holds what a text recogniser read in a video, and a clip of that video."""
    store = Store.open(tmp_path / "index", create=True)
    video = sandbox.probe(path, content_id="c")
    events = [event_of(readings_of(show, 12, every=0.48))]
    record = WindowRecord(
        Window("c", 0, Span(0, video.duration_seconds)), track_caption(events), PROVENANCE, SCREEN_TEXT_TRACK
    )
    store.videos.put([video])
    store.windows.commit([record])
    return store, Clip(str(path), video, Span(2.0, 4.0), "a moment")


def test_an_edit_list_counts_by_the_timecode_in_the_picture(tmp_path, test_data):
    path = test_data / "videos" / "mpy_example.mp4"  # no timecode in its container
    store, clip = indexed(tmp_path, path, lambda t: spelled(90_000 + round(25 * t), 25, drop_frame=False))
    (timed,) = with_burned_in_timecodes([clip], store)
    assert timed.timecode == "01:00:00:00"
    export([timed], tmp_path / "out", formats=("edl",), options=Options(name="list"))
    (edl,) = (tmp_path / "out").glob("*.edl")
    assert "01:00:02:00 01:00:04:00" in edl.read_text()
    export([clip], tmp_path / "plain", formats=("edl",), options=Options(name="list"))
    (plain,) = (tmp_path / "plain").glob("*.edl")
    assert "00:00:02:00 00:00:04:00" in plain.read_text()


def test_a_video_without_timecode_in_its_picture_is_an_error_that_names_it(tmp_path, test_data):
    path = test_data / "videos" / "mpy_example.mp4"
    store, clip = indexed(tmp_path, path, lambda t: "01:00:00:00")
    with pytest.raises(UsageError, match=r"mpy_example\.mp4 has no burned-in timecode") as raised:
        with_burned_in_timecodes([clip], store)
    assert "--timecode container" in raised.value.hint


def test_a_video_whose_screen_text_was_not_read_says_what_to_do(tmp_path, test_data):
    path = test_data / "videos" / "mpy_example.mp4"
    store, clip = indexed(tmp_path, path, lambda t: "x")
    store.windows.remove("c", [0], track=SCREEN_TEXT_TRACK)
    for index in (store, None):
        with pytest.raises(UsageError, match="was not read") as raised:
            with_burned_in_timecodes([clip], index)
        assert "--tracks screen-text" in raised.value.hint
