"""Tells files that are still being written from finished ones, by when they changed; opens none of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from indexer.library import Found

SETTLE_SECONDS = 30.0
"""How long a file has to stay unchanged to count as finished."""


class Settling:
    """Says which files are still being written, by their modification times and by what was seen before."""

    def __init__(self, seconds: float = SETTLE_SECONDS, now: Callable[[], float] = time.time) -> None:
        """Begin with nothing seen.

        Args:
            seconds: How long a file has to stay unchanged.
            now: The clock, seconds since the epoch.
        """
        self.seconds = seconds
        self._now = now
        self._seen: dict[Path, tuple[tuple[int, float], float]] = {}

    def waits(self, found: Found) -> bool:
        """Whether a file has changed too recently; a modification time in the far future says nothing."""
        now, state = self._now(), (found.size_bytes, found.modified_at)
        before = self._seen.get(found.path)
        if before is None:
            ahead = found.modified_at - now
            changed_at = -math.inf if ahead >= self.seconds else min(found.modified_at, now)
        elif before[0] == state:
            changed_at = before[1]
        else:
            moved_on = before[0][1] < found.modified_at <= now
            changed_at = found.modified_at if moved_on else now
        self._seen[found.path] = state, changed_at
        return now - changed_at < self.seconds
