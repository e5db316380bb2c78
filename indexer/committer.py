"""Commits captioned windows to an index and calls its hooks; the one writer of captions in a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from footage.core.types import Span, WindowRecord
from footage.store import Store
from indexer.progress import ProgressTracker

OnCommit = Callable[[Sequence[WindowRecord]], None]
"""Called with windows that were just committed."""


class Committer:
    """Writes windows to one index, wherever they were captioned."""

    def __init__(
        self,
        store: Store,
        *,
        committed: Mapping[str, Mapping[int, Span]],
        meter: ProgressTracker,
        on_commit: Sequence[OnCommit] = (),
        before_replacing: Callable[[str], None] = lambda content_id: None,
    ) -> None:
        """Take an index that is locked for writing.

        Args:
            store: The index.
            committed: Spans of the windows that it held when the run began, by content id and index.
            meter: Measures the writing.
            on_commit: Called after each commit, in this order.
            before_replacing: Called with a content id before windows of it are replaced.
        """
        self._store = store
        self._committed = committed
        self._meter = meter
        self._on_commit = on_commit
        self._before_replacing = before_replacing

    def write(self, records: Sequence[WindowRecord]) -> None:
        """Commit windows; only those that the index may hold already are looked up in it."""
        replacing: list[WindowRecord] = []
        new: list[WindowRecord] = []
        for record in records:
            held = self._committed.get(record.window.content_id, {})
            (replacing if record.window.index in held else new).append(record)
        for content_id in dict.fromkeys(record.window.content_id for record in replacing):
            self._before_replacing(content_id)
        with self._meter.timing("write"):
            self._store.windows.commit(replacing)
            self._store.windows.add(new)

    def commit(self, records: Sequence[WindowRecord]) -> None:
        """Commit windows that were just captioned, and call what follows from that."""
        self.write(records)
        for each in self._on_commit:
            each(records)
