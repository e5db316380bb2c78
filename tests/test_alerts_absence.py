"""When it may be said that nothing happened: only of examined footage without a gap."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from service.alerts.absence import (
    GRACE_SECONDS,
    SMALL_GAP_SECONDS,
    Interval,
    daily_periods,
    joined,
    judged,
    missing,
    periods_without,
)

HOUR = 3600.0


def at(hour, minute=0, day=1):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC).timestamp()


def test_a_period_is_absent_only_if_every_camera_was_examined_from_end_to_end():
    period = Interval(at(18), at(22))
    whole = {"door": [Interval(at(17), at(23))], "yard": [Interval(at(18), at(20)), Interval(at(20), at(22))]}
    [nothing] = judged([period], matches=[], footage=whole, now=at(22))
    assert nothing.known and not nothing.missing

    gap = {**whole, "yard": [Interval(at(18), at(19, 10)), Interval(at(20, 5), at(22))]}
    assert judged([period], matches=[], footage=gap, now=at(22)) == []  # it may still come
    [unknown] = judged([period], matches=[], footage=gap, now=at(22) + GRACE_SECONDS)
    assert not unknown.known and unknown.missing == {"yard": (Interval(at(19, 10), at(20, 5)),)}


def test_a_match_in_the_period_is_no_absence_wherever_footage_is_missing():
    period, match = Interval(at(18), at(22)), Interval(at(19), at(19, 1))
    for footage in ({"door": []}, {"door": [Interval(at(17), at(23))]}):
        assert judged([period], matches=[match], footage=footage, now=at(23, 59)) == []
    before = Interval(at(17), at(18))
    assert judged([period], matches=[before], footage={"door": [Interval(at(17), at(23))]}, now=at(23))


def test_an_index_without_any_camera_knows_nothing():
    period = Interval(at(18), at(22))
    assert judged([period], matches=[], footage={}, now=at(22)) == []
    [unknown] = judged([period], matches=[], footage={}, now=at(23))
    assert not unknown.known


def test_pauses_between_two_files_of_a_recorder_do_not_count():
    period = Interval(0.0, 100.0)
    pause = SMALL_GAP_SECONDS
    assert missing(period, [Interval(0, 50), Interval(50 + pause, 100)]) == ()
    assert missing(period, [Interval(0, 50), Interval(51 + pause, 100)]) == (Interval(50, 51 + pause),)
    assert missing(period, []) == (period,)


def test_each_stretch_without_a_match_is_reported_once():
    matches = [Interval(at(10), at(10, 5)), Interval(at(12), at(12, 5))]
    found = periods_without(at(8), matches, length_seconds=1.5 * HOUR, now=at(13))
    assert found == [Interval(at(8), at(9, 30)), Interval(at(10, 5), at(11, 35))]
    later = periods_without(at(8), matches, length_seconds=1.5 * HOUR, now=at(18))
    assert later == [*found, Interval(at(12, 5), at(13, 35))]


def test_days_count_that_began_after_the_alert_and_are_over():
    zone = ZoneInfo("UTC")
    found = daily_periods(at(19), time(18), time(22), zone, now=at(21, day=4))
    assert found == [Interval(at(18, day=day), at(22, day=day)) for day in (2, 3)]
    [night] = daily_periods(at(12), time(22), time(6), zone, now=at(7, day=2))
    assert night == Interval(at(22), at(6, day=2))


def test_a_day_on_which_the_clocks_change_has_the_hours_of_the_clock():
    zone = ZoneInfo("Europe/Berlin")  # the night of 29 March 2026 has no 02:00
    begins = datetime(2026, 3, 28, 12, tzinfo=zone).timestamp()
    now = datetime(2026, 3, 29, 12, tzinfo=zone).timestamp()
    [night] = daily_periods(begins, time(22), time(6), zone, now=now)
    assert night.seconds == 7 * HOUR


intervals = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 80)), max_size=12).map(
    lambda found: [Interval(float(start), float(start + length)) for start, length in found]
)


@given(intervals)
def test_what_is_missing_and_what_is_there_make_the_period(footage):
    period = Interval(100.0, 400.0)
    gaps = missing(period, footage)
    there = sum(
        max(0.0, min(each.end, period.end) - max(each.start, period.start)) for each in joined(footage)
    )
    lost = sum(gap.seconds for gap in gaps)
    assert lost <= period.seconds - there + 1e-6
    assert not any(gap.meets(each) for gap in gaps for each in footage)
    small = (len(footage) + 1) * SMALL_GAP_SECONDS
    assert lost >= period.seconds - there - small


@given(intervals, st.floats(1, 300))
def test_no_match_lies_in_a_period_without_one(matches, length):
    for period in periods_without(0.0, matches, length_seconds=length, now=600.0):
        assert not any(match.meets(period) for match in matches)
        assert abs(period.seconds - length) < 1e-6
