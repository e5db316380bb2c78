"""How much of what lies on disk is indexed: the sums add up, whatever the files are."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.coverage import by_collection, coverage
from footage.core.types import File, FileState, Span

COMMITTED = {"a": {0: Span(0, 6), 1: Span(4, 8)}, "b": {0: Span(0, 3)}}

files = st.lists(
    st.builds(
        File,
        path=st.text(max_size=3),
        content_id=st.sampled_from(["", "a", "b", "c"]),
        collection=st.sampled_from(["", "x", "y"]),
        duration_seconds=st.sampled_from([0.0, 3.0, 8.0, 10.0]),
        state=st.sampled_from(get_args(FileState)),
    ),
    max_size=12,
)


def test_each_second_has_one_fate():
    result = coverage(
        [
            File("1", "a", duration_seconds=8, state="indexed"),
            File("2", "b", duration_seconds=10, state="partial"),
            File("3", "", duration_seconds=0, state="failed"),
            File("4", "b", duration_seconds=10, state="waiting"),
            File("5", "", duration_seconds=5, state="skipped"),
            File("6", "a", duration_seconds=8, state="offline"),
            File("7", "a", duration_seconds=8, state="gone"),
        ],
        COMMITTED,
    )
    assert result.seconds == {"indexed": 14, "failed": 7, "waiting": 7, "skipped": 5, "offline": 8}
    assert (result.seconds_found, result.seconds_gone, result.files_found) == (41, 8, 6)
    assert result.files_of_unknown_length == 1


def test_other_tracks_count_where_nothing_is_captioned_and_no_run_captions():
    whole = {"a": {0: Span(0, 8)}, "b": {0: Span(0, 8)}}
    captioned = {"b": {0: Span(0, 3)}}
    for state, seconds in (("new", 0), ("waiting", 8), ("partial", 8)):
        result = coverage([File("1", "a", duration_seconds=8, state=state)], captioned, other_tracks=whole)
        assert result.seconds["indexed"] == seconds
        result = coverage([File("2", "b", duration_seconds=8, state=state)], captioned, other_tracks=whole)
        assert result.seconds["indexed"] == 3


@given(files)
def test_the_sums_add_up_to_what_is_on_disk(files):
    result = coverage(files, COMMITTED)
    on_disk = [file for file in files if file.state != "gone"]
    assert result.seconds_found == pytest.approx(sum(file.duration_seconds for file in on_disk))
    assert result.files_found == len(on_disk) and sum(result.files.values()) == len(files)
    assert all(seconds >= 0 for seconds in result.seconds.values())
    parts = by_collection(files, COMMITTED).values()
    assert sum(part.seconds_found for part in parts) == pytest.approx(result.seconds_found)
    assert sum(part.files_found for part in parts) == result.files_found
