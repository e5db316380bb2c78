"""Put on PYTHONPATH, it lets a Python process reach this machine alone, and notes what else it tried.

A line per attempt goes to the file that FOOTAGE_TEST_ATTEMPTS names: a connection or a datagram beyond
loopback, or a look-up of a name that is not this machine's. It sees what goes through Python's sockets; what
native code does, `strace` sees.
"""

import ipaddress
import os
import sys

LOG = os.environ.get("FOOTAGE_TEST_ATTEMPTS", "")
OWN = {"localhost", "", None}


def is_here(host: object) -> bool:
    """Whether a name or an address is this machine's, or one to listen on."""
    if isinstance(host, bytes):
        host = host.decode("latin-1")
    if host in OWN:
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note and refuse what goes beyond this machine."""
    if event in ("socket.connect", "socket.sendto"):
        place = arguments[1]
        host = place[0] if isinstance(place, tuple) else "localhost"  # a path: a socket of this machine
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not is_here(host):
        with open(LOG, "a") as log:
            log.write(f"{event} {host}\n")
        raise PermissionError(f"beyond loopback: {event} {host}")


if LOG:
    sys.addaudithook(watch)
