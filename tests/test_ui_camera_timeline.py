"""Footage of several cameras lies where its clocks say it does, whatever their zones."""

from __future__ import annotations

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
    return camera_timeline.recordings(files, zone=UTC)[0]


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
def test_bars_lie_inside_the_view_and_never_on_each_other(found):
    placed = recorded(*found)
    view = camera_timeline.day_view(placed, date(2026, 3, 29))
    shown = camera_timeline.lanes(placed, view)
    assert set(shown) == {each.row for each in placed}
    for lanes in shown.values():
        for lane in lanes:
            ends = [(bar.left, bar.left + bar.width) for bar in lane]
            assert all(-1e-9 <= left <= right <= 1 + 1e-9 for left, right in ends)
            assert all(one[1] <= other[0] + 1e-9 for one, other in pairwise(ends))
    inside = [each for each in placed if each.end > view.start and each.start < view.end]
    assert sum(bar.files for lanes in shown.values() for lane in lanes for bar in lane) == len(inside)


@given(files, st.floats(0, 1))
def test_at_a_moment_each_camera_shows_everything_that_covers_it(found, fraction):
    placed = recorded(*found)
    moment = camera_timeline.day_view(placed, date(2026, 3, 29)).moment(fraction)
    shown = [seen.recording for seen in camera_timeline.at_moment(placed, moment) if seen.recording]
    covers = [each for each in placed if each.start <= moment < each.end]
    assert sorted(shown, key=str) == sorted(covers, key=str)
    for seen in camera_timeline.at_moment(placed, moment):
        covering = [each for each in placed if each.row == seen.row and each.start <= moment < each.end]
        assert (seen.recording in covering) if covering else seen.recording is None
        if seen.recording:
            length = (seen.recording.end - seen.recording.start).total_seconds()
            assert 0 <= seen.seconds < length + 1e-6
        else:
            assert seen.before is None or seen.before <= moment
            assert seen.after is None or seen.after > moment


@given(files)
def test_every_second_of_footage_is_in_some_day(found):
    placed = recorded(*found)
    total = sum((each.end - each.start for each in placed), timedelta())
    assert sum(camera_timeline.days(placed).values(), timedelta()) == total


