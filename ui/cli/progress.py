"""Shows the events of a service function on stderr, and logs those of an index run; knows no command."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from footage.core.tracks import IMAGE_TRACK, is_image_track
from service.events import (
    Busy,
    Indexing,
    ServerSampling,
    ServiceEvent,
    StageProgress,
    TrackLeftOut,
    WindowsPlanned,
)
from ui.cli import console, served
from ui.text import count, plain

if TYPE_CHECKING:
    from rich.live import Live

    from indexer.progress import Progress as IndexReading
    from service.cancellation import CancelToken

LOG_EVERY_SECONDS = 1.0
"""Interval between progress entries of an index run in the log."""

logger = logging.getLogger(__name__)


class Display:
    """Events as progress on stderr: a spinner, then a bar; call it with each."""

    def __init__(self) -> None:
        self._spinner: Live | None = None
        self._bar = ExitStack()
        self._show: console.Show | None = None
        self._log = _Log()
        self.indexing = False
        """Whether an index run has begun."""
        self._command = served.current()

    def __call__(self, event: ServiceEvent) -> None:
        """Show an event, in whichever thread.

        Raises:
            Cancelled: the service runs the command, and its client has gone.
        """
        if self._command is None:
            self._show_event(event)
            return
        self._command.cancel.raise_if_cancelled()
        with served.serving(self._command):
            self._show_event(event)

    def _show_event(self, event: ServiceEvent) -> None:
        match event:
            case Busy(what, ended):
                self.close()
                if not ended:
                    self._spinner = console.spinner(plain(what))
                    self._spinner.start()
            case StageProgress(stage, done, total, detail):
                self._step(stage, done, total, plain(detail))
            case WindowsPlanned(windows, seconds):
                about = f", about {console.rough_time(seconds)}" if seconds else ""
                console.notes().print(f"The model will look at {count(windows, 'window')}{about}.")
            case ServerSampling(sees):
                console.notes().print(f"The server shows the model {sees}.", soft_wrap=True)
            case TrackLeftOut(track, reason):
                self.close()
                made = "No image vectors are" if track == IMAGE_TRACK else f"No {track} track is"
                console.notes().print(f"{made} made: {plain(reason)}.", soft_wrap=True)
            case Indexing(reading):
                self._step(*_index_line(reading))
                self.indexing = True
                self._log.write(reading)
            case _:
                pass  # what is an answer is printed by the command

    def close(self) -> None:
        """Hide the progress so that something can be printed; the next event shows it again."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None
        self._show = None
        self._bar.close()

    def _step(self, stage: str, done: int, total: int, detail: str = "") -> None:
        if self._show is None:
            self.close()
            self._show = self._bar.enter_context(console.stages())
        self._show(stage, done, total, detail)


@contextmanager
def shown() -> Iterator[Display]:
    """A display of events, removed at the end, also after an error."""
    display = Display()
    try:
        yield display
    finally:
        display.close()


@contextmanager
def cancelled_by_signals(display: Display) -> Iterator[CancelToken]:
    """A token cancelled by Ctrl-C or SIGTERM; a second signal, or one before the run begins, interrupts."""
    from service.cancellation import CancelToken

    token = CancelToken()

    def ask(number: int, frame: FrameType | None) -> None:
        if token.cancelled or not display.indexing:
            raise KeyboardInterrupt
        token.cancel()
        console.notes().print(
            "Stopping after the current windows; press Ctrl-C again to stop at once.", soft_wrap=True
        )

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Log:
    """Progress of an index run for the log: each stage, with one entry per second."""

    def __init__(self) -> None:
        self._stage, self._at = "", 0.0

    def write(self, reading: IndexReading) -> None:
        """Log the progress, unless the last entry is very recent."""
        now = time.monotonic()
        if reading.stage != self._stage or now - self._at >= LOG_EVERY_SECONDS:
            self._stage, self._at = reading.stage, now
            logger.info("progress", extra={"fields": asdict(reading)})


def _index_line(reading: IndexReading) -> tuple[str, int, int, str]:
    """A reading of an index run as stage, done, total and detail."""
    name = plain(Path(reading.current).name)
    if reading.waiting:
        waiting = f"waiting for {plain(reading.waiting)}"
        return reading.stage, reading.windows_done, reading.windows_total, waiting
    if reading.stage == "looking":
        return "looking", reading.files_done, 0, f"{count(reading.files_total, 'file')} {name}"
    files = f"{reading.files_done}/{reading.files_total} files"
    left = "" if reading.eta_seconds is None else f"{console.rough_time(reading.eta_seconds)} left"
    tracks = ", ".join(f"{_short(each.track)} {each.share:.0%}" for each in reading.tracks)
    if reading.stage == "tracks":
        done, total = (sum(getattr(each, name) for each in reading.tracks) for name in _SECONDS)
        detail = ", ".join(part for part in ("footage-s", files, tracks, left, name) if part)
        return _short(reading.track) or reading.stage, round(done), round(total), detail
    speed = f"{reading.speed:.1f} footage-s/s"
    reused = f"{reading.windows_reused:,} reused" if reading.windows_reused else ""
    detail = ", ".join(part for part in (f"windows, {files}", reused, speed, tracks, left, name) if part)
    return reading.stage, reading.windows_done, reading.windows_total, detail


def _short(track: str) -> str:
    return IMAGE_TRACK if is_image_track(track) else track


_SECONDS = ("seconds_done", "seconds_total")
