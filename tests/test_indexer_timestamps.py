"""When a file was recorded, and by which camera."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from indexer.timestamps import Clocks, parse_clock_from, parse_container_clocks, parse_offsets, parse_zone

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def recorded(
    name="clip.mp4", *, container="", camera="", zone=UTC, duration=65.0, modified=None, after=0.0, **options
):
    return Clocks(zone=zone, **options).recorded_at(
        Path("/films") / name,
        container_time=container,
        modified_at=MADE.timestamp() if modified is None else modified,
        duration_seconds=duration,
        camera=camera,
        after_seconds=after,
    )


def clock(*args, **options):
    found = recorded(*args, **options)
    return found.at, found.source


def in_berlin(*args, **options):
    return clock(*args, zone=BERLIN, **options)


def test_the_container_comes_first_then_the_name_then_if_asked_the_guess():
    made = MADE.isoformat()
    assert clock("20200101_000000.mp4", container="2026-01-02T03:04:05.000000Z") == (made, "container")
    assert clock("20260102_030405.mp4") == (made, "file name")
    assert clock() == ("", "")
    assert clock(guess=True) == ((MADE - timedelta(seconds=65)).isoformat(), "guessed")


@pytest.mark.parametrize(
    "container",
    [
        *("1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", "", "2026-01-02", "20260102"),
        *("9999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_clock_that_was_never_set_or_has_no_time_does_not_count(container):
    assert clock("20260102_030405.mp4", container=container)[1] == "file name"


@pytest.mark.parametrize("modified", [4e9, 1e18, -1e18, 0.0])
def test_a_modification_time_that_cannot_be_true_is_no_guess(modified):
    assert clock(guess=True, modified=modified) == ("", "")


# -- which of two clocks ---------------------------------------------------


def test_a_container_that_names_its_zone_is_believed():
    at = "2024-07-14T15:30:00+02:00"
    assert in_berlin("IMG_4711.MOV", container="2024-07-14T15:30:00+0200") == (at, "container")
    assert in_berlin("20240714_093000.mov", container="2024-07-14T09:30:00-0400") == (at, "container")
    apart = recorded("20240714_093000.mov", container="2024-07-14T09:30:00-0400", zone=BERLIN)
    assert not apart.zone_difference_seconds


@pytest.mark.parametrize("late", [0.0, 2.0, -3.0, 4.9])
def test_android_writes_the_end_into_the_container_so_the_name_counts(late):
    end = datetime(2024, 7, 14, 13, 30, tzinfo=UTC) + timedelta(seconds=65 + late)
    container = end.isoformat().replace("+00:00", "Z")
    assert in_berlin("VID_20240714_153000.mp4", container=container) == (
        "2024-07-14T15:30:00+02:00",
        "file name",
    )
    pixel = in_berlin("PXL_20240714_133000500.mp4", container=container)
    assert pixel == ("2024-07-14T15:30:00.500000+02:00", "file name")


def test_where_both_clocks_say_the_start_it_is_the_container_s():
    at = in_berlin("VID_20240714_153000.mp4", container="2024-07-14T13:30:01Z")
    assert at == ("2024-07-14T15:30:01+02:00", "container")


def test_in_a_short_clip_the_nearer_of_start_and_end_decides():
    at = in_berlin("VID_20240714_153000.mp4", container="2024-07-14T13:30:01Z", duration=4.0)
    assert at == ("2024-07-14T15:30:01+02:00", "container")
    at = in_berlin("VID_20240714_153000.mp4", container="2024-07-14T13:30:03.5Z", duration=4.0)
    assert at == ("2024-07-14T15:30:00+02:00", "file name")


def test_a_dji_that_writes_local_time_as_utc_is_known_by_its_name():
    found = recorded("DJI_20240714153000_0001_D.MP4", container="2024-07-14T15:30:00Z", zone=BERLIN)
    assert (found.at, found.source) == ("2024-07-14T15:30:00+02:00", "file name")
    assert not found.zone_difference_seconds
    right = in_berlin("DJI_20240714153000_0001_D.MP4", container="2024-07-14T13:30:00Z")
    assert right == ("2024-07-14T15:30:00+02:00", "container")


@pytest.mark.parametrize(
    ("container", "hours"),
    [
        ("2024-07-14T15:30:00Z", 2.0),
        ("2024-07-14T15:31:05Z", 2.0),  # the end of the recording
        ("2024-07-14T07:30:00Z", -6.0),
        ("2024-07-14T19:00:00Z", 5.5),
    ],
)
def test_a_name_and_a_container_that_are_whole_hours_apart_are_noticed(container, hours):
    found = recorded("cam_20240714_153000.mp4", container=container, zone=BERLIN)
    assert found.source == "container" and found.zone_difference_seconds == hours * 3600


@pytest.mark.parametrize(
    "container", ["2024-07-14T15:42:10Z", "2024-08-14T13:30:00Z", "2024-07-14T13:30:00Z"]
)
def test_other_differences_are_no_time_zone(container):
    found = recorded("cam_20240714_153000.mp4", container=container, zone=BERLIN)
    assert found.source == "container" and not found.zone_difference_seconds


def test_what_comes_first_may_be_said_for_all_cameras_or_one():
    container = "2024-07-14T13:30:00Z"

    def source(camera="", **said):
        return recorded("20200101_000000.mp4", container=container, camera=camera, clock_from=said).source

    assert (
        source(**{"": "name"}) == source("gate", **{"": "name"}) == source("gate", gate="name") == "file name"
    )
    assert source(**{"": "auto"}) == source("yard", gate="name") == "container"
    assert source("gate", **{"": "name", "gate": "container"}) == "container"
    assert source("gate", **{"": "name", "gate": "auto"}) == "container"
    assert clock(container=container, clock_from={"": "name"})[1] == "container"
    assert clock("20200101_000000.mp4", clock_from={"": "container"})[1] == "file name"


# -- cameras that write local time as UTC -----------------------------------


@pytest.mark.parametrize(
    ("container", "at"),
    [
        ("2024-07-14T15:30:00Z", "2024-07-14T15:30:00+02:00"),
        ("2024-01-14T15:30:00Z", "2024-01-14T15:30:00+01:00"),
        ("2024-03-31T01:59:59Z", "2024-03-31T01:59:59+01:00"),
        ("2024-03-31T03:00:00Z", "2024-03-31T03:00:00+02:00"),
        ("2024-03-31T02:30:00Z", "2024-03-31T03:30:00+02:00"),  # no such time: clocks were put forward
        ("2024-10-27T02:30:00Z", "2024-10-27T02:30:00+02:00"),  # twice: the first of them
    ],
)
def test_a_container_clock_said_to_be_local_is_right_across_summer_time(container, at):
    said = {"gopro": "local"}
    assert in_berlin("GX010123.MP4", container=container, camera="gopro", container_clocks=said)[0] == at
    utc = datetime.fromisoformat(container).astimezone(BERLIN).isoformat()
    assert in_berlin("GX010123.MP4", container=container, camera="other", container_clocks=said)[0] == utc


def test_a_container_clock_may_be_in_a_zone_of_its_own():
    said = {"gopro": "America/New_York", "": "local"}
    at = in_berlin("GX010123.MP4", container="2024-07-14T09:30:00Z", camera="GoPro", container_clocks=said)
    assert at[0] == "2024-07-14T15:30:00+02:00"
    other = in_berlin("DSC_0001.MOV", container="2024-07-14T15:30:00Z", container_clocks=said)
    assert other[0] == "2024-07-14T15:30:00+02:00"


def test_where_somebody_said_what_the_clock_is_nothing_is_doubted():
    for meant in ("utc", "local"):
        found = recorded(
            "cam_20240714_183000.mp4",
            container="2024-07-14T15:30:00Z",
            zone=BERLIN,
            container_clocks={"": meant},
        )
        assert found.source == "container" and not found.zone_difference_seconds


def test_a_container_clock_without_a_zone_is_local():
    assert in_berlin("old.avi", container="2024-07-14 15:30:00")[0] == "2024-07-14T15:30:00+02:00"


def test_a_container_clock_with_its_own_zone_is_not_shifted():
    said = {"": "local"}
    at = in_berlin("IMG_1.MOV", container="2024-07-14T09:30:00-0400", container_clocks=said)
    assert at[0] == "2024-07-14T15:30:00+02:00"


def test_a_later_chapter_begins_where_the_earlier_ones_end():
    at = in_berlin("GX020123.MP4", container="2024-07-14T13:30:00Z", after=531.5)
    assert at[0] == "2024-07-14T15:38:51.500000+02:00"


# -- summer time in names ---------------------------------------------------


def test_a_name_in_the_hour_that_does_not_exist_moves_on():
    assert in_berlin("20240331_023000.mp4")[0] == "2024-03-31T03:30:00+02:00"


def test_a_name_in_the_hour_that_comes_twice_is_the_first_unless_the_container_knows():
    assert in_berlin("20241027_023000.mp4")[0] == "2024-10-27T02:30:00+02:00"
    second = in_berlin("20241027_023000.mp4", container="2024-10-27T01:31:05Z")
    assert second == ("2024-10-27T02:30:00+01:00", "file name")


def test_an_offset_is_added_to_the_time_that_passed_not_to_the_hands_of_the_clock():
    at = in_berlin("20240331_013000.mp4", camera="gate", offsets={"gate": 3600.0})
    assert at[0] == "2024-03-31T03:30:00+02:00"


# -- what a person types ----------------------------------------------------


def test_the_clock_of_each_camera_may_be_set_right():
    offsets = parse_offsets(["cam1=-3600", "a=b=+0.5"])
    assert offsets == {"cam1": -3600.0, "a=b": 0.5}
    assert clock("20260102_040405.mp4", camera="cam1", offsets=offsets)[0] == MADE.isoformat()
    assert clock("20260102_030405.mp4", camera="cam2", offsets=offsets)[0] == MADE.isoformat()


def test_cameras_are_known_in_any_case_and_unicode_form():
    composed, decomposed = "T\u00fcr", "TU\u0308R"
    at = clock("20260102_030404.mp4", camera=decomposed, offsets={composed: 1.0})[0]
    assert at == MADE.isoformat()
    at = clock("20200101_000000.mp4", container="2026-01-02T03:04:05Z", camera=decomposed)
    assert at[1] == "container"
    named = clock(
        "20260102_030405.mp4",
        container="2020-01-01T00:00:00Z",
        camera=decomposed,
        clock_from={composed: "name"},
    )
    assert named == (MADE.isoformat(), "file name")


@pytest.mark.parametrize("text", ["cam1", "=3", "cam1=soon", "", "cam1=inf", "cam1=nan", "cam1=1e30"])
def test_what_is_no_offset_is_refused(text):
    with pytest.raises(UsageError, match="CAMERA=SECONDS"):
        parse_offsets([text])


def test_which_clock_comes_first_is_read():
    assert parse_clock_from(["name", "gate=container", "a=b=auto"]) == {
        "": "name",
        "gate": "container",
        "a=b": "auto",
    }
    for text in ("", "file", "gate=", "=name", "gate=first"):
        with pytest.raises(UsageError, match="name, container, burned-in or auto"):
            parse_clock_from([text])


def test_what_container_clocks_are_is_read():
    assert parse_container_clocks(["drone=local", "utc", "gopro=Europe/Berlin"]) == {
        "drone": "local",
        "": "utc",
        "gopro": "Europe/Berlin",
    }
    for text in ("", "drone=", "=local"):
        with pytest.raises(UsageError, match="CAMERA=local"):
            parse_container_clocks([text])
    with pytest.raises(UsageError, match="no time zone 'Berlin'"):
        parse_container_clocks(["drone=Berlin"])


def test_a_zone_that_does_not_exist_is_refused():
    for name in ("Mars/Base", "../etc", "\0"):
        with pytest.raises(UsageError, match="no time zone"):
            parse_zone(name)
    assert parse_zone(None) is parse_zone("") is None


def test_cameras_come_from_the_folder_or_a_pattern():
    path = Path("/films/gate/cam1_20260102_030405.mp4")
    assert Clocks().camera(path) == ""
    assert Clocks(camera_from="folder").camera(path) == "gate"
    assert Clocks(camera_from="{camera}_*").camera(path) == "cam1"
    assert Clocks(camera_from="*_{camera}").camera(path) == "20260102_030405"
    assert Clocks(camera_from="x{camera}").camera(path) == ""
    assert Clocks(camera_from="({camera}_*").camera(path) == ""
    with pytest.raises(UsageError, match="exactly once"):
        Clocks(camera_from="cam*")


def test_a_camera_pattern_fits_names_in_another_unicode_form_and_case():
    path = Path("/films/Tu\u0308r/KU\u0308CHE_1.mp4")
    assert Clocks(camera_from="folder").camera(path) == "T\u00fcr"
    assert Clocks(camera_from="k\u00fcche_{camera}").camera(path) == "1"


@given(
    st.text(max_size=40),
    st.text(max_size=30) | st.datetimes().map(lambda each: f"{each.isoformat()}Z"),
    st.floats(0, 1e6),
    st.floats(allow_nan=True),
)
def test_no_file_raises(name, container, duration, modified):
    for zone in (UTC, BERLIN, None):
        found = Clocks(zone=zone, guess=True).recorded_at(
            Path("/x") / name.replace("\0", "").strip("/"),
            container_time=container,
            modified_at=modified,
            duration_seconds=duration,
        )
        assert (found.at == "") == (found.source == "")
