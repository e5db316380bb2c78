"""Who may reach the app, and in which role: decides on hosts, origins and tokens; knows no server."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass
from typing import Literal, get_args

from footage.core.errors import UsageError

Role = Literal["view", "edit"]
"""``view`` searches and plays; ``edit`` also indexes, reviews, corrects, saves searches and exports."""
ROLES: tuple[Role, ...] = get_args(Role)
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
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
        """Whether a request was made under a name of this app: against DNS rebinding.

        A page of a foreign name that resolves to this machine sends that name. An app that other machines
        reach also takes the names that this machine has for itself, and, where it listens on every address,
        every address in digits, as those resolve to nothing else.
        """
        name = host_name(header)
        if name is None:
            return False
        if is_loopback(name) or name in self.proxy_hosts or name == self.host.lower():
            return True
        if is_loopback(self.host):
            return False
        return name in _own_names() or (self.host in WILDCARDS and _is_ip_address(name))


WILDCARDS = ("0.0.0.0", "::")
"""Addresses that stand for every address of this machine."""


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
    names = set()
    for given in proxy_hosts:
        name = host_name(given.lower())
        if name is None or ":" in given:
            raise UsageError(
                f"--allow-host cannot be {given!r}.",
                hint="Use only the host name, such as footage.example.org, without https:// and port.",
            )
        names.add(name)
    access = AppAccess(host, port, frozenset(names))
    if token is False and not is_loopback(host):  # whoever goes around the proxy would be let in, too
        raise UsageError(
            f"--no-token would open the app to everyone who reaches {host}.",
            hint="Omit --no-token. Or omit --host, and name a proxy on this machine with --allow-host; the "
            "proxy must ask for a password.",
        )
    if token or (token is None and access.beyond_loopback):
        return AppAccess(host, port, access.proxy_hosts, Tokens.new())
    return access


def host_name(header: str | None) -> str | None:
    """The name or address in a Host header, in lower case and without brackets; None where it is neither."""
    match = _HOST.fullmatch((header or "").lower())
    if match is None or int(match["port"] or 0) > 65535:
        return None
    return match["name"].strip("[]").rstrip(".") or None


def is_own_origin(origin: str, host: str, *, encrypted: bool = False) -> bool:
    """Whether an Origin header is the address that the request went to, down to the port.

    Args:
        origin: The header.
        host: The Host header of the same request.
        encrypted: Whether the request came over TLS. A page of the same name without TLS is foreign then: it
            may have been written by anyone on the way.
    """
    schemes = ("https",) if encrypted else ("http", "https")
    return origin.lower() in [f"{scheme}://{host.lower()}" for scheme in schemes]


def is_loopback(name: str) -> bool:
    """Whether an address to listen on, or a name, is one that no other machine reaches."""
    if name.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> set[str]:
    """What this machine calls itself; asks no name server."""
    name = socket.gethostname().lower()
    return {name, f"{name.split('.')[0]}.local"}
