"""Sockets to listen on over TCP; knows no server."""

from __future__ import annotations

import errno
import socket

from footage.core.errors import FootageError

_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Error codes of the system for an IPv6 address if IPv6 is off."""


def listening(host: str, port: int, *, who: str = "the app") -> list[socket.socket]:
    """The sockets of an address: "localhost" stands for one of IPv4 and one of IPv6 where both are there.

    Args:
        host: Name or address of this machine.
        port: Port to listen on.
        who: Who listens, for the error.

    Raises:
        FootageError: something listens there already, or this machine has no such address.
    """
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        found, failure = [], error
    both = host == "::" and socket.has_dualstack_ipv6()
    for family, address in dict.fromkeys((each[0], each[4]) for each in found):
        try:
            sockets.append(socket.create_server(address, family=family, dualstack_ipv6=both))
        except OSError as error:
            failure = error
            if error.errno not in _NO_SUCH_ADDRESS:
                break
    if sockets and (failure is None or failure.errno in _NO_SUCH_ADDRESS):
        return sockets
    for each in sockets:
        each.close()
    why = failure.strerror if failure else "there is no such address"
    raise FootageError(
        f"{who} cannot listen on {host}, port {port}: {why}",
        hint="Another program may use this port. Choose another --port.",
    ) from failure
