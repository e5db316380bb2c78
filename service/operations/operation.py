"""What an operation is; knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from service.cancellation import CancelToken
from service.events import Listener, ignore

if TYPE_CHECKING:
    from service.requests import Request
    from service.roles import Role
    from service.schemas.base import Record
    from service.session import Service

Work = Literal["read", "model", "job"]
"""``read`` answers from the index; ``model`` may ask a model, for seconds or minutes; ``job`` may take hours,
and goes on when its caller is gone."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a caller may ask for."""

    name: str
    """Name of the command, such as "search" or "db check"; of its own where a command does several things."""
    summary: str
    """What it does, one sentence."""
    request: type[Request]
    """What it takes; validated when it is made."""
    records: tuple[type[Record], ...]
    """What it answers with; the same as ``service.schemas.COMMANDS`` has for the command."""
    run: Callable[[Service, Any, Listener, CancelToken], Iterable[Record]]
    """Does it, and gives the records in their order.

    Raises ``FootageError``, and ``Cancelled`` where it can be cancelled."""
    role: Role = "view"
    """The least role that may ask for it."""
    work: Work = "read"
    """How long it may take."""
    printed_by: str = ""
    """The command and option that print its records, where that is not ``name``: "status --files"."""

    @property
    def command(self) -> str:
        """The command that prints its records with ``--json``."""
        return (self.printed_by or self.name).partition(" --")[0]

    def __call__(
        self,
        service: Service,
        request: Request,
        *,
        on_event: Listener = ignore,
        cancel: CancelToken | None = None,
    ) -> list[Record]:
        """Run it to its end.

        Raises:
            FootageError: as the function of the service that it stands for.
        """
        return list(self.run(service, request, on_event, cancel or CancelToken()))
