"""Who calls the API, and the rules of one start of it; decides on roles, knows no server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.roles import Role, allows

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE_KEY = "footage.caller"
"""Where the gate leaves the caller in the scope of a request; no client can write there."""
LOCAL_KEY = "footage.local"
"""Set in the scope of requests that come over the Unix socket; by the connection, never by a client."""
REQUEST_ID_KEY = "footage.request_id"
"""Where the id of a request is in its scope."""


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """What one client may use up."""

    body_bytes: int = 16 * 2**20
    """Largest body of a request."""
    body_seconds: float = 30.0
    """Longest time that a client may take to send it."""
    send_seconds: float = 60.0
    """Longest time that a client may take to receive a piece of an answer."""
    requests_per_second: float = 20.0
    """Requests of one token per second, on average."""
    burst_requests: int = 100
    """Requests of one token at once, after a pause."""
    most_requests: int = 200
    """Requests of all clients that are answered at once."""
    most_streams: int = 64
    """Threads of requests that may ask a model; most of them wait."""
    most_readers: int = 16
    """Threads that read the index."""
    most_waiting: int = 64
    """Requests that wait for a thread."""


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """The rules of one start of the service."""

    host: str = "localhost"
    """Address that it listens on over TCP, if it does."""
    proxy_hosts: frozenset[str] = frozenset()
    """Names under which a proxy hands requests on, lower case."""
    show_paths: bool = False
    """Whether the role "view" gets the paths of this machine over TCP."""
    limits: ApiLimits = field(default_factory=ApiLimits)
    """What one client may use up."""


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """Who sends a request."""

    name: str
    """Name of the token; "local" over the Unix socket; empty without a token."""
    role: Role | None
    """What it may do; None without a token."""
    local: bool = False
    """Whether it came over the Unix socket, which only the owner of the service can open."""
    address: str = ""
    """IP address, as far as this machine sees it."""

    def may(self, role: Role) -> bool:
        """Whether it may do what needs a role."""
        return self.role is not None and allows(self.role, role)

    def described(self) -> dict[str, str]:
        """For the audit log."""
        named = {"role": self.role or "", "token": self.name, "address": self.address}
        return {name: value for name, value in named.items() if value}


LOCAL = ApiCaller("local", "admin", local=True)
"""The owner of the service, over its Unix socket."""
NOBODY = ApiCaller("", None)
"""A caller without a token."""


def caller_in(scope: Mapping[str, Any]) -> ApiCaller:
    """The caller that the gate found; nobody where no gate was passed."""
    caller = scope.get(SCOPE_KEY)
    return caller if isinstance(caller, ApiCaller) else NOBODY


def sees_paths(caller: ApiCaller, access: ApiAccess) -> bool:
    """Whether an answer to this caller may contain paths of this machine."""
    return caller.local or access.show_paths or caller.may("edit")
