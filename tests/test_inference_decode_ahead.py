"""Windows are decoded ahead: in order within a pass, several passes at once, no further than allowed."""

from __future__ import annotations

import threading

import pytest

from footage.inference.decode_ahead import DecodeAhead

PATIENCE_SECONDS = 30


def test_windows_of_a_pass_come_in_order_and_those_of_others_meanwhile():
    begun, held = [], threading.Event()

    def job(number):
        begun.append(number)
        if number == 0:
            assert held.wait(PATIENCE_SECONDS)
        return 10 * number

    coming = DecodeAhead(job, ["a", "a", "b", None], most=4)
    with coming.running(2, "test"):
        assert [coming.take(number, PATIENCE_SECONDS) for number in (2, 3)] == [20, 30]
        assert begun == [0, 2, 3], "the second one of a pass waits for the first"
        held.set()
        assert [coming.take(number, PATIENCE_SECONDS) for number in (0, 1)] == [0, 10]


def test_no_window_is_done_that_is_not_allowed_and_none_after_the_end():
    done = []
    coming = DecodeAhead(done.append, [None] * 6, most=2)
    with coming.running(3, "test"):
        assert coming.ready(0, 2, PATIENCE_SECONDS) == 2
        assert coming.ready(0, 6, 0) == 2 and sorted(done) == [0, 1]
        coming.allow(4)
        assert coming.ready(0, 4, PATIENCE_SECONDS) == 4
    assert sorted(done) == [0, 1, 2, 3]
    coming.allow(6)
    assert coming.ready(4, 6, 0) == 4, "nothing is done any more"


def test_an_error_is_raised_where_its_result_is_taken():
    coming = DecodeAhead({0: 0, 2: 2}.__getitem__, ["a"] * 3, most=3)
    with coming.running(1, "test"):
        assert coming.take(0, PATIENCE_SECONDS) == 0
        with pytest.raises(KeyError):
            coming.take(1, PATIENCE_SECONDS)
        assert coming.take(2, PATIENCE_SECONDS) == 2