@given(st.floats(0, 1), st.floats(0.001, 3), st.floats(0, 1))
def test_a_zoom_stays_inside_the_day(middle, factor, around):
    whole = camera_timeline.View(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    view = camera_timeline.zoomed(whole, whole, 0.3, whole.moment(middle))
    zoomed = camera_timeline.zoomed(view, whole, factor, whole.moment(around))
    assert whole.start <= zoomed.start < zoomed.end <= whole.end
    assert zoomed.length >= camera_timeline.SHORTEST


def test_a_file_past_midnight_is_of_both_days():
    [late] = recorded(a_file(at="2026-03-01T23:59:00+01:00", seconds=120))
    assert camera_timeline.days([late]) == {
        date(2026, 3, 2): timedelta(seconds=60),
        date(2026, 3, 1): timedelta(seconds=60),
    }
    for day, left in ((1, 1439 / 1440), (2, 0.0)):
        view = camera_timeline.day_view([late], date(2026, 3, day))
        [[bar]] = (camera_timeline.lanes([late], view).values().__iter__().__next__(),)
        assert (bar[0].left, bar[0].width) == pytest.approx((left, 1 / 1440))


def test_cameras_in_other_zones_meet_at_the_same_moment():
    gate, yard = a_file("a", "2026-03-01T12:00:00+01:00"), a_file("b", "2026-03-01T11:00:00Z", camera="yard")
    placed = recorded(gate, yard)
    seen = camera_timeline.at_moment(placed, datetime(2026, 3, 1, 11, 0, 30, tzinfo=UTC))
    assert [(each.row.name, each.recording.content_id, each.seconds) for each in seen] == [
        ("gate", "a", 30.0),
        ("yard", "b", 30.0),
    ]


def test_two_files_of_a_folder_at_the_same_second_are_both_shown():
    placed = recorded(a_file("a", camera=""), a_file("b", camera=""))
    seen = camera_timeline.at_moment(placed, datetime(2026, 3, 1, 11, 0, 30, tzinfo=UTC))
    assert [(each.row.name, each.recording.content_id) for each in seen] == [("yard", "a"), ("yard", "b")]


def test_the_day_the_clocks_go_forward_has_23_hours_and_no_two_o_clock():
    night = a_file("a", "2026-03-29T00:30:00+01:00", 5400)
    morning = a_file("b", "2026-03-29T03:00:00+02:00", 3600)
    placed = recorded(night, morning)
    assert placed[0].end == placed[1].start
    view = camera_timeline.day_view(placed, date(2026, 3, 29))
    assert view.length == timedelta(hours=23)
    close = camera_timeline.zoomed(view, view, 4 / 23, placed[1].start)
    labels = [label for _, label in camera_timeline.ticks(close, placed)]
    assert "01:30" in labels and "03:00 UTC+02:00" in labels and not any(x.startswith("02:") for x in labels)


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
    [lanes] = camera_timeline.lanes(placed, camera_timeline.day_view(placed, date(2026, 3, 1))).values()
    assert [sum(bar.files for bar in lane) for lane in lanes] == [2, 1]


def test_what_is_not_known_is_listed_apart_and_what_is_guessed_says_so():
    placed, unknown = camera_timeline.recordings(
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
    assert [file.content_id for file in unknown] == ["none", "odd"]
    assert {each.content_id: each.guessed for each in placed} == {
        "plain": False,
        "guess": True,
        "zoneless": True,
    }
    [zoneless] = [each for each in placed if each.zone_assumed]
    assert zoneless.start == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_file_without_a_camera_is_filed_under_its_folder_last():
    placed = recorded(a_file("a", camera=""), a_file("b", camera="zoo"))
    assert list(camera_timeline.lanes(placed, camera_timeline.day_view(placed, date(2026, 3, 1)))) == [
        camera_timeline.Row("zoo", True),
        camera_timeline.Row("yard", False),
    ]


def test_copies_are_shown_once():
    copy = File("/copy/a.mp4", "a", recorded_at="2026-03-01T11:00:00Z", duration_seconds=60, camera="gate")
    assert len(recorded(a_file("a"), copy)) == 1


def test_a_day_of_minutes_is_drawn_in_few_pieces():
    start = datetime(2026, 3, 1, tzinfo=BERLIN_WINTER)
    placed = recorded(
        *(a_file(f"f{n}", (start + timedelta(minutes=n)).isoformat(), 59.0) for n in range(1440))
    )
    view = camera_timeline.day_view(placed, date(2026, 3, 1))
    [[bars]] = camera_timeline.lanes(placed, view).values()
    assert len(bars) == 1 and bars[0].files == 1440 and bars[0].width == pytest.approx(1, abs=1e-3)
    [events] = camera_timeline.placed({f"f{n}": [Span(1, 50)] for n in range(1440)}, placed, view).values()
    assert len(events) < camera_timeline.FINEST


@pytest.mark.parametrize("hours", [0.003, 0.05, 1, 6, 24])
def test_the_axis_has_a_few_round_labels(hours):
    placed = recorded(a_file(seconds=80_000))
    whole = camera_timeline.day_view(placed, date(2026, 3, 1))
    view = camera_timeline.zoomed(whole, whole, hours / 24, placed[0].start)
    result = camera_timeline.ticks(view, placed)
    assert 3 <= len(result) <= camera_timeline.MOST_TICKS + 1
    assert all(0 <= at <= 1 for at, _ in result) and all(label.count(":") in (1, 2) for _, label in result)


def test_an_empty_index_has_an_empty_day():
    view = camera_timeline.day_view([], date(2026, 3, 1))
    assert (
        camera_timeline.lanes([], view) == {}
        and camera_timeline.at_moment([], view.start) == []
        and camera_timeline.days([]) == {}
    )
    assert camera_timeline.ticks(view, [])[0] == (0.0, "00:00")
