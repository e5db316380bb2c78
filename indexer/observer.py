"""What an index run tells a caller that follows its commits; knows no alert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from footage.core.types import WindowRecord


class RunObserver(Protocol):
    """Follows the commits of a run, in its thread."""

    def committed(self, records: Sequence[WindowRecord]) -> None:
        """Windows of one track were just committed; those of captions are projected if that was due."""
        ...

    def continues(self, earlier: str, content_id: str) -> None:
        """A file that grew is finished; windows of its final content are not committed yet."""
        ...


class NobodyWatches:
    """The observer of a run that nobody follows."""

    def committed(self, records: Sequence[WindowRecord]) -> None:
        """Nothing."""

    def continues(self, earlier: str, content_id: str) -> None:
        """Nothing."""
