"""Work that hangs is given up, work that is merely slow is not."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from footage.core.errors import DecodeError
from footage.core.timeout import supervise


def test_the_result_and_the_error_of_the_work_come_through():
    assert supervise(lambda pulse: 7, name="a.mp4", timeout_seconds=5) == 7
    with pytest.raises(ZeroDivisionError):
        supervise(lambda pulse: 1 // 0, name="a.mp4", timeout_seconds=5)


def test_silence_is_given_up_in_time_and_named():
    release = threading.Event()
    begin = time.monotonic()
    with pytest.raises(DecodeError, match=r"a\.mp4 was stopped: its decoder made no progress for 0\.2 s"):
        supervise(lambda pulse: release.wait(30), name="a.mp4", timeout_seconds=0.2)
    assert time.monotonic() - begin < 5
    release.set()


def test_work_that_gets_on_may_take_longer_than_the_timeout():
    never, timeout_seconds = threading.Event(), 1.0

    def work(pulse):
        begin = time.monotonic()
        while time.monotonic() < begin + 1.5 * timeout_seconds:
            never.wait(0.05)
            pulse.beat()
        return "done"

    assert supervise(work, name="a.mp4", timeout_seconds=timeout_seconds) == "done"


def test_abandoned_work_stops_at_its_next_beat():
    abandoned, stopped = threading.Event(), threading.Event()

    def work(pulse):
        assert abandoned.wait(30)
        try:
            pulse.beat()
        finally:
            stopped.set()
        pytest.fail("went on")

    with pytest.raises(DecodeError):
        supervise(work, name="a.mp4", timeout_seconds=0.1)
    abandoned.set()
    assert stopped.wait(30)


def test_a_hung_decoder_does_not_hold_up_the_end_of_the_process():
    script = (
        "import threading\n"
        "from footage.core.timeout import supervise\n"
        "try:\n"
        "    supervise(lambda pulse: threading.Event().wait(), name='a.mp4', timeout_seconds=0.1)\n"
        "except Exception as exc:\n"
        "    raise SystemExit(3)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 3
