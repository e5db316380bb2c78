"""Runs a search beside the page: a thread that says what is known so far and can be stopped; draws nothing.

The page is drawn again while the model checks, so that a person can play, choose and filter meanwhile. A run
that nobody looks at any more is stopped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from footage.core.errors import FootageError, ModelUnavailableError
from footage.core.types import Match
from service.cancellation import Cancelled, CancelToken
from service.events import Busy, Hits, Listener, StageProgress

if TYPE_CHECKING:
    from service.events import ServiceEvent
    from service.search import SearchResult

ABANDONED_SECONDS = 60.0
"""A run goes on this long after its page was left, as a connection may come back."""
logger = logging.getLogger(__name__)


class SearchWork(Protocol):
    """A search that reports what it does and can be cancelled."""

    def __call__(self, on_event: Listener, cancel: CancelToken, *, ground: bool) -> SearchResult:
        """The answer; with ``ground``, the model checks it.

        Raises:
            FootageError: it cannot be answered.
            Cancelled: the token was cancelled.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a search is."""

    version: int = 0
    """Counts the changes of what is listed."""
    matches: tuple[Match, ...] = ()
    """What is known so far, best first."""
    done: int = 0
    """Windows that the model has checked."""
    total: int = 0
    """Windows that it is to check; 0 while unknown."""
    loading: bool = False
    """Whether the model is being loaded."""
    result: SearchResult | None = None
    """The answer, once there is one."""
    trouble: FootageError | None = None
    """What went wrong; beside a result, why the model could not be asked."""
    stopped: bool = False
    """Whether a person stopped it before the end."""
    finished: bool = False
    """Whether nothing more comes."""


class SearchRun:
    """One search in a thread of its own; safe to ask from other threads."""

    def __init__(
        self,
        work: SearchWork,
        *,
        checks: bool,
        partial: Callable[[Sequence[Match]], SearchResult],
        merged: Callable[[Sequence[Match]], tuple[Match, ...]] = tuple,
    ) -> None:
        """Start it.

        Args:
            work: The search.
            checks: Whether the model is to check.
            partial: Makes a result of what is known when it ends before its time.
            merged: Makes what is listed of what the search reports.
        """
        self._work, self._checks, self._partial, self._merged = work, checks, partial, merged
        self._state = RunState()
        self._changed = threading.Condition()
        self._cancel = CancelToken()
        self._session = _session_id()
        self._left_at: float | None = None
        thread = threading.Thread(target=self._run, name="search", daemon=True)
        add_script_run_ctx(thread, get_script_run_ctx())
        thread.start()

    @property
    def checks(self) -> bool:
        """Whether the model was to check."""
        return self._checks

    def state(self) -> RunState:
        """How far it is now."""
        with self._changed:
            return self._state

    def wait(self, done: Callable[[RunState], bool], seconds: float | None = None) -> RunState:
        """Wait until its state is as wanted, it has finished, or the time is over; how far it is then."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.finished or done(self._state), seconds)
            return self._state

    def stop(self) -> None:
        """End it; what is known so far is the answer."""
        self._cancel.cancel()
        self._end(stopped=True)

    # -- In its thread -------------------------------------------------------

    def _run(self) -> None:
        try:
            self._end(self._work(self._heard, self._cancel, ground=self._checks))
        except Cancelled:
            self._end(stopped=True)
        except ModelUnavailableError as error:
            self._without_model(error)
        except FootageError as error:
            self._end(trouble=error)
        except Exception as error:  # a bug: the person gets a sentence, the log the traceback
            logger.exception("unexpected")
            self._end(
                trouble=FootageError(
                    f"The search stopped because of an unexpected error ({type(error).__name__})",
                    hint="See the terminal of the app for details",
                )
            )

    def _without_model(self, error: ModelUnavailableError) -> None:
        """The index answers alone, unless it has already."""
        try:
            known = self.state().matches
            result = None if known else self._work(self._heard, self._cancel, ground=False)
            self._end(result, trouble=error)
        except FootageError as other:
            self._end(trouble=other)

    def _heard(self, event: ServiceEvent) -> None:
        """Note an event of the search; ends the search where nobody waits for it."""
        if self._abandoned():
            self._cancel.cancel()
        self._cancel.raise_if_cancelled()
        if isinstance(event, Hits):
            matches = self._merged(event.matches)
            self._change(matches=matches, version=self._state.version + 1)
        elif isinstance(event, StageProgress) and event.total:
            self._change(done=event.done, total=event.total, loading=False)
        elif isinstance(event, Busy):
            self._change(loading=not event.ended)

    def _end(
        self,
        result: SearchResult | None = None,
        *,
        trouble: FootageError | None = None,
        stopped: bool = False,
    ) -> None:
        """Keep the answer, or what is known as one; the first end counts."""
        known = self.state()
        if known.finished:
            return
        if result is not None:
            result = replace(result, matches=self._merged(result.matches))
        elif known.matches:
            try:
                result = self._partial(known.matches)
            except FootageError as error:
                trouble = trouble or error
        matches = result.matches if result is not None else ()
        self._change(
            matches=matches, result=result, trouble=trouble, stopped=stopped, finished=True, loading=False
        )

    def _change(self, **changes: object) -> None:
        with self._changed:
            if not self._state.finished:
                self._state = replace(self._state, **changes)  # type: ignore[arg-type] # names of its fields
            self._changed.notify_all()

    def _abandoned(self) -> bool:
        """Whether its page was left a while ago."""
        if not self._session or not Runtime.exists() or Runtime.instance().is_active_session(self._session):
            self._left_at = None
            return False
        now = time.monotonic()
        self._left_at = self._left_at or now
        return now - self._left_at > ABANDONED_SECONDS


def _session_id() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""
