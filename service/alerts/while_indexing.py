"""Runs alerts beside an index run: notes commits, examines windows between batches, sends in a thread.

Windows are examined in the thread of the run, so that no model or embedder is used by two threads at once;
sending waits for networks, and has a thread of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from footage.core.errors import FootageError
from footage.core.index_place import state_folder
from footage.store.state.alerts import AlertRepository
from footage.store.state.database import FILE_NAME
from service import factories
from service.alerts.running import AlertRunner
from service.cancellation import Cancelled, CancelToken

if TYPE_CHECKING:
    from footage.core.types import WindowRecord
    from service.session import Service

SCAN_SECONDS = 5.0
"""Least time between two looks at new windows during a run."""
SEND_SECONDS = 1.0
"""How often it is looked for something to send."""
PATIENCE_SECONDS = 60.0
"""How long the end of a run waits for another process that is examining windows."""
logger = logging.getLogger(__name__)


class IndexingAlerts:
    """The alerts of an index during one run; nothing is done where there are none."""

    def __init__(
        self,
        service: Service,
        *,
        cancel: CancelToken | None = None,
        clock: Callable[[], float] = time.time,
        scan_seconds: float = SCAN_SECONDS,
    ) -> None:
        """Take a service.

        Args:
            service: The index that is written to.
            cancel: Ends the run; what is not examined by then waits for the next one.
            clock: The time, seconds since the epoch.
            scan_seconds: Least time between two looks at new windows.
        """
        self._service = service
        self._cancel = cancel or CancelToken()
        self._clock = clock
        self._scan_seconds = scan_seconds
        self._scanned_at = time.monotonic()
        self._runner: AlertRunner | None = None
        self._ended = threading.Event()
        self._sender: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Examine the rest and send what is due; not after an error."""
        if kind is None and not self._cancel.is_set() and self._active() is not None:
            self._examine(PATIENCE_SECONDS)
        self._ended.set()
        if self._sender is not None:
            self._sender.join()

    def committed(self, records: Sequence[WindowRecord]) -> None:
        """Note when windows were committed, and examine those that can be searched by now."""
        alerts = self._active()
        if alerts is None:
            return
        alerts.note_commits(
            [(record.window.content_id, record.track, record.window.index) for record in records],
            self._clock(),
        )
        if time.monotonic() - self._scanned_at >= self._scan_seconds and self._may_load():
            self._examine(0.0)

    def continues(self, earlier: str, content_id: str) -> None:
        """Note that a content continues that of a file that was still being written."""
        alerts = self._active()
        if alerts is not None:
            alerts.note_alias(earlier, content_id)

    def _active(self) -> AlertRepository | None:
        """The alerts, if there are any; the state of an index without any is not made for them."""
        if not (state_folder(self._service.settings.db) / FILE_NAME).is_file():
            return None
        alerts = AlertRepository(self._service.state())
        return alerts if any(alert.enabled for alert in alerts.all()) else None

    def _may_load(self) -> bool:
        """Whether the model that finds events fits beside the one that captions."""
        settings = self._service.settings
        return settings.for_finds is settings or factories.fits(settings.for_finds)

    def _examine(self, patience_seconds: float) -> None:
        """Examine new windows; an error leaves them for later, and the run goes on."""
        runner = self._runner = self._runner or AlertRunner(self._service, clock=self._clock)
        if self._sender is None:
            self._sender = threading.Thread(target=self._send, args=(runner,), name="alerts", daemon=True)
            self._sender.start()
        try:
            runner.examine(cancel=self._cancel, patience_seconds=patience_seconds)
        except Cancelled:
            logger.info("alerts are matched by the next run")
        except FootageError:
            logger.warning("alerts cannot be matched now", exc_info=True)
        self._scanned_at = time.monotonic()

    def _send(self, runner: AlertRunner) -> None:
        """Send what is due until the run has ended, and once more then."""
        while True:
            last = self._ended.is_set()
            try:
                runner.send()
            except FootageError:
                logger.warning("alerts cannot be sent now", exc_info=True)
            if last:
                return
            self._ended.wait(SEND_SECONDS)
