"""Decides which files are still being written, from their times, and when to scan them; opens none."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.library import FoundFile

SETTLE_SECONDS = 30.0
"""How long a file has to stay unchanged to count as finished."""
SCAN_SHARE = 0.1
"""Largest share of the time that goes into scanning a file that grows; a scan reads all of it."""


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
        self._rests: dict[Path, float] = {}  # until when a file is not scanned again

    def waits(self, found: FoundFile) -> bool:
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

    def may_scan(self, path: Path) -> bool:
        """Whether scanning a file again keeps within SCAN_SHARE of the time."""
        return self._now() >= self._rests.get(path, -math.inf)

    @contextmanager
    def scanning(self, path: Path) -> Iterator[None]:
        """Note how long the scan of a file takes."""
        began = self._now()
        yield
        ended = self._now()
        self._rests[path] = ended + (ended - began) * (1 / SCAN_SHARE - 1)
