"""Clocks and timecode read from screen texts: formats, misreadings, jumps, drift, and what is no clock."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footage.core.types import CaptionEvent, Span, TextBox
from indexer.burned_in_times import with_burned_in_time
from indexer.timestamps import Clocks, parse_zone
from indexer.tracks.burned_in_clock import read_clock
from indexer.tracks.burned_in_timecode import frame_number, read_timecode, spelled
from indexer.tracks.clock_formats import TimecodeReading, dates, tidy, times
from tests.clock_readings import FORMATS, UNAMBIGUOUS, event_of, file_named, readings_of, video_of

STARTS = st.datetimes(datetime(1995, 1, 1), datetime(2060, 12, 31))


def seconds_off(clock, start: datetime) -> float:
    return abs((datetime.fromisoformat(clock.recorded_at) - start).total_seconds())


@given(
    start=STARTS,
    form=st.sampled_from(UNAMBIGUOUS),
    every=st.sampled_from([0.25, 0.48, 1.0]),
    seconds=st.integers(12, 300),
    noise=st.integers(0, 10**6),
)
@example(datetime(2026, 3, 1, 14, 3, 10, 500_000), "%Y-%m-%d %H:%M:%S", 0.25, 20, 0)
@example(datetime(2026, 12, 31, 23, 59, 50), "%Y-%m-%d %H:%M:%S", 0.25, 40, 1)  # over midnight
def test_a_clock_is_read_within_half_a_second_whatever_its_format_and_misreadings(
    start, form, every, seconds, noise
):
    rng = random.Random(noise)
    readings = readings_of(
        lambda t: (start + timedelta(seconds=t)).strftime(form), seconds, every=every, misread=0.2, rng=rng
    )
    clock = read_clock([event_of(readings)], video_of(seconds))
    assert clock is not None and clock.recorded_at
    assert seconds_off(clock, start) <= 0.5 + 1e-6
    assert clock.accuracy_seconds <= 0.5
    assert clock.jumps == () and not clock.ambiguous


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_a_date_and_a_time(form):
    text = tidy(datetime(2026, 3, 14, 15, 9, 26).strftime(form))
    assert date(2026, 3, 14) in {reading.day for reading in dates(text)}
    assert [reading.seconds for reading in times(text)] == [15 * 3600 + 9 * 60 + 26]


@pytest.mark.parametrize(
    ("misread", "meant"),
    [
        ("2O26-O3-0I I4:O3:1O", "2026-03-01 14:03:10"),
        ("2026-03-0114:03:10", "2026-03-01 14:03:10"),
        ("2026-03-01 14:03 10", "2026-03-01 14:03:10"),
        ("20260301140310", "2026-03-01 14:03:10"),
        ("2026030114:03:10", "2026-03-01 14:03:10"),
        ("2026-03-01 1403:10", "2026-03-01 14:03:10"),
        ("17/09/0712:04:33", "17/09/07 12:04:33"),
        ("２０２６/03/01 14：03：10", "2026/03/01 14:03:10"),  # noqa: RUF001 - full width
    ],
)
def test_misread_letters_and_missing_separators_are_put_right(misread, meant):
    assert dates(tidy(misread)) == dates(tidy(meant)) != []
    assert times(tidy(misread)) == times(tidy(meant)) != []


@pytest.mark.parametrize(
    ("name", "show"),
    [
        ("a static time", lambda t: "2026-03-01 14:03:10"),
        ("a price", lambda t: "12.50"),
        ("a counter", lambda t: f"{1000 + int(t)}"),
        ("a score", lambda t: f"HOME {int(t) // 7}:{int(t) // 9:02d} AWAY"),
        ("a speed", lambda t: f"{50 + int(3 * t) % 17} km/h"),
        ("a countdown", lambda t: f"{9 - int(t) // 3600:02d}:{59 - int(t) // 60:02d}:{59 - int(t) % 60:02d}"),
        ("timecode", lambda t: f"10:{int(t) // 60:02d}:{int(t) % 60:02d}:{int(t * 25) % 25:02d}"),
        ("what has passed", lambda t: f"{int(t) // 3600:02d}:{int(t) // 60:02d}:{int(t) % 60:02d}"),
        (
            "a time lapse",
            lambda t: f"{int(t * 10 / 3600) + 8:02d}:{int(t / 6) % 60:02d}:{int(t * 10) % 60:02d}",
        ),
        ("an address", lambda t: f"192.168.{int(t) % 60}.{int(t) % 60:02d}"),
        ("a game clock", lambda t: f"{40 + int(t) // 60}:{int(t) % 60:02d}"),
        (
            "noise",
            lambda t: random.Random(int(t * 8)).choice(["12:04:33", "8:11:02", "23:59:01", "x", "17:40:12"]),
        ),
    ],
)
def test_no_clock_is_invented(name, show):
    readings = readings_of(show, 59, every=0.25)
    assert read_clock([event_of(readings)], video_of(59)) is None


@given(st.lists(st.tuples(st.floats(0, 60), st.text("0123456789:/.- APM", max_size=24)), max_size=40))
def test_random_digits_make_no_clock_and_no_error(pairs):
    readings = sorted({round(at, 3): text for at, text in pairs}.items())
    if readings:
        clock = read_clock([event_of(readings)], video_of(60))
        assert clock is None or clock.readings >= 3


def test_texts_without_boxes_and_no_texts_at_all_have_no_clock():
    assert read_clock([], video_of(9)) is None and read_timecode([], video_of(9)) is None
    assert read_clock([CaptionEvent(Span(0, 5), "2026-03-01 14:03:10")], video_of(9)) is None


def test_a_clock_that_is_set_is_reported_with_when_and_by_how_much():
    start = datetime(2026, 3, 1, 14, 3, 10)
    shift = timedelta(hours=1, seconds=3)
    readings = readings_of(
        lambda t: (start + timedelta(seconds=t) + (shift if t >= 31 else timedelta())).isoformat(
            " ", "seconds"
        ),
        60,
    )
    clock = read_clock([event_of(readings)], video_of(60))
    assert seconds_off(clock, start) <= 0.5
    (jump,) = clock.jumps
    assert jump.at_seconds == pytest.approx(31, abs=0.5) and jump.by_seconds == pytest.approx(3603, abs=0.5)
    assert any("set forward by 3603" in sentence for sentence in clock.sentences)


def test_digits_that_are_misread_for_a_while_are_no_jump():
    start = datetime(2026, 3, 1, 14, 3, 10)

    def show(t):
        text = (start + timedelta(seconds=t)).isoformat(" ", "seconds")
        return text[:14] + ("8" if 20 <= t < 26 else text[14]) + text[15:]

    clock = read_clock([event_of(readings_of(show, 60))], video_of(60))
    assert clock.jumps == () and seconds_off(clock, start) <= 0.5


@pytest.mark.parametrize("drift", [-6.0, 3.0])
def test_drift_is_measured_and_said(drift):
    start = datetime(2026, 3, 1, 14, 3, 10, 250_000)
    events = [
        event_of(
            readings_of(
                lambda t: (start + timedelta(seconds=t * (1 + drift / 3600))).isoformat(" ", "seconds"),
                60,
                begin=60 * n,
            )
        )
        for n in range(60)
    ]
    clock = read_clock(events, video_of(3600))
    assert clock.drift_seconds_per_hour == pytest.approx(drift, abs=0.5)
    assert seconds_off(clock, start) <= 0.5 and clock.jumps == ()
    assert any("faster" in each if drift > 0 else "slower" in each for each in clock.sentences)


def test_day_and_month_are_decided_by_weekday_name_or_am_pm_and_reported_else():
    start = datetime(2026, 3, 4, 14, 3, 10)

    def read(form, near=None):
        readings = readings_of(lambda t: (start + timedelta(seconds=t)).strftime(form), 10)
        return read_clock([event_of(readings)], video_of(10), near=near)

    assert read("%m/%d/%Y %a %H:%M:%S").recorded_at.startswith("2026-03-04")
    assert not read("%m/%d/%Y %a %H:%M:%S").ambiguous
    near = read("%m/%d/%Y %H:%M:%S", near=date(2026, 3, 5))
    assert near.recorded_at.startswith("2026-03-04") and not near.ambiguous
    assert read("%m/%d/%Y %I:%M:%S %p").recorded_at.startswith("2026-03-04")
    open_order = read("%m/%d/%Y %H:%M:%S")
    assert open_order.ambiguous and "could be" in open_order.sentences[0]
    assert open_order.recorded_at.startswith("2026-04-03")  # day first where nothing says otherwise


def test_a_date_in_a_text_of_its_own_beside_the_time_belongs_to_it():
    start = datetime(2026, 3, 1, 14, 3, 10)
    clock = event_of(readings_of(lambda t: (start + timedelta(seconds=t)).strftime("%H:%M:%S"), 20))
    beside = CaptionEvent(Span(0, 20), "2026-03-01", 0.99, boxes=(TextBox(0, 0.7, 0.05, 0.9, 0.1),))
    elsewhere = CaptionEvent(Span(0, 20), "2019-07-07", 0.99, boxes=(TextBox(0, 0.4, 0.8, 0.6, 0.85),))
    found = read_clock([clock, beside, elsewhere], video_of(20))
    assert seconds_off(found, start) <= 0.5
    assert read_clock([clock, elsewhere], video_of(20)).recorded_at == ""


def test_a_clock_of_minutes_is_read_by_the_moments_at_which_it_changes():
    start = datetime(2026, 3, 1, 14, 3, 10)
    edges = [0.0, 50.1, 110.0, 169.9, 230.0, 240.0]
    box = TextBox(0, 0.1, 0.05, 0.5, 0.1)
    events = [
        CaptionEvent(
            Span(a, b),
            (start + timedelta(seconds=(a + b) / 2)).strftime("%Y-%m-%d %H:%M"),
            0.99,
            boxes=(box,),
        )
        for a, b in pairwise(edges)
    ]
    assert seconds_off(read_clock(events, video_of(240)), start) <= 1.0
    assert read_clock(events[:1], video_of(50)) is None  # one minute could be a title


@given(
    start=st.integers(0, 23 * 3600 * 30),
    base=st.sampled_from([24, 25, 30, 50, 60]),
    drop=st.booleans(),
    noise=st.integers(0, 9999),
)
@example(start=0, base=30, drop=True, noise=0)
def test_timecode_is_read_to_the_frame(start, base, drop, noise):
    drop = drop and base in (30, 60)
    fps = base * 1000 / 1001 if drop else float(base)
    rng = random.Random(noise)
    video = video_of(30, fps=fps)
    readings = readings_of(
        lambda t: spelled(start + round(t * fps), base, drop_frame=drop), 30, every=1.0, misread=0.1, rng=rng
    )
    found = read_timecode([event_of(readings)], video)
    assert found is not None
    assert found.start == spelled(start, base, drop_frame=drop)
    assert found.frames_per_second == base and found.drop_frame == drop


@given(
    st.integers(0, 24 * 3600 * 24 - 1), st.sampled_from([(24, False), (25, False), (30, True), (60, True)])
)
def test_numbers_and_timecodes_are_each_others_inverse(number, counting):
    base, drop = counting
    label = spelled(number, base, drop_frame=drop)
    hours, minutes, seconds, frames = (int(part) for part in label.replace(";", ":").split(":"))
    code = TimecodeReading(hours, minutes, seconds, frames, drop)
    assert frame_number(code, base, drop_frame=drop) == number
    assert spelled(number, base, drop_frame=drop) == label and (
        not drop or minutes % 10 == 0 or (seconds, frames) > (0, 1)
    )


def test_timecode_that_stands_still_or_runs_backwards_is_none():
    still = event_of(readings_of(lambda t: "01:00:00:12", 20))
    back = event_of(readings_of(lambda t: spelled(9000 - round(t * 25), 25, drop_frame=False), 20))
    assert read_timecode([still], video_of(20)) is None and read_timecode([back], video_of(20)) is None


def clocked(text: str, *, name: str = "a.mp4", created: str = "", clock_from: str = "", seconds: int = 20):
    start = datetime.fromisoformat(text)
    events = [
        event_of(readings_of(lambda t: (start + timedelta(seconds=t)).isoformat(" ", "seconds"), seconds))
    ]
    clocks = Clocks(zone=parse_zone("Europe/Berlin"), clock_from={"": clock_from} if clock_from else {})
    return with_burned_in_time(file_named(name), video_of(seconds, created_at=created), events, clocks)


def test_the_clock_in_the_picture_is_the_recording_time_in_the_zone_of_the_files():
    found = clocked("2026-03-01T14:03:10")
    assert found.file.clock_source == "burned-in" and not found.ahead_seconds
    at = datetime.fromisoformat(found.file.recorded_at)
    assert at.utcoffset() == timedelta(hours=1)
    assert abs((at.replace(tzinfo=None) - datetime(2026, 3, 1, 14, 3, 10)).total_seconds()) <= 0.5


def test_a_clock_in_the_picture_that_disagrees_is_used_and_reported():
    found = clocked("2026-03-01T14:03:10", created="2026-03-05T09:00:07Z")
    assert found.file.clock_source == "burned-in"
    assert found.ahead_seconds == pytest.approx(
        -(3 * 86400 + 19 * 3600 + 56 * 60 + 57) - 3600 + 3600, abs=3700
    )


def test_one_that_differs_as_time_zones_do_leaves_the_container_its_right_and_is_reported():
    found = clocked("2026-03-01T14:03:10", created="2026-03-01T16:03:10Z")
    assert found.file.clock_source == "container" and found.ahead_seconds == pytest.approx(-3 * 3600, abs=1)


def test_one_that_agrees_is_used_without_a_word():
    found = clocked("2026-03-01T14:03:10", created="2026-03-01T13:03:12Z")
    assert found.file.clock_source == "burned-in" and not found.ahead_seconds


@pytest.mark.parametrize(
    ("choice", "source"), [("container", "container"), ("name", "file name"), ("burned-in", "burned-in")]
)
def test_an_explicit_choice_comes_first(choice, source):
    found = clocked(
        "2026-03-01T14:03:10", name="20260309_101112.mp4", created="2026-03-05T09:00:07Z", clock_from=choice
    )
    assert found.file.clock_source == source and not found.ahead_seconds


def test_a_time_without_a_date_takes_the_date_of_another_clock_that_agrees_with_it():
    start = datetime(2026, 3, 1, 14, 3, 10)
    events = [event_of(readings_of(lambda t: (start + timedelta(seconds=t)).strftime("%H:%M:%S"), 20))]
    clocks = Clocks(zone=parse_zone("Europe/Berlin"))
    near = with_burned_in_time(file_named("20260301_140325.mp4"), video_of(20), events, clocks)
    assert near.file.clock_source == "burned-in" and near.file.recorded_at.startswith("2026-03-01T14:03:")
    far = with_burned_in_time(file_named("20260301_141825.mp4"), video_of(20), events, clocks)
    alone = with_burned_in_time(file_named("gate.mp4"), video_of(20), events, clocks)
    assert far.file.clock_source == "" and alone.file.recorded_at == "" and alone.clock is not None
