"""Visitors who signed in: cookies in, sessions out; kept in memory, so that a restart signs everyone out."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from ui.web.access.rules import ROLES, Role

MOST = 1000
"""Sessions kept of each role; its oldest is signed out when there are more, and nobody of another role."""
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
        self._known: dict[Role, dict[str, Session]] = {role: {} for role in ROLES}

    def open(self, role: Role) -> str:
        """Sign a visitor in; the value of their cookie."""
        cookie = secrets.token_urlsafe(_COOKIE_BYTES)
        key, known = _key(cookie), self._known[role]
        known[key] = Session(role, key[:8])
        while len(known) > MOST:
            del known[next(iter(known))]
        return cookie

    def get(self, cookie: str) -> Session | None:
        """The session of a cookie, or None."""
        key = _key(cookie)
        return next((known[key] for known in self._known.values() if key in known), None)


def _key(cookie: str) -> str:
    """What a cookie is kept under: a digest, so that looking it up says nothing of how near a guess is."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogateescape")).hexdigest()
