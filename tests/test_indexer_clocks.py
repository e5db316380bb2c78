"""When a file was recorded, and by which camera."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.errors import UsageError
from indexer.clocks import Clocks, named_time, parse_offsets

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def clock(name="clip.mp4", *, container="", camera="", **options):
    return Clocks(zone=UTC, **options).recorded_at(
        Path("/films") / name,
        container_time=container,
        modified_at=MADE.timestamp(),
        duration_seconds=65,
        camera=camera,
    )


@pytest.mark.parametrize(
    "name",
    [
        "cam1_20260102_030405",
        "VID_20260102_030405_HDR",
        "2026-01-02 03-04-05",
        "2026-01-02T03.04.05",
        "20260102030405",
        "GH-2026.01.02-03.04.05-x",
        "Screen Recording 2026-01-02 at 03.04.05",
    ],
)
def test_a_time_in_the_name_is_read(name):
    assert named_time(name, UTC) == MADE


@pytest.mark.parametrize(
    "name", ["", "holiday", "20261302_030405", "20260102_250405", "1234567890123456", "2026-01-02"]
)
def test_what_is_no_time_is_none(name):
    assert named_time(name, UTC) is None


def test_the_zone_counts_unless_the_name_says_utc():
    east = timezone(timedelta(hours=5))
    assert named_time("20260102_030405", east) == MADE - timedelta(hours=5)
    assert named_time("20260102_030405Z", east) == MADE
    assert named_time("20260102_030405", None).tzinfo is not None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)), st.text("abc_-", max_size=5))
def test_every_stamped_name_is_read_back(moment, text):
    assert named_time(f"{text}_{moment:%Y%m%d_%H%M%S}_{text}", UTC) == moment.replace(
        microsecond=0, tzinfo=UTC
    )


def test_the_container_comes_first_then_the_name_then_if_asked_the_guess():
    made = MADE.isoformat()
    assert clock("20200101_000000.mp4", container="2026-01-02T03:04:05.000000Z") == (made, "container")
    assert clock("20260102_030405.mp4") == (made, "file name")
    assert clock() == ("", "")
    assert clock(guess=True) == ((MADE - timedelta(seconds=65)).isoformat(), "guessed")


@pytest.mark.parametrize("container", ["1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", ""])
def test_a_clock_that_was_never_set_does_not_count(container):
    assert clock("20260102_030405.mp4", container=container)[1] == "file name"


def test_the_clock_of_each_camera_may_be_set_right():
    offsets = parse_offsets(["cam1=-3600", "a=b=+0.5"])
    assert offsets == {"cam1": -3600.0, "a=b": 0.5}
    assert clock("20260102_040405.mp4", camera="cam1", offsets=offsets)[0] == MADE.isoformat()
    assert clock("20260102_030405.mp4", camera="cam2", offsets=offsets)[0] == MADE.isoformat()


@pytest.mark.parametrize("text", ["cam1", "=3", "cam1=soon", ""])
def test_what_is_no_offset_is_refused(text):
    with pytest.raises(UsageError, match="CAMERA=SECONDS"):
        parse_offsets([text])


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
