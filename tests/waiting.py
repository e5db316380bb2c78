"""Waits for what other threads and processes do: for a condition, with a deadline; never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


def wait_until(
    condition: Callable[[], object], *, seconds: float = 120.0, failure: Callable[[], object] | str = ""
) -> None:
    """Return as soon as the condition is true.

    Args:
        condition: Asked every few hundredths of a second; an error that it raises ends the test.
        seconds: The test fails when it is not true by then.
        failure: What the test says then.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            said = failure() if callable(failure) else failure
            pytest.fail(f"not within {seconds:g} s: {said or condition}")
        time.sleep(0.02)
