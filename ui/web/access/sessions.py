"""Visitors who signed in: cookies in, sessions out; kept in memory, so that a restart signs everyone out."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from ui.web.access.rules import Role

MOST = 1000
"""Sessions kept; the oldest is signed out when there are more."""
_COOKIE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in."""

    role: Role
    """What its token opened."""
    name: str
    """Tells it apart in the audit log; reveals nothing of the cookie."""


class Sessions:
    """The sign-ins of one start of the app."""

    def __init__(self) -> None:
        self._known: dict[str, Session] = {}

    def open(self, role: Role) -> str:
        """Sign a visitor in; the value of their cookie."""
        cookie = secrets.token_urlsafe(_COOKIE_BYTES)
        key = _key(cookie)
        self._known[key] = Session(role, key[:8])
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return cookie

    def get(self, cookie: str) -> Session | None:
        """The session of a cookie, or None."""
        return self._known.get(_key(cookie))


def _key(cookie: str) -> str:
    """What a cookie is kept under: a digest, so that looking it up says nothing of how near a guess is."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogateescape")).hexdigest()
