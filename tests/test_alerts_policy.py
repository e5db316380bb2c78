"""When alerts are sent: retries, quiet hours over changes of the clocks, cool-down, digests."""

from __future__ import annotations

from datetime import datetime, timedelta
from datetime import time as wall_time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from service.alerts.policy import (
    DigestPolicy,
    FailedTry,
    QuietHours,
    RetryPolicy,
    due_digests,
    is_cooling_down,
    next_digest_at,
    next_try_at,
    parse_quiet_hours,
    quiet_until,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
YEAR = datetime(2026, 1, 1, tzinfo=BERLIN).timestamp()

clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0, tzinfo=None))
hours = st.builds(
    lambda pair, zone: QuietHours(*pair, ZoneInfo(zone)),
    st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]),
    st.sampled_from(ZONES),
)
moments = st.floats(YEAR, YEAR + 366 * 86400)
policies = st.builds(
    RetryPolicy,
    first_seconds=st.floats(0.1, 60),
    factor=st.floats(1, 10),
    most_seconds=st.floats(60, 1e5),
    jitter=st.floats(0, 0.9),
    most_tries=st.integers(1, 200),
    most_age_seconds=st.floats(0, 1e6),
)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


# Retries


@given(policies, st.lists(st.floats(0, 1), max_size=300), st.floats(0, 30))
def test_every_delivery_ends_and_no_wait_is_longer_than_the_longest(policy, chances, takes):
    now, tries = 1000.0, 0
    for chance in [*chances, *[0.5] * 300]:
        tries += 1
        now += takes
        following = next_try_at(policy, FailedTry(tries, 1000.0, now), chance=chance)
        if following is None:
            break
        assert 0 < following - now <= policy.most_seconds * (1 + 1e-9)
        assert following <= 1000 + policy.most_age_seconds
        now = following
    assert following is None
    assert tries <= policy.most_tries


@given(st.integers(1, 15), st.floats(0, 1))
def test_waits_double_and_chance_moves_them_by_a_quarter(tries, chance):
    policy = RetryPolicy()
    wait = next_try_at(policy, FailedTry(tries, 0.0, 0.0), chance=chance)
    plain = min(5 * 2 ** (tries - 1), 3600)
    assert 0.75 * plain * (1 - 1e-9) <= wait <= min(1.25 * plain, 3600) * (1 + 1e-9)


def test_a_receiver_may_ask_for_a_longer_wait_up_to_the_longest():
    def wait(seconds):
        failed = FailedTry(1, 0.0, 100.0, retry_after_seconds=seconds)
        return next_try_at(RetryPolicy(), failed, chance=0.5) - 100

    assert [wait(seconds) for seconds in (None, 1, 60, 1e9)] == [5, 5, 60, 3600]


def test_a_permanent_failure_is_not_tried_again():
    assert next_try_at(RetryPolicy(), FailedTry(1, 0.0, 0.0, is_permanent=True), chance=0.5) is None


@pytest.mark.parametrize("wrong", [{"first_seconds": 0}, {"factor": 0.5}, {"jitter": 1}, {"most_tries": 0}])
def test_policies_without_end_are_refused(wrong):
    with pytest.raises(UsageError):
        RetryPolicy(**wrong)


# Quiet hours


@given(hours, moments)
def test_quiet_time_holds_whenever_the_clock_on_the_wall_is_in_it(quiet, moment):
    clock = datetime.fromtimestamp(moment, quiet.zone).time()
    if quiet.start < quiet.end:
        inside = quiet.start <= clock < quiet.end
    else:
        inside = clock >= quiet.start or clock < quiet.end
    assert not inside or quiet_until(quiet, moment) is not None


@given(hours, moments)
def test_outside_of_changes_of_the_clocks_quiet_time_is_that_of_the_clock_on_the_wall(quiet, moment):
    local = datetime.fromtimestamp(moment, quiet.zone)
    around = {(local + timedelta(days=days)).utcoffset() for days in (-2, -1, 0, 1, 2)}
    if len(around) == 1:
        clock = local.time()
        inside = (
            quiet.start <= clock < quiet.end
            if quiet.start < quiet.end
            else clock >= quiet.start or clock < quiet.end
        )
        assert (quiet_until(quiet, moment) is not None) == inside


@given(hours, moments)
def test_quiet_time_ends_later_within_a_day_and_all_until_then_is_quiet(quiet, moment):
    end = quiet_until(quiet, moment)
    if end is not None:
        assert moment < end <= moment + 26 * 3600
        assert quiet_until(quiet, (moment + end) / 2) is not None
        assert quiet_until(quiet, end - 0.001) == end


