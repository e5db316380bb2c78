"""Keeps an index up to date with folders that change; knows when to look again, not the files' content."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import FileSystemEvent, FileSystemEventHandler

from footage.objects.paths import absolute
from indexer import library

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

SETTLE_SECONDS = 2.0
"""How long nothing may change before the index is brought in step: copying a file makes many changes."""
RESCAN_SECONDS = 3600.0
"""How often everything is looked at again, whatever was noticed: network disks report nothing."""
RETRY_SECONDS = 30.0
"""How soon files that are still being written are looked at again, and folders where changes never end."""


def watch(
    paths: Sequence[Path | str],
    look: Callable[[], bool],
    *,
    stop: threading.Event,
    ignore: Sequence[Path | str] = (),
    settle_seconds: float = SETTLE_SECONDS,
    rescan_seconds: float = RESCAN_SECONDS,
    retry_seconds: float = RETRY_SECONDS,
) -> None:
    """Bring an index in step with files and folders now and whenever they change, until ``stop`` is set.

    A root that cannot be watched, for it is not there, is looked at on every pass all the same.

    Args:
        paths: Files and folders.
        look: Brings the index in step and says whether files are still being written; must return soon after
            ``stop`` is set.
        stop: Ends the watching.
        ignore: What may change without anybody looking, such as an index that lies in a watched folder.
        settle_seconds: How long nothing may change before ``look`` is called; where changes never end, as in
            a folder that is recorded to, it is called ``retry_seconds`` after the first.
        rescan_seconds: How long to wait at most.
        retry_seconds: How long to wait at most while files are waiting to be finished.

    Raises:
        FootageError: what ``look`` raises.
    """
    changes = _FolderChanges(ignore)
    while not stop.is_set():
        observer = _observer(paths, changes)
        try:
            changes.clear()
            waiting = look()
            due = time.monotonic() + (retry_seconds if waiting else rescan_seconds)
            while not stop.is_set() and time.monotonic() < due:
                if changes.settled(settle_seconds, at_most_seconds=retry_seconds):
                    break
                stop.wait(0.1)
        finally:
            observer.stop()
            observer.join()


class _FolderChanges(FileSystemEventHandler):
    """Remembers when something last changed."""

    def __init__(self, ignore: Sequence[Path | str]) -> None:
        self._ignore = ignore
        self._first: float | None = None
        self._last = 0.0

    def clear(self) -> None:
        """Forget what changed so far."""
        self._first = None

    def dispatch(self, event: FileSystemEvent) -> None:
        """Note a change; reading a file is not a change. Called by watchdog."""
        paths = {os.fsdecode(path) for path in (event.src_path, event.dest_path) if path}
        reads = event.event_type in ("opened", "closed_no_write")
        if not reads and not all(library.is_under(path, self._ignore) for path in paths):
            self._last = time.monotonic()
            self._first = self._last if self._first is None else self._first

    def settled(self, seconds: float, *, at_most_seconds: float) -> bool:
        """Whether something changed, and then nothing for so long, or the first change is that long ago."""
        if self._first is None:
            return False
        now = time.monotonic()
        return now - self._last >= seconds or now - self._first >= at_most_seconds


def _observer(paths: Sequence[Path | str], changes: _FolderChanges) -> BaseObserver:
    """A running observer of the folders that can be watched; of a file, the folder it lies in."""
    from watchdog.observers import Observer

    observer = Observer()
    for root in dict.fromkeys(_folder(absolute(path)) for path in paths):
        if root.is_dir():
            observer.schedule(changes, str(root), recursive=True)
    observer.start()
    return observer


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent
