"""Footage of several cameras lies where its clocks say it does, whatever their zones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import File, Span
from ui.web.components import camera_timeline

BERLIN_WINTER, BERLIN_SUMMER = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))


def a_file(name="a", at="2026-03-01T12:00:00+01:00", seconds=60.0, **changes) -> File:
    values = {"camera": "gate", "clock_source": "file name", "state": "indexed"}
    return File(
        f"/films/yard/{name}.mp4", name, recorded_at=at, duration_seconds=seconds, **{**values, **changes}
    )


def recorded(*files: File) -> list[camera_timeline.Recording]:
    return camera_timeline.recordings(files, zone=UTC).recorded


def a_view(day: date, placed=()) -> camera_timeline.View:
    return camera_timeline.day_view(placed, day)


moments = st.datetimes(datetime(2026, 3, 28), datetime(2026, 3, 30, 12)).map(
    lambda m: m.replace(microsecond=0)
)
files = st.lists(
    st.builds(
        lambda number, at, hours, seconds, camera: a_file(
            f"f{number}",
            at.replace(tzinfo=timezone(timedelta(hours=hours))).isoformat(),
            seconds,
            camera=camera,
        ),
        st.integers(0, 10_000),
        moments,
        st.sampled_from([0, 1, 2]),
        st.floats(1, 90_000),
        st.sampled_from(["gate", "yard", ""]),
    ),
    max_size=15,
)


@given(files)
def test_each_recording_has_one_place_and_no_two_of_a_lane_overlap(found):
    placed = recorded(*found)
    lanes = camera_timeline.lanes(placed)
    assert sorted((each for lane in lanes for each in lane.recordings), key=str) == sorted(placed, key=str)
    for lane in lanes:
        assert {each.row for each in lane.recordings} == {lane.row}
        assert all(one.end <= other.start for one, other in pairwise(lane.recordings))


@given(files, st.floats(0, 1))
def test_at_a_moment_there_are_as_many_places_as_files_that_cover_it(found, fraction):
    placed = recorded(*found)
    view = a_view(date(2026, 3, 29), placed)
    moment = view.start + fraction * view.length
    shown = [
        each
        for lane in camera_timeline.lanes(placed)
        for each in lane.recordings
        if each.start <= moment < each.end
    ]
    assert len(shown) == sum(each.start <= moment < each.end for each in placed)


@given(files)
def test_what_fits_shows_all_footage_of_the_day_and_little_else(found):
    placed = recorded(*found)
    whole = a_view(date(2026, 3, 29), placed)
    fit = camera_timeline.fitting(placed, whole)
    inside = [each for each in placed if each.end > whole.start and each.start < whole.end]
    assert whole.start <= fit.start < fit.end <= whole.end
    if not inside:
        assert fit == whole
        return
    first = max(min(each.start for each in inside), whole.start)
    last = min(max(each.end for each in inside), whole.end)
    assert fit.start <= first and last <= fit.end
    assert fit.length <= (last - first) * 1.05 + camera_timeline.SHORTEST


@given(files)
def test_every_second_of_footage_is_in_some_day(found):
    placed = recorded(*found)
    total = sum((each.end - each.start for each in placed), timedelta())
    assert sum(camera_timeline.days(placed).values(), timedelta()) == total


def test_a_file_past_midnight_is_of_both_days():
    [late] = recorded(a_file(at="2026-03-01T23:59:00+01:00", seconds=120))
    assert camera_timeline.days([late]) == {
        date(2026, 3, 2): timedelta(seconds=60),
        date(2026, 3, 1): timedelta(seconds=60),
    }
    for day, minutes in ((1, (0, 1)), (2, (0, 1))):
        view = camera_timeline.day_view([late], date(2026, 3, day))
        fit = camera_timeline.fitting([late], view)
        assert fit.length == pytest.approx(timedelta(minutes=minutes[1]), abs=timedelta(seconds=5))


def test_cameras_in_other_zones_meet_at_the_same_moment():
    gate, yard = a_file("a", "2026-03-01T12:00:00+01:00"), a_file("b", "2026-03-01T11:00:00Z", camera="yard")
    assert [each.start for each in recorded(gate, yard)] == [datetime(2026, 3, 1, 11, tzinfo=UTC)] * 2


def test_two_files_of_a_folder_at_the_same_second_have_two_places():
    lanes = camera_timeline.lanes(recorded(a_file("a", camera=""), a_file("b", camera="")))
    assert [(lane.row.name, lane.recordings[0].content_id) for lane in lanes] == [
        ("yard", "a"),
        ("yard", "b"),
    ]


def test_folders_of_the_same_name_are_told_apart():
    files = [
        replace(a_file("a", camera=""), path="/nvr/gate/2026-03-01/a.mp4"),
        replace(a_file("b", camera=""), path="/nvr/yard/2026-03-01/b.mp4"),
        replace(a_file("c", camera=""), path="/nvr/shed/c.mp4"),
    ]
    rows = [lane.row.name for lane in camera_timeline.lanes(recorded(*files))]
    assert rows == ["gate/2026-03-01", "shed", "yard/2026-03-01"]


def test_a_chosen_zone_moves_the_day():
    [late] = recorded(a_file(at="2026-03-01T23:30:00Z"))
    [moved] = camera_timeline.shown_in([late], BERLIN_WINTER)
    assert (moved.start, moved.start.hour) == (late.start, 0)
    assert list(camera_timeline.days([moved])) == [date(2026, 3, 2)]


def test_the_day_the_clocks_go_forward_has_23_hours_and_no_two_o_clock():
    night = a_file("a", "2026-03-29T00:30:00+01:00", 5400)
    morning = a_file("b", "2026-03-29T03:00:00+02:00", 3600)
    placed = recorded(night, morning)
    assert placed[0].end == placed[1].start
    view = camera_timeline.day_view(placed, date(2026, 3, 29))
    assert view.length == timedelta(hours=23)
    offsets = camera_timeline.offsets(placed, view)
    assert offsets == [
        (view.start, timedelta(hours=1)),
        (datetime(2026, 3, 29, 1, tzinfo=UTC), timedelta(hours=2)),
    ]


def test_the_day_the_clocks_go_back_has_25_hours():
    placed = recorded(
        a_file("a", "2026-10-25T00:00:00+02:00", 10_000), a_file("b", "2026-10-25T12:00:00+01:00", 10_000)
    )
    assert camera_timeline.day_view(placed, date(2026, 10, 25)).length == timedelta(hours=25)


def test_files_of_one_camera_that_overlap_lie_in_lanes():
    placed = recorded(
        a_file("a", seconds=60),
        a_file("b", "2026-03-01T12:00:30+01:00"),
        a_file("c", "2026-03-01T12:01:00+01:00"),
    )
    assert [len(lane.recordings) for lane in camera_timeline.lanes(placed)] == [2, 1]


def test_what_is_not_known_is_listed_apart_and_what_is_guessed_says_so():
    files = camera_timeline.recordings(
        [
            a_file("plain"),
            a_file("none", ""),
            a_file("odd", "yesterday"),
            a_file("guess", clock_source="guessed"),
            a_file("zoneless", "2026-03-01T12:00:00"),
            a_file("gone", state="gone"),
            a_file("unread", seconds=0.0),
        ],
        zone=BERLIN_SUMMER,
    )
    placed = files.recorded
    assert [file.content_id for file in files.unknown] == ["none", "odd"]
    assert [file.content_id for file in files.unread] == ["unread"]
    assert {each.content_id: each.guessed for each in placed} == {
        "plain": False,
        "guess": True,
        "zoneless": True,
    }
    [zoneless] = [each for each in placed if each.zone_assumed]
    assert zoneless.start == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_file_without_a_camera_is_filed_under_its_folder_last():
    placed = recorded(a_file("a", camera=""), a_file("b", camera="zoo"))
    assert [lane.row for lane in camera_timeline.lanes(placed)] == [
        camera_timeline.Row("zoo", True),
        camera_timeline.Row("yard", False),
    ]


def test_copies_are_shown_once():
    copy = File("/copy/a.mp4", "a", recorded_at="2026-03-01T11:00:00Z", duration_seconds=60, camera="gate")
    assert len(recorded(a_file("a"), copy)) == 1


def test_what_happens_lies_on_the_lane_that_shows_it_and_is_cut_to_its_footage():
    placed = recorded(a_file("a"), a_file("b", "2026-03-01T12:00:30+01:00"))
    one, other = camera_timeline.lanes(placed)
    view = a_view(date(2026, 3, 1), placed)
    spans = {"a": [(Span(10, 20), "a car"), (Span(70, 80), "past the end")], "b": [(Span(50, 90), "a dog")]}
    noon = datetime(2026, 3, 1, 11, tzinfo=UTC)
    seconds = timedelta(seconds=1)
    assert camera_timeline.placed(spans, one, view) == [(noon + 10 * seconds, noon + 20 * seconds, "a car")]
    assert camera_timeline.placed(spans, other, view) == [(noon + 80 * seconds, noon + 90 * seconds, "a dog")]


def test_an_empty_index_has_an_empty_day():
    view = camera_timeline.day_view([], date(2026, 3, 1))
    assert camera_timeline.lanes([]) == [] and camera_timeline.days([]) == {}
    assert camera_timeline.fitting([], view) == view
    assert camera_timeline.offsets([], view) == [(view.start, timedelta())]
