"""Exports that go on beside the page: starts them, says how far they are, cancels them; draws nothing.

Each belongs to the sign-in that started it: another visitor neither sees nor fetches it. It is a thread of
the app, so that a page may be reloaded or left; when the app ends, exports are cancelled, which leaves
nothing half written.
"""

from __future__ import annotations

import atexit
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from footage.core.errors import FootageError, UsageError
from service.cancellation import Cancelled, CancelToken
from service.events import StageProgress

if TYPE_CHECKING:
    from service.events import Listener, ServiceEvent
    from service.export import Exported
    from ui.web.access.visitor import Visitor

KEPT = 5
"""Ended exports that are remembered for each visitor."""
GRACE_SECONDS = 5.0
"""How long the end of the app waits for exports to clear up."""
Write = Callable[["Listener", Callable[[str], None], CancelToken], "Exported"]
"""Writes the files, given what hears of its progress and of each file, and what cancels it."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ExportJob:
    """One export, and how far it is; written by its own thread, read by pages."""

    id: str
    """Cannot be guessed: its files are fetched by it."""
    owner: str
    """Whose it is, see ``owner_of``."""
    name: str
    """What it is called where people read it."""
    kind: str
    """What is made, for people, such as "Film"."""
    started_at: float
    """Seconds since the epoch."""
    state: Literal["running", "done", "cancelled", "failed"] = "running"
    """Its state, or how it ended."""
    done: int = 0
    """Steps done."""
    total: int = 0
    """Steps in all; 0 while that is unknown."""
    file: str = ""
    """The file at hand."""
    exported: Exported | None = None
    """What was written; None before it is done."""
    error: FootageError | None = None
    """Why it failed."""
    cancel: CancelToken = field(default_factory=CancelToken)
    """Ends it."""
    thread: threading.Thread | None = None
    """Where it runs."""

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def files(self) -> list[tuple[str, Path]]:
        """What it wrote: the name of each file below its folder, and where it lies; the manifest is last."""
        if self.exported is None:
            return []
        made = [(output.file, output.path) for output in self.exported.outputs]
        readme = self.exported.folder / "README.txt"
        if self.exported.packaged:
            made.append((readme.name, readme))
        return [*made, (self.exported.manifest.name, self.exported.manifest)]


class ExportJobs:
    """All exports of one app."""

    def __init__(self) -> None:
        self._jobs: dict[str, ExportJob] = {}
        self._lock = threading.Lock()

    def start(self, owner: str, *, name: str, kind: str, write: Write) -> ExportJob:
        """Start one.

        Args:
            owner: Whose it is.
            name: What it is called where people read it.
            kind: What is made, for people.
            write: Writes the files.

        Raises:
            UsageError: another export of the owner goes on.
        """
        with self._lock:
            own = [job for job in self._jobs.values() if job.owner == owner]
            if any(job.state == "running" for job in own):
                raise UsageError("an export is running", hint="Wait until it ends, or cancel it.")
            for old in own[: max(0, len(own) - KEPT + 1)]:
                del self._jobs[old.id]
            job = ExportJob(secrets.token_urlsafe(24), owner, name, kind, time.time())
            self._jobs[job.id] = job
        job.thread = threading.Thread(target=_run, args=(job, write), daemon=True, name="export")
        job.thread.start()
        return job

    def of(self, owner: str) -> list[ExportJob]:
        """The exports of a visitor, the last one first."""
        with self._lock:
            return [job for job in reversed(self._jobs.values()) if job.owner == owner]

    def get(self, job_id: str, owner: str) -> ExportJob | None:
        """An export of a visitor; None where it is another's, or there is none."""
        with self._lock:
            job = self._jobs.get(job_id)
        return job if job is not None and secrets.compare_digest(job.owner, owner) else None

    def close(self) -> None:
        """Cancel what goes on, wait a little while it clears up, and forget all."""
        with self._lock:
            running = [job for job in self._jobs.values() if job.state == "running"]
        for job in running:
            job.cancel.cancel()
        until = time.monotonic() + GRACE_SECONDS
        for job in running:
            if job.thread is not None:
                job.thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            self._jobs.clear()


JOBS = ExportJobs()
"""The exports of this app."""
atexit.register(JOBS.close)


def owner_of(visitor: Visitor) -> str:
    """Who exports of a visitor belong to: a sign-in, or the person that a proxy names."""
    return f"{visitor.role}\n{visitor.user}\n{visitor.session}"


def _run(job: ExportJob, write: Write) -> None:
    """Write the files, and note how it ends."""

    def on_event(event: ServiceEvent) -> None:
        if isinstance(event, StageProgress):
            job.done, job.total = event.done, event.total

    def on_file(name: str) -> None:
        job.file = name

    try:
        job.exported = write(on_event, on_file, job.cancel)
        job.state = "done"
    except Cancelled:
        job.state = "cancelled"
    except FootageError as error:
        job.error, job.state = error, "failed"
    except Exception as error:  # a bug: the page gets a sentence, the log the traceback
        logger.exception("unexpected")
        job.error = FootageError(
            f"Something unexpected went wrong ({type(error).__name__})",
            hint="See the terminal of the app for details",
        )
        job.state = "failed"
