"""What takes its time is announced to the surface that waits for it; knows no surface."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar

Status = Callable[[str], AbstractContextManager[object]]
"""Shows a short text such as "loading marlin-2b" for as long as the context lasts."""

_status: ContextVar[Status] = ContextVar("status", default=nullcontext)


def show_status_with(status: Status) -> None:
    """Let this surface show what is going on; nothing is shown otherwise."""
    _status.set(status)


def status(text: str) -> AbstractContextManager[object]:
    """Show a text while something is going on."""
    return _status.get()(text)
