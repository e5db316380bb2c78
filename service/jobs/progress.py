"""How far a job is, from the events of its work: one reading at a time, at most one a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from service.events import Busy, Indexing, ServiceEvent, StageProgress
from service.schemas.jobs import JobProgressRecord

if TYPE_CHECKING:
    from indexer.progress import Progress as IndexReading


def progress_of(event: ServiceEvent) -> JobProgressRecord | None:
    """What an event says about how far the work is; None where it says nothing."""
    if isinstance(event, Indexing):
        return _index_progress(event.reading)
    if isinstance(event, StageProgress):
        return JobProgressRecord(stage=event.stage, done=event.done, total=event.total, detail=event.detail)
    if isinstance(event, Busy) and not event.ended:
        return JobProgressRecord(stage=event.what, done=0, total=0, detail="")
    return None


def _index_progress(reading: IndexReading) -> JobProgressRecord:
    return JobProgressRecord(
        stage=reading.stage,
        done=reading.windows_done,
        total=reading.windows_total,
        detail=reading.current,
        files_done=reading.files_done,
        files_total=reading.files_total,
        seconds_done=reading.seconds_done,
        seconds_total=reading.seconds_total,
        eta_seconds=reading.eta_seconds,
        waiting_for=reading.waiting,
    )


class ProgressWriter:
    """A listener that writes down how far a job is: at once when the stage changes, else once in a while."""

    def __init__(
        self,
        write: Callable[[Mapping[str, Any]], None],
        *,
        every_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is written yet.

        Args:
            write: Writes one reading down.
            every_seconds: Time between two of them within a stage.
            clock: Measures it.
        """
        self._write, self._every_seconds, self._clock = write, every_seconds, clock
        self._lock = threading.Lock()
        self._stage = ""
        self._written_at = 0.0
        self._unwritten: Mapping[str, Any] | None = None

    def __call__(self, event: ServiceEvent) -> None:
        """Take an event."""
        progress = progress_of(event)
        if progress is None:
            return
        with self._lock:
            now = self._clock()
            self._unwritten = progress.fields()
            if progress.stage != self._stage or now - self._written_at >= self._every_seconds:
                self._stage, self._written_at = progress.stage, now
                self._flush()

    def flush(self) -> None:
        """Write down the last reading, if it is not."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._unwritten is not None:
            self._write(self._unwritten)
            self._unwritten = None
