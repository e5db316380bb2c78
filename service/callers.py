"""Who a thread works for: client, priority and cancellation; knows no transport and no model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from service.cancellation import CancelToken

Priority = Literal["interactive", "batch"]
"""``interactive``: a person or agent waits for the answer; ``batch``: long work in the background."""


@dataclass(slots=True, eq=False)
class Caller:
    """One request of one client, for as long as it is worked on; make a new one for each request."""

    client: str = "local"
    """Id of the client, such as that of its token; clients of one priority share the model equally."""
    priority: Priority = "interactive"
    """Whether somebody waits for it."""
    cancel: CancelToken | None = None
    """Ends the wait for the model; None where the work itself looks at its token between two steps."""
    is_remote: bool = False
    """Whether it came with a token, from somebody who need not have a shell on this machine."""
    admitted: bool = field(default=False)
    """Whether it may no longer be refused for overload: its first step was accepted, or it is a job."""


_current: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller:
    """Who the current work is done for; where nobody said so, a local caller that is never refused."""
    return _current.get() or Caller(admitted=True)


@contextmanager
def acting_for(caller: Caller) -> Iterator[Caller]:
    """Do the work inside of the context for a caller.

    Enter it in the thread that does the work, around all of it: a generator that is consumed elsewhere leaves
    the context between two items. A thread that is started inside needs ``contextvars.copy_context``.
    """
    token = _current.set(caller)
    try:
        yield caller
    finally:
        _current.reset(token)