@pytest.mark.parametrize(
    ("text", "moment", "end"),
    [
        ("22:00-07:00", "2026-06-01T21:59:59", None),
        ("22:00-07:00", "2026-06-01T22:00:00", "2026-06-02T07:00"),
        ("22:00-07:00", "2026-06-02T06:59:59", "2026-06-02T07:00"),
        ("22:00-07:00", "2026-06-02T07:00:00", None),
        ("22:00-07:00", "2026-03-28T23:00", "2026-03-29T07:00"),  # a night of 8 hours
        ("22:00-07:00", "2026-10-24T23:00", "2026-10-25T07:00"),  # a night of 10 hours
        ("9:00-17:30", "2026-06-01T12:00", "2026-06-01T17:30"),
        ("9:00\N{EN DASH}17:30", "2026-06-01T18:00", None),
        ("01:00-02:30", "2026-03-29T01:30", "2026-03-29T03:30"),  # 02:30 does not come
    ],
)
def test_quiet_hours_by_the_clock_on_the_wall(text, moment, end):
    found = quiet_until(parse_quiet_hours(text, "Europe/Berlin"), at(moment))
    assert found == (end and at(end))


def test_a_time_that_comes_twice_ends_quiet_time_the_second_time():
    quiet = parse_quiet_hours("22:00-02:30", "Europe/Berlin")
    assert quiet_until(quiet, at("2026-10-25T02:45")) == at("2026-10-25T02:30", fold=1)


def test_the_zone_decides():
    evening = datetime(2026, 6, 1, 20, 30, tzinfo=ZoneInfo("UTC")).timestamp()
    assert quiet_until(parse_quiet_hours("22:00-07:00", "Europe/Berlin"), evening)
    assert quiet_until(parse_quiet_hours("22:00-07:00", "UTC"), evening) is None


@given(st.text(max_size=30))
def test_texts_are_quiet_hours_or_one_sentence(text):
    try:
        assert isinstance(parse_quiet_hours(text, "UTC").start, wall_time)
    except UsageError as error:
        assert "22:00-07:00" in error.hint


@pytest.mark.parametrize("text", ["", "22:00", "22-07", "24:00-07:00", "22:00-22:00", "22:00-07:60"])
def test_what_is_no_quiet_hours(text):
    with pytest.raises(UsageError):
        parse_quiet_hours(text, "UTC")


@pytest.mark.parametrize("zone", ["", "Nowhere/City", "../etc/passwd", "Europe", "\0"])
def test_what_is_no_time_zone(zone):
    with pytest.raises(UsageError, match="time zone"):
        parse_quiet_hours("22:00-07:00", zone)


# Cool-down


@given(st.lists(st.floats(0, 1e6), max_size=40), st.floats(0, 1e5))
def test_sent_moments_keep_their_distance_in_any_order(moments, distance):
    sent: list[float] = []
    for moment in moments:
        if not is_cooling_down(moment, sent, distance):
            sent.append(moment)
    assert all(later - earlier >= distance for earlier, later in pairwise(sorted(sent)))
    assert len(sent) == len(moments) if distance == 0 else not moments or sent


def test_without_a_cool_down_moments_of_the_same_time_are_all_sent():
    assert not is_cooling_down(5.0, [5.0], 0)


# Digests


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1000)), max_size=60),
    st.floats(0, 500),
    st.integers(1, 7),
    st.floats(1000, 2000),
)
def test_each_notification_is_in_one_message_or_goes_on_waiting(items, every, most, now):
    waiting = list(enumerate(items))
    policy = DigestPolicy(every, most)

    def made_at(item):
        return item[1][1]

    due = due_digests(waiting, policy, key=lambda item: item[1][0], made_at=made_at, now=now)
    sent = [item for message in due for item in message]
    assert len({item[0] for item in sent}) == len(sent)
    for message in due:
        assert 1 <= len(message) <= most
        assert len({item[1][0] for item in message}) == 1
        assert [made_at(item) for item in message] == sorted(map(made_at, message))
    left = [item for item in waiting if item not in sent]
    assert all(now - made_at(item) < every for item in left)
    for name in "ab":
        assert sum(item[1][0] == name for item in left) < most
    if every == 0:
        assert all(len(message) == 1 for message in due) and not left
    following = next_digest_at(left, policy, made_at=made_at)
    assert (following is None) == (not left)
    assert following is None or following > now - 1e-6


def test_a_digest_without_items_is_refused():
    with pytest.raises(UsageError):
        DigestPolicy(60, 0)
