"""Keeps the lines of a job's result: all of a short one, the first and the last of a long one."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

FIRST_LINES = LAST_LINES = 500
"""Lines that are kept of the beginning and of the end, where the summary is."""


class ResultLines:
    """Takes lines in their order."""

    def __init__(self, *, first: int = FIRST_LINES, last: int = LAST_LINES) -> None:
        self.total = 0
        """Lines so far."""
        self.cut_short = False
        """Whether the work was ended before it was through."""
        self._most_first = first
        self._first: list[Mapping[str, Any]] = []
        self._last: deque[Mapping[str, Any]] = deque(maxlen=last)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take the next line."""
        self.total += 1
        if len(self._first) < self._most_first:
            self._first.append(line)
        else:
            self._last.append(line)

    def kept(self) -> list[Mapping[str, Any]]:
        """The lines that are kept."""
        return [*self._first, *self._last]
