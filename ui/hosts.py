"""Names and addresses of a server: which a request may use, which only this machine reaches."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection, Iterable

from footage.core.errors import UsageError

WILDCARDS = ("0.0.0.0", "::")
"""Addresses that stand for every address of this machine."""
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")


def allows_host(header: str | None, *, listens_on: str, proxy_hosts: Collection[str]) -> bool:
    """Whether a request was made under a name of this server: against DNS rebinding.

    A page of a foreign name that resolves to this machine sends that name. A server that other machines reach
    also takes the names that this machine has for itself, and, where it listens on every address, every
    address in digits, as those resolve to nothing else.

    Args:
        header: The Host header.
        listens_on: Address or name that the server listens on.
        proxy_hosts: Names under which a proxy hands requests on, lower case.
    """
    name = host_name(header)
    if name is None:
        return False
    if is_loopback(name) or name in proxy_hosts or name == listens_on.lower():
        return True
    if is_loopback(listens_on):
        return False
    return name in _own_names() or (listens_on in WILDCARDS and _is_ip_address(name))


def proxy_names(given: Iterable[str]) -> frozenset[str]:
    """The names of --allow-host, lower case.

    Raises:
        UsageError: one is no host name.
    """
    names = set()
    for each in given:
        name = host_name(each.lower())
        if name is None or ":" in each:
            raise UsageError(
                f"--allow-host cannot be {each!r}.",
                hint="Use only the host name, such as footage.example.org, without https:// and port.",
            )
        names.add(name)
    return frozenset(names)


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
