"""Cancels long work from another thread; the work itself asks whether it is cancelled."""

from __future__ import annotations

import threading

from footage.core.errors import FootageError


class Cancelled(FootageError):
    """The caller cancelled the work before it was finished."""


class CancelToken(threading.Event):
    """A flag that the caller sets once to end the work it was given to.

    Index runs end after the windows at hand and return what they did; other functions raise ``Cancelled``
    between two steps.
    """

    def cancel(self) -> None:
        """Ask the work to end."""
        self.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work is to end."""
        return self.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise ``Cancelled`` if the work is to end.

        Raises:
            Cancelled: the caller asked for it.
        """
        if self.is_set():
            raise Cancelled("Cancelled by the caller.", hint="Repeat the request to start again.")
