"""What makes or moves a span in search, imports, corrections, exports and the app, on clocks off the grid.

See ``test_core_time_grid`` for the shared functions.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_model import StandinEmbedder
from test_core_time_grid import CLOCKS, a_video, durations, shares

from evaluation.readers import read_activitynet, read_timelens
from footage.core.errors import UsageError
from footage.core.timecode import clamp, overlap_seconds
from footage.core.types import (
    Caption,
    CaptionEvent,
    Event,
    File,
    Match,
    Provenance,
    Span,
    Video,
    Window,
    WindowRecord,
)
from footage.core.windows import plan_windows, run_of, runs
from footage.inference.windows import cut_segment
from footage.media.demux import FrameTable
from footage.media.segment import stretch_in
from footage.store import Store
from footage.vlm.profiles import DEMO
from indexer import correcting
from indexer.import_export import export_captions, import_captions
from search.composite import combine
from search.retrieval.similar import at_moment
from service.export import Clip
from service.export.clips import Origins, clips_of, widened
from service.export.results import read_results
from service.locators import Locator
from service.schemas.answers import match_fields
from ui.web.components import camera_timeline

NOWHERE = Origins({}, {})


@st.composite
def gaps_in(draw, duration: float) -> tuple[Span, ...]:
    """Gaps of a video of that length, in order and apart."""
    edges = sorted({round(draw(shares) * duration, 6) for _ in range(2 * draw(st.integers(0, 3)))})
    return tuple(Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if 0 < a < b < duration)


def a_match(video: Video, start: float, end: float) -> Match:
    return Match(video, "/x", Span(start, end), "A dog runs.", 0.5, True, "found")


@given(st.data(), durations(), shares, shares, st.sampled_from([1 / 3, 4.0, 16.0]))
def test_windows_beside_gaps_lie_in_their_runs_of_frames(data, duration, a, b, length):
    whole, gaps = Span(0, duration), data.draw(gaps_in(duration))
    place = Span.clamped(min(a, b) * duration, max(a, b) * duration, within=whole)
    frames = runs(whole, gaps)
    windows = [
        each.span
        for each in plan_windows("v", duration, window_seconds=length, overlap_seconds=0.1, gaps=gaps)
    ]
    separate = cut_segment(whole, DEMO, layout="separate", window_seconds=length, gaps=gaps)
    for window in [*windows, *(each.span for each in separate if frames)]:
        assert any(clamp(window, run) == window for run in frames)
        assert window.duration_seconds <= length + 1e-6
    assert {run.end_seconds for run in frames} <= {window.end_seconds for window in windows}
    held = run_of(place, whole, gaps)
    assert held in (*frames, whole)


@given(st.sampled_from(CLOCKS), st.integers(1, 600), shares, shares)
def test_a_stretch_of_frames_lies_in_its_span_to_the_frame(clock, count, a, b):
    table = FrameTable(
        path="x",
        stream_index=0,
        time_base=1 / clock,
        pts=np.arange(count, dtype=np.int64) + 7,
        durations=np.ones(count, np.int64),
        keyframes=np.array([0]),
        codec="h264",
        size=(64, 48),
        pixel_format="",
        container="mov",
        reordered=False,
        promised_seconds=None,
        read_seconds=0.0,
    )
    whole = Span(0, table.duration_seconds)
    first, past = sorted((int(a * count), int(b * count)))
    if first < past:
        wanted = Span(first / clock, past / clock)
        assert (stretch_in(table, wanted).first, stretch_in(table, wanted).past) == (first, past)
    stretch = stretch_in(table, Span(0, float(count / clock))).at_most(a * whole.end_seconds)
    assert clamp(stretch.span, whole) == stretch.span


@given(durations(), shares, shares, st.floats(0, 300), st.floats(0, 300))
def test_handles_and_events_of_several_parts_never_leave_the_video(duration, a, b, before, after):
    video = a_video(duration)
    whole = Span(0, video.duration_seconds)
    start, end = sorted((a * duration, b * duration))
    first, second = a_match(video, start, end), a_match(video, end, duration)
    parts = [[first], [second]]
    for relation in ("then", "and", "without"):
        for clip in clips_of(combine(relation, parts), query="q", origins=NOWHERE):
            assert clamp(clip.span, whole) in (clip.span, None)
            assert clip.span.end_seconds <= whole.end_seconds
            wide = widened(clip, before, after).span
            assert wide.start_seconds <= clip.span.start_seconds and clip.span.end_seconds <= wide.end_seconds
            assert wide.end_seconds <= whole.end_seconds
    handles = widened(Clip("/x", video, Span(start, duration), "t"), before, after)
    assert handles.span.end_seconds == whole.end_seconds


@given(durations(), shares)
def test_a_moment_or_a_stretch_that_is_typed_ends_with_the_video_at_most(duration, a):
    video = a_video(duration)
    from_start = Locator("x", a * duration, duration)
    assert Locator("x").span(video) == Span(0, video.duration_seconds)
    if a * duration < video.duration_seconds - 1e-6:
        assert from_start.span(video).end_seconds == video.duration_seconds
        assert Locator("x", a * duration).moment(video) <= video.duration_seconds
    event = Event("e", "v", Span(a * duration, duration), "A dog runs.", (0,))
    if event.span.duration_seconds:
        assert at_moment([event], event.span.start_seconds, video="x") == event


@given(st.data(), durations())
def test_recordings_on_a_clock_end_where_their_frames_do(data, duration):
    gaps = data.draw(gaps_in(duration))
    file = File("/a", "v", camera="gate", recorded_at="2026-03-01T12:00:00+00:00", duration_seconds=duration)
    placed = camera_timeline.recordings([file], zone=UTC, gaps={"v": gaps}).recorded
    found = [
        Span(each.start_seconds, each.start_seconds + (each.end - each.start).total_seconds())
        for each in placed
    ]
    for span, run in zip(found, runs(Span(0, duration), gaps), strict=True):
        assert span.start_seconds == run.start_seconds
        assert span.end_seconds == pytest.approx(run.end_seconds, abs=2e-6)
    assert all(each.file_start == datetime(2026, 3, 1, 12, tzinfo=UTC) for each in placed)


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
def test_truth_that_ends_past_the_end_is_read(tmp_path, clock):
    length = float(944 / clock)
    path = tmp_path / "truth.json"
    path.write_text(
        json.dumps({"v": {"duration": length, "timestamps": [[0, length + 0.4]], "sentences": ["a"]}})
    )
    [query] = read_activitynet(path)
    assert query.spans == (Span(0, length),)
    path.write_text(
        json.dumps({"v": {"duration": length, "spans": [[length / 3, length]], "queries": ["a"]}})
    )
    [query] = read_timelens(path)
    assert query.spans == (Span(length / 3, length),)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """An index of one video for each clock, captioned up to its very end, and an empty one."""
    folder = tmp_path_factory.mktemp("grid")
    store = Store.open(folder / "index.lancedb", create=True)
    provenance = Provenance("m", "r", "p", "b")
    with store.writing():
        for clock in CLOCKS:
            length = float(944 / clock)
            video = Video(f"v{clock}".replace("/", "-"), length, 64, 48, 30.0, "h264")
            store.videos.put([video])
            store.files.put([File(f"/{video.content_id}.mp4", video.content_id, duration_seconds=length)])
            event = CaptionEvent(Span(length / 3, length), f"A dog runs {clock}.")
            window = Window(video.content_id, 0, Span(0, length))
            store.windows.commit([WindowRecord(window, Caption("", (event,), "", "stop"), provenance)])
    return store, Store.open(folder / "other.lancedb", create=True)


def test_captions_up_to_the_very_end_are_exported_and_imported(stores):
    store, other = stores
    lines = [json.dumps(each) for each in export_captions(store)]
    import_captions(lines, store=other, embedder=StandinEmbedder())
    assert [json.dumps(each) for each in export_captions(other)] == lines
    assert other.status().seconds_indexed == pytest.approx(store.status().seconds_total)
    for content_id, video in other.videos.all().items():
        [event] = other.events.of(content_id)
        assert event.span == Span(video.duration_seconds / 3, video.duration_seconds)
        # By hand, with the exact length of the file as another program has it, and more digits.
        row = {"content_id": content_id, "start_seconds": 0.0, "end_seconds": video.duration_seconds + 4e-7}
        event_row = {"start_seconds": 1e-7, "end_seconds": video.duration_seconds + 4e-7, "text": "A cat."}
        line = json.dumps({**row, "window_index": 1, "events": [event_row]})
        import_captions([line], store=other, embedder=StandinEmbedder())
        assert other.windows.of(content_id)[-1].window.span == Span(0, video.duration_seconds)


def test_corrections_and_results_up_to_the_very_end_are_taken(stores):
    store, _ = stores
    for clock in CLOCKS:
        length = float(944 / clock)
        video = store.videos.all()[f"v{clock}".replace("/", "-")]
        record = store.windows.of(video.content_id)[0]
        event = Event(
            "e", video.content_id, record.caption.events[0].span, record.caption.events[0].text, (0,)
        )
        kept = correcting.correct(
            store, event, text="A fox.", span=Span(length / 2, length), author="", embedders=list
        )
        assert kept.correction.span == Span(length / 2, video.duration_seconds)
        match = Match(
            video, store.files.path_of(video.content_id), Span(length / 2, length), "A.", 0.5, True, "found"
        )
        line = json.dumps({"type": "match", **match_fields(match)})
        [clip] = read_results([line], store, NOWHERE, identify=str)
        assert clip.span == match.span and overlap_seconds(clip.span, Span(0, length)) > 0
        with pytest.raises(UsageError, match="not a valid segment"):
            correcting.correct(
                store, event, text="A fox.", span=Span(length, length + 1), author="", embedders=list
            )
