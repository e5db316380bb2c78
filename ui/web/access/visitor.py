"""Who is at work in a page of the app, and whether they may do what they ask for; draws nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from footage.core.config import Settings
from footage.core.errors import FootageError, UsageError
from service.audit_log import AuditLog
from ui.web.access.rules import AppAccess, Role

HEADER = "x-footage-visitor"
"""How the gate says who a page belongs to; whatever a client sends under this name is removed."""
_current: list[AppAccess] = []


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a page of the app belongs to."""

    role: Role
    """What they may do."""
    user: str = ""
    """Name that a proxy asked a password for; empty where none did."""
    session: str = ""
    """Tells the sign-ins of one start of the app apart; empty where no token is needed."""
    address: str = ""
    """Their IP address, as far as this machine sees it."""

    def as_header(self) -> str:
        """As the value of ``HEADER``: ASCII."""
        return json.dumps([self.role, self.user, self.session, self.address])

    @classmethod
    def from_header(cls, value: str) -> Visitor:
        """Read ``as_header`` back."""
        role, user, session, address = json.loads(value)
        return cls(role, user, session, address)


def serve_under(access: AppAccess) -> None:
    """Remember the rules that the app of this process is served under."""
    _current[:] = [access]


def current_access() -> AppAccess | None:
    """The rules that the app of this process is served under; None where a script runs without a server."""
    return _current[0] if _current else None


def visitor() -> Visitor:
    """Who the page that runs in this thread belongs to.

    Where the app is served, only the gate says who may edit; without its header, no visitor may.
    """
    if current_access() is None:
        return Visitor("edit")
    import streamlit as st

    value = st.context.headers.get(HEADER)
    return Visitor.from_header(value) if value else Visitor("view")


def may_edit() -> bool:
    """Whether the visitor may change anything: pages leave out controls that are not theirs to use."""
    return visitor().role == "edit"


@contextmanager
def editing(settings: Settings, action: str, **facts: object) -> Iterator[None]:
    """Let an action of the role ``edit`` happen, and write into the audit log what came of it.

    Args:
        settings: Say where the audit log is.
        action: What is done, such as "export".
        facts: What it is done to; JSON types, no captions and no queries.

    Raises:
        UsageError: the visitor may only view.
        FootageError: the audit log cannot be written; nothing is done then.
    """
    with editing_as(visitor(), settings, action, **facts):
        yield


@contextmanager
def editing_as(who: Visitor, settings: Settings, action: str, **facts: object) -> Iterator[None]:
    """As ``editing``, in a thread that belongs to no page; ``who`` was the visitor of the page.

    Raises:
        FootageError: as ``editing``.
    """
    with AuditLog(settings.audit_log).entry(action, who=_described(who), facts=facts) as entry:
        if who.role != "edit":
            entry.outcome = "refused"
            raise UsageError(
                "this sign-in allows only search and playback",
                hint="Open the app with the address for editing, printed by `footage ui`.",
            )
        try:
            yield
        except FootageError as error:
            entry.outcome, entry.reason = "failed", str(error)
            raise
        except BaseException as error:
            entry.outcome, entry.reason = "failed", type(error).__name__
            raise


def _described(who: Visitor) -> dict[str, str]:
    named = {"role": who.role, "user": who.user, "session": who.session, "address": who.address}
    return {name: value for name, value in named.items() if value}
