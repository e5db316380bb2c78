"""Who may reach the app, and in which role: decides on hosts, origins and tokens; knows no server."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from footage.core.errors import UsageError
from ui.hosts import allows_host, is_loopback, proxy_names

Role = Literal["view", "edit"]
"""``view`` searches and plays; ``edit`` also indexes, reviews, corrects, saves searches and exports."""
ROLES: tuple[Role, ...] = get_args(Role)
_TOKEN_BYTES = 32
"""256 bits: no token is guessed, so attempts need no limit."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two tokens of one start of the app."""

    view: str
    """Opens the app in the role ``view``."""
    edit: str
    """Opens the app in the role ``edit``."""

    @classmethod
    def new(cls) -> Tokens:
        """Two random tokens."""
        return cls(secrets.token_urlsafe(_TOKEN_BYTES), secrets.token_urlsafe(_TOKEN_BYTES))

    def role_of(self, token: str) -> Role | None:
        """The role a token opens, or None; takes the same time for every wrong token."""
        given = token.encode("utf-8", "surrogateescape")
        matches: dict[Role, bool] = {
            role: hmac.compare_digest(given, getattr(self, role).encode()) for role in ROLES
        }
        return next((role for role, same in matches.items() if same), None)


@dataclass(frozen=True, slots=True)
class AppAccess:
    """The rules of one start of the app."""

    host: str
    """Address it listens on: a name or an IP address."""
    port: int
    """Port it listens on."""
    proxy_hosts: frozenset[str] = frozenset()
    """Names under which a proxy hands requests on, lower case."""
    tokens: Tokens | None = None
    """What a visitor has to show; None where nothing is asked for."""

    @property
    def beyond_loopback(self) -> bool:
        """Whether other machines reach the app, directly or through a proxy."""
        return bool(self.proxy_hosts) or not is_loopback(self.host)

    @property
    def may_index_by_default(self) -> bool:
        """Whether index runs may be started where the setting ``allow_indexing_from_app`` says nothing."""
        return self.tokens is not None or not self.beyond_loopback

    def allows_host(self, header: str | None) -> bool:
        """Whether a request was made under a name of this app; see ``ui.hosts.allows_host``."""
        return allows_host(header, listens_on=self.host, proxy_hosts=self.proxy_hosts)


def decided(host: str, port: int, *, proxy_hosts: list[str], token: bool | None) -> AppAccess:
    """The rules for what was given on the command line.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        proxy_hosts: Names under which a proxy hands requests on.
        token: Whether visitors need a token; None for "where other machines reach the app".

    Raises:
        UsageError: a name is no host name, or an app that others reach would ask for nothing.
    """
    access = AppAccess(host, port, proxy_names(proxy_hosts))
    if token is False and not is_loopback(host):  # whoever goes around the proxy would be let in, too
        raise UsageError(
            f"--no-token would open the app to everyone who reaches {host}.",
            hint="Omit --no-token. Or omit --host, and name a proxy on this machine with --allow-host; the "
            "proxy must ask for a password.",
        )
    if token or (token is None and access.beyond_loopback):
        return AppAccess(host, port, access.proxy_hosts, Tokens.new())
    return access
