"""Times that are read off names: every form of the table, and what is no time."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.name_patterns import PATTERNS, WITHOUT_TIME
from indexer.name_times import (
    EARLIEST_EPOCH,
    EARLIEST_YEAR,
    earlier_chapters,
    in_zone,
    named_time,
)

BERLIN = ZoneInfo("Europe/Berlin")
FORMS = [(pattern, form) for pattern in PATTERNS for form in pattern.forms]


def moment_of(name, zone=BERLIN):
    found = named_time(name, zone)
    return found.moment if found else None


@pytest.mark.parametrize(
    ("pattern", "name", "time"),
    [(pattern, *example) for pattern in PATTERNS for example in pattern.examples],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_example_of_the_table_is_read_by_its_own_pattern(pattern, name, time):
    found = named_time(name, BERLIN)
    assert found is not None and found.pattern is pattern
    assert found.moment == in_zone(datetime.fromisoformat(time), BERLIN)
    assert found.is_local == (datetime.fromisoformat(time).tzinfo is None)


@pytest.mark.parametrize("name", [name for name, _ in WITHOUT_TIME])
def test_names_that_hold_no_time_or_not_which_are_not_read(name):
    assert named_time(name, BERLIN) is None


@pytest.mark.parametrize(
    "name",
    [
        "05-04-2024 10-00-00.mp4",
        "05/04/2024 10:00:00",
        "5_4_2024 3_30_00 PM.mp4",
        "Front Door - 5-4-2024, 3.30.00pm.mp4",
        "05042024_100000.mp4",
    ],
)
def test_day_and_month_are_never_guessed(name):
    assert named_time(name, UTC) is None


def test_day_and_month_are_read_where_one_of_them_is_above_12_or_both_are_equal():
    assert moment_of("14-07-2024 10-00-00.mp4", UTC) == datetime(2024, 7, 14, 10, tzinfo=UTC)
    assert moment_of("07-14-2024 10-00-00.mp4", UTC) == datetime(2024, 7, 14, 10, tzinfo=UTC)
    assert moment_of("05-05-2024 10-00-00.mp4", UTC) == datetime(2024, 5, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "hour"), [("12.00.00 AM", 0), ("1.00.00 AM", 1), ("12.00.00 PM", 12), ("11.00.00 pm", 23)]
)
def test_a_clock_of_12_hours(clock, hour):
    name = f"Screen Recording 2024-07-14 at {clock}.mov"
    assert moment_of(name, UTC) == datetime(2024, 7, 14, hour, tzinfo=UTC)


def test_an_hour_that_no_clock_of_12_hours_has_is_refused():
    assert moment_of("Screen Recording 2024-07-14 at 13.00.00 PM.mov") is None


def test_words_in_decomposed_letters_are_read():
    name = "Enregistrement de l’e\u0301cran 2024-07-14 a\u0300 15.30.00.mov"  # noqa: RUF001
    assert moment_of(name) == datetime(2024, 7, 14, 15, 30, tzinfo=BERLIN)


def test_a_date_in_a_folder_alone_is_no_time_of_the_files_in_it():
    assert moment_of("2024-07-14_15-30-00 Holiday/beach.mp4") is None


def test_a_unix_time_that_contradicts_the_date_beside_it_is_not_read():
    assert moment_of("Front-20240714-153000-1720963800.mp4") == datetime(2024, 7, 14, 13, 30, tzinfo=UTC)
    found = named_time("Front-20240714-153000-1620963800.mp4", BERLIN)
    assert found.moment == datetime(2024, 7, 14, 15, 30, tzinfo=BERLIN) and found.is_local


@pytest.mark.parametrize("year", [1904, 1970, 1980, EARLIEST_YEAR - 1])
def test_a_clock_that_was_never_set_is_no_time(year):
    assert moment_of(f"cam_{year}0101_000012.mp4") is None
    assert moment_of(f"01.01.{year} 00.00.12.mp4") is None


def test_names_in_utc_do_not_hang_on_the_zone():
    east = timezone(timedelta(hours=5))
    made = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert moment_of("20260102_030405.mp4", east) == made - timedelta(hours=5)
    assert moment_of("20260102_030405Z.mp4", east) == made
    assert moment_of("PXL_20260102_030405000.mp4", east) == made
    assert named_time("20260102_030405.mp4", None).moment.tzinfo is not None


@pytest.mark.parametrize("name", ["GX030123.MP4", "gx030123.mp4", "GP020123.MP4"])
def test_chapters_of_a_gopro_are_known_by_name(name):
    path = PurePosixPath("/card") / name
    earlier = [each.name.upper() for each in earlier_chapters(path)]
    whole = name.upper().startswith("GX")
    assert earlier == (["GX010123.MP4", "GX020123.MP4"] if whole else ["GOPR0123.MP4", "GP010123.MP4"])
    assert earlier_chapters(path.with_name("GX010123.MP4")) == []
    assert earlier_chapters(path.with_name("gate_030123.mp4")) == []


def written(form, moment):
    """A name of a form, as a recorder would write it."""
    return moment.strftime(form.replace("%s", str(int(moment.timestamp()))))


moments = st.datetimes(datetime(2010, 1, 1), datetime(2033, 5, 18)).map(
    lambda each: each.replace(microsecond=0)
)


@given(st.sampled_from(FORMS), moments)
@example((PATTERNS[-1], PATTERNS[-1].forms[0]), datetime(2020, 10, 20, 20, 20, 20))
def test_a_time_formatted_by_each_pattern_is_read_back_or_refused(which, moment):
    _, form = which
    moment = moment.replace(tzinfo=UTC)
    assert moment.timestamp() >= EARLIEST_EPOCH
    found = named_time(f"{written(form, moment)}.mp4", UTC)
    if "+0200" in form:
        moment -= timedelta(hours=2)
    if found is None:  # refused: day and month could be exchanged
        assert moment.day <= 12 and moment.day != moment.month and re.search("%d.?%m|%m.?%d.?%Y", form)
        return
    parts = {"%S": 1, "%s": 1, "%M": 60}
    step = next(seconds for part, seconds in parts.items() if part in form)
    behind = (moment - found.moment).total_seconds()
    assert -1 < behind < step, (form, found.pattern.writer)  # the forms have fractions in them, or no seconds


@given(
    st.sampled_from(FORMS), moments, st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
)
def test_local_names_read_the_same_in_every_zone(which, moment, zone):
    _, form = which
    one, other = (named_time(f"{written(form, moment)}.mp4", each) for each in (UTC, ZoneInfo(zone)))
    assert (one is None) == (other is None)
    if one is not None and one.is_local:
        assert one.moment.replace(tzinfo=None) == other.moment.replace(tzinfo=None)
    elif one is not None:
        assert one.moment == other.moment


@given(st.text(max_size=80) | st.text("0123456789-_./ :TZtPM+", max_size=60))
@example("2024-07-14T15:30:00+99:99.mp4")
@example("9999999999.mp4")
@example("\udce9\u0660\u0661\u0662\u0663.mp4")
@example("GMT20240714-250000.mp4")
def test_no_name_raises(name):
    for zone in (UTC, BERLIN, None):
        found = named_time(name, zone)
        assert found is None or found.moment.utcoffset() is not None
    if PurePosixPath(name).name:
        earlier_chapters(PurePosixPath(name))


def test_long_names_are_read_quickly():
    names = ["a" * 250, "0" * 250, "1-" * 120, "20240714_1530" * 19, "/".join(["2024-07-14"] * 22)]
    began = time.perf_counter()
    for name in names * 20:
        named_time(name, UTC)
    assert time.perf_counter() - began < 5.0
