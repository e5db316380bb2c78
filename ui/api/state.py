"""What the routes of one service share; made once, when the application is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.cancellation import CancelToken

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.requests import HTTPConnection

    from service.audit_log import AuditLog
    from service.metrics import Metrics
    from service.session import Service
    from service.tokens import TokenBook
    from service.tracing import Tracing
    from ui.api.access import ApiAccess
    from ui.api.commands import RunCommand
    from ui.api.rates import RateLimiter


class RunningWork:
    """The work of all requests that are being answered, so that it can be ended when the service ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: set[CancelToken] = set()
        self._stopping = False

    @contextmanager
    def token(self) -> Iterator[CancelToken]:
        """A token for one piece of work; it is cancelled when the context ends, or the service does."""
        cancel = CancelToken()
        with self._lock:
            self._tokens.add(cancel)
            if self._stopping:
                cancel.cancel()
        try:
            yield cancel
        finally:
            cancel.cancel()
            with self._lock:
                self._tokens.discard(cancel)

    def tokens(self) -> tuple[CancelToken, ...]:
        """The tokens of the work at hand."""
        with self._lock:
            return tuple(self._tokens)

    @property
    def stopping(self) -> bool:
        """Whether the service is about to end."""
        return self._stopping

    def stop(self) -> None:
        """End all work, and all that is still to come; takes no lock, as a signal handler calls it."""
        self._stopping = True
        for cancel in tuple(self._tokens):
            cancel.cancel()


@dataclass(frozen=True, slots=True)
class ApiState:
    """What routes work with; ``state_of(request)`` gives it."""

    service: Service
    """Answers the requests."""
    access: ApiAccess
    """The rules of this start."""
    tokens: TokenBook
    """Recognises tokens."""
    audit: AuditLog
    """Where every change is noted."""
    rates: RateLimiter
    """Limits the requests of each token."""
    running: RunningWork
    """The work of the requests at hand."""
    metrics: Metrics
    """Counts what the service does."""
    tracing: Tracing
    """Makes spans of it, where that is switched on."""
    readers: CapacityLimiter
    """Threads that read the index."""
    workers: CapacityLimiter
    """Threads of requests that may ask a model."""
    run_command: RunCommand | None = None
    """Runs commands for clients on the Unix socket; None where none are run."""


def state_of(request: HTTPConnection) -> ApiState:
    """What the routes of the service of a request share."""
    state: ApiState = request.app.state.api
    return state
